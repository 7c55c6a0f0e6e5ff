//! The directory as files: out, in again, and the same.
//!
//! For: every kind through CSV and, where it stands on a map, GeoJSON; changes, endings, refusals; nothing twice.
//! May not know: the command line.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

mod common;

use std::path::Path;

use common::{SMALL, import, memory};
use directory::{
    Directory,
    exchange::{
        Kind, Row, Verdict,
        apply::{Applied, apply},
        collect::{Looking, count, page},
        compare::compare,
        map, table,
    },
};
use domain::{Actor, OperatorId, ResidentId, resident::ResidentEvent};
use eventlog::{Direction, Position};
use uuid::Uuid;

/// Rows sent at once here.
const CHUNK: usize = 50;

async fn directory(filled: bool) -> Directory {
    let casebook = memory().await;
    if filled {
        import(&casebook, &SMALL).await;
    }
    Directory::open(casebook, None).await.unwrap()
}

fn looking() -> Looking {
    Looking {
        operator: OperatorId::parse("supervisor-1").unwrap(),
        why: "半年核对".to_owned(),
    }
}

async fn rows(directory: &Directory, kind: Kind) -> Vec<Row> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = page(directory, kind, after.as_deref(), Some(&looking()))
            .await
            .unwrap();
        all.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn write(path: &Path, kind: Kind, rows: &[Row]) {
    let mut writer = table::Writer::new(Vec::new(), kind).unwrap();
    rows.iter().for_each(|row| writer.row(row).unwrap());
    std::fs::write(path, writer.finish().unwrap()).unwrap();
}

fn read(path: &Path, kind: Kind) -> Vec<Row> {
    let lines = table::open(path, kind).unwrap();
    lines.map(|(_, row)| row.unwrap()).collect()
}

fn through_csv(kind: Kind, rows: &[Row]) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.csv");
    write(&path, kind, rows);
    read(&path, kind)
}

/// Sends rows as the command does, with a password for every account.
async fn send(directory: &Directory, mut rows: Vec<Row>) -> Vec<Verdict> {
    for row in &mut rows {
        if let Row::Operator { password, .. } = row {
            *password = Some("$argon2id$first".to_owned());
        }
    }
    let mut all = Vec::new();
    for some in rows.chunks(CHUNK) {
        let applied = apply(directory, Uuid::new_v4(), some.to_vec()).await;
        let Applied { verdicts, position } = applied.unwrap();
        directory.caught_up(position).await.unwrap();
        all.extend(verdicts);
    }
    all
}

async fn one(directory: &Directory, row: Row) -> Verdict {
    let foreseen = compare(directory, std::slice::from_ref(&row))
        .await
        .unwrap();
    let done = send(directory, vec![row]).await;
    assert_eq!(foreseen, done, "the preview said otherwise");
    done[0].clone()
}

fn head(directory: &Directory) -> Position {
    directory_log(directory).head()
}

/// A line of a kind with some cells changed.
fn changed(row: &Row, changes: &[(&str, &str)]) -> Row {
    let kind = row.kind();
    let mut cells = row.cells();
    for (column, text) in changes {
        let at = kind.columns().iter().position(|it| it == column).unwrap();
        cells[at] = (*text).to_owned();
    }
    Row::read(kind, 2, &cells).unwrap()
}

#[test]
fn a_panels_account_in_small_letters_which_would_match_no_panel_is_a_fault() {
    let read = |device: &str| {
        let cell = |column: &&str| match *column {
            "device" => device.to_owned(),
            "model" => "panel".to_owned(),
            "key" => "k".to_owned(),
            _ => String::new(),
        };
        let cells: Vec<String> = Kind::Devices.columns().iter().map(cell).collect();
        Row::read(Kind::Devices, 2, &cells)
    };
    for device in ["dc09-0F3A", "dc09-L2-1234", "HRB-000001", "watch-abc"] {
        assert!(read(device).is_ok(), "{device}: {:?}", read(device));
    }
    let faults = read("dc09-0f3a").unwrap_err();
    assert!(faults[0].en.contains("capitals"), "{faults:?}");
}

#[tokio::test]
async fn what_is_exported_makes_the_same_directory_out_of_an_empty_one() {
    let (from, to) = (directory(true).await, directory(false).await);
    for kind in Kind::ALL {
        let out = rows(&from, kind).await;
        assert!(!out.is_empty(), "{kind:?}");
        assert_eq!(
            count(&from, kind).await.unwrap(),
            out.len() as u64,
            "{kind:?}"
        );
        let back = through_csv(kind, &out);
        assert_eq!(back, out, "{kind:?} as CSV");
        let verdicts = send(&to, back).await;
        // An empty log is about Harbin: its ground is there already.
        let built_in = matches!(
            kind,
            Kind::City | Kind::Districts | Kind::Communities | Kind::Grids | Kind::Barriers
        );
        let wanted = match built_in {
            true => Verdict::Unchanged,
            false => Verdict::Added,
        };
        assert!(
            verdicts.iter().all(|it| *it == wanted),
            "{kind:?}: {verdicts:?}"
        );
        assert_eq!(rows(&to, kind).await, out, "{kind:?}");
    }
    let (old, new) = (from.city(), to.city());
    assert_eq!((&old.sites, &old.crossings), (&new.sites, &new.crossings));
}

#[tokio::test]
async fn what_stands_there_already_writes_nothing() {
    let directory = directory(true).await;
    for kind in Kind::ALL {
        let out = rows(&directory, kind).await;
        let before = head(&directory);
        let verdicts = send(&directory, out).await;
        assert!(
            verdicts.iter().all(|it| *it == Verdict::Unchanged),
            "{kind:?}"
        );
        assert_eq!(head(&directory), before, "{kind:?}");
    }
}

#[tokio::test]
async fn maps_carry_sites_crossings_and_the_river() {
    let directory = directory(true).await;
    for kind in Kind::ALL.into_iter().filter(|kind| kind.on_map()) {
        let out = rows(&directory, kind).await;
        let text = map::write(kind, &out);
        let features = map::read(kind, &text).unwrap();
        let back: Vec<Row> = features.into_iter().map(|(_, row)| row.unwrap()).collect();
        assert_eq!(back, out, "{kind:?}");
    }
    let text = map::write(Kind::Crossings, &rows(&directory, Kind::Crossings).await);
    let named = text.replacen(
        "\"features\"",
        "\"crs\":{\"type\":\"name\",\"properties\":{\"name\":\"GCJ-02\"}},\"features\"",
        1,
    );
    let fault = map::read(Kind::Crossings, &named).unwrap_err()[0].to_string();
    assert!(
        fault.contains("GCJ-02") && fault.contains("WGS-84"),
        "{fault}"
    );
    let swapped = text.replacen("[126.456000,45.740000]", "[45.740000,126.456000]", 1);
    let (line, faults) = map::read(Kind::Crossings, &swapped)
        .unwrap()
        .into_iter()
        .find_map(|(line, row)| Some((line, row.err()?)))
        .unwrap();
    assert_eq!(line, faults[0].line);
    assert!(line > 1 && faults[0].en.contains("swapped"), "{faults:?}");
}

#[tokio::test]
async fn a_site_changes_by_the_event_made_for_it_and_ends_once() {
    let directory = directory(true).await;
    let site = rows(&directory, Kind::Sites).await.remove(9);
    let kinds = async |after| {
        let log = directory_log(&directory);
        let page = log.read_category("site", after, Direction::Forward, 10);
        let page = page.await.unwrap();
        page.iter()
            .map(|it| it.kind.to_string())
            .collect::<Vec<_>>()
    };
    for (changes, events) in [
        (
            &[("opens", "06:30"), ("closes", "21:00")][..],
            &["HoursChanged"][..],
        ),
        (
            &[("capacity", "9"), ("opens", "07:00"), ("closes", "21:00")],
            &["HoursChanged", "CapacityChanged"],
        ),
        (&[("duty_phone", "0451-00001234")], &["SiteOpened"]),
    ] {
        let before = head(&directory);
        let row = changed(&site, changes);
        assert!(matches!(
            one(&directory, row.clone()).await,
            Verdict::Changed(_)
        ));
        assert_eq!(kinds(before).await, events);
        assert_eq!(one(&directory, row).await, Verdict::Unchanged);
    }
    let closed = changed(&site, &[("status", "closed")]);
    assert_eq!(one(&directory, closed.clone()).await, Verdict::Ended);
    assert_eq!(one(&directory, closed).await, Verdict::Unchanged);
    let again = one(&directory, site.clone()).await;
    assert!(matches!(again, Verdict::Changed(columns) if columns.contains(&"status".to_owned())));
    assert!(
        rows(&directory, Kind::Sites).await.contains(&site),
        "open as it was"
    );
}

fn directory_log(directory: &Directory) -> eventlog::Log {
    directory.registrar().log().clone()
}

#[tokio::test]
async fn a_resident_changes_or_moves_and_a_forgotten_one_stays_forgotten() {
    let directory = directory(true).await;
    let resident = rows(&directory, Kind::Residents).await.remove(3);
    let id = ResidentId::parse(resident.id()).unwrap();
    let last = async || {
        let stream = casebook::streams::resident(&id);
        let log = directory_log(&directory);
        let end = log.read_stream(&stream, eventlog::Revision::END, Direction::Backward, 1);
        end.await.unwrap()[0].kind.to_string()
    };
    let louder = changed(&resident, &[("hearing", "deaf"), ("notes", "=危险")]);
    assert!(matches!(
        one(&directory, louder.clone()).await,
        Verdict::Changed(_)
    ));
    assert_eq!(last().await, "ProfileChanged");
    let moved = changed(&louder, &[("lon", "126.640001")]);
    assert_eq!(
        one(&directory, moved.clone()).await,
        Verdict::Changed(vec!["lon".to_owned()])
    );
    assert_eq!(last().await, "ResidentMoved");
    assert_eq!(one(&directory, moved.clone()).await, Verdict::Unchanged);
    assert_eq!(directory.profile(&id).await.unwrap().notes, "=危险");

    let strays = changed(&moved, &[("grid", "77")]);
    assert!(matches!(
        one(&directory, strays).await,
        Verdict::Refused(..)
    ));
    let registrar = directory.registrar();
    let erased = registrar.erase_resident(Actor::Registrar, id.clone(), "asked for");
    directory
        .caught_up(erased.await.unwrap().position)
        .await
        .unwrap();
    assert!(matches!(one(&directory, moved).await, Verdict::Refused(..)));
    assert!(directory.resident(&id).await.unwrap().unwrap().erased);
    let left = rows(&directory, Kind::Residents).await;
    assert!(
        left.iter().all(|row| row.id() != id.as_str()),
        "nor exported"
    );
}

#[tokio::test]
async fn accounts_keep_their_password_and_people_and_devices_end() {
    let directory = directory(true).await;
    let operator = rows(&directory, Kind::Operators).await.remove(0);
    let id = OperatorId::parse(operator.id()).unwrap();
    let password = directory.city().operators[&id].password.clone();
    assert!(
        !operator.cells().concat().contains(&password),
        "no hash leaves"
    );
    let renamed = changed(&operator, &[("name", "李新名")]);
    one(&directory, renamed).await;
    let now = directory.city().operators[&id].clone();
    assert_eq!((now.name.as_str(), now.password), ("李新名", password));
    assert_eq!(
        one(&directory, changed(&operator, &[("status", "removed")])).await,
        Verdict::Ended
    );
    assert_eq!(
        one(&directory, operator).await,
        Verdict::Added,
        "made again, with a new password"
    );

    let responder = rows(&directory, Kind::Responders).await.remove(0);
    let called = changed(&responder, &[("phone", "+86 451")]);
    assert_eq!(
        one(&directory, called.clone()).await,
        Verdict::Changed(vec!["phone".to_owned()])
    );
    assert_eq!(one(&directory, called).await, Verdict::Unchanged);

    let device = rows(&directory, Kind::Devices).await.remove(0);
    let handed = changed(&device, &[("resident", ""), ("key_hash", "")]);
    assert_eq!(
        one(&directory, handed).await,
        Verdict::Changed(vec!["resident".to_owned()])
    );
    let retired = changed(&device, &[("status", "retired")]);
    assert_eq!(one(&directory, retired.clone()).await, Verdict::Ended);
    assert_eq!(one(&directory, retired).await, Verdict::Unchanged);
    let stranger = changed(&device, &[("device", "NEW-1"), ("key_hash", "")]);
    assert!(matches!(
        one(&directory, stranger).await,
        Verdict::Refused(..)
    ));
    let orphan = changed(&device, &[("device", "NEW-2"), ("resident", "nobody")]);
    assert!(matches!(
        one(&directory, orphan).await,
        Verdict::Refused(..)
    ));
}

#[tokio::test]
async fn whoever_takes_records_out_stands_in_every_one_of_them() {
    let directory = directory(true).await;
    let out = rows(&directory, Kind::Residents).await;
    let log = directory_log(&directory);
    for row in &out {
        let stream = casebook::streams::resident(&ResidentId::parse(row.id()).unwrap());
        let events = log.read_stream(&stream, eventlog::Revision::FIRST, Direction::Forward, 10);
        let viewed = events.await.unwrap().iter().any(|event| {
            matches!(casebook::read(event), Ok(casebook::Case::Resident(it))
                if matches!(&it.event, ResidentEvent::RecordViewed { operator, why, .. }
                    if *operator == looking().operator && *why == looking().why))
        });
        assert!(viewed, "{}", row.id());
    }
    assert!(
        page(&directory, Kind::Residents, None, None).await.is_err(),
        "nobody named"
    );
    let stranger = Looking {
        operator: OperatorId::parse("stranger").unwrap(),
        why: String::new(),
    };
    assert!(
        page(&directory, Kind::Residents, None, Some(&stranger))
            .await
            .is_err()
    );
}
