//! `kill -9` of each role at random moments under load, ten times: every acknowledged press is there, nothing is there
//! twice, every open incident has its owner or offer and its deadline, and a console resumes without a gap.

use journeys::{
    Cluster, Node, Page,
    load::{self, Door, Kept, Presser},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use wire::console::Act;

const KILLS: usize = 10;
const PRESSERS: usize = 4;

/// Accepts what is offered, for a while.
async fn work(page: &mut Page, lasting: Duration) {
    let _ = tokio::time::timeout(lasting, async {
        loop {
            page.hear().await;
            let mut cards = page.cards.values();
            let next = cards.find(|card| card.accept_as.is_some() && card.owner.is_none());
            if let Some(card) = next.cloned() {
                let _ = page.command(&card, Act::Accept).await;
            }
        }
    })
    .await;
}

async fn sit_down(console: &Node, token: &str, before: Option<Page>) -> Page {
    let position = before.as_ref().map(|page| page.position);
    let mut page = Page::open(console, token, "survivor", position).await;
    page.cards = before.map(|page| page.cards).unwrap_or_default();
    page.sign_on("city_desk", None, true).await;
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_of_each_role_lose_nothing_and_double_nothing() {
    let cluster = Cluster::found(64).await;
    let mut ingest = cluster.start("ingest", "ingest").await;
    let mut dispatcher = cluster.start("dispatcher", "dispatcher").await;
    let mut console = cluster.start("console", "console").await;
    let accounts = console.accounts().into_iter();
    let mut desks = accounts.filter(|it| it.scope == "city" && it.role == "operator");
    let token = console.sign_in(&desks.next().unwrap()).await;
    let mut page = sit_down(&console, &token, None).await;

    let (kept, stop) = (Kept::default(), Arc::new(AtomicBool::new(false)));
    let door = Door::default();
    door.lock().unwrap().clone_from(&ingest.devices);
    let devices = ingest.device_list();
    let pressers: Vec<_> = devices
        .chunks(devices.len() / PRESSERS)
        .map(|some| {
            let presser = Presser {
                client: ingest.client.clone(),
                door: Arc::clone(&door),
                devices: some.to_vec(),
                kept: Arc::clone(&kept),
                once: false,
            };
            tokio::spawn(presser.press("load".to_owned(), Arc::clone(&stop)))
        })
        .collect();

    // From a fixed seed: uneven moments, the same in every run of the test.
    let mut moment = 0x2545_f491_4f6c_dd1d_u64;
    for run in 0..KILLS {
        for role in 0..3 {
            moment ^= moment << 13;
            moment ^= moment >> 7;
            moment ^= moment << 17;
            work(&mut page, Duration::from_millis(50 + moment % 650)).await;
            match (role + run) % 3 {
                0 => {
                    ingest.kill_nine().await;
                    ingest = cluster.start("ingest", "ingest").await;
                    door.lock().unwrap().clone_from(&ingest.devices);
                }
                1 => {
                    dispatcher.kill_nine().await;
                    dispatcher = cluster.start("dispatcher", "dispatcher").await;
                }
                _ => {
                    console.kill_nine().await;
                    console = cluster.start("console", "console").await;
                    page = sit_down(&console, &token, Some(page)).await;
                }
            }
        }
    }
    work(&mut page, Duration::from_secs(1)).await;
    stop.store(true, Relaxed);
    for presser in pressers {
        presser.await.unwrap();
    }
    drop(page);

    let count = kept.lock().unwrap().len();
    assert!(count > 500, "the load was real: {count} presses");
    load::nothing_is_lost(&ingest, &kept).await;
    load::nobody_is_forgotten(&console, &token).await;
    let log = load::read_log(cluster.store(), &cluster.city()).await;
    load::nothing_is_doubled(&log);
    let accepted = load::of_type(&log, "Accepted").count();
    assert!(accepted > 0, "people worked meanwhile");
    for process in [ingest, dispatcher, console] {
        process.stop().await;
    }
}
