//! How fast a city of residents is imported and opened again, and what memory that takes; on SQLite, in real time.
//!
//! For: `cargo run --release -p anling-directory --example size -- [RESIDENTS] [DIR]`. Figures go to standard output.
//! May not know: the directory's inside.

use casebook::{Casebook, MasterKey, Vault};
use directory::{Directory, harbin};
use domain::{DeviceId, ResidentId};
use eventlog::{Log, SystemClock};
use std::{error::Error, path::Path, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Residents and devices looked up one by one.
const LOOKUPS: u32 = 2_000;

type Done<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done<()> {
    let mut given = std::env::args().skip(1);
    let residents = given.next().map_or(Ok(500_000), |text| text.parse())?;
    let kept = given.next();
    let scratch = tempfile::tempdir()?;
    let dir = kept.as_ref().map_or(scratch.path(), Path::new);
    let key = dir.join("master.key");
    let plan = harbin::Plan {
        residents,
        ..harbin::Plan::default()
    };

    let began = Instant::now();
    let made = harbin::residents(&plan).count();
    println!("{made} residents invented in {:.1?}", began.elapsed());

    let (log, directory) = open(dir, MasterKey::load_or_create(&key)?).await?;
    let before = log.head();
    let idle = processor_s()?;
    let began = Instant::now();
    let registrar = directory.registrar();
    let imported = registrar.found_city(&plan, |_| "$argon2id$none".to_owned(), |_, _| {});
    let imported = imported.await?;
    let took = began.elapsed();
    println!(
        "{} events imported in {took:.1?}: {:.0} residents a second, all durable; {:.1} s of processor time",
        log.head().0 - before.0,
        f64::from(residents) / took.as_secs_f64(),
        processor_s()? - idle
    );
    let began = Instant::now();
    directory.caught_up(imported.position).await?;
    println!("read tables there {:.1?} later", began.elapsed());
    memory("after the import")?;
    let began = Instant::now();
    directory.stop().await;
    log.close().await;
    println!("closed in {:.1?}", began.elapsed());

    let began = Instant::now();
    let (log, directory) = open(dir, MasterKey::load(&key)?).await?;
    println!(
        "opened again, {} events, in {:.1?}",
        log.head(),
        began.elapsed()
    );
    lookups(&directory, residents).await?;
    memory("after opening again and looking up")?;
    for file in ["log.sqlite", "directory.sqlite"] {
        let bytes = std::fs::metadata(dir.join(file))?.len();
        println!("{file}: {} MiB", bytes >> 20);
    }
    directory.stop().await;
    log.close().await;
    Ok(())
}

async fn open(dir: &Path, key: MasterKey) -> Done<(Log, Directory)> {
    let log = Log::open_sqlite(dir, Arc::new(SystemClock)).await?;
    let vault = Vault::open(log.clone(), key).await?;
    let directory = Directory::open(Casebook::new(log.clone(), vault), Some(dir)).await?;
    Ok((log, directory))
}

/// Opens records spread over the whole city, none of which was asked for before.
async fn lookups(directory: &Directory, residents: u32) -> Done<()> {
    let (mut profiles, mut devices) = (Vec::new(), Vec::new());
    for n in (1..=residents).step_by(usize::try_from((residents / LOOKUPS).max(1))?) {
        let began = Instant::now();
        directory
            .profile(&ResidentId::parse(&format!("R{n:06}"))?)
            .await?;
        profiles.push(began.elapsed());
        let began = Instant::now();
        directory
            .device(&DeviceId::parse(&format!("HRB-{n:06}"))?)
            .await?;
        devices.push(began.elapsed());
    }
    for (what, mut took) in [("a record opened", profiles), ("a device found", devices)] {
        took.sort();
        let at = |percent: usize| took.get(took.len() * percent / 100).copied();
        let [half, most] = [50, 99].map(|percent| at(percent).unwrap_or(Duration::ZERO));
        println!("{what}: p50 {half:.1?}, p99 {most:.1?}");
    }
    Ok(())
}

/// Processor time this process has used, in seconds, ours and the kernel's for us (proc(5), `/proc/self/stat`).
fn processor_s() -> Done<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|it| it.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Resident memory of this process, and the most it ever was (proc(5), `/proc/self/status`).
fn memory(when: &str) -> Done<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next());
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or_default()
            / 1024
    };
    println!(
        "memory {when}: {} MiB, at most {} MiB",
        mib("VmRSS:"),
        mib("VmHWM:")
    );
    Ok(())
}
