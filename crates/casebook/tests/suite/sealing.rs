//! Sealing: personal data opens where it was sealed, and nowhere once its key is gone.
//!
//! For: round trips, tampering, erasure, master keys, and the bytes on disk.
//! May not know: what a profile holds.

use crate::common::{self, memory, sqlite};
use casebook::{Binding, MasterKey, ToSeal, Unopened, Vault, VaultError, streams};
use domain::{ResidentId, Sealed};
use eventlog::{EventId, Log, ManualClock, StreamName};
use proptest::prelude::*;
use std::{path::Path, sync::Arc};
use uuid::Uuid;

fn stream() -> StreamName {
    streams::resident(&ResidentId::parse("r-1").unwrap())
}

fn at(stream: &StreamName, event: u128) -> Binding<'_> {
    Binding {
        stream,
        event: EventId(Uuid::from_u128(event)),
        field: "profile",
    }
}

#[tokio::test]
async fn what_is_sealed_opens_in_its_place_and_in_no_other() {
    let vault = memory().await.vault().clone();
    let (here, there) = (stream(), StreamName::new("resident-r-2").unwrap());
    let sealed = vault.seal("resident-r-1", at(&here, 1), b"name").await;
    let sealed = sealed.unwrap();
    assert_eq!(sealed.key, "resident-r-1");
    let opened = vault.open_sealed(&sealed, at(&here, 1)).await;
    assert_eq!(opened.as_deref(), Ok(b"name".as_slice()));
    let other_field = Binding {
        field: "note",
        ..at(&here, 1)
    };
    for elsewhere in [at(&there, 1), at(&here, 2), other_field] {
        let opened = vault.open_sealed(&sealed, elsewhere).await;
        assert_eq!(opened, Err(Unopened::Tampered), "{elsewhere:?}");
    }
    vault.create_keys(&["resident-r-2"]).await.unwrap();
    let renamed = Sealed {
        key: "resident-r-2".to_owned(),
        ..sealed
    };
    let opened = vault.open_sealed(&renamed, at(&here, 1)).await;
    assert!(opened.is_err(), "another key's name opens nothing");
}

#[tokio::test]
async fn a_changed_box_does_not_open() {
    let vault = memory().await.vault().clone();
    let here = stream();
    let sealed = vault
        .seal_json("resident-r-1", at(&here, 1), &["北京"])
        .await;
    let sealed = sealed.unwrap();
    let opened = vault.open_json::<Vec<String>>(&sealed, at(&here, 1)).await;
    assert_eq!(opened, Ok(vec!["北京".to_owned()]));
    let mut flipped = sealed.boxed.clone().into_bytes();
    flipped[0] = if flipped[0] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for boxed in [flipped.as_str(), "", "AAAA", "not base64!"] {
        let changed = Sealed {
            boxed: boxed.to_owned(),
            ..sealed.clone()
        };
        let opened = vault.open_sealed(&changed, at(&here, 1)).await;
        assert_eq!(opened, Err(Unopened::Tampered), "{boxed:?}");
    }
    for nonce in ["", "AAAA", "…"] {
        let changed = Sealed {
            nonce: nonce.to_owned(),
            ..sealed.clone()
        };
        let opened = vault.open_sealed(&changed, at(&here, 1)).await;
        assert_eq!(opened, Err(Unopened::Tampered), "{nonce:?}");
    }
}

#[tokio::test]
async fn a_destroyed_key_opens_nothing_and_nothing_more_is_sealed_under_its_name() {
    let vault = memory().await.vault().clone();
    let here = stream();
    let old = vault.seal("resident-r-1", at(&here, 1), b"old").await;
    let old = old.unwrap();
    vault.forget("resident-r-1").await.unwrap();
    let opened = vault.open_sealed(&old, at(&here, 1)).await;
    assert_eq!(opened, Err(Unopened::Erased));
    let erased = VaultError::Erased("resident-r-1".to_owned());
    let new = vault.seal("resident-r-1", at(&here, 2), b"new").await;
    assert_eq!(new, Err(erased.clone()));
    let together = vault.create_keys(&["resident-r-2", "resident-r-1"]).await;
    assert_eq!(together, Err(erased));
    let forgotten = vault.forgotten("", 9).await;
    assert_eq!(forgotten, Ok(vec!["resident-r-1".to_owned()]));
}

/// An old log may hold a later key of the same name.
#[tokio::test]
async fn what_a_key_sealed_that_another_took_the_place_of_reads_as_erased() {
    let book = memory().await;
    let here = stream();
    let old = book
        .vault()
        .seal("resident-r-1", at(&here, 1), b"old")
        .await;
    let old = old.unwrap();
    book.log().secrets().delete("resident-r-1").await.unwrap();
    let vault = common::over(book.log().clone()).await.vault().clone();
    let new = vault.seal("resident-r-1", at(&here, 2), b"new").await;
    let opened = vault.open_sealed(&new.unwrap(), at(&here, 2)).await;
    assert_eq!(opened.as_deref(), Ok(b"new".as_slice()));
    let opened = vault.open_sealed(&old, at(&here, 1)).await;
    assert_eq!(opened, Err(Unopened::Erased));
}

#[tokio::test]
async fn a_wrong_master_key_is_told_with_what_to_do() {
    let log = Log::memory(Arc::new(ManualClock::new(0)));
    let right = || MasterKey::from_bytes([1; 32]);
    let vault = Vault::open(log.clone(), right()).await.unwrap();
    let here = stream();
    let sealed = vault.seal("resident-r-1", at(&here, 1), b"x").await;
    let sealed = sealed.unwrap();
    let wrong = Vault::open(log.clone(), MasterKey::random()).await;
    let error = wrong.unwrap_err();
    assert_eq!(error, VaultError::WrongMasterKey);
    assert!(error.to_string().contains("put back the key file"));
    let again = Vault::open(log, right()).await.unwrap();
    let opened = again.open_sealed(&sealed, at(&here, 1)).await;
    assert_eq!(opened.as_deref(), Ok(b"x".as_slice()));
}

#[tokio::test]
async fn a_key_that_cannot_belong_to_a_subject_is_refused() {
    let vault = memory().await.vault().clone();
    let here = stream();
    for name in ["", casebook::vault::CHECK_NAME, "0", "\u{0}"] {
        let refused = vault.seal(name, at(&here, 1), b"x").await;
        assert!(matches!(refused, Err(VaultError::KeyName(_))), "{name:?}");
    }
}

#[tokio::test]
async fn a_vault_that_cannot_reach_the_log_says_so() {
    let book = memory().await;
    let here = stream();
    let sealed = book.vault().seal("resident-r-1", at(&here, 1), b"x").await;
    let sealed = sealed.unwrap();
    let fresh = common::over(book.log().clone()).await;
    fresh.log().faults().fail_reads(1);
    let opened = fresh.vault().open_sealed(&sealed, at(&here, 1)).await;
    assert!(
        matches!(opened, Err(Unopened::Unavailable(_))),
        "{opened:?}"
    );
    let opened = fresh.vault().open_sealed(&sealed, at(&here, 1)).await;
    assert_eq!(opened.as_deref(), Ok(b"x".as_slice()));
}

#[tokio::test]
async fn numbers_are_looked_up_by_a_hash_that_needs_the_master_key() {
    let vault = memory().await.vault().clone();
    let phone = vault.hash_lookup("phone", "13900000000");
    assert_eq!(phone, vault.hash_lookup("phone", "13900000000"));
    assert_ne!(phone, vault.hash_lookup("name", "13900000000"));
    assert_eq!(phone.len(), 64);
    let log = Log::memory(Arc::new(ManualClock::new(0)));
    let other = Vault::open(log, MasterKey::random()).await.unwrap();
    assert_ne!(phone, other.hash_lookup("phone", "13900000000"));
}

#[tokio::test]
async fn no_file_of_the_log_holds_what_was_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let book = sqlite(folder.path()).await;
    let secret = "王秀英 南岗区花园街 13904510000";
    let id = common::press(&book, 1).await.incident.unwrap();
    let key = common::subject();
    let text = book
        .seal_for_command(key.as_str(), id, common::command(1), 0, "text", secret)
        .await
        .unwrap();
    let note = common::asked("wang", domain::incident::IncidentCommand::AddNote { text });
    book.act(id, common::command(1), note).await.unwrap();
    let open_files = raw_bytes(folder.path());
    book.log().close().await;
    for bytes in [open_files, raw_bytes(folder.path())] {
        assert!(contains(&bytes, b"NoteAdded"), "the events are there");
        for part in ["王秀英", "花园街", "13904510000", "126630000", "45750000"] {
            assert!(
                !contains(&bytes, part.as_bytes()),
                "{part} is in plain bytes"
            );
        }
        assert!(!contains(&bytes, &[7; 32]), "the master key is not there");
    }
}

#[tokio::test]
async fn two_thousand_residents_get_their_keys_together() {
    let folder = tempfile::tempdir().unwrap();
    let book = sqlite(folder.path()).await;
    let names: Vec<String> = (0..2_000).map(|it| format!("resident-r-{it}")).collect();
    let streams: Vec<StreamName> = (0..2_000)
        .map(|it| streams::resident(&ResidentId::parse(&format!("r-{it}")).unwrap()))
        .collect();
    let fields: Vec<ToSeal<'_>> = names
        .iter()
        .zip(&streams)
        .map(|(key, stream)| ToSeal {
            key,
            binding: at(stream, 1),
            plain: b"profile",
        })
        .collect();
    let sealed = book.vault().seal_many(&fields).await.unwrap();
    assert_eq!(sealed.len(), 2_000);
    let last = book
        .vault()
        .open_sealed(&sealed[1_999], at(&streams[1_999], 1));
    assert_eq!(last.await.as_deref(), Ok(b"profile".as_slice()));
    // Made together, or two thousand fsyncs would be waited for one by one. How many share a commit depends on how fast
    // the disk is, so the bound is wide.
    let commits = book.log().metrics().batches;
    assert!(commits < 200, "{commits} commits for 2,000 keys");
}

fn raw_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    bytes
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sealed_field_made_up_by_somebody_is_refused_and_nothing_breaks(
        nonce in ".{0,40}", boxed in ".{0,60}", key in ".{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let opened = runtime.block_on(async {
            let vault = memory().await.vault().clone();
            let here = stream();
            let made_up = Sealed { key, nonce, boxed };
            vault.open_sealed(&made_up, at(&here, 1)).await
        });
        prop_assert!(opened.is_err());
    }
}
