//! The ground out of files: districts, communities, grids and rivers change, end, and make another city.
//!
//! For: what a file can do to the ground, what it cannot, and that a past position keeps its own.
//! May not know: the command line.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

mod common;

use common::{SMALL, import, memory};
use directory::{
    City, Directory,
    exchange::{Kind, Row, Verdict, apply::apply, collect::page, compare::compare, table},
};
use domain::{CommunityId, DistrictId, geography::Place, party::Traveller, routing::travel};
use uuid::Uuid;

async fn filled() -> Directory {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    Directory::open(casebook, None).await.unwrap()
}

async fn empty() -> Directory {
    Directory::open(memory().await, None).await.unwrap()
}

fn rows(kind: Kind, text: &str) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.csv");
    std::fs::write(&path, text).unwrap();
    let lines = table::open(&path, kind).unwrap();
    lines.map(|(_, row)| row.unwrap()).collect()
}

/// The faults of a file, each as it is printed.
fn faults(kind: Kind, text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.csv");
    std::fs::write(&path, text).unwrap();
    let lines = table::open(&path, kind).unwrap();
    let faults = lines.filter_map(|(_, row)| row.err()).flatten();
    faults.map(|it| it.to_string()).collect()
}

/// Compares, writes, and sees that the preview foretold it.
async fn send(directory: &Directory, kind: Kind, text: &str) -> Vec<Verdict> {
    let mut rows = rows(kind, text);
    for row in &mut rows {
        if let Row::Operator { password, .. } = row {
            *password = Some("$argon2id$none".to_owned());
        }
    }
    let foreseen = compare(directory, &rows).await.unwrap();
    let applied = apply(directory, Uuid::new_v4(), rows).await.unwrap();
    directory.caught_up(applied.position).await.unwrap();
    assert_eq!(foreseen, applied.verdicts, "the preview said otherwise");
    foreseen
}

async fn one(directory: &Directory, kind: Kind, text: &str) -> Verdict {
    let mut verdicts = send(directory, kind, text).await;
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

/// The file of a kind, byte for byte.
async fn export(directory: &Directory, kind: Kind) -> Vec<u8> {
    let mut writer = table::Writer::new(Vec::new(), kind).unwrap();
    let mut after = None;
    loop {
        let page = page(directory, kind, after.as_deref(), None).await.unwrap();
        page.rows.iter().for_each(|row| writer.row(row).unwrap());
        match page.next {
            Some(next) => after = Some(next),
            None => return writer.finish().unwrap(),
        }
    }
}

fn changed(columns: &[&str]) -> Verdict {
    Verdict::Changed(columns.iter().map(|it| (*it).to_owned()).collect())
}

fn refused(verdict: &Verdict, said: &str) {
    let Verdict::Refused(zh, en) = verdict else {
        panic!("{verdict:?}");
    };
    assert!(en.contains(said), "{en}");
    assert!(!zh.is_empty());
}

const DISTRICTS: &str = "district,name,name_latin,lon,lat,population,status\n";
const COMMUNITIES: &str = "community,district,name,name_short,lon,lat,grids,stars,status\n";
const GRIDS: &str = "grid,community,number,worker\n";
const BARRIERS: &str = "point,barrier,name,lon,lat,extent,status\n";
const RESPONDERS: &str = "responder,name,kind,site,district,phone\n";

#[tokio::test]
async fn a_district_and_its_communities_come_change_and_go() {
    let directory = filled().await;
    let district = |name: &str, status: &str| {
        format!("{DISTRICTS}230199,{name},New,126.7,45.7,1000,{status}\n")
    };
    let added = one(&directory, Kind::Districts, &district("新区", "")).await;
    assert_eq!(added, Verdict::Added);
    let again = one(&directory, Kind::Districts, &district("新区", "active")).await;
    assert_eq!(again, Verdict::Unchanged);
    let renamed = one(&directory, Kind::Districts, &district("江湾区", "")).await;
    assert_eq!(renamed, changed(&["name"]));

    let community = |grids: u16, status: &str| {
        format!(
            "{COMMUNITIES}230199-001,230199,江湾街道一号社区,一号社区,126.7,45.7,{grids},3,{status}\n"
        )
    };
    assert_eq!(
        one(&directory, Kind::Communities, &community(12, "")).await,
        Verdict::Added
    );
    let city = directory.city();
    let id = CommunityId::parse("230199-001").unwrap();
    assert_eq!(
        city.area.centre(&id),
        Some(Place::from_milli(126_700, 45_700))
    );
    let worker = |n| city.area.grid_worker(&id, n).map(|it| it.to_string());
    assert_eq!(worker(12).as_deref(), Some("grid-230199-001-12"));
    assert_eq!(worker(13), None);

    let still = one(
        &directory,
        Kind::Districts,
        &district("江湾区", "dissolved"),
    )
    .await;
    refused(&still, "1 communities");
    let fewer = one(&directory, Kind::Communities, &community(11, "")).await;
    assert_eq!(fewer, changed(&["grids"]));
    assert_eq!(
        one(&directory, Kind::Communities, &community(11, "dissolved")).await,
        Verdict::Ended
    );
    let over = one(
        &directory,
        Kind::Districts,
        &district("江湾区", "dissolved"),
    )
    .await;
    assert_eq!(over, Verdict::Ended);
    assert_eq!(
        directory
            .city()
            .district(&DistrictId::parse("230199").unwrap()),
        None
    );
    let nowhere = one(&directory, Kind::Communities, &community(11, "")).await;
    refused(&nowhere, "there is no district 230199");
}

#[tokio::test]
async fn a_community_where_somebody_lives_is_not_dissolved() {
    let directory = filled().await;
    let resident = directory::harbin::residents(&SMALL).next().unwrap();
    let area = directory.city().area.clone();
    let it = &area.communities[&resident.community];
    let text = format!(
        "{COMMUNITIES}{},{},{},{},126.6,45.75,{},{},dissolved\n",
        it.community, it.district, it.name, it.name_short, it.grids, it.stars
    );
    refused(
        &one(&directory, Kind::Communities, &text).await,
        "residents still live",
    );
}

#[tokio::test]
async fn a_grid_gets_another_worker_who_must_be_there() {
    let directory = filled().await;
    let grid = format!("{GRIDS}230102-001/1,230102-001,1,wang-5\n");
    refused(
        &one(&directory, Kind::Grids, &grid).await,
        "no responder wang-5",
    );
    let wang = format!("{RESPONDERS}wang-5,王五,grid_worker,,230102,\n");
    send(&directory, Kind::Responders, &wang).await;
    assert_eq!(
        one(&directory, Kind::Grids, &grid).await,
        changed(&["worker"])
    );
    assert_eq!(
        one(&directory, Kind::Grids, &grid).await,
        Verdict::Unchanged
    );
    let id = CommunityId::parse("230102-001").unwrap();
    let worker = directory.city().area.grid_worker(&id, 1).unwrap();
    assert_eq!(worker.as_str(), "wang-5");
    let odd = faults(
        Kind::Grids,
        &format!("{GRIDS}230102-001/2,230102-001,1,wang-5\n"),
    );
    assert!(odd[0].contains("must be 230102-001/1"), "{odd:?}");
}

const NORTH: Place = Place::from_milli(126_630, 45_812);
const SOUTH: Place = Place::from_milli(126_612, 45_780);

#[tokio::test]
async fn a_river_that_is_drawn_otherwise_leads_otherwise_and_a_past_night_keeps_its_own() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook.clone(), None).await.unwrap();
    let drive = |city: &City| travel(city.ground(), SOUTH, NORTH, Traveller::Car);
    let before = directory.city();
    let over = drive(&before).unwrap();
    assert!(over.via.is_some());

    let songhua = String::from_utf8(export(&directory, Kind::Barriers).await).unwrap();
    assert_eq!(
        one(&directory, Kind::Barriers, &songhua).await,
        Verdict::Unchanged
    );
    let gone = songhua.replace(",drawn\n", ",removed\n");
    assert_eq!(one(&directory, Kind::Barriers, &gone).await, Verdict::Ended);
    let way = drive(&directory.city()).unwrap();
    assert_eq!(way.via, None, "without a river nobody needs a bridge");
    assert!(way.seconds < over.seconds);
    assert_eq!(directory.city().area.barriers.len(), 0);

    assert_eq!(
        one(&directory, Kind::Barriers, &songhua).await,
        Verdict::Added
    );
    assert_eq!(drive(&directory.city()), Some(over.clone()));
    let then = City::at(&casebook, before.position).await.unwrap();
    assert_eq!(then, *before);
    assert_eq!(drive(&then), Some(over));
}

#[test]
fn the_points_of_a_river_stand_together_in_order() {
    let line = |point: &str, name: &str, lon: &str| format!("{point},iron,{name},{lon},45.7,,\n");
    let whole = |lines: &[String]| format!("{BARRIERS}{}", lines.concat());
    let (a, b) = (
        line("iron/01", "铁路", "126.6"),
        line("iron/02", "铁路", "126.7"),
    );
    assert_eq!(
        rows(Kind::Barriers, &whole(&[a.clone(), b.clone()])).len(),
        1
    );
    let sorted = faults(Kind::Barriers, &whole(&[b.clone(), a.clone()]));
    assert_eq!(sorted.len(), 2, "{sorted:?}");
    assert!(
        sorted[0].contains("line 2, point: must be iron/01"),
        "{sorted:?}"
    );
    let alone = faults(Kind::Barriers, &whole(std::slice::from_ref(&a)));
    assert!(alone[0].contains("at least two points"), "{alone:?}");
    let two_names = faults(
        Kind::Barriers,
        &whole(&[a.clone(), line("iron/02", "江", "126.7")]),
    );
    assert!(two_names[0].contains("line 3, name"), "{two_names:?}");
    let limit = domain::area::BARRIER_POINTS;
    let many: Vec<String> = (1..=limit + 1)
        .map(|n| line(&format!("iron/{n:02}"), "铁路", "126.6"))
        .collect();
    assert_eq!(rows(Kind::Barriers, &whole(&many[..limit])).len(), 1);
    let many = faults(Kind::Barriers, &whole(&many));
    assert!(many[0].contains("at most 2000 points"), "{many:?}");
}

#[tokio::test]
async fn no_more_rivers_are_drawn_than_ways_are_held_against() {
    let directory = empty().await;
    let river = |n: usize| {
        let name = format!("r{n}");
        format!("{name}/01,{name},江,126.6,45.{n}0,,\n{name}/02,{name},江,126.7,45.{n}0,,\n")
    };
    let all: String = (1..=domain::area::BARRIERS).map(river).collect();
    let verdicts = send(&directory, Kind::Barriers, &format!("{BARRIERS}{all}")).await;
    let taken = verdicts.iter().filter(|it| **it == Verdict::Added).count();
    assert_eq!(
        taken, 0,
        "with the Songhua they are one too many, and none is chosen"
    );
    let some: String = (1..domain::area::BARRIERS).map(river).collect();
    let verdicts = send(&directory, Kind::Barriers, &format!("{BARRIERS}{some}")).await;
    assert!(
        verdicts.iter().all(|it| *it == Verdict::Added),
        "{verdicts:?}"
    );
    let more = format!("{BARRIERS}{}", river(domain::area::BARRIERS));
    refused(
        &one(&directory, Kind::Barriers, &more).await,
        "at most 8 barriers",
    );
}

const CITY: &str = "city,name,name_latin,lon,lat,town_radius_m\n";

#[tokio::test]
async fn another_city_begins_with_nothing_and_only_in_an_empty_log() {
    let directory = empty().await;
    let far = format!("{DISTRICTS}d-1,北区,North,24.1,60.1,100,\n");
    refused(
        &one(&directory, Kind::Districts, &far).await,
        "for another city import city first",
    );
    let wiborg = format!("{CITY}wiborg,维堡市,Wiborg,24.0,60.0,5000\n");
    assert_eq!(one(&directory, Kind::City, &wiborg).await, Verdict::Added);
    let city = directory.city();
    assert_eq!(city.area.districts.len() + city.area.communities.len(), 0);
    assert_eq!(city.area.barriers.len(), 0);
    let (a, b) = (
        Place::from_milli(24_000, 60_000),
        Place::from_milli(25_000, 60_000),
    );
    assert_eq!(
        city.ground().metres(a, b),
        55_800,
        "a degree of longitude at 60 N"
    );
    assert_eq!(one(&directory, Kind::Districts, &far).await, Verdict::Added);
    let swapped = format!("{DISTRICTS}d-2,南区,South,60.1,24.1,100,\n");
    refused(&one(&directory, Kind::Districts, &swapped).await, "swapped");
    let wider = format!("{CITY}wiborg,维堡市,Wiborg,24.0,60.0,6000\n");
    assert_eq!(
        one(&directory, Kind::City, &wider).await,
        changed(&["town_radius_m"])
    );
    assert_eq!(
        directory.city().area.districts.len(),
        1,
        "the same city keeps its districts"
    );
    let coded = "city,name,name_latin,lon,lat,town_radius_m,area_code\n";
    let numbered = format!("{coded}wiborg,维堡市,Wiborg,24.0,60.0,6000,05x\n");
    let said = faults(Kind::City, &numbered);
    assert!(said[0].contains("not an area code"), "{said:?}");
    // A spreadsheet took the 0 away.
    let numbered = format!("{coded}wiborg,维堡市,Wiborg,24.0,60.0,6000,597\n");
    assert_eq!(
        one(&directory, Kind::City, &numbered).await,
        changed(&["area_code"])
    );
    assert_eq!(directory.city().area.city.area_code, "0597");
    let harbin = format!("{CITY}harbin,哈尔滨市,Harbin,126.63,45.762,12000\n");
    refused(
        &one(&directory, Kind::City, &harbin).await,
        "already the city wiborg",
    );

    let lived_in = filled().await;
    refused(
        &one(&lived_in, Kind::City, &wiborg).await,
        "already the city harbin",
    );
    assert_eq!(
        one(&lived_in, Kind::City, &harbin).await,
        Verdict::Unchanged
    );
}

#[tokio::test]
async fn the_ground_comes_out_byte_for_byte_as_it_went_in_and_out_of_a_saved_city_too() {
    let from = filled().await;
    let to = empty().await;
    let changes = [
        (
            Kind::Districts,
            format!("{DISTRICTS}230199,新区,New,126.7,45.7,1000,\n"),
        ),
        (
            Kind::Communities,
            format!("{COMMUNITIES}230199-001,230199,一号社区,一号,126.7,45.7,12,3,\n"),
        ),
        (
            Kind::Responders,
            format!("{RESPONDERS}wang-5,王五,grid_worker,,230199,\n"),
        ),
        (
            Kind::Grids,
            format!("{GRIDS}230199-001/10,230199-001,10,wang-5\n"),
        ),
        (
            Kind::Barriers,
            format!(
                "{BARRIERS}iron/01,iron,铁路,126.6,45.7,drawn,\niron/02,iron,铁路,126.7,45.7,drawn,\n"
            ),
        ),
    ];
    for (kind, text) in &changes {
        send(&from, *kind, text).await;
    }
    for kind in [
        Kind::City,
        Kind::Districts,
        Kind::Communities,
        Kind::Barriers,
        Kind::Sites,
        Kind::Crossings,
        Kind::Responders,
        Kind::Grids,
        Kind::Operators,
    ] {
        let file = export(&from, kind).await;
        send(&to, kind, &String::from_utf8(file.clone()).unwrap()).await;
        assert_eq!(export(&to, kind).await, file, "{kind:?}");
    }
    assert_eq!(from.city().area, to.city().area);
    let saved = serde_json::to_string(&*from.city()).unwrap();
    let back: City = serde_json::from_str(&saved).unwrap();
    assert_eq!(back, *from.city());
    assert_eq!(back.ground(), from.city().ground());
}

#[test]
fn a_city_saved_before_there_were_rivers_in_the_log_is_harbin() {
    let built_in = serde_json::to_value(City::default()).unwrap();
    assert!(
        built_in.get("area").is_none(),
        "not saved while it is the built-in one"
    );
    let back: City = serde_json::from_value(built_in).unwrap();
    assert_eq!(back, City::default());
    assert_eq!(back.area.districts.len(), 8);
    assert_eq!(back.area.communities.len(), 648);
    assert!(
        back.area
            .barriers
            .contains_key(&domain::harbin::river().barrier)
    );
}
