//! A console that is attached with sound but shows nothing: within three seconds the offer is found unseen, widens, and
//! the duty phone rings.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Node, Page, Store, on_both_stores};

const UNSEEN_AFTER_MS: i64 = 3_000;
const TOLERANCE_MS: i64 = 250;

on_both_stores!(a_console_that_stops_showing_costs_three_seconds);

async fn a_console_that_stops_showing_costs_three_seconds(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store.start(&dir.path().join("data"), 40).await;
    // Two sites that are open day and night; the first one's console never says that it has shown anything.
    let sites = node
        .get(&node.sign_in(&admin(&node)).await, "/v1/sites")
        .await;
    let open: Vec<String> = sites
        .as_array()
        .unwrap()
        .iter()
        .filter(|site| site["kind"] == "facility" && site["open_now"] == true)
        .map(|site| site["id"].as_str().unwrap().to_owned())
        .take(2)
        .collect();
    let mut pages = Vec::new();
    for site in &open {
        let account = node.account(&format!("site:{site}"));
        let mut page = Page::open(
            &node,
            &node.sign_in(&account).await,
            &format!("silent-{site}"),
            None,
        )
        .await;
        page.sign_on("site", Some(site), true).await;
        pages.push(page);
    }
    let mut watch = Page::open(&node, &node.sign_in(&admin(&node)).await, "watch", None).await;
    let device = node.device_list().remove(0);
    node.press_new(&device, "sos").await;
    let card = watch.until("rung by telephone", |card| {
        card.offer.as_ref().is_some_and(|offer| {
            offer
                .rung
                .iter()
                .any(|rung| rung.unseen && rung.phone_attempts > 0)
        })
    });
    let incident = card.await.id;
    let token = node.sign_in(&admin(&node)).await;
    let story = node
        .get(&token, &format!("/v1/incidents/{incident}/events"))
        .await;
    let at = |kind: &str, nth: usize| {
        let lines = story["events"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["kind"] == kind)
            // At night the district desk is rung beside the site, by telephone at once, as nobody sits there.
            .filter(|line| kind != "DutyPhoneRung" || line["args"][2] == "unseen");
        lines
            .map(|line| line["at"].as_i64().unwrap())
            .nth(nth)
            .unwrap_or_else(|| panic!("no {kind}: {story:#}"))
    };
    let unseen = at("OfferUnseen", 0) - at("Offered", 0);
    assert!(
        (unseen - UNSEEN_AFTER_MS).abs() <= TOLERANCE_MS,
        "found unseen after {unseen} ms"
    );
    let phone = at("DutyPhoneRung", 0) - at("OfferUnseen", 0);
    assert!(
        (0..=TOLERANCE_MS).contains(&phone),
        "the duty phone rang {phone} ms later"
    );
    let offers = story["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| {
            line["kind"] == "Offered" && line["at"].as_i64() > Some(at("Offered", 0) + unseen / 2)
        })
        .count();
    assert!(offers >= 1, "the offer widened: {story:#}");
    node.stop().await;
}

fn admin(node: &Node) -> journeys::Account {
    node.accounts()
        .into_iter()
        .find(|account| account.role == "administrator")
        .expect("the city has an administrator")
}
