//! `anling demo --no-cast`: nobody presses but you, and nobody answers but you.

use journeys::{Page, Store};
use wire::console::FromPage;

/// By then the cast would have called a visitor, and a city of 600 calls a minute would be full of them. Milliseconds.
const LONG_ENOUGH: i64 = 12_000;

#[tokio::test]
async fn on_an_empty_stage_there_is_the_visitors_own_press_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["demo", "--no-cast", "--calls-per-minute", "600"];
    let words = [&words[..], &["--residents", "60"]].concat();
    let node = Store::Sqlite
        .start_with(&dir.path().join("data"), &words)
        .await;
    assert!(
        node.said.contains("演员 cast          没有 none"),
        "{}",
        node.said
    );
    let mut accounts = node.accounts().into_iter();
    let visitor = accounts.find(|account| account.button.is_some() && account.site.is_some());
    let visitor = visitor.expect("a station as a button");
    let token = node.sign_in(&visitor).await;
    let mut station = Page::open(&node, &token, "visitor", None).await;
    station.sign_on("site", visitor.site.as_deref(), true).await;
    let city = node.sign_in(&node.account("city")).await;
    let mut all = Page::open(&node, &city, "watch", None).await;

    // Its rings are the clock: the board speaks when the next place is rung.
    node.press_new(&node.device_list()[0], "sos").await;
    let rung = station.until("its ring", |card| card.rings_me).await;
    let shown = FromPage::Shown {
        incident: rung.id,
        revision: rung.revision,
        sounded: true,
    };
    station.say(&shown).await;
    let later = |card: &wire::card::Card| card.changed_at - card.opened_at >= LONG_ENOUGH;
    let card = all.until("a ring some time later", later).await;
    assert_eq!(card.owner, None, "nobody of a cast takes it");
    assert_eq!(all.cards.len(), 1, "{:#?}", all.cards.keys());
    let sites = node.get(&city, "/v1/sites").await;
    let on_duty = sites.as_array().unwrap().iter();
    let on_duty: u64 = on_duty.filter_map(|site| site["on_duty"].as_u64()).sum();
    assert_eq!(on_duty, 1, "the visitor");
    node.stop().await;
}
