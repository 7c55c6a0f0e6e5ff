//! Forgetting: whatever is interrupted or put back, an erasure that anybody knows of holds.
//!
//! For: the crash between event and key, logs and keys of different age, legal holds, and the index of telephone numbers.
//! May not know: commands, doors.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

mod common;

use casebook::{Casebook, MasterKey, Vault};
use common::{SMALL, import, memory, noon, over};
use directory::{Directory, DirectoryError, ProfileError, Registrar, Whose, forgetting, harbin};
use domain::{
    Actor, ResidentId, SubjectId, Timestamp,
    record::{Hold, RecordRefusal},
    resident::Profile,
};
use eventlog::{Direction, Log, Position};
use std::time::Duration;

fn resident(number: u32) -> ResidentId {
    ResidentId::parse(&format!("R{number:06}")).unwrap()
}

fn key(resident: &ResidentId) -> String {
    SubjectId::resident(resident).to_string()
}

async fn has_key(book: &Casebook, resident: &ResidentId) -> bool {
    let secrets = book.log().secrets();
    secrets.get(&key(resident)).await.unwrap().is_some()
}

async fn erase(book: &Casebook, resident: &ResidentId) {
    let registrar = Registrar::new(book.clone());
    let erased = registrar.erase_resident(Actor::Registrar, resident.clone(), "asked for");
    erased.await.unwrap();
}

#[tokio::test]
async fn a_crash_between_the_event_and_the_key_is_made_good_before_anybody_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Log::open_sqlite(dir.path(), noon());
    let gone = resident(4);
    let log = open().await.unwrap();
    let book = over(log.clone()).await;
    import(&book, &SMALL).await;
    let secrets = log.secrets();
    let wrapped = secrets.get(&key(&gone)).await.unwrap().unwrap();
    // The event is durable, nobody follows, and the process is gone.
    erase(&book, &gone).await;
    assert!(has_key(&book, &gone).await);
    log.close().await;
    drop(book);
    let log = open().await.unwrap();
    let book = over(log.clone()).await;
    assert!(has_key(&book, &gone).await, "as the crash left it");
    let directory = Directory::open(book.clone(), Some(dir.path()))
        .await
        .unwrap();
    assert!(!has_key(&book, &gone).await);
    assert_eq!(directory.profile(&gone).await, Err(ProfileError::Erased));
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let traces = bytes.windows(wrapped.len()).filter(|it| *it == wrapped);
        assert_eq!(traces.count(), 0, "{}", path.display());
    }
    assert_eq!(
        forgetting::settle(&book).await.unwrap(),
        forgetting::Settled::default()
    );
    directory.stop().await;
    log.close().await;
}

#[tokio::test]
async fn a_running_process_destroys_the_key_when_it_reads_the_event() {
    let book = memory().await;
    import(&book, &SMALL).await;
    let directory = Directory::open(book.clone(), None).await.unwrap();
    let gone = resident(4);
    erase(&book, &gone).await;
    directory.caught_up(book.log().head()).await.unwrap();
    assert!(!has_key(&book, &gone).await);
    assert!(has_key(&book, &resident(5)).await);
}

/// The log without its last events, as it is put back from a backup, over keys that stayed.
async fn put_back(from: &Casebook, until: Position, to: &Log) {
    let log = from.log();
    let events = log.read_all(Position::START, Direction::Forward, 10_000);
    let mut events = events.await.unwrap();
    events.retain(|event| event.position <= until);
    for page in events.chunks(100) {
        to.restore(page).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_log_learns_from_the_keys_who_was_erased() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let gone = resident(4);
    let log = Log::open_sqlite(old.path(), noon()).await.unwrap();
    let book = over(log.clone()).await;
    let before = import(&book, &SMALL).await;
    erase(&book, &gone).await;
    book.vault().forget(&key(&gone)).await.unwrap();
    log.close().await;
    // The log of before, beside the keys of now.
    let reader = Log::open_sqlite_reader(old.path()).await.unwrap();
    let there = Log::open_sqlite(new.path(), noon()).await.unwrap();
    let reading = Casebook::new(reader.clone(), book.vault().clone());
    put_back(&reading, before, &there).await;
    there.close().await;
    reader.close().await;
    std::fs::copy(
        old.path().join("keys.sqlite"),
        new.path().join("keys.sqlite"),
    )
    .unwrap();
    let log = Log::open_sqlite(new.path(), noon()).await.unwrap();
    let book = over(log.clone()).await;
    let directory = Directory::open(book.clone(), None).await.unwrap();
    let row = directory.resident(&gone).await.unwrap().unwrap();
    assert!(row.erased);
    assert_eq!(directory.profile(&gone).await, Err(ProfileError::Erased));
    assert!(directory.profile(&resident(5)).await.is_ok());
    let (record, _) = directory.registrar().record(&gone).await.unwrap();
    assert!(record.erased, "it stands in the log again");
    directory.stop().await;
    log.close().await;
}

#[tokio::test]
async fn older_keys_learn_from_the_log_who_was_erased() {
    let dir = tempfile::tempdir().unwrap();
    let gone = resident(4);
    let log = Log::open_sqlite(dir.path(), noon()).await.unwrap();
    let book = over(log.clone()).await;
    import(&book, &SMALL).await;
    log.close().await;
    let (keys, copy) = (dir.path().join("keys.sqlite"), dir.path().join("copy"));
    std::fs::copy(&keys, &copy).unwrap();
    let log = Log::open_sqlite(dir.path(), noon()).await.unwrap();
    let book = over(log.clone()).await;
    erase(&book, &gone).await;
    book.vault().forget(&key(&gone)).await.unwrap();
    log.close().await;
    std::fs::copy(&copy, &keys).unwrap();
    let log = Log::open_sqlite(dir.path(), noon()).await.unwrap();
    let book = over(log.clone()).await;
    assert!(has_key(&book, &gone).await, "the older keys hold theirs");
    let settled = forgetting::settle(&book).await.unwrap();
    assert_eq!((settled.destroyed, settled.written), (1, 0));
    assert!(!has_key(&book, &gone).await);
    log.close().await;
}

#[tokio::test]
async fn who_is_erased_is_not_written_about_again_and_their_device_is_nobodys() {
    let book = memory().await;
    import(&book, &SMALL).await;
    let directory = Directory::open(book.clone(), None).await.unwrap();
    let registrar = directory.registrar();
    let (gone, by) = (resident(4), Actor::Registrar);
    let profile = directory.profile(&gone).await.unwrap();
    let device = directory.devices_of(&gone).await.unwrap().remove(0).device;
    // Asked for once, so that it is at hand.
    let row = directory.device(&device).await.unwrap().unwrap();
    assert_eq!(row.resident.as_ref(), Some(&gone));
    erase(&book, &gone).await;
    directory.caught_up(book.log().head()).await.unwrap();
    let row = directory.device(&device).await.unwrap().unwrap();
    assert_eq!((row.resident.as_ref(), row.retired), (None, false));
    let refused = registrar.change_profile(by.clone(), gone.clone(), &profile);
    let erased = DirectoryError::Refused(RecordRefusal::Erased);
    assert_eq!(refused.await.unwrap_err(), erased);
    let again = registrar.erase_resident(by.clone(), gone.clone(), "again");
    assert_eq!(again.await.unwrap_err(), erased);
    let read = registrar.sealed_profile(&gone).await.unwrap();
    assert_eq!(read, None);
}

#[tokio::test]
async fn a_hold_is_kept_beside_the_record_and_ends_on_its_day() {
    let clock = noon();
    let book = over(Log::memory(clock.clone())).await;
    import(&book, &SMALL).await;
    let directory = Directory::open(book.clone(), None).await.unwrap();
    let registrar = directory.registrar();
    let (who, by) = (resident(4), Actor::Registrar);
    let until = book.now() + Duration::from_secs(3 * 86_400);
    let hold = Hold {
        why: "a complaint".to_owned(),
        until,
    };
    let held = registrar.hold_record(by.clone(), who.clone(), "2026-119", hold.clone());
    held.await.unwrap();
    directory.caught_up(book.log().head()).await.unwrap();
    let holds = directory.holds(&who, book.now()).await.unwrap();
    assert_eq!(holds, [("2026-119".to_owned(), hold)]);
    let refused = registrar.erase_resident(by.clone(), who.clone(), "asked for");
    let refused = refused.await.unwrap_err();
    assert!(matches!(
        refused,
        DirectoryError::Refused(RecordRefusal::Held { .. })
    ));
    clock.advance(Duration::from_secs(3 * 86_400));
    assert_eq!(directory.holds(&who, Timestamp(until.0)).await.unwrap(), []);
    erase(&book, &who).await;
}

/// Waits until every record is indexed.
async fn indexed(directory: &Directory) {
    directory.index_phones();
    let all = async {
        loop {
            let found = directory.by_phone("82345678").await.unwrap().unwrap();
            if !found.incomplete {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let within = Duration::from_secs(20);
    tokio::time::timeout(within, all)
        .await
        .expect("records are indexed");
}

#[tokio::test]
async fn a_number_finds_its_resident_and_no_longer_once_they_are_erased() {
    let dir = tempfile::tempdir().unwrap();
    let book = memory().await;
    import(&book, &SMALL).await;
    let directory = Directory::open(book.clone(), Some(dir.path()))
        .await
        .unwrap();
    indexed(&directory).await;
    let find = async |phone: &str| directory.by_phone(phone).await.unwrap().unwrap().residents;
    for planned in harbin::residents(&SMALL) {
        let Profile {
            phone, contacts, ..
        } = &planned.profile;
        let own = (planned.resident.clone(), Whose::Own);
        assert!(find(phone).await.contains(&own), "{phone}");
        let spaced = format!("+86 {} {}", &phone[..3], &phone[3..]);
        assert!(find(&spaced).await.contains(&own), "{spaced}");
        let theirs = find(&contacts[0].phone).await;
        assert!(theirs.iter().any(|(id, _)| *id == planned.resident));
    }
    assert_eq!(directory.by_phone("no number").await.unwrap(), None);

    // A changed record is found by the new number only.
    let (who, by) = (resident(5), Actor::Registrar);
    let mut profile = directory.profile(&who).await.unwrap();
    let before = std::mem::replace(&mut profile.phone, "139 0451 0451".to_owned());
    let registrar = directory.registrar();
    registrar
        .change_profile(by, who.clone(), &profile)
        .await
        .unwrap();
    directory.caught_up(book.log().head()).await.unwrap();
    indexed(&directory).await;
    assert_eq!(find("13904510451").await, [(who.clone(), Whose::Own)]);
    assert!(!find(&before).await.contains(&(who.clone(), Whose::Own)));

    // Erased, the entry is gone from the table and from the file.
    let hash = book.vault().hash_lookup("phone", "13904510451");
    let hash: Vec<u8> = (0..16)
        .map(|at| u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let traces = || {
        let files = std::fs::read_dir(dir.path()).unwrap();
        let files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files
            .filter(|bytes| bytes.windows(hash.len()).any(|it| it == hash))
            .count()
    };
    assert!(traces() > 0, "it was there");
    erase(&book, &who).await;
    directory.caught_up(book.log().head()).await.unwrap();
    assert_eq!(find("13904510451").await, []);
    assert_eq!(traces(), 0);
    directory.stop().await;
    assert_eq!(traces(), 0);
}

#[tokio::test]
async fn numbers_are_found_with_another_master_key_too() {
    let book = memory().await;
    import(&book, &SMALL).await;
    let phone = harbin::residents(&SMALL).next().unwrap().profile.phone;
    let before = book.vault().hash_lookup("phone", &phone);
    let new = || MasterKey::from_bytes([9; 32]);
    book.vault().rotate(&new(), |_| {}).await.unwrap();
    book.vault().end_rotation().await.unwrap();
    let vault = Vault::open(book.log().clone(), new()).await.unwrap();
    assert_eq!(vault.hash_lookup("phone", &phone), before);
    let book = Casebook::new(book.log().clone(), vault);
    let directory = Directory::open(book, None).await.unwrap();
    indexed(&directory).await;
    let found = directory.by_phone(&phone).await.unwrap().unwrap();
    assert!(!found.residents.is_empty());
}
