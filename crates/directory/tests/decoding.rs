//! Directory files that nobody meant to write: any bytes, and good files changed in a few places.
//!
//! For: that every line of a CSV or GeoJSON file is a record or a fault with its line and what to do, and that a record
//! which was read goes out and comes in again as it was.
//! May not know: what stands in the directory already; where files come from.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

#[path = "../../../tests/odd/mod.rs"]
mod odd;

use directory::exchange::{Fault, Kind, Row, map, table};
use odd::{Changes, cases, changed};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};

/// A line's number, and its row or its faults.
type Line = (u64, Result<Row, Vec<Fault>>);

/// A file of every kind.
const FILES: [(Kind, &str); 11] = [
    (
        Kind::City,
        "city,name,name_latin,lon,lat,town_radius_m,area_code\nharbin,哈尔滨市,Harbin,126.642000,45.756000,30000,0451\n",
    ),
    (
        Kind::Districts,
        "district,name,name_latin,lon,lat,population,status\n230102,道里区,Daoli,126.612,45.755,1000000,active\n230103,南岗区,,126.652,45.755,1,dissolved\n",
    ),
    (
        Kind::Communities,
        "community,district,name,name_short,lon,lat,grids,stars,status\n230102-001,230102,安静街道安静社区,安静社区,126.61,45.77,4,3,active\n",
    ),
    (
        Kind::Barriers,
        "point,barrier,name,lon,lat,extent,status\nsonghua/01,songhua,松花江,126.500000,45.790000,drawn,drawn\nsonghua/02,songhua,松花江,126.600000,45.790000,drawn,drawn\nsonghua/03,songhua,松花江,126.700000,45.800000,drawn,drawn\nmajia/01,majia,马家沟,126.6,45.7,,\nmajia/02,majia,马家沟,126.7,45.7,,\n",
    ),
    (
        Kind::Sites,
        "site,kind,name,name_latin,district,lon,lat,opens,closes,can_answer,can_send,duty_phone,capacity,traveller,status\nHRB-230102-01,station,道里一站,Daoli 1,230102,126.612,45.755,08:00,20:00,yes,no,0451-00001234,5,car,open\nHRB-230102-00,district_desk,道里区值班台,,230102,126.612,45.755,00:00,00:00,是,否,,9,foot,closed\n",
    ),
    (
        Kind::Crossings,
        "crossing,name,name_latin,lon,lat,travellers,status,why\nsonghua-road-bridge,松花江公路大桥,Road bridge,126.600000,45.790000,car;foot,open,\nice-path,冰面,,126.610000,45.791000,foot,closed,'=开江\n",
    ),
    (
        Kind::Responders,
        "responder,name,kind,site,district,phone,status\nrp-07,李护理员,carer,HRB-230102-01,230102,'+86 451 0000,active\nrp-08,赵志愿者,volunteer,,230102,,removed\n",
    ),
    (
        Kind::Grids,
        "grid,community,number,worker\n230102-001/2,230102-001,2,rp-07\n",
    ),
    (
        Kind::Operators,
        "operator,name,post,role,scope,status\nwang,王秀英,值班员,operator,site:HRB-230102-01,active\nsun,孙主任,主任,district_manager,district:230102,\nzhou,周审计,审计,auditor,city,removed\n",
    ),
    (
        Kind::Residents,
        "resident,district,community,grid,home_station,name,name_latin,born,sex,phone,compound,building,unit,floor,door,access,lon,lat,hearing,dialect,conditions,medicines,hospital,contacts,household,notes\nr-7,230102,230102-001,2,HRB-230102-01,王秀兰,Wang Xiulan,1941,f,0451-00000007,安静小区,3,2,5,501,\"密码 12#, 左边\",126.61,45.77,hard,东北话,高血压;糖尿病,二甲双胍,市一院,李明|儿子|130 0000 0001|yes|15;张\\;三|邻居||no|,老伴,怕黑\n",
    ),
    (
        Kind::Devices,
        "device,model,resident,key,key_hash,status\nHRB-000123,pendant,r-7,k,,active\ndc09-0F3A,panel,,,0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef,retired\n",
    ),
];

fn read_csv(kind: Kind, bytes: &[u8]) -> Result<Vec<Line>, Vec<Fault>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.csv");
    std::fs::write(&path, bytes).unwrap();
    Ok(table::open(&path, kind)?.collect())
}

fn read_map(kind: Kind, bytes: &[u8]) -> Result<Vec<Line>, Vec<Fault>> {
    map::read(kind, &String::from_utf8_lossy(bytes))
}

fn csv_of(kind: Kind, row: &Row) -> Vec<u8> {
    let mut writer = table::Writer::new(Vec::new(), kind).unwrap();
    writer.row(row).unwrap();
    writer.finish().unwrap()
}

fn map_of(kind: Kind, row: &Row) -> Vec<u8> {
    map::write(kind, std::slice::from_ref(row)).into_bytes()
}

/// There is a fault; each is of the file or of one of its lines from this one on, and says what to do in both languages.
fn are_told(faults: &[Fault], from: u64, bytes: &[u8]) -> Result<(), TestCaseError> {
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    prop_assert!(!faults.is_empty());
    for fault in faults {
        prop_assert!(
            (from..=lines).contains(&fault.line),
            "{} of {}",
            fault,
            lines
        );
        prop_assert!(!fault.zh.is_empty() && !fault.en.is_empty(), "{:?}", fault);
        let told = fault.to_string();
        prop_assert!(
            fault.line == 0 || told.contains(&format!("line {}", fault.line)),
            "{}",
            told
        );
    }
    Ok(())
}

/// Everything that was read of a file is a record that comes back, or a fault with its place.
fn hold(
    kind: Kind,
    bytes: &[u8],
    read: Result<Vec<Line>, Vec<Fault>>,
) -> Result<(), TestCaseError> {
    let lines = match read {
        Ok(lines) => lines,
        Err(faults) => return are_told(&faults, 0, bytes),
    };
    for (line, row) in lines {
        prop_assert!(line >= 1);
        match row {
            Err(faults) => are_told(&faults, line, bytes)?,
            Ok(row) => comes_back(kind, &row)?,
        }
    }
    Ok(())
}

fn comes_back(kind: Kind, row: &Row) -> Result<(), TestCaseError> {
    prop_assert_eq!(row.kind(), kind);
    prop_assert!(!row.id().is_empty());
    let mut back = vec![read_csv(kind, &csv_of(kind, row))];
    if kind.on_map() {
        back.push(read_map(kind, &map_of(kind, row)));
    }
    for read in back {
        let rows: Vec<_> = read.unwrap().into_iter().map(|(_, row)| row).collect();
        prop_assert_eq!(&rows[..], [Ok(row.clone())]);
    }
    Ok(())
}

fn rows(kind: Kind, text: &str) -> Vec<Row> {
    let lines = read_csv(kind, text.as_bytes()).unwrap();
    lines.into_iter().map(|(_, row)| row.unwrap()).collect()
}

/// The files of [`FILES`] that stand on maps.
fn maps() -> Vec<(Kind, String)> {
    let on_map = FILES.into_iter().filter(|(kind, _)| kind.on_map());
    on_map
        .map(|(kind, text)| (kind, map::write(kind, &rows(kind, text))))
        .collect()
}

/// What is written into a good example.
const PIECES: [&str; 35] = [
    "",
    ",",
    "\n",
    "\r\n",
    "\r",
    "\"",
    "\"\"",
    ";",
    "；",
    "|",
    "\\",
    "'",
    "'=",
    "=",
    "-",
    "+",
    " ",
    "\t",
    "\u{3000}",
    "\u{feff}",
    "\u{fffd}",
    "铃",
    "-180",
    "999",
    "1e3",
    "null",
    "[",
    "]",
    "{",
    "}",
    ":",
    "/02",
    "4294967296",
    "yes",
    "closed",
];

fn changes() -> impl Strategy<Value = Changes> {
    odd::changes(&PIECES)
}

/// As spreadsheets write a text: UTF-8 with and without its mark, GB18030, UTF-16 with its mark.
fn encoded(text: &str, how: u8) -> Vec<u8> {
    match how {
        0 => text.as_bytes().to_vec(),
        1 => format!("\u{feff}{text}").into_bytes(),
        2 => encoding_rs::GB18030.encode(text).0.into_owned(),
        _ => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
    }
}

#[test]
fn every_file_reads_whole_before_it_is_changed_in_every_encoding() {
    assert_eq!(FILES.map(|(kind, _)| kind), Kind::ALL);
    for (kind, text) in FILES {
        let plain = rows(kind, text);
        for how in 0..4 {
            let read = read_csv(kind, &encoded(text, how)).unwrap();
            let read: Vec<Row> = read.into_iter().map(|(_, row)| row.unwrap()).collect();
            assert_eq!(read, plain, "{kind:?} {how}");
        }
        for row in &plain {
            comes_back(kind, row).unwrap();
        }
    }
    for (kind, text) in maps() {
        let read = read_map(kind, text.as_bytes()).unwrap();
        assert!(
            read.len() >= 2 && read.iter().all(|(_, row)| row.is_ok()),
            "{kind:?}"
        );
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn any_bytes_are_a_file_of_records_or_faults(kind in select(Kind::ALL.to_vec()), bytes in vec(any::<u8>(), 0..400), header in any::<bool>()) {
        let head = if header { format!("{}\n", kind.columns().join(",")) } else { String::new() };
        let bytes = [head.as_bytes(), &bytes].concat();
        hold(kind, &bytes, read_csv(kind, &bytes))?;
        hold(kind, &bytes, read_map(kind, &bytes))?;
    }

    #[test]
    fn a_map_changed_in_a_few_places_is_features_or_faults_of_its_lines((kind, text) in select(maps()), changes in changes()) {
        let bytes = changed(text.into_bytes(), changes);
        hold(kind, &bytes, read_map(kind, &bytes))?;
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_sheet_changed_in_a_few_places_is_records_or_faults_of_its_lines(
        (kind, text) in select(FILES.to_vec()), how in 0..4u8, changes in changes(),
    ) {
        let bytes = changed(encoded(text, how), changes);
        hold(kind, &bytes, read_csv(kind, &bytes))?;
    }

    /// Barriers are left to the others: a record of theirs is several lines.
    #[test]
    fn a_cell_that_does_not_read_is_told_with_its_line_and_column(
        (kind, text) in select(FILES.into_iter().filter(|(kind, _)| *kind != Kind::Barriers).collect::<Vec<_>>()),
        column in any::<Index>(), cell in prop_oneof!["\\PC{0,12}", "[0-9.:;|+=' -]{0,12}", vec(odd::piece(&PIECES), 0..4).prop_map(|it| String::from_utf8_lossy(&it.concat()).into_owned())],
    ) {
        let good = rows(kind, text);
        let mut cells = good[0].cells();
        let column = column.index(cells.len());
        cells[column] = cell;
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(kind.columns()).unwrap();
        for row in &good {
            writer.write_record(row.cells()).unwrap();
        }
        let line = 2 + good.len() as u64;
        writer.write_record(&cells).unwrap();
        let bytes = writer.into_inner().unwrap();
        let mut read = read_csv(kind, &bytes).unwrap();
        prop_assert!(read[..good.len()].iter().all(|(_, row)| row.is_ok()));
        let (at, row) = read.remove(good.len());
        prop_assert_eq!(at, line);
        match row {
            Ok(row) => comes_back(kind, &row)?,
            Err(faults) => {
                are_told(&faults, line, &bytes)?;
                for fault in faults {
                    prop_assert_eq!(fault.line, line);
                    let column = fault.column.unwrap_or_default();
                    prop_assert!(kind.columns().contains(&column.as_str()), "{}", column);
                }
            }
        }
    }

    /// Rows come through the socket of a running process, too.
    #[test]
    fn a_row_as_json_is_read_as_it_stands_or_refused((kind, text) in select(FILES.to_vec()), changes in changes()) {
        for row in rows(kind, text) {
            let bytes = changed(serde_json::to_vec(&row).unwrap(), changes.clone());
            if let Ok(row) = serde_json::from_slice::<Row>(&bytes) {
                prop_assert!(row.lines().iter().all(|cells| cells.len() == row.kind().columns().len()));
                let again = serde_json::from_slice::<Row>(&serde_json::to_vec(&row).unwrap());
                prop_assert_eq!(again.unwrap(), row);
            }
        }
    }
}
