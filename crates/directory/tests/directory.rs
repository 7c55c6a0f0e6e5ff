//! The directory over a real log: tables that come back, a city that can be seen as it was, nothing personal in plain.
//!
//! For: the read side and the writers together.
//! May not know: SQL, except to look for what must not be there.

mod common;

use std::path::Path;

use common::{SMALL, import, memory, noon, over};
use directory::{
    City, Directory, DirectoryError, ProfileError, ResidentFilter,
    harbin::{self, Plan},
    key_hash,
};
use domain::{Actor, DeviceId, OperatorId, ResidentId};
use eventlog::{Log, Position};
use futures_util::FutureExt;

/// Everything the tables say.
async fn rows(directory: &Directory) -> String {
    let residents = directory.residents_page(&ResidentFilter::City, None, 1_000);
    let devices = directory.devices_page(None, 1_000);
    let all = (
        residents.await.expect("readable"),
        devices.await.expect("readable"),
    );
    serde_json::to_string(&all).expect("rows are plain")
}

fn resident(n: u32) -> ResidentId {
    ResidentId::parse(&format!("R{n:06}")).expect("plain")
}

fn files(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for tail in ["", "-wal"] {
        let path = dir.join(format!("{}{tail}", directory::FILE));
        bytes.extend(std::fs::read(path).unwrap_or_default());
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    !text.is_empty()
        && bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn an_imported_city_is_all_there() {
    let casebook = memory().await;
    let position = import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook, None).await.unwrap();
    directory.caught_up(position).await.unwrap();
    let city = directory.city();
    let plan = harbin::city(&SMALL);
    assert_eq!(city.sites.len(), 175);
    assert_eq!(city.crossings.len(), 7, "the bridges of 2026");
    assert_eq!(city.operators.len(), plan.accounts.len());
    assert_eq!(city.responders.len(), plan.responders.len());
    assert_eq!(city.districts.len(), 8);
    assert!(city.city_desk().is_some());
    for district in city.districts {
        let id = domain::DistrictId::parse(district.code).unwrap();
        assert!(city.district_desk(&id).is_some(), "{id}");
    }
    let admin = OperatorId::parse("admin").unwrap();
    assert_eq!(city.operators[&admin].password, "phc of admin");
    assert_eq!(directory.counts().await.unwrap(), (40, 40));

    for planned in harbin::residents(&SMALL) {
        let row = directory
            .resident(&planned.resident)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (&row.community, row.grid),
            (&planned.community, planned.grid)
        );
        assert_eq!(row.home_station, planned.home_station);
        let profile = directory.profile(&planned.resident).await.unwrap();
        assert_eq!(profile, planned.profile);
        let device = directory.device(&planned.device).await.unwrap().unwrap();
        assert_eq!(device.key_hash, key_hash(&planned.device_key));
        assert_eq!(device.resident.as_ref(), Some(&planned.resident));
        let own = directory.devices_of(&planned.resident).await.unwrap();
        assert_eq!(own, [(*device).clone()]);
        let home = directory.home(&planned.resident).await.unwrap().unwrap();
        assert_eq!(home.lon_e6, planned.profile.lon_e6);
    }
    let worker = &plan.responders[700];
    let phone = directory.responder_phone(&worker.responder).await.unwrap();
    assert_eq!(phone.as_ref(), Some(&worker.phone));
    directory.stop().await;
}

#[tokio::test]
async fn an_import_sent_again_or_grown_writes_nothing_twice() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let head = casebook.log().head();
    import(&casebook, &SMALL).await;
    assert_eq!(casebook.log().head(), head);
    let more = Plan {
        residents: 55,
        ..SMALL
    };
    import(&casebook, &more).await;
    assert_eq!(casebook.log().head().0, head.0 + 2 * 15);
}

#[tokio::test]
async fn pages_follow_each_other_and_keep_to_their_filter() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook, None).await.unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = directory.residents_page(&ResidentFilter::City, after.as_ref(), 7);
        let page = page.await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.resident.clone());
        seen.extend(page.into_iter().map(|row| row.resident));
    }
    assert_eq!(seen, (1..=40).map(resident).collect::<Vec<_>>());

    let one = harbin::residents(&SMALL)
        .find(|plan| plan.home_station.is_some())
        .unwrap();
    let own = ResidentFilter::District(one.district.clone());
    for row in directory.residents_page(&own, None, 1_000).await.unwrap() {
        assert_eq!(row.district, one.district);
    }
    let station = one.home_station.clone().unwrap();
    let own = ResidentFilter::Site(station.clone());
    let rows = directory.residents_page(&own, None, 1_000).await.unwrap();
    assert!(rows.iter().any(|row| row.resident == one.resident));
    assert!(
        rows.iter()
            .all(|row| row.home_station.as_ref() == Some(&station))
    );
}

#[tokio::test]
async fn tables_that_were_deleted_damaged_or_foreign_come_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let path = dir.path().join(directory::FILE);
    let open = async || {
        Directory::open(casebook.clone(), Some(dir.path()))
            .await
            .unwrap()
    };

    let directory = open().await;
    let registrar = directory.registrar();
    let retired = DeviceId::parse("HRB-000003").unwrap();
    let mut profile = directory.profile(&resident(2)).await.unwrap();
    profile.hearing = "deaf".to_owned();
    let by = Actor::Registrar;
    registrar
        .retire_device(by.clone(), retired.clone())
        .await
        .unwrap();
    registrar
        .change_profile(by.clone(), resident(2), &profile)
        .await
        .unwrap();
    let last = registrar
        .erase_resident(by, resident(1), "asked for")
        .await
        .unwrap();
    directory.caught_up(last.position).await.unwrap();
    let before = rows(&directory).await;
    assert!(directory.device(&retired).await.unwrap().unwrap().retired);
    assert_eq!(directory.profile(&resident(2)).await.unwrap(), profile);
    directory.stop().await;

    let kept = open().await;
    assert!(rows(&kept).await == before, "opened again");
    kept.stop().await;

    std::fs::remove_file(&path).unwrap();
    let anew = open().await;
    assert!(rows(&anew).await == before, "deleted");
    anew.stop().await;

    std::fs::write(&path, b"SQLite format 3\0 but not really a database").unwrap();
    let anew = open().await;
    assert!(rows(&anew).await == before, "damaged");
    anew.stop().await;

    let other = memory().await;
    import(
        &other,
        &Plan {
            seed: 9,
            residents: 3,
        },
    )
    .await;
    let foreign = Directory::open(other, Some(dir.path())).await.unwrap();
    assert_eq!(foreign.counts().await.unwrap(), (3, 3));
    foreign.stop().await;
    let anew = open().await;
    assert!(rows(&anew).await == before, "of another log");
    anew.stop().await;
}

#[tokio::test]
async fn nothing_personal_stands_in_the_tables_in_plain() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook, Some(dir.path())).await.unwrap();
    let written = files(dir.path());
    directory.stop().await;
    for bytes in [written, files(dir.path())] {
        assert!(holds(&bytes, "R000001") && holds(&bytes, "HRB-000001"));
        for planned in harbin::residents(&SMALL) {
            let profile = &planned.profile;
            let address = &profile.address;
            let contact = &profile.contacts[0];
            let personal = [
                &profile.name,
                &profile.name_latin,
                &profile.phone,
                &address.compound,
                &address.access,
                &contact.name,
                &contact.phone,
                &profile.hospital,
                &planned.device_key,
            ];
            for text in personal {
                assert!(!holds(&bytes, text), "{text} stands in the file");
            }
        }
    }
}

#[tokio::test]
async fn an_erased_resident_has_no_profile_and_lives_at_the_communitys_centre() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook, None).await.unwrap();
    let registrar = directory.registrar();
    let erased = registrar.erase_resident(Actor::Registrar, resident(4), "asked for");
    let erased = erased.await.unwrap();
    directory.caught_up(erased.position).await.unwrap();
    let row = directory.resident(&resident(4)).await.unwrap().unwrap();
    assert!(row.erased);
    assert_eq!(
        directory.profile(&resident(4)).await,
        Err(ProfileError::Erased)
    );
    let centre = harbin::community(&row.community).unwrap().centre();
    assert_eq!(directory.home(&resident(4)).await.unwrap(), Some(centre));
    let nobody = ResidentId::parse("nobody").unwrap();
    assert_eq!(
        directory.profile(&nobody).await,
        Err(ProfileError::NotFound)
    );
    assert_eq!(directory.home(&nobody).await.unwrap(), None);
}

#[tokio::test]
async fn a_device_that_is_retired_is_seen_so_although_it_was_cached() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook, None).await.unwrap();
    let device = DeviceId::parse("HRB-000009").unwrap();
    for _ in 0..2 {
        assert!(!directory.device(&device).await.unwrap().unwrap().retired);
    }
    let registrar = directory.registrar();
    let retired = registrar.retire_device(Actor::Registrar, device.clone());
    directory
        .caught_up(retired.await.unwrap().position)
        .await
        .unwrap();
    assert!(directory.device(&device).await.unwrap().unwrap().retired);
    let handed_on = registrar.enrol_device(
        Actor::Registrar,
        device.clone(),
        "pendant",
        Some(resident(2)),
        "new key",
    );
    directory
        .caught_up(handed_on.await.unwrap().position)
        .await
        .unwrap();
    let row = directory.device(&device).await.unwrap().unwrap();
    assert!(!row.retired && row.resident == Some(resident(2)));
    assert_eq!(row.key_hash, key_hash("new key"));
    let unknown = DeviceId::parse("HRB-999999").unwrap();
    assert_eq!(directory.device(&unknown).await.unwrap(), None);
}

#[tokio::test]
async fn waiting_for_a_position_ends_with_the_directory() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook, None).await.unwrap();
    let never = directory.caught_up(Position::END);
    assert!(never.now_or_never().is_none(), "waits");
    let other = directory.clone();
    let waiting = tokio::spawn(async move { other.caught_up(Position::END).await });
    directory.stop().await;
    directory.stop().await;
    assert_eq!(waiting.await.unwrap(), Err(DirectoryError::Stopped));
    assert_eq!(directory.city().sites.len(), 175, "the last city stays");
}

#[tokio::test]
async fn a_log_on_disk_takes_two_thousand_residents_and_the_tables_follow() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open_sqlite(dir.path(), noon()).await.unwrap();
    let casebook = over(log.clone()).await;
    let live = Directory::open(casebook.clone(), Some(dir.path()))
        .await
        .unwrap();
    let position = import(&casebook, &Plan::default()).await;
    live.caught_up(position).await.unwrap();
    assert_eq!(live.counts().await.unwrap(), (2_000, 2_000));
    assert_eq!(*live.city(), City::at(&casebook, position).await.unwrap());
    live.stop().await;
    log.close().await;
}

#[tokio::test]
async fn who_is_erased_by_another_process_cannot_be_read_from_this_ones_memory() {
    let casebook = memory().await;
    let position = import(&casebook, &SMALL).await;
    let other = over(casebook.log().clone()).await;
    let directory = Directory::open(other.clone(), None).await.unwrap();
    directory.caught_up(position).await.unwrap();
    // Read once, so that the key is at hand.
    let row = directory.resident(&resident(4)).await.unwrap().unwrap();
    directory.profile_of(&row).await.unwrap();
    let registrar = directory::Registrar::new(casebook.clone());
    let erased = registrar.erase_resident(Actor::Registrar, resident(4), "asked for");
    let erased = erased.await.unwrap().position;
    directory.caught_up(erased).await.unwrap();
    // The row as it was before: all that is left is the sealed text.
    let unread = directory.profile_of(&row).await.unwrap_err();
    assert!(matches!(unread, ProfileError::Erased), "{unread}");
}

#[tokio::test]
async fn a_founded_city_is_the_imported_one_and_founding_goes_on_where_it_broke_off() {
    let plan = harbin::Plan {
        residents: 100,
        ..SMALL
    };
    let password = |account: &harbin::AccountPlan| format!("phc of {}", account.operator);
    let imported = memory().await;
    import(&imported, &plan).await;
    let founded = memory().await;
    let registrar = directory::Registrar::new(founded.clone());
    // A first run that ended early, in the middle of an append of the second.
    let part = harbin::Plan {
        residents: 70,
        ..plan.clone()
    };
    registrar
        .found_city(&part, password, |_, _| {})
        .await
        .unwrap();
    let mut last = (0, 0);
    let done = registrar.found_city(&plan, password, |done, total| last = (done, total));
    let done = done.await.unwrap();
    assert_eq!(last, (done.events, done.events), "everything is told");
    assert_eq!(
        founded.log().head(),
        imported.log().head(),
        "nothing stands there twice"
    );
    let mut all = Vec::new();
    for casebook in [imported, founded] {
        let directory = Directory::open(casebook, None).await.unwrap();
        let city = directory.city();
        let ids: Vec<_> = city.responders.keys().cloned().collect();
        let profile = directory.profile(&resident(100)).await.unwrap();
        let open = |row: directory::ResidentRow| (row.resident, row.community, row.sealed_in);
        let rows = directory
            .residents_page(&ResidentFilter::City, None, 1_000)
            .await
            .unwrap();
        let rows: Vec<_> = rows.into_iter().map(open).collect();
        all.push((
            city.sites.clone(),
            city.operators.clone(),
            ids,
            profile,
            rows,
        ));
    }
    assert!(all[0] == all[1]);
}

#[tokio::test]
async fn a_city_folded_on_from_its_last_snapshot_is_the_city_folded_from_the_start() {
    let casebook = memory().await;
    let position = import(&casebook, &SMALL).await;
    let whole = City::at(&casebook, position).await.unwrap();
    let half = City::at(&casebook, Position(position.0 / 2)).await.unwrap();
    let saved = casebook.save_snapshot("directory/city", half.position, 1, &half);
    saved.await.unwrap();
    assert_eq!(City::at(&casebook, position).await.unwrap(), whole);
    assert_eq!(
        *Directory::open(casebook.clone(), None)
            .await
            .unwrap()
            .city(),
        whole
    );
    let earlier = Position(position.0 / 4);
    let before = City::at(&casebook, earlier).await.unwrap();
    assert_eq!(
        before.position, earlier,
        "a later snapshot says nothing of an earlier city"
    );
    assert!(before.responders.len() < half.responders.len());
    // Of another shape, or damaged: as if there were none.
    casebook
        .save_snapshot("directory/city", half.position, 99, &half)
        .await
        .unwrap();
    assert_eq!(City::at(&casebook, position).await.unwrap(), whole);
}
