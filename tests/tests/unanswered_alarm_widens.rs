//! Nobody accepts, in real time: the offer widens at 15, 30, 45 and 60 s, and the last ring repeats 30 s later, each
//! within 250 ms of its moment by the log's own clock.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Node, Page, Store, on_both_stores};
use std::time::Duration;
use tokio::task::JoinSet;

/// When each ring is due, in seconds after the first; the last one is its repetition.
const DUE_S: [i64; 6] = [0, 15, 30, 45, 60, 90];
const TOLERANCE_MS: i64 = 250;

/// Enough for three rings: sites that are open day and night.
const SITES: usize = 4;

on_both_stores!(an_unanswered_alarm_widens_ring_by_ring_and_the_last_ring_repeats);

async fn an_unanswered_alarm_widens_ring_by_ring_and_the_last_ring_repeats(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store.start(&dir.path().join("data"), 40).await;
    let admin = node.account("city");
    let token = node.sign_in(&admin).await;
    let device = node.device_list().remove(0);

    // Everybody who is rung shows it and sounds it, so that no ring comes early, and none of them accepts.
    let mut desks = JoinSet::new();
    for site in open_sites(&node, &token).await {
        let scope = format!("site:{site}");
        desks.spawn(showing(on_duty(&node, &scope, "site", Some(&site)).await));
    }
    let district = device.district.as_str();
    let desk = format!("district:{district}");
    desks.spawn(showing(
        on_duty(&node, &desk, "district_desk", Some(district)).await,
    ));
    desks.spawn(showing(on_duty(&node, "city", "city_desk", None).await));

    let mut page = Page::open(&node, &token, "watch", None).await;
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
    let after: Vec<i64> = offers.iter().map(|at| at - offers[0]).collect();
    assert_eq!(after.len(), DUE_S.len(), "{after:?} ms: {story:#}");
    for (after_ms, due_s) in after.iter().zip(DUE_S) {
        assert!(
            (after_ms - due_s * 1_000).abs() <= TOLERANCE_MS,
            "a ring was due after {due_s} s: {after:?} ms"
        );
    }
    desks.shutdown().await;
    node.stop().await;
}

async fn open_sites(node: &Node, token: &str) -> Vec<String> {
    let sites = node.get(token, "/v1/sites").await;
    let open: Vec<String> = sites
        .as_array()
        .unwrap()
        .iter()
        .filter(|site| site["kind"] == "facility" && site["open_now"] == true)
        .map(|site| site["id"].as_str().unwrap().to_owned())
        .take(SITES)
        .collect();
    assert_eq!(open.len(), SITES);
    open
}

async fn on_duty(node: &Node, scope: &str, party: &str, id: Option<&str>) -> Page {
    let account = node.account(scope);
    let mut page = Page::open(node, &node.sign_in(&account).await, scope, None).await;
    page.sign_on(party, id, true).await;
    page
}

async fn showing(mut page: Page) {
    page.show_everything().await;
}
