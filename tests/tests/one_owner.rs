//! Two operators accept at once, 200 times: exactly one wins each time, the other is told who.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Page, Store, on_both_stores};
use wire::console::Act;

const RACES: usize = 200;

on_both_stores!(of_two_who_accept_at_once_exactly_one_wins_and_the_other_is_told_who);

async fn of_two_who_accept_at_once_exactly_one_wins_and_the_other_is_told_who(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store
        .start(&dir.path().join("data"), RACES as u32 + 5)
        .await;
    let accounts: Vec<_> = node
        .accounts()
        .into_iter()
        .filter(|account| account.scope == "city" && account.role == "operator")
        .collect();
    let (one, two) = (&accounts[0], &accounts[1]);
    let mut first = Page::open(&node, &node.sign_in(one).await, "race-1", None).await;
    let mut second = Page::open(&node, &node.sign_in(two).await, "race-2", None).await;
    first.sign_on("city_desk", None, true).await;
    second.sign_on("city_desk", None, true).await;

    for device in node.device_list().into_iter().take(RACES) {
        node.press_new(&device, "sos").await;
        let offered = |card: &wire::card::Card| {
            card.accept_as.is_some()
                && card.owner.is_none()
                && card
                    .device
                    .as_ref()
                    .is_some_and(|seen| seen.id == device.device)
        };
        let card = first.until("the offer, first", offered).await;
        let other = second.until("the offer, second", offered).await;
        let (won, lost) = tokio::join!(
            first.command(&card, Act::Accept),
            second.command(&other, Act::Accept)
        );
        let refused = match (won, lost) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            other => panic!("exactly one wins: {other:?}"),
        };
        assert_eq!(refused.code.as_deref(), Some("already_accepted"));
        assert!(
            refused.who.is_some_and(|who| !who.is_empty()),
            "the loser is told who"
        );
    }
    node.stop().await;
}
