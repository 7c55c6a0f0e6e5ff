//! The cast: simulated seniors who press, operators who answer and responders who go, through the public doors only.
//!
//! For: a demo city that lives, and that makes room for its visitor.
//! May not know: anything the doors do not tell, but for who is on duty where (to leave the visitor's site alone, and
//! to choose a call that rings there first) and whose phone a visitor holds.

use super::{
    carer::{self, Carers},
    hand::{self, Hand},
    near::{CALL_TRIES, near},
    people::{DemoAccount, DemoDevice},
    porter::Phones,
};
use directory::Directory;
use domain::SiteId;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Cast operators that sign in each second; a password check costs some 25 ms of one core.
const SIGN_INS_PER_SECOND: u64 = 10;
/// How often the cast looks whether a visitor has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// When the visitor's first call comes; the promise is 10 s.
const FIRST_CALL_AFTER: Duration = Duration::from_secs(4);
/// Between further calls to a visitor who has nothing to do.
const NEXT_CALL_AFTER: Duration = Duration::from_secs(90);
/// How the cast's press numbers begin: so that its calls are known from a visitor's after a pause.
pub(crate) const CAST_PRESS: &str = "cast-";

/// How long a press has to join a call that is open already.
const JOINED_AFTER: Duration = Duration::from_millis(500);
/// How long the cast leaves a visitor's call alone.
const RESERVED_FOR: Duration = Duration::from_secs(75);

/// Where and with whom the cast plays.
#[derive(Clone)]
pub(crate) struct Stage {
    /// `http://…` of the console, plain and on this machine.
    pub(crate) console: String,
    /// `http://…` of the device door, plain and on this machine.
    pub(crate) devices: String,
    pub(crate) accounts: Arc<Vec<DemoAccount>>,
    pub(crate) presses: Arc<Vec<DemoDevice>>,
    pub(crate) directory: Directory,
    pub(crate) phones: Phones,
    pub(crate) calls_per_minute: u32,
    pub(crate) drive_speed: u32,
    pub(crate) seed: u64,
}

/// Calls that are the visitor's: device → until when.
pub(crate) type Reserved = Arc<Mutex<HashMap<String, Instant>>>;

/// Plays until `stop`.
pub(crate) async fn play(stage: Stage, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    let (visited, _) = watch::channel(BTreeSet::<SiteId>::new());
    let visited = Arc::new(visited);
    let reserved: Reserved = Arc::default();
    let client = reqwest::Client::new();
    let mut rng = StdRng::seed_from_u64(stage.seed);

    let mut sign_ins = tokio::time::interval(Duration::from_millis(1000 / SIGN_INS_PER_SECOND));
    let seniors = seniors(
        stage.clone(),
        client.clone(),
        StdRng::seed_from_u64(rng.random()),
        stop.clone(),
    );
    tasks.spawn(seniors);
    tasks.spawn(usher(
        stage.clone(),
        client.clone(),
        visited.clone(),
        reserved.clone(),
        stop.clone(),
    ));
    if let Some(account) = watcher(&stage.accounts) {
        let cast = stage.accounts.iter().filter(|account| account.cast);
        let carers = Carers {
            console: stage.console.clone(),
            client: client.clone(),
            account,
            cast: cast.map(|account| account.name.clone()).collect(),
            visited: visited.subscribe(),
            phones: stage.phones.clone(),
            drive_speed: stage.drive_speed,
            rng: StdRng::seed_from_u64(rng.random()),
        };
        tasks.spawn(carer::walk(carers, stop.clone()));
    }
    for account in stage
        .accounts
        .iter()
        .filter(|account| account.cast)
        .cloned()
    {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = sign_ins.tick() => {}
        }
        let hand = Hand {
            console: stage.console.clone(),
            account,
            client: client.clone(),
            visited: visited.subscribe(),
            reserved: reserved.clone(),
            phones: stage.phones.clone(),
            drive_speed: stage.drive_speed,
            rng: StdRng::seed_from_u64(rng.random()),
        };
        tasks.spawn(hand::work(hand, stop.clone()));
    }
    stop.cancelled().await;
    tasks.close();
    tasks.wait().await;
}

/// Through whom the cast sees whom visitors send: an account for the whole city that nobody is offered and that takes no
/// duty.
fn watcher(accounts: &[DemoAccount]) -> Option<DemoAccount> {
    let mut last_first = accounts.iter().rev();
    let fits = |account: &&DemoAccount| {
        account.scope == "city" && account.role == "operator" && account.button.is_none()
    };
    last_first.find(fits).cloned()
}

/// Seniors press at random moments, `calls_per_minute` on average.
async fn seniors(stage: Stage, client: reqwest::Client, mut rng: StdRng, stop: CancellationToken) {
    if stage.calls_per_minute == 0 || stage.presses.is_empty() {
        return;
    }
    let mean_ms = 60_000 / u64::from(stage.calls_per_minute);
    loop {
        // Twice the mean at most: calls come unevenly, but a visitor never waits long for the next.
        let pause = Duration::from_millis(rng.random_range(mean_ms / 4..=mean_ms * 7 / 4));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let device = &stage.presses[rng.random_range(0..stage.presses.len())];
        let kind = kind(&mut rng);
        press(&client, &stage.devices, device, kind).await;
        if rng.random_ratio(1, 8) {
            // Pressing again is not a mistake: people do it while they wait.
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(rng.random_range(3..12))) => {}
            }
            press(
                &client,
                &stage.devices,
                device,
                if rng.random_ratio(1, 4) {
                    "cancel"
                } else {
                    kind
                },
            )
            .await;
        }
    }
}

fn kind(rng: &mut StdRng) -> &'static str {
    match rng.random_range(0..100) {
        0..70 => "sos",
        70..82 => "fall",
        82..85 => "smoke",
        85..87 => "gas",
        87..92 => "inactivity",
        _ => "service",
    }
}

/// One press through the device door, tried a few times as a device would: its number, once it is acknowledged.
pub(crate) async fn press(
    client: &reqwest::Client,
    devices: &str,
    device: &DemoDevice,
    kind: &str,
) -> Option<String> {
    let press = format!("{CAST_PRESS}{}", uuid::Uuid::now_v7());
    let body = serde_json::json!({ "device": device.device, "press": press, "kind": kind });
    for attempt in 0..4_u32 {
        let sent = client
            .post(format!("{devices}/v1/signals"))
            .bearer_auth(&device.key)
            .json(&body)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => return Some(press),
            _ => tokio::time::sleep(Duration::from_millis(500 << attempt)).await,
        }
    }
    tracing::warn!("a press of the cast did not get through");
    None
}

/// Whether a press just made joined a call that somebody has.
async fn taken_already(
    client: &reqwest::Client,
    devices: &str,
    device: &DemoDevice,
    press: &str,
) -> bool {
    tokio::time::sleep(JOINED_AFTER).await;
    let stage = async {
        let asked = client
            .get(format!("{devices}/v1/signals/{}/{press}", device.device))
            .bearer_auth(&device.key)
            .send()
            .await
            .ok()?;
        let told: serde_json::Value = asked.json().await.ok()?;
        Some(told["stage"].as_str()?.to_owned())
    };
    let stage = stage.await;
    matches!(
        stage.as_deref(),
        Some("heard" | "coming" | "delayed" | "arrived")
    )
}

/// Notices visitors, clears their sites of the cast, and sends them calls.
async fn usher(
    stage: Stage,
    client: reqwest::Client,
    visited: Arc<watch::Sender<BTreeSet<SiteId>>>,
    reserved: Reserved,
    stop: CancellationToken,
) {
    let cast: BTreeSet<&str> = stage
        .accounts
        .iter()
        .filter(|account| account.cast)
        .map(|account| account.name.as_str())
        .collect();
    let mut calls: BTreeMap<SiteId, Instant> = BTreeMap::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        let city = stage.directory.city();
        let here: BTreeSet<SiteId> = city
            .duty
            .iter()
            .filter(|(_, duty)| {
                duty.operators
                    .iter()
                    .any(|operator| !cast.contains(operator.as_str()))
            })
            .map(|(site, _)| site.clone())
            .collect();
        calls.retain(|site, _| here.contains(site));
        for site in &here {
            calls
                .entry(site.clone())
                .or_insert_with(|| Instant::now() + FIRST_CALL_AFTER);
        }
        visited.send_if_modified(|now| {
            let changed = *now != here;
            if changed {
                now.clone_from(&here);
            }
            changed
        });
        for (site, due) in calls.iter_mut().filter(|(_, due)| **due <= Instant::now()) {
            *due = Instant::now() + NEXT_CALL_AFTER;
            for device in near(&stage, &city, site).into_iter().take(CALL_TRIES) {
                reserve(&reserved, device);
                let Some(press) = press(&client, &stage.devices, device, "sos").await else {
                    continue;
                };
                // Whose earlier call somebody works on already is no news for the visitor.
                if !taken_already(&client, &stage.devices, device, &press).await {
                    break;
                }
            }
        }
    }
}

/// For a while the call of this device is the visitor's.
fn reserve(reserved: &Reserved, device: &DemoDevice) {
    let mut held = reserved.lock().unwrap_or_else(PoisonError::into_inner);
    held.retain(|_, until| *until > Instant::now());
    held.insert(device.device.clone(), Instant::now() + RESERVED_FOR);
}
