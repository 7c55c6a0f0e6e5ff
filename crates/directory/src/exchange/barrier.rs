//! Rivers and what else parts a city, one line of a file for each corner.
//!
//! For: the lines of one barrier as one record, and back. They stand together and in order, each with its number: a sheet
//! that was sorted by something else is noticed.
//! May not know: which crossings lead over it.

use domain::{
    BarrierId,
    area::{BARRIER_POINTS, BarrierRecord},
    geography::Place,
};

use super::{
    Fault, Kind, Row,
    cells::{Cells, of_degrees, status, word},
};

/// Whether two lines are about one barrier; given in the order of [`Kind::columns`].
pub(super) fn is_same(one: &[String], other: &[String]) -> bool {
    let barrier = |values: &[String]| values.get(1).map(|it| it.trim().to_owned());
    barrier(one) == barrier(other)
}

/// Reads the lines of one barrier.
pub(super) fn read(lines: &[(u64, Vec<String>)]) -> Result<Row, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut whole: Option<Row> = None;
    for (n, (line, values)) in lines.iter().enumerate() {
        let mut cells = Cells::new(Kind::Barriers, *line, values);
        let corner = corner(&mut cells, n);
        match (&mut whole, corner) {
            (None, corner) => whole = corner,
            (
                Some(Row::Barrier { record, ended }),
                Some(Row::Barrier {
                    record: next,
                    ended: over,
                }),
            ) => {
                for (column, differs) in [
                    ("name", record.name != next.name),
                    ("extent", record.extent != next.extent),
                    ("status", *ended != over),
                ] {
                    if differs {
                        let en = "must be the same in every line of the barrier";
                        cells.fault(column, "同一条的各行要一样", en);
                    }
                }
                record.points.extend(next.points);
            }
            _ => {}
        }
        faults.append(&mut cells.faults);
    }
    let first = lines.first().map_or(0, |(line, _)| *line);
    if lines.len() > BARRIER_POINTS {
        faults.push(Fault::line(
            first,
            format!("一条最多 {BARRIER_POINTS} 个点"),
            format!("a barrier has at most {BARRIER_POINTS} points"),
        ));
    }
    if lines.len() < 2 {
        let (zh, en) = ("一条至少两个点", "a barrier has at least two points");
        faults.push(Fault::line(first, zh, en));
    }
    match whole {
        Some(row) if faults.is_empty() => Ok(row),
        _ => Err(faults),
    }
}

/// One line: the barrier with one corner, the `n`-th from 0.
fn corner(cells: &mut Cells<'_>, n: usize) -> Option<Row> {
    let barrier = cells.id("barrier", BarrierId::parse);
    let name = cells.filled("name");
    let place = cells.place();
    let extent = match cells.text("extent") {
        "" => Some(Default::default()),
        _ => cells.word("extent", "through drawn"),
    };
    let ended = cells.ended("drawn", "removed");
    let barrier = barrier?;
    let point = point_id(&barrier, n);
    if cells.text("point") != point {
        cells.fault(
            "point",
            format!("要写 {point}:各点按顺序排在一起,从 01 数起"),
            format!("must be {point}: the points stand together in order, counted from 01"),
        );
    }
    let (lon_e6, lat_e6) = place?;
    let record = BarrierRecord {
        barrier,
        name,
        extent: extent?,
        points: vec![Place { lon_e6, lat_e6 }],
    };
    Some(Row::Barrier {
        record,
        ended: ended?,
    })
}

/// How a corner is called in files: `songhua/07`.
pub(super) fn point_id(barrier: impl std::fmt::Display, n: usize) -> String {
    format!("{barrier}/{:02}", n + 1)
}

/// One line for each corner.
pub(super) fn lines(record: &BarrierRecord, ended: bool) -> Vec<Vec<String>> {
    let line = |(n, place): (usize, &Place)| {
        vec![
            point_id(&record.barrier, n),
            record.barrier.to_string(),
            record.name.clone(),
            of_degrees(place.lon_e6),
            of_degrees(place.lat_e6),
            word(&record.extent),
            status(ended, "drawn", "removed"),
        ]
    };
    record.points.iter().enumerate().map(line).collect()
}
