//! A bulk import runs beside the presses: they hardly notice.
//!
//! For: the urgent lane kept through the whole door. A binary of its own: what is measured shares the machine with
//! nothing but the import.
//! May not know: anything inside the crate.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

#[expect(
    dead_code,
    reason = "the house of the other stories, of which this one uses a corner"
)]
#[path = "../doors/common.rs"]
mod common;

use crate::common::{House, KEY, clock};
use directory::harbin::{AccountPlan, Plan};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Presses measured in each half.
const PRESSES: usize = 400;
/// Between two presses.
const EVERY: Duration = Duration::from_millis(8);
/// Rounds of which one must hold.
const ROUNDS: u64 = 4;
/// How much slower the slowest hundredth may be while an import runs.
const RATIO_MAX: u32 = 3;
/// Below this, idle counts as this. In an unoptimised build on two cores the import's sealing takes half of the machine,
/// and a press that is looked up, decided and appended waits some milliseconds for a core at each step: turns of the
/// scheduler, not of the log. What this test is there to find, an import standing before presses, costs hundreds.
const IDLE_FLOOR: Duration = Duration::from_millis(10);

async fn p99(house: &House, half: &str) -> Duration {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut taken = Vec::with_capacity(PRESSES);
    for n in 0..PRESSES {
        ticks.tick().await;
        let body = json!({ "device": crate::common::DEVICE, "press": format!("{half}-{n}"), "kind": "sos" }).to_string();
        let begin = Instant::now();
        let answer = house.send(Some(KEY), body.as_bytes()).await;
        taken.push(begin.elapsed());
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    taken.sort();
    taken[PRESSES * 99 / 100]
}

fn no_password(_: &AccountPlan) -> String {
    "$argon2id$none".to_owned()
}

fn quiet(_: u64, _: u64) {}

/// The slowest hundredth idle and beside an import, and how many events the import wrote meanwhile.
async fn round(house: &House, seed: u64) -> (Duration, Duration, u64) {
    let registrar = house.directory.registrar();
    // The city stands; what is imported in bulk is its residents and their devices.
    let city = registrar
        .import_city(&Plan { seed, residents: 1 }, no_password, quiet)
        .await
        .unwrap();
    house.directory.caught_up(city.position).await.unwrap();
    let idle = p99(house, &format!("idle-{seed}")).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own, as an import has a process or a task of its own.
    let import = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let plan = Plan {
            seed,
            residents: 50_000,
        };
        runtime.block_on(async {
            tokio::select! {
                done = registrar.import_city(&plan, no_password, quiet) => drop(done.unwrap()),
                _ = stopped => {}
            }
        });
    });
    let before = house.casebook.log().head().0;
    let busy = p99(house, &format!("busy-{seed}")).await;
    let imported = house.casebook.log().head().0 - before;
    let _ = stop.send(());
    import.join().unwrap();
    (idle, busy, imported)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_import_leaves_the_presses_nearly_as_fast_as_idle() {
    let mut seen = Vec::new();
    // Whatever else the machine does counts as well; one quiet round tells what the log itself does.
    for seed in 1..=ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let house = House::sqlite(dir.path(), clock(), true).await;
        let (idle, busy, imported) = round(&house, seed).await;
        house.stop().await;
        assert!(
            imported > 2 * PRESSES as u64,
            "the import really ran beside the presses: {imported} events"
        );
        seen.push(format!(
            "p99 idle {idle:?}, beside an import of {imported} events {busy:?}"
        ));
        if busy <= idle.max(IDLE_FLOOR) * RATIO_MAX {
            eprintln!("{seen:#?}");
            return;
        }
    }
    panic!("{seen:#?}");
}
