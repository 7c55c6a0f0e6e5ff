//! The follower: goes on after a crash, and refuses what does not extend what was signed.
//!
//! For: one history, signed once.
//! May not know: verification's findings.

use std::time::Duration;

use notary::{Figures, Notary, Signer, Status};

use crate::bench::{Bench, Kind, SIGNED, append, signer};
use crate::server::PostgresServer;

/// Waits until the notary stands as wanted.
async fn until(notary: &Notary, wanted: impl Fn(&Figures) -> bool) -> Figures {
    let figures = notary.figures();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let seen = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            ticks.tick().await;
            let now = figures();
            if wanted(&now) {
                return now;
            }
        }
    });
    seen.await
        .unwrap_or_else(|_| panic!("the notary stands otherwise: {:?}", figures()))
}

async fn signs_what_is_committed_and_goes_on_after_a_crash(kind: Kind) {
    let bench = Bench::empty(kind);
    let log = bench.open().await;
    let notary = bench.notary(&log, Some(signer())).await;
    for number in 1..=5 {
        append(&log, number).await;
    }
    until(&notary, |it| it.size == 5).await;
    // Dropped without a word: what it had in hand is gone, and its lease is still held.
    drop(notary);
    for number in 6..=300 {
        append(&log, number).await;
    }
    let notary = bench.notary(&log, Some(signer())).await;
    until(&notary, |it| it.size == 300).await;
    notary.stop().await;
    log.close().await;
    let report = bench.verify().await.unwrap();
    assert_eq!(
        (report.findings.len(), report.signed),
        (0, 300),
        "{report:?}"
    );
}

#[tokio::test]
async fn signs_what_is_committed_and_goes_on_after_a_crash_on_sqlite() {
    signs_what_is_committed_and_goes_on_after_a_crash(Kind::Sqlite).await;
}

#[tokio::test]
async fn signs_what_is_committed_and_goes_on_after_a_crash_on_postgresql() {
    signs_what_is_committed_and_goes_on_after_a_crash(Kind::Postgres).await;
}

#[tokio::test]
async fn a_role_that_may_only_use_the_tables_signs() {
    let mut bench = Bench::empty(Kind::Postgres);
    let log = bench.open().await;
    append(&log, 1).await;
    let notary = bench.notary(&log, Some(signer())).await;
    until(&notary, |it| it.size == 1).await;
    notary.stop().await;
    log.close().await;
    let schema = bench.options.schema.clone();
    let all = format!("{schema}, {schema}_keys, {schema}_notary");
    PostgresServer::shared().sql(&format!(
        "CREATE ROLE {schema}_service LOGIN; GRANT USAGE ON SCHEMA {all} TO {schema}_service; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {all} TO {schema}_service"
    ));
    let service = format!("{schema}_service@");
    bench.options.url = bench.options.url.replace("postgres@", &service);
    let log = bench.open().await;
    append(&log, 2).await;
    let notary = bench.notary(&log, Some(signer())).await;
    until(&notary, |it| it.size == 2).await;
    notary.stop().await;
    log.close().await;
}

#[tokio::test]
async fn a_log_that_does_not_extend_what_was_signed_is_not_signed() {
    let bench = Bench::new(Kind::Sqlite, 0).await;
    for (sql, told) in [
        (
            "UPDATE events SET body = X'00' WHERE position = 599",
            "position 599",
        ),
        ("DELETE FROM events WHERE position >= 590", "590 records"),
    ] {
        bench.execute("events", sql).await.unwrap();
        let log = bench.open().await;
        let notary = bench.notary(&log, Some(signer())).await;
        let refused = until(&notary, |it| matches!(it.status, Status::Refusing(_))).await;
        let said = refused.degraded().unwrap();
        assert!(
            said.contains(told) || said.contains("ends at position 589"),
            "{said}"
        );
        notary.stop().await;
        log.close().await;
        let end = bench.ledger().await.unwrap().end().await.unwrap().unwrap();
        assert_eq!(end.0.size, SIGNED, "nothing new was signed");
        bench.put_back().await;
    }
}

#[tokio::test]
async fn a_tree_that_was_changed_is_not_signed_over() {
    let bench = Bench::new(Kind::Sqlite, 3).await;
    for sql in [
        "UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND tile = 1",
        "DELETE FROM tiles WHERE level = 0 AND tile = 2",
        "DELETE FROM checkpoints WHERE number = 5",
        "UPDATE checkpoints SET note = replace(note, 'anling', 'another') WHERE number = 5",
    ] {
        bench.execute("tiles", sql).await.unwrap();
        let log = bench.open().await;
        let notary = bench.notary(&log, Some(signer())).await;
        until(&notary, |it| matches!(it.status, Status::Refusing(_))).await;
        notary.stop().await;
        log.close().await;
        bench.put_back().await;
    }
}

#[tokio::test]
async fn another_key_does_not_sign_this_log() {
    let bench = Bench::new(Kind::Sqlite, 3).await;
    let other = Signer::from_seed("anling/bench", [8; 32]).unwrap();
    for signer in [None, Some(other)] {
        let log = bench.open().await;
        let notary = bench.notary(&log, signer).await;
        let told = until(&notary, |it| matches!(it.status, Status::WithoutKey(_))).await;
        assert_eq!(told.degraded(), None, "another process may well sign");
        notary.stop().await;
        log.close().await;
    }
}
