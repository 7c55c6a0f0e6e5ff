//! Asking the doors what they hold now, a press and a page of incidents at a time.
//!
//! For: the answers that `verify` compares.
//! May not know: what they ought to be.

use crate::{
    Doing, Failure,
    http::{self, Connection},
    verify::{Listed, LookedUp},
};
use indicatif::ProgressBar;
use serde::Deserialize;
use tokio::task::JoinSet;

/// Connections that look up at once.
const AT_ONCE: usize = 8;

/// Times a look-up is tried again on a new connection.
const TRIES: usize = 3;

/// Incidents of one page.
const PAGE: usize = 200;

#[derive(Debug, Deserialize)]
struct Stage {
    stage: String,
    incident: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    incidents: Vec<CardRead>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CardRead {
    id: String,
    presses: u32,
    device: Option<DeviceRead>,
    owner: Option<serde::de::IgnoredAny>,
    offer: Option<serde::de::IgnoredAny>,
    deadline: Option<serde::de::IgnoredAny>,
    closing: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct DeviceRead {
    id: String,
}

/// Looks every press up with its device's key.
pub async fn presses(
    door: &str,
    press: &str,
    asked: Vec<(LookedUp, String)>,
    bar: &ProgressBar,
) -> Vec<LookedUp> {
    let share = asked.len().div_ceil(AT_ONCE).max(1);
    let mut work = JoinSet::new();
    let mut asked = asked.into_iter();
    loop {
        let part: Vec<_> = asked.by_ref().take(share).collect();
        if part.is_empty() {
            break;
        }
        work.spawn(some(door.to_owned(), press.to_owned(), part, bar.clone()));
    }
    work.join_all().await.into_iter().flatten().collect()
}

async fn some(
    door: String,
    press: String,
    part: Vec<(LookedUp, String)>,
    bar: ProgressBar,
) -> Vec<LookedUp> {
    let mut line = None;
    let mut found = Vec::with_capacity(part.len());
    for (mut one, key) in part {
        let request = http::get(&door, &format!("/v1/signals/{}/{press}", one.device), &key);
        if let Some((status, body)) = ask(&door, &mut line, &request).await {
            one.status = status;
            if let Ok(stage) = serde_json::from_slice::<Stage>(&body) {
                one.stage = stage.stage;
                one.incident = stage.incident;
            }
        }
        bar.inc(1);
        found.push(one);
    }
    found
}

/// Every incident, open and closed, that somebody who sees all of them is shown.
pub async fn incidents(door: &str, token: &str, bar: &ProgressBar) -> Result<Vec<Listed>, Failure> {
    let mut listed = Vec::new();
    let mut line = None;
    for state in ["open", "closed"] {
        let mut next = None;
        loop {
            let after = next
                .map(|after| format!("&after={after}"))
                .unwrap_or_default();
            let path = format!("/v1/incidents?state={state}&limit={PAGE}{after}");
            let answer = ask(door, &mut line, &http::get(door, &path, token)).await;
            let (status, body) = answer
                .ok_or_else(|| Failure("the list of incidents does not answer".to_owned()))?;
            if status != 200 {
                return Err(Failure(format!("the list of incidents answered {status}")));
            }
            let page: Page = serde_json::from_slice(&body).doing("read the list of incidents")?;
            listed.extend(page.incidents.into_iter().map(Listed::from));
            bar.set_message(format!("{} incidents listed", listed.len()));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    Ok(listed)
}

impl From<CardRead> for Listed {
    fn from(card: CardRead) -> Self {
        Self {
            id: card.id,
            device: card.device.map(|device| device.id),
            presses: card.presses,
            closed: card.closing.is_some(),
            owner: card.owner.is_some(),
            offer: card.offer.is_some(),
            deadline: card.deadline.is_some(),
        }
    }
}

async fn ask(door: &str, line: &mut Option<Connection>, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    for _ in 0..TRIES {
        if line.is_none() {
            *line = Connection::open(door).await.ok();
        }
        let Some(open) = line.as_mut() else { continue };
        match open.ask(request).await {
            Ok(status) => return Some((status, open.body().to_vec())),
            Err(_) => *line = None,
        }
    }
    None
}
