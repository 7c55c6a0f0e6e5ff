//! A visitor of the demo takes duty at a station: the cast makes room there at once, and the visitor's first call rings
//! within ten seconds, at their own station first, and is left to them.

use journeys::{Account, Node, Page, Store};
use serde_json::Value;
use std::time::Duration;
use wire::{card::Card, console::FromPage};

/// What the demo promises.
const CALLED_WITHIN: Duration = Duration::from_secs(10);
/// "At once": the cast looks every second, and has to say good-bye.
const LEFT_WITHIN: Duration = Duration::from_secs(3);
/// Until the cast has taken its places, on a busy machine.
const MANNED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_visitors_first_call_rings_at_their_own_station_and_the_cast_makes_room_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["demo", "--calls-per-minute", "0", "--residents", "400"];
    let node = Store::Sqlite
        .start_with(&dir.path().join("data"), &words)
        .await;
    let visitor = visitor(&node);
    let site = visitor.site.clone().expect("a station");
    let token = node.sign_in(&visitor).await;
    // Somebody of the cast is on duty there.
    until_on_duty(&node, &token, &site, 1, MANNED_WITHIN).await;

    let mut page = Page::open(&node, &token, "visitor", None).await;
    page.sign_on("site", Some(&site), true).await;
    // The visitor stays, so that whoever has left is the cast.
    until_on_duty(&node, &token, &site, 1, LEFT_WITHIN).await;
    let called = page.until("the first call", |card| card.offer.is_some());
    let card = tokio::time::timeout(CALLED_WITHIN, called)
        .await
        .expect("within ten seconds");
    let offer = card.offer.as_ref().unwrap();
    let first = &offer.rung[0];
    assert_eq!(first.party.id.as_deref(), Some(site.as_str()), "{offer:#?}");

    // The visitor looks at it and does nothing: it rings on beside them, and nobody of the cast takes it.
    let shown = FromPage::Shown {
        incident: card.id.clone(),
        revision: card.revision,
        sounded: true,
    };
    page.say(&shown).await;
    let widened = |now: &Card| {
        let ring = now.offer.as_ref().map_or(0, |offer| offer.ring);
        now.id == card.id && (ring > 0 || now.owner.is_some())
    };
    let card = page.until("the next ring, or an owner", widened).await;
    assert_eq!(card.owner, None);
    node.stop().await;
}

/// A role that is offered as a button: the station's.
fn visitor(node: &Node) -> Account {
    let mut accounts = node.accounts().into_iter();
    let offered =
        |account: &Account| account.button.is_some() && account.scope.starts_with("site:HRB-");
    let visitor = accounts.find(|account| offered(account) && !account.cast);
    visitor.expect("a role that is offered as a button")
}

/// Asks until so many are on duty at the site, each with a console that sounds.
async fn until_on_duty(node: &Node, token: &str, site: &str, wanted: u64, within: Duration) {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let reached = tokio::time::timeout(within, async {
        loop {
            ticks.tick().await;
            let sites = node.get(token, "/v1/sites").await;
            let is_it = |one: &&Value| one["id"] == site;
            let view = sites.as_array().and_then(|all| all.iter().find(is_it));
            let view = view.expect("the visitor's site").clone();
            if view["on_duty"] == wanted && view["with_sound"] == wanted {
                return;
            }
        }
    });
    let reached = reached.await;
    assert!(reached.is_ok(), "never {wanted} on duty at {site}");
}
