//! A start on a long log: nobody folds the past again, so that it is ready within five seconds and goes on with the call in hand.
//! `ANLING_RESIDENTS=500000 cargo test --release …` makes the log longer than a million events.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Page, Store, on_both_stores};
use std::time::Duration;
use tokio::time::Instant;
use wire::card::Card;

/// Two events each. What is read again after a kill does not grow with them.
const RESIDENTS: u32 = 3_000;
const READY_WITHIN: Duration = Duration::from_secs(5);

fn residents() -> u32 {
    let asked = std::env::var("ANLING_RESIDENTS");
    asked.map_or(RESIDENTS, |asked| {
        asked.parse().expect("ANLING_RESIDENTS is a number")
    })
}

on_both_stores!(a_start_on_a_long_log_is_ready_within_five_seconds);

async fn a_start_on_a_long_log_is_ready_within_five_seconds(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = store.start(&data, residents()).await;
    let device = node.device_list().remove(0);
    node.press_new(&device, "sos").await;
    let token = node.sign_in(&node.account("city")).await;
    let mut page = Page::open(&node, &token, "before", None).await;
    let before = page.until("an offer", |card| card.offer.is_some()).await;
    assert!(
        page.position > u64::from(2 * residents()),
        "{} events",
        page.position
    );
    node.kill_nine().await;

    let begun = Instant::now();
    let node = store.start(&data, residents()).await;
    let took = begun.elapsed();
    println!("ready {took:?} after the start, {} events", page.position);
    assert!(took < READY_WITHIN, "{took:?}");
    let token = node.sign_in(&node.account("city")).await;
    let mut page = Page::open(&node, &token, "after", None).await;
    let ring = |card: &Card| card.offer.as_ref().map(|offer| (offer.round, offer.ring));
    let next = page.until("the next ring", |card| {
        card.id == before.id && ring(card) > ring(&before)
    });
    next.await;
    node.stop().await;
}
