//! Another master key: everything opens before, during and after, wherever it is interrupted.
//!
//! For: rotation alone, with a crash at any append, and with two processes that each hold one of the keys.
//! May not know: where master keys are kept.

use casebook::{Binding, MasterKey, Unopened, Vault, VaultError, streams};
use domain::{ResidentId, Sealed};
use eventlog::{EventId, Log, ManualClock, StreamName};
use std::sync::Arc;
use uuid::Uuid;

/// More than are wrapped anew in one commit.
const RESIDENTS: usize = eventlog::SECRETS_AT_ONCE + 40;

fn old() -> MasterKey {
    MasterKey::from_bytes([1; 32])
}

fn new() -> MasterKey {
    MasterKey::from_bytes([2; 32])
}

fn name(number: usize) -> String {
    format!("resident-r-{number:04}")
}

fn stream() -> StreamName {
    streams::resident(&ResidentId::parse("r-1").unwrap())
}

fn at(stream: &StreamName) -> Binding<'_> {
    Binding {
        stream,
        event: EventId(Uuid::from_u128(1)),
        field: "profile",
    }
}

async fn seal(vault: &Vault, name: &str) -> Result<Sealed, VaultError> {
    vault.seal(name, at(&stream()), name.as_bytes()).await
}

/// A log under the old key, with everybody's field.
async fn city() -> (Log, Vec<Sealed>) {
    let log = Log::memory(Arc::new(ManualClock::new(0)));
    let vault = Vault::open(log.clone(), old()).await.unwrap();
    let names: Vec<String> = (0..RESIDENTS).map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    vault.create_keys(&names).await.unwrap();
    let mut sealed = Vec::new();
    for name in names {
        sealed.push(seal(&vault, name).await.unwrap());
    }
    (log, sealed)
}

async fn all_open(vault: &Vault, sealed: &[Sealed]) {
    for field in sealed {
        let opened = vault.open_sealed(field, at(&stream())).await;
        assert_eq!(opened.as_deref(), Ok(field.key.as_bytes()));
    }
}

async fn wrong(log: &Log, key: MasterKey) {
    let refused = Vault::open(log.clone(), key).await;
    assert_eq!(refused.unwrap_err(), VaultError::WrongMasterKey);
}

#[tokio::test]
async fn after_a_rotation_the_new_key_opens_everything_and_the_old_one_nothing() {
    let (log, sealed) = city().await;
    let vault = Vault::open(log.clone(), old()).await.unwrap();
    let found_by = vault.hash_lookup("phone", "13900000000");
    let mut told = Vec::new();
    let changed = vault.rotate(&new(), |done| told.push(done)).await.unwrap();
    assert_eq!(told.last(), Some(&changed));
    assert!(changed >= RESIDENTS as u64, "{changed}");
    assert!(vault.rotation().await.unwrap().unwrap().is(&new()));
    // Until it is ended either key opens everything.
    for key in [old(), new()] {
        let either = Vault::open(log.clone(), key).await.unwrap();
        all_open(&either, &sealed).await;
    }
    vault.end_rotation().await.unwrap();
    assert!(vault.rotation().await.unwrap().is_none());
    all_open(&vault, &sealed).await;
    let fresh = Vault::open(log.clone(), new()).await.unwrap();
    all_open(&fresh, &sealed).await;
    assert_eq!(fresh.hash_lookup("phone", "13900000000"), found_by);
    wrong(&log, old()).await;
    // A second rotation, after the first.
    let third = || MasterKey::from_bytes([3; 32]);
    fresh.rotate(&third(), |_| {}).await.unwrap();
    fresh.end_rotation().await.unwrap();
    let fresh = Vault::open(log.clone(), third()).await.unwrap();
    all_open(&fresh, &sealed).await;
    wrong(&log, new()).await;
}

#[tokio::test]
async fn a_rotation_that_broke_off_anywhere_goes_on() {
    let (begun, sealed) = city().await;
    let mut crashes = 0;
    for after in 0.. {
        let log = begun.fork_after_crash().unwrap();
        let vault = Vault::open(log.clone(), old()).await.unwrap();
        log.faults().crash_after_changes(after);
        let whole = async {
            vault.rotate(&new(), |_| {}).await?;
            vault.end_rotation().await
        };
        let done = whole.await;
        let log = log.fork_after_crash().unwrap();
        if done.is_ok() {
            break;
        }
        crashes += 1;
        // Whoever starts now has the one file or the other, and a rotation under way says which is new.
        let again = match Vault::open(log.clone(), old()).await {
            Ok(vault) => vault,
            Err(_) => Vault::open(log.clone(), new()).await.unwrap(),
        };
        all_open(&again, &sealed).await;
        again.rotate(&new(), |_| {}).await.unwrap();
        again.end_rotation().await.unwrap();
        let fresh = Vault::open(log.clone(), new()).await.unwrap();
        all_open(&fresh, &sealed).await;
        wrong(&log, old()).await;
    }
    assert!(crashes >= 5, "it was interrupted in many places: {crashes}");
}

#[tokio::test]
async fn another_process_goes_on_with_the_old_key_meanwhile() {
    let (log, mut sealed) = city().await;
    let here = Vault::open(log.clone(), old()).await.unwrap();
    let there = Vault::open(log.clone(), old()).await.unwrap();
    // One that it knows by heart, and one made before it hears of anything.
    all_open(&there, &sealed[..1]).await;
    here.rotate(&new(), |_| {}).await.unwrap();
    all_open(&there, &sealed).await;
    sealed.push(seal(&there, "resident-made-there").await.unwrap());
    sealed.push(seal(&here, "resident-made-here").await.unwrap());
    here.end_rotation().await.unwrap();
    all_open(&there, &sealed).await;
    sealed.push(seal(&there, "resident-made-later").await.unwrap());
    let fresh = Vault::open(log.clone(), new()).await.unwrap();
    all_open(&fresh, &sealed).await;
}

#[tokio::test]
async fn who_is_erased_during_a_rotation_stays_erased() {
    let (log, sealed) = city().await;
    let vault = Vault::open(log.clone(), old()).await.unwrap();
    let other = Vault::open(log.clone(), old()).await.unwrap();
    let mut erased = None;
    let (key, ninth) = (new(), name(9));
    let (_, gone) = tokio::join!(vault.rotate(&key, |_| {}), other.forget(&ninth));
    gone.unwrap();
    vault.end_rotation().await.unwrap();
    for (number, field) in sealed.iter().enumerate() {
        let fresh = Vault::open(log.clone(), new()).await.unwrap();
        let opened = fresh.open_sealed(field, at(&stream())).await;
        match number {
            9 => erased = Some(opened),
            _ => drop(opened.unwrap()),
        }
    }
    assert_eq!(erased, Some(Err(Unopened::Erased)));
}

#[tokio::test]
async fn a_rotation_to_a_third_key_waits_for_the_first_to_end() {
    let (log, sealed) = city().await;
    let vault = Vault::open(log.clone(), old()).await.unwrap();
    vault.rotate(&new(), |_| {}).await.unwrap();
    let third = MasterKey::from_bytes([3; 32]);
    let refused = vault.rotate(&third, |_| {}).await.unwrap_err();
    assert_eq!(refused, VaultError::OtherRotation);
    assert!(refused.to_string().contains("anling key rotate"));
    all_open(&vault, &sealed).await;
}
