//! Nobody accepts, in real time: the offer widens at 15, 30, 45 and 60 s, and the last ring repeats 30 s later, each
//! within 250 ms of its moment by the log's own clock.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Page, Store, on_both_stores};
use std::time::Duration;

const TOLERANCE_MS: i64 = 250;

on_both_stores!(an_unanswered_alarm_widens_ring_by_ring_and_the_last_ring_repeats);

async fn an_unanswered_alarm_widens_ring_by_ring_and_the_last_ring_repeats(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store.start(&dir.path().join("data"), 40).await;
    let desk = node
        .accounts()
        .into_iter()
        .find(|account| account.role == "administrator")
        .unwrap();
    let token = node.sign_in(&desk).await;
    let mut page = Page::open(&node, &token, "watch", None).await;
    // Somebody who can be rung, shows every offer, and never accepts.
    let station = node.account("site:");
    let mut quiet = Page::open(&node, &node.sign_in(&station).await, "quiet", None).await;
    quiet.sign_on("site", station.site.as_deref(), true).await;

    let device = node.device_list().remove(0);
    node.press_new(&device, "sos").await;
    let incident = page.until("the incident", |_| true).await.id;
    let waited = tokio::time::timeout(Duration::from_secs(110), async {
        loop {
            let card = &page.cards[&incident];
            if card.offer.as_ref().is_some_and(|offer| offer.round >= 1) {
                return;
            }
            // The board is silent for up to 30 s between rings.
            let _ = tokio::time::timeout(Duration::from_secs(40), page.hear()).await;
        }
    });
    waited.await.expect("the last ring repeats");

    let story = node
        .get(&token, &format!("/v1/incidents/{incident}/events"))
        .await;
    let offers: Vec<i64> = story["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["kind"] == "Offered")
        .map(|line| line["at"].as_i64().unwrap())
        .collect();
    assert!(offers.len() >= 3, "{story:#}");
    let last = offers.len() - 1;
    let gap = offers[last] - offers[last - 1];
    assert!(
        (gap - 30_000).abs() <= TOLERANCE_MS,
        "the last ring repeats after 30 s, not {gap} ms"
    );
    for pair in offers[..last].windows(2) {
        let gap = pair[1] - pair[0];
        assert!(
            (gap - 15_000).abs() <= TOLERANCE_MS || gap < 5_000,
            "rings are 15 s apart or come early, not {gap} ms: {offers:?}"
        );
    }
    node.stop().await;
}
