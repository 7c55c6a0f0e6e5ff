//! A bulk import runs beside the presses: they hardly notice.

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
const ROUNDS: u64 = 3;
/// How much slower the slowest hundredth may be while an import runs.
const RATIO_MAX: u32 = 3;
/// A disk that answers faster than this idle is not asked to do so under load: below it, one turn of the scheduler on
/// two busy cores decides, not the log.
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
    // Whatever else the machine does counts as well; one quiet round of three tells what the log itself does.
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
