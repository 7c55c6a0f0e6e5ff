//! Districts, communities, grids and the river: what this version knows by itself, as lines.
//!
//! For: handing them out, and holding a file against them.
//! May not know: the log. Routes and banks are reckoned with these very tables, and a replay of any past night must
//! find them as they were: so a file can agree with them and cannot change them.

use std::{collections::HashMap, sync::LazyLock};

use domain::geography::RIVER;

use super::{Kind, Row, cells::of_degrees};
use crate::harbin;

type Table = HashMap<String, Vec<String>>;

static TABLES: LazyLock<HashMap<Kind, Table>> = LazyLock::new(|| {
    let fixed = Kind::ALL.into_iter().filter(|kind| kind.fixed());
    let table = |kind| {
        let keyed = rows(kind)
            .into_iter()
            .map(|cells| (cells[0].clone(), cells));
        (kind, keyed.collect())
    };
    fixed.map(table).collect()
});

/// The line with this id, as it is here.
pub(super) fn line(kind: Kind, id: &str) -> Option<&'static Vec<String>> {
    TABLES.get(&kind)?.get(id)
}

/// Every line of a fixed table, in its order.
pub(super) fn rows(kind: Kind) -> Vec<Vec<String>> {
    match kind {
        Kind::Districts => districts(),
        Kind::Communities => communities(),
        Kind::Grids => grids(),
        Kind::Barriers => barriers(),
        _ => Vec::new(),
    }
}

/// The same as records.
pub(super) fn records(kind: Kind) -> Vec<Row> {
    let rows = rows(kind).into_iter();
    rows.map(|cells| Row::Fixed(kind, cells)).collect()
}

fn districts() -> Vec<Vec<String>> {
    let row = |it: &harbin::District| {
        vec![
            it.code.to_owned(),
            it.name.to_owned(),
            it.name_latin.to_owned(),
            of_degrees(it.lon_e6),
            of_degrees(it.lat_e6),
            it.population.to_string(),
        ]
    };
    harbin::districts().iter().map(row).collect()
}

fn communities() -> Vec<Vec<String>> {
    let row = |it: &harbin::Community| {
        vec![
            it.id.to_string(),
            it.district.to_string(),
            it.name.clone(),
            it.name_short.clone(),
            of_degrees(it.lon_e6),
            of_degrees(it.lat_e6),
            it.grids.to_string(),
            it.stars.to_string(),
        ]
    };
    harbin::communities().iter().map(row).collect()
}

/// A grid's worker is a responder of this id; name and telephone are changed there.
fn grids() -> Vec<Vec<String>> {
    let of = |it: &'static harbin::Community| {
        (1..=it.grids).map(move |number| {
            vec![
                format!("{}/{number}", it.id),
                it.id.to_string(),
                number.to_string(),
                harbin::grid_worker(&it.id, number).to_string(),
            ]
        })
    };
    harbin::communities().iter().flat_map(of).collect()
}

/// The Songhua, one line a point, upstream first.
fn barriers() -> Vec<Vec<String>> {
    let row = |(n, (lon, lat)): (usize, &(i32, i32))| {
        vec![
            format!("songhua/{:02}", n + 1),
            "songhua".to_owned(),
            "松花江".to_owned(),
            of_degrees(*lon),
            of_degrees(*lat),
        ]
    };
    RIVER.iter().enumerate().map(row).collect()
}
