//! `kill -9` at random moments under load, ten times or as often as `ANLING_KILLS` says: every acknowledged press is there, every open incident has its
//! owner or offer and its deadline, and a console resumes without a gap.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{
    Account, Node, Page, Store,
    load::{self, Kept, Presser},
    on_both_stores,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use wire::console::Act;

/// How often, unless `ANLING_KILLS` says otherwise.
const KILLS: usize = 10;
/// Within how many milliseconds the moments lie, 300 ms after each start.
const MOMENTS: u64 = 1_700;
const PRESSERS: usize = 8;

fn account_of_the_desk(node: &Node) -> Account {
    let mut accounts = node.accounts().into_iter();
    accounts
        .find(|account| account.scope == "city" && account.role == "operator")
        .unwrap()
}

fn kills() -> usize {
    let asked = std::env::var("ANLING_KILLS");
    asked.map_or(KILLS, |asked| {
        asked.parse().expect("ANLING_KILLS is a number")
    })
}

on_both_stores!(kills_lose_no_acknowledged_press_and_leave_no_call_unowned);

async fn kills_lose_no_acknowledged_press_and_leave_no_call_unowned(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let kept = Kept::default();
    let mut position = None;
    let mut cards = BTreeMap::new();
    // From a fixed seed: uneven moments, the same in every run of the test.
    let mut moment = 0x2545_f491_4f6c_dd1d_u64;
    for run in 0..kills() {
        let node = store.start(&data, 64).await;
        let account = account_of_the_desk(&node);
        let token = node.sign_in(&account).await;
        let mut page = Page::open(&node, &token, "survivor", position).await;
        page.cards = std::mem::take(&mut cards);
        page.sign_on("city_desk", None, true).await;

        let devices = node.device_list();
        let pressers: Vec<_> = devices
            .chunks(devices.len() / PRESSERS)
            .map(|some| {
                let presser = Presser {
                    client: node.client.clone(),
                    door: Arc::new(Mutex::new(node.devices.clone())),
                    devices: some.to_vec(),
                    kept: kept.clone(),
                    once: true,
                };
                tokio::spawn(presser.press(run.to_string(), Arc::default()))
            })
            .collect();
        moment ^= moment << 13;
        moment ^= moment >> 7;
        moment ^= moment << 17;
        let lives_for = Duration::from_millis(300 + moment % MOMENTS);
        let _ = tokio::time::timeout(lives_for, async {
            loop {
                page.hear().await;
                let next = page
                    .cards
                    .values()
                    .find(|card| card.accept_as.is_some() && card.owner.is_none())
                    .cloned();
                if let Some(card) = next {
                    let _ = page.command(&card, Act::Accept).await;
                }
            }
        })
        .await;
        node.kill_nine().await;
        for presser in pressers {
            presser.await.unwrap();
        }
        position = Some(page.position);
        cards = std::mem::take(&mut page.cards);
    }

    let node = store.start(&data, 64).await;
    let count = kept.lock().unwrap().len();
    println!("{} kills, {count} presses acknowledged", kills());
    assert!(count > 10 * kills(), "the load was real: {count} presses");
    load::nothing_is_lost(&node, &kept).await;
    let account = node
        .accounts()
        .into_iter()
        .find(|account| account.role == "administrator")
        .unwrap();
    let token = node.sign_in(&account).await;
    let sites = node.get(&token, "/v1/sites").await;
    let heard: u64 = sites
        .as_array()
        .unwrap()
        .iter()
        .map(|site| site["with_sound"].as_u64().unwrap())
        .sum();
    assert_eq!(
        heard, 0,
        "a console of the killed process is not counted on"
    );
    load::nobody_is_forgotten(&node, &token).await;
    let survivor = account_of_the_desk(&node);
    let token = node.sign_in(&survivor).await;
    load::the_board_has_no_gap(&node, &token, "survivor", position.unwrap(), cards).await;
    node.stop().await;
    load::nothing_is_doubled(&load::read_log(&store, &data).await);
    // What was signed before each kill is under what was signed after it.
    let verified = tokio::process::Command::new(journeys::binary())
        .args(["log", "verify", "--data"])
        .arg(&data)
        .envs(store.environment())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{said}");
}
