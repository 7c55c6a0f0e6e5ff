//! Rows deleted, records rewritten with their hashes, and what lies after the last checkpoint.
//!
//! For: each is found and placed, or said to be unsigned.
//! May not know: single bits; those are `bits`'.

use notary::{Checkpoint, Report};

use crate::bench::{Bench, CHECKPOINTS, Kind, SIGNED, signer};

/// Deletes, verifies and puts back.
async fn without(bench: &Bench, table: &str, row: &str) -> Report {
    let sql = format!("DELETE FROM {} WHERE {row}", bench.table(table));
    assert_eq!(bench.execute(table, &sql).await, Ok(1), "{sql}");
    let report = bench.verify().await.unwrap();
    bench.put_back().await;
    assert!(!report.findings.is_empty(), "not found: {sql}");
    report
}

async fn every_deleted_row_is_found_and_placed(kind: Kind) {
    let bench = Bench::new(kind.clone(), 0).await;
    for place in [1, 300, SIGNED - 1, SIGNED] {
        let report = without(&bench, "events", &format!("position = {place}")).await;
        assert_eq!(report.first(), Some(place), "{report:?}");
    }
    for (stream, first) in [("device-1", 1), ("policy", 4)] {
        let report = without(&bench, "streams", &format!("name = '{stream}'")).await;
        assert_eq!(report.first(), Some(first), "{report:?}");
    }
    if matches!(kind, Kind::Sqlite) {
        let report = without(&bench, "categories", "name = 'incident'").await;
        assert_eq!(report.first(), Some(3), "{report:?}");
    }
    for number in 1..=CHECKPOINTS {
        let report = without(&bench, "checkpoints", &format!("number = {number}")).await;
        let said = format!("{report:?}");
        assert!(said.contains(&format!("checkpoint {number}")), "{said}");
    }
    for (level, tile, first) in [(0, 0, 1), (0, 1, 257), (0, 2, 513), (1, 0, 1)] {
        let row = format!("level = {level} AND tile = {tile}");
        let report = without(&bench, "tiles", &row).await;
        assert_eq!(report.first(), Some(first), "{report:?}");
    }
    let report = without(&bench, "notary", "one = 1").await;
    assert!(
        format!("{report:?}").contains("nothing is signed"),
        "{report:?}"
    );
}

#[tokio::test]
async fn every_deleted_row_is_found_and_placed_on_sqlite() {
    every_deleted_row_is_found_and_placed(Kind::Sqlite).await;
}

#[tokio::test]
async fn every_deleted_row_is_found_and_placed_on_postgresql() {
    every_deleted_row_is_found_and_placed(Kind::Postgres).await;
}

#[tokio::test]
async fn what_lies_after_the_last_checkpoint_is_said_and_not_vouched_for() {
    let bench = Bench::new(Kind::Sqlite, 10).await;
    let clean = bench.verify().await.unwrap();
    assert_eq!((clean.signed, clean.unsigned), (SIGNED, 10));
    let sql = format!(
        "UPDATE events SET body = X'00' WHERE position = {}",
        SIGNED + 5
    );
    bench.execute("events", &sql).await.unwrap();
    assert_eq!(
        bench.verify().await.unwrap(),
        clean,
        "nothing can be proved of it"
    );
    let sql = format!("DELETE FROM events WHERE position = {}", SIGNED + 5);
    bench.execute("events", &sql).await.unwrap();
    let report = bench.verify().await.unwrap();
    assert_eq!(report.first(), Some(SIGNED + 5), "a gap is a gap");
    assert!(format!("{report:?}").contains("after the last checkpoint"));
}

#[tokio::test]
async fn a_record_rewritten_together_with_its_hash_is_placed_between_two_checkpoints() {
    let bench = Bench::new(Kind::Sqlite, 0).await;
    let other = Bench::empty(Kind::Sqlite);
    // The same log with one record changed before it was signed has the hash that fits the change.
    let log = bench.open().await;
    let records = log
        .read_all(eventlog::Position(299), eventlog::Direction::Forward, 1)
        .await
        .unwrap();
    let mut changed = (*records[0]).clone();
    changed.body = bytes::Bytes::from_static(b"{\"number\":999}");
    log.close().await;
    drop(other);
    let leaf = notary::leaf_hash(&changed, &mut Vec::new()).to_hex();
    let body: String = changed
        .body
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sql = format!("UPDATE events SET body = X'{body}' WHERE position = 300");
    bench.execute("events", &sql).await.unwrap();
    let at = (300 - 1 - 256) * 32;
    let sql = format!(
        "UPDATE tiles SET hashes = CAST(substr(hashes, 1, {at}) || X'{leaf}' || substr(hashes, {}) AS BLOB) \
         WHERE level = 0 AND tile = 1",
        at + 33
    );
    bench.execute("tiles", &sql).await.unwrap();
    let report = bench.verify().await.unwrap();
    assert_eq!(report.first(), Some(241), "{report:?}");
    assert!(
        format!("{report:?}").contains("positions 241 and 360"),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_checkpoint_kept_outside_finds_what_its_holder_of_the_key_rewrote() {
    let bench = Bench::new(Kind::Sqlite, 10).await;
    let ledger = bench.ledger().await.unwrap();
    let notes = ledger.checkpoints(0, 10).await.unwrap();
    let outer = Checkpoint::open(&notes[1].note, signer().verifier()).unwrap();
    let report = bench
        .verify_against(signer().verifier(), Some(outer.clone()))
        .await
        .unwrap();
    assert_eq!((report.against, report.findings.len()), (Some(240), 0));
    // Whoever holds the key makes everything anew.
    for name in ["notary.sqlite", "notary.sqlite-wal", "notary.sqlite-shm"] {
        drop(std::fs::remove_file(bench.dir.path().join(name)));
    }
    let sql = "UPDATE events SET body = X'00' WHERE position = 100";
    bench.execute("events", sql).await.unwrap();
    let log = bench.open().await;
    bench.notary(&log, Some(signer())).await.stop().await;
    log.close().await;
    assert!(
        bench.verify().await.unwrap().findings.is_empty(),
        "inside all fits"
    );
    let report = bench
        .verify_against(signer().verifier(), Some(outer))
        .await
        .unwrap();
    assert!(format!("{report:?}").contains("kept outside"), "{report:?}");
}

#[tokio::test]
async fn a_checkpoint_of_a_longer_log_is_not_fitted_by_a_shorter_one() {
    let bench = Bench::new(Kind::Sqlite, 0).await;
    let note = bench
        .ledger()
        .await
        .unwrap()
        .end()
        .await
        .unwrap()
        .unwrap()
        .1
        .unwrap();
    let outer = Checkpoint::open(&note.note, signer().verifier()).unwrap();
    let short = Bench::empty(Kind::Sqlite);
    let log = short.open().await;
    crate::bench::append(&log, 1).await;
    log.close().await;
    let report = short
        .verify_against(signer().verifier(), Some(outer))
        .await
        .unwrap();
    assert_eq!(report.first(), Some(2), "{report:?}");
}
