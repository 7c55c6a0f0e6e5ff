//! Measures verification: makes a log, signs it, verifies it.
//!
//! For: figures by hand, `cargo run --release -p anling-notary --example measure_verify -- 1000000`.
//! May not know: any limit to hold; it prints what it saw.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measuring tool that meets the unexpected stops there, and reads the clock"
)]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use eventlog::{EventId, Expected, Lane, Log, NewEvent, StreamAppend, StreamName, SystemClock};
use notary::{Ledger, Notary, NotaryOptions, Outlets, Signer, Verification};

/// Bytes of body and metadata together.
const EVENT: usize = 400;

#[tokio::main]
async fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .map_or(200_000, |it| it.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open_sqlite(dir.path(), Arc::new(SystemClock))
        .await
        .unwrap();
    let begun = Instant::now();
    for first in (0..count).step_by(1_000) {
        let event = |number: u64| NewEvent {
            id: EventId(uuid::Uuid::from_u128(u128::from(number))),
            kind: "AlarmReceived".to_owned(),
            body: Bytes::from(format!(
                "{{\"number\":{number:>width$}}}",
                width = EVENT - 60
            )),
            meta: Bytes::from_static(b"{\"correlation\":\"0123456789abcdef01234567\"}"),
        };
        let append = |stream: u64| StreamAppend {
            stream: StreamName::new(format!(
                "device-{}",
                (first / 1_000 + stream * 997) % 10_000
            ))
            .unwrap(),
            expected: Expected::Any,
            events: (0..20).map(|it| event(first + stream * 20 + it)).collect(),
        };
        log.append(Lane::Bulk, (0..50).map(append).collect())
            .await
            .unwrap();
    }
    let head = log.head().0;
    println!(
        "{head} records written in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let signer = Signer::from_seed("anling/measure", [7; 32]).unwrap();
    let verifier = signer.verifier().clone();
    let begun = Instant::now();
    let ledger = Ledger::open_sqlite(dir.path()).await.unwrap();
    let options = NotaryOptions {
        signer: Some(signer),
        holder: "measure".to_owned(),
        outlets: Outlets::default(),
    };
    Notary::start(log.clone(), ledger, options).stop().await;
    println!("signed in {:.1} s", begun.elapsed().as_secs_f64());
    log.close().await;
    for round in 1..=3 {
        let log = Log::open_sqlite_reader(dir.path()).await.unwrap();
        let ledger = Ledger::read_sqlite(dir.path()).await.unwrap();
        let begun = Instant::now();
        let verification = Verification {
            log: &log,
            ledger: ledger.as_ref(),
            verifier: &verifier,
            against: None,
        };
        let report = verification.run(|_| ()).await.unwrap();
        let took = begun.elapsed().as_secs_f64();
        assert!(report.findings.is_empty(), "{report:?}");
        println!(
            "verified {} of {head} records in {took:.2} s, {:.0}/s (round {round})",
            report.signed,
            head as f64 / took
        );
        log.close().await;
    }
}
