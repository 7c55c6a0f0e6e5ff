//! `kill -9` at random moments under load, ten times: every acknowledged press is there, every open incident has its
//! owner or offer and its deadline, and a console resumes without a gap.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Device, Page, Store, on_both_stores};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use wire::console::Act;

const KILLS: usize = 10;
const PRESSERS: usize = 8;

/// Presses without pause until the process is gone; keeps what was acknowledged.
async fn press_until_gone(
    client: reqwest::Client,
    url: String,
    devices: Vec<Device>,
    run: usize,
    kept: Arc<Mutex<BTreeMap<(String, String), u64>>>,
) {
    for round in 0.. {
        for device in &devices {
            let press = format!("{run}-{round}");
            let body =
                serde_json::json!({ "device": device.device, "press": press, "kind": "sos" });
            let Ok(answer) = client
                .post(format!("{url}/v1/signals"))
                .bearer_auth(&device.key)
                .json(&body)
                .send()
                .await
            else {
                return;
            };
            let Ok(body) = answer.json::<Value>().await else {
                return;
            };
            if let Some(position) = body["position"].as_u64() {
                kept.lock()
                    .unwrap()
                    .insert((device.device.clone(), press), position);
            }
        }
    }
}

on_both_stores!(ten_kills_lose_no_acknowledged_press_and_leave_no_call_unowned);

async fn ten_kills_lose_no_acknowledged_press_and_leave_no_call_unowned(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let kept: Arc<Mutex<BTreeMap<(String, String), u64>>> = Arc::default();
    let mut position = None;
    let mut cards = BTreeMap::new();
    // From a fixed seed: uneven moments, the same in every run of the test.
    let mut moment = 0x2545_f491_4f6c_dd1d_u64;
    for run in 0..KILLS {
        let node = store.start(&data, 64).await;
        let account = node
            .accounts()
            .into_iter()
            .find(|account| account.scope == "city" && account.role == "operator")
            .unwrap();
        let token = node.sign_in(&account).await;
        let mut page = Page::open(&node, &token, "survivor", position).await;
        page.cards = std::mem::take(&mut cards);
        page.sign_on("city_desk", None, true).await;

        let devices = node.device_list();
        let pressers: Vec<_> = devices
            .chunks(devices.len() / PRESSERS)
            .map(|some| {
                tokio::spawn(press_until_gone(
                    node.client.clone(),
                    node.devices.clone(),
                    some.to_vec(),
                    run,
                    kept.clone(),
                ))
            })
            .collect();
        moment ^= moment << 13;
        moment ^= moment >> 7;
        moment ^= moment << 17;
        let lives_for = Duration::from_millis(300 + moment % 1_700);
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
    let kept = kept.lock().unwrap().clone();
    assert!(
        kept.len() > 100,
        "the load was real: {} presses",
        kept.len()
    );
    let devices: BTreeMap<String, Device> = node
        .device_list()
        .into_iter()
        .map(|device| (device.device.clone(), device))
        .collect();
    for ((device, press), position) in &kept {
        let (status, body) = node.press(&devices[device], press, "sos").await.unwrap();
        assert_eq!(
            (status, body["position"].as_u64()),
            (200, Some(*position)),
            "{device} {press}: {body}"
        );
    }
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
    let mut resumed = Page::open(&node, &token, "fresh", None).await;
    while resumed.cards.is_empty() {
        resumed.hear().await;
    }
    // The dispatcher owes every waiting incident its first offer; that is seen, not waited out.
    let settled = tokio::time::timeout(Duration::from_secs(30), async {
        while resumed
            .cards
            .values()
            .any(|card| card.owner.is_none() && card.offer.is_none())
        {
            resumed.hear().await;
        }
    });
    settled
        .await
        .expect("every open incident is owned or offered");
    for card in resumed.cards.values().filter(|card| card.closing.is_none()) {
        assert!(card.deadline.is_some(), "no deadline: {}", card.id);
    }
    let mut subjects: Vec<_> = resumed
        .cards
        .values()
        .filter(|card| card.closing.is_none())
        .filter_map(|card| card.resident.as_ref().map(|resident| resident.id.clone()))
        .collect();
    let all = subjects.len();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), all, "one open incident per resident");
    node.stop().await;
}
