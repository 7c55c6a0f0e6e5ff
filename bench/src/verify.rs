//! Verification of a signed log on one core.
//!
//! For: `anling log verify`'s work, with every thread of it on one core.
//! May not know: what is verified.

use std::path::{Path, PathBuf};

use eventlog::Log;
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use notary::{Ledger, Notary, NotaryOptions, Outlets, Signer, Verification, Verifier};
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::time::Instant;

use crate::appenders;
use crate::cli::Settings;
use crate::event::STREAMS;
use crate::figures::{Cell, Section, Target};
use crate::progress::Progress;
use crate::raw::micros;

const EVENTS: u64 = 400_000;
/// Events a second.
const LEAST: f64 = 150_000.0;

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("verification");
    progress.section(section.name, 2 + settings.rounds);
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    progress.step("filling the log");
    let log = appenders::open(dir.path()).await?;
    appenders::fill(&log, 0, EVENTS, STREAMS).await?;
    progress.stepped(1);
    progress.step("signing it");
    let signer = Signer::from_seed("anling/bench", [7; 32]).doing("make a key")?;
    let verifier = signer.verifier().clone();
    let ledger = Ledger::open_sqlite(dir.path()).await;
    let options = NotaryOptions {
        signer: Some(signer),
        holder: "bench".to_owned(),
        outlets: Outlets::default(),
    };
    let notary = Notary::start(log.clone(), ledger.doing("open the ledger")?, options);
    notary.stop().await;
    log.close().await;
    progress.stepped(1);
    for _ in 0..settings.rounds {
        progress.step("verifying");
        let cell = on_one_core(dir.path().to_path_buf(), verifier.clone()).await?;
        section.cell("verified on one core", cell);
        section.figure("events a second", cell.rate(), Target::AtLeast(LEAST));
        progress.stepped(1);
    }
    Ok(section)
}

/// In a thread that keeps to one core, and so does every thread that is started from it.
async fn on_one_core(dir: PathBuf, verifier: Verifier) -> Result<Cell, Failure> {
    let work = move || {
        let mut core = CpuSet::new();
        core.set(0);
        sched_setaffinity(None, &core).doing("keep to one core")?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.doing("make a runtime")?;
        runtime.block_on(verify(&dir, &verifier))
    };
    let (done, result) = tokio::sync::oneshot::channel();
    // A thread of its own, not one that the runtime would use again.
    std::thread::spawn(move || drop(done.send(work())));
    result.await.doing("verify")?
}

async fn verify(dir: &Path, verifier: &Verifier) -> Result<Cell, Failure> {
    let log = Log::open_sqlite_reader(dir).await.doing("open the log")?;
    let ledger = Ledger::read_sqlite(dir).await.doing("open the ledger")?;
    let began = Instant::now();
    let verification = Verification {
        log: &log,
        ledger: ledger.as_ref(),
        verifier,
        against: None,
    };
    let report = verification.run(|_| ()).await.doing("verify")?;
    let took = began.elapsed();
    if !report.findings.is_empty() || report.signed != EVENTS {
        return Err(Failure(format!("verification found {report:?}")));
    }
    let mut whole = Latencies::default();
    whole.add(micros(began));
    log.close().await;
    Ok(Cell::counted(EVENTS, &whole, took))
}
