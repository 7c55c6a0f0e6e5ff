//! Load, and what must be true after it.
//!
//! For: pressing without pause while processes die, and holding what was acknowledged against the promises.
//! May not know: anything inside; it presses, asks, and reads the log with the command line.

use crate::{Device, Node, Page, Store, binary};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::process::Command;
use wire::card::Card;

/// Acknowledged presses, by device and number, with the position told.
pub type Kept = Arc<Mutex<BTreeMap<(String, String), u64>>>;

/// Where devices are heard now; it changes when a process starts again.
pub type Door = Arc<Mutex<String>>;

/// How long a presser waits after the door did not take a press.
const AGAIN: Duration = Duration::from_millis(20);

/// Presses each device once a round, round after round, until told to stop. What does not get through is sent again
/// until it does, as devices do; or, `once`, the presser ends with the process.
pub struct Presser {
    /// For plain requests.
    pub client: reqwest::Client,
    /// Where to press.
    pub door: Door,
    /// Who presses.
    pub devices: Vec<Device>,
    /// What was acknowledged.
    pub kept: Kept,
    /// Ends when the door is gone.
    pub once: bool,
}

impl Presser {
    /// Presses; numbers begin with `run`.
    pub async fn press(self, run: String, stop: Arc<std::sync::atomic::AtomicBool>) {
        for round in 0.. {
            for device in &self.devices {
                let press = format!("{run}-{round}");
                loop {
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    if let Some(position) = self.try_press(device, &press).await {
                        let mut kept = self.kept.lock().expect("no presser panics");
                        kept.insert((device.device.clone(), press), position);
                        break;
                    }
                    if self.once {
                        return;
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn try_press(&self, device: &Device, press: &str) -> Option<u64> {
        let door = self.door.lock().expect("no presser panics").clone();
        let body = json!({ "device": device.device, "press": press, "kind": "sos" });
        let request = self.client.post(format!("{door}/v1/signals"));
        let answer = request.bearer_auth(&device.key).json(&body).send().await;
        let body: Value = answer.ok()?.json().await.ok()?;
        body["position"].as_u64()
    }
}

/// Every acknowledged press, sent again, gets the position it got first.
pub async fn nothing_is_lost(node: &Node, kept: &Kept) {
    let kept = kept.lock().expect("no presser panics").clone();
    let devices = node.device_list().into_iter();
    let devices: BTreeMap<_, _> = devices.map(|it| (it.device.clone(), it)).collect();
    for ((device, press), position) in &kept {
        let answer = node.press(&devices[device], press, "sos").await;
        let (status, body) = answer.expect("the door answers");
        assert_eq!(
            (status, body["position"].as_u64()),
            (200, Some(*position)),
            "{device} {press}: {body}"
        );
    }
}

/// Every open incident is owned or offered, has a deadline, and is its resident's only one.
pub async fn nobody_is_forgotten(node: &Node, token: &str) {
    let mut page = Page::open(node, token, "afterwards", None).await;
    while page.cards.is_empty() {
        page.hear().await;
    }
    // The dispatcher owes every waiting incident its first offer; that is seen, not waited out.
    let settled = tokio::time::timeout(Duration::from_secs(30), async {
        while page
            .cards
            .values()
            .any(|card| card.owner.is_none() && card.offer.is_none())
        {
            page.hear().await;
        }
    });
    settled
        .await
        .expect("every open incident is owned or offered");
    let open = || page.cards.values().filter(|card| card.closing.is_none());
    for card in open() {
        assert!(card.deadline.is_some(), "no deadline: {}", card.id);
    }
    let subjects = open().filter_map(|card| card.resident.as_ref());
    let subjects: Vec<_> = subjects.map(|resident| &resident.id).collect();
    let different: BTreeSet<_> = subjects.iter().collect();
    assert_eq!(
        different.len(),
        subjects.len(),
        "one open incident per resident"
    );
}

/// A board that was carried on through every interruption is the board that somebody sees who opens the page anew. Rings go on
/// meanwhile: a card is compared where both have it at the same revision, which must be most of them.
pub async fn the_board_has_no_gap(
    node: &Node,
    token: &str,
    console: &str,
    position: u64,
    cards: BTreeMap<String, Card>,
) {
    let head = Page::open(node, token, "head", None).await.told().await;
    let mut carried_on = Page::open(node, token, console, Some(position)).await;
    carried_on.cards = cards;
    while carried_on.position < head {
        carried_on.hear().await;
    }
    let carried_on = carried_on.cards;
    let mut anew = Page::open(node, token, console, None).await;
    anew.told().await;
    let ids = |cards: &BTreeMap<String, Card>| cards.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(ids(&carried_on), ids(&anew.cards), "the same calls");
    let alike = carried_on.iter().filter(|(id, card)| {
        let other = &anew.cards[*id];
        if card.revision == other.revision {
            assert_eq!(*card, other, "a card is the same card");
        }
        card.revision == other.revision
    });
    let (alike, all) = (alike.count(), carried_on.len());
    assert!(2 * alike > all, "{alike} of {all} cards at one revision");
}

/// The whole log, oldest first, as the command line prints it.
pub async fn read_log(store: &Store, data: &Path) -> Vec<Value> {
    let output = Command::new(binary())
        .args(["log", "read", "--limit", "1000000", "--data"])
        .arg(data)
        .envs(store.environment())
        .output()
        .await
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).expect("lines of JSON");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("lines of JSON"))
        .collect()
}

/// Events of one type.
pub fn of_type<'a>(log: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    log.iter().filter(move |event| event["type"] == kind)
}

/// However many wrote it: positions without a gap, no press twice, no alarm in two incidents, no ring offered twice.
pub fn nothing_is_doubled(log: &[Value]) {
    let positions = log.iter().map(|event| event["position"].as_u64());
    assert!(
        positions.eq((1..=log.len() as u64).map(Some)),
        "positions have no gap"
    );
    let text = |value: &Value| value.to_string();
    let mut seen = BTreeSet::new();
    for event in of_type(log, "AlarmReceived") {
        let data = &event["data"];
        let press = (
            text(&event["stream"]),
            text(&data["press"]),
            text(&data["kind"]),
        );
        assert!(seen.insert(press), "a press is there twice: {event}");
    }
    let mut alarms = BTreeMap::new();
    for kind in ["CareOpened", "AlarmHandled"] {
        for event in of_type(log, kind) {
            let alarm = text(&event["data"]["alarm"]);
            let before = alarms.insert(alarm, text(&event["data"]["incident"]));
            assert!(before.is_none(), "an alarm was handled twice: {event}");
        }
    }
    let mut offers = BTreeSet::new();
    // Rings that joined because their time had come; what begins anew after a lapse or a transfer has another cause.
    for event in of_type(log, "Offered").filter(|event| event["data"]["cause"] == "ring") {
        let (stream, data) = (text(&event["stream"]), &event["data"]);
        let ring = (stream, text(&data["round"]), text(&data["ring"]));
        assert!(offers.insert(ring), "a ring was offered twice: {event}");
    }
}
