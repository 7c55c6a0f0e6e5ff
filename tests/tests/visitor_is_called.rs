//! A visitor of the demo takes duty at a station: the cast makes room there, and the visitor's first call rings within
//! ten seconds, at their own station first.

use journeys::{Page, Store};
use std::time::Duration;

/// What the demo promises.
const CALLED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_visitors_first_call_rings_at_their_own_station_within_ten_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["demo", "--calls-per-minute", "0", "--residents", "400"];
    let node = Store::Sqlite
        .start_with(&dir.path().join("data"), &words)
        .await;
    let visitor = node
        .accounts()
        .into_iter()
        .find(|account| {
            account.button.is_some() && account.scope.starts_with("site:") && !account.cast
        })
        .expect("a role that is offered as a button");
    let site = visitor.site.clone().expect("a station");
    let mut page = Page::open(&node, &node.sign_in(&visitor).await, "visitor", None).await;
    page.sign_on("site", Some(&site), true).await;
    let called = page.until("the first call", |card| card.offer.is_some());
    let card = tokio::time::timeout(CALLED_WITHIN, called)
        .await
        .expect("within ten seconds");
    let offer = card.offer.unwrap();
    let first = &offer.rung[0];
    assert_eq!(first.party.id.as_deref(), Some(site.as_str()), "{offer:#?}");
    node.stop().await;
}
