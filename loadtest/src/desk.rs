//! What one console has on its screen, and what its operator does next.
//!
//! For: deciding, from frames and the time, what is said to the server: shown, accept, resolve; no sockets here.
//! May not know: how frames come in. It works off what its seat is given and leaves the rest to the other consoles
//! of the district.

use serde::Deserialize;
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};
use wire::console::{Act, CommandIn, FromPage};

/// Calls on one operator's list. Ours: a minute of a storm for a twentieth of a city; beyond it calls are left to ring
/// and counted.
pub const WORK_LIMIT: usize = 8_192;

/// Commands without an answer. Ours: a page may wait for some; more would hide a server that no longer answers.
pub const IN_FLIGHT: usize = 64;

/// Times a refused command is tried again, and after how long, in microseconds.
const TRIES: u32 = 5;
const AGAIN_US: u64 = 1_000_000;

/// An operator takes a call so long after it came, in microseconds: within 5 s.
const ACCEPT_US: (u64, u64) = (500_000, 4_000_000);
/// And ends it so long after it was accepted: within 10 s.
const RESOLVE_US: (u64, u64) = (2_000_000, 8_000_000);

/// A message to a page, as far as it is looked at; the rest is passed over unread.
#[derive(Debug, Deserialize)]
pub struct Frame<'a> {
    /// Its kind.
    #[serde(borrow)]
    pub t: Cow<'a, str>,
    #[serde(borrow, default)]
    cards: Vec<CardSeen<'a>>,
    #[serde(borrow, default)]
    changes: Vec<ChangeSeen<'a>>,
    #[serde(borrow, default)]
    command: Cow<'a, str>,
    #[serde(borrow, default)]
    refused: Option<RefusedSeen<'a>>,
}

#[derive(Debug, Deserialize)]
struct RefusedSeen<'a> {
    #[serde(borrow, default)]
    code: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct ChangeSeen<'a> {
    #[serde(borrow, default)]
    card: Option<CardSeen<'a>>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct CardSeen<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    revision: u64,
    rings_me: bool,
    mine: bool,
    #[serde(borrow)]
    device: Option<DeviceSeen<'a>>,
    offer: Option<serde::de::IgnoredAny>,
    accept_as: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct DeviceSeen<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// What a frame showed of a press, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The incident of this device stands on the screen; `offered`: with an offer.
    Card {
        /// Whose press it is.
        device: String,
        /// The incident.
        incident: String,
        /// The card shows an offer.
        offered: bool,
    },
    /// The call of this device is the operator's.
    Accepted {
        /// Whose press it is.
        device: String,
    },
    /// The call of this device was closed by the operator.
    Resolved {
        /// Whose press it is.
        device: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Accept,
    Resolve,
}

#[derive(Debug)]
struct Work {
    device: String,
    revision: u64,
    step: Step,
    tries: u32,
    shown: bool,
    /// Told to have been seen with an offer.
    offered: bool,
}

/// A command without an answer; the card may be gone from the screen before it comes.
#[derive(Debug)]
struct Asked {
    incident: String,
    device: String,
    step: Step,
}

/// One operator's desk.
#[derive(Debug)]
pub struct Desk {
    turn: usize,
    of: usize,
    work: HashMap<String, Work>,
    /// When, which incident.
    plan: BinaryHeap<Reverse<(u64, String)>>,
    /// Command id → what was asked.
    in_flight: HashMap<String, Asked>,
    /// Refusals by code.
    pub refused: BTreeMap<String, u64>,
    /// Calls not taken because the list was full.
    pub overflowed: u64,
}

impl Desk {
    /// The desk of the console `turn` of `of` in its district.
    pub fn new(turn: usize, of: usize) -> Self {
        Self {
            turn,
            of: of.max(1),
            work: HashMap::new(),
            plan: BinaryHeap::new(),
            in_flight: HashMap::new(),
            refused: BTreeMap::new(),
            overflowed: 0,
        }
    }

    /// Takes a message in: what to say at once, and what was seen.
    pub fn hear(&mut self, frame: Frame<'_>, now: u64) -> (Vec<FromPage>, Vec<Seen>) {
        let mut said = Vec::new();
        let mut seen = Vec::new();
        for card in frame.cards {
            self.card(card, now, &mut said, &mut seen);
        }
        for change in frame.changes {
            match change.card {
                Some(card) => self.card(card, now, &mut said, &mut seen),
                None => {
                    self.work.remove(change.id.as_ref());
                }
            }
        }
        if frame.t == "result" {
            let refused = frame.refused.map(|refused| refused.code.into_owned());
            self.result(&frame.command, refused, now, &mut seen);
        }
        (said, seen)
    }

    fn card(
        &mut self,
        card: CardSeen<'_>,
        now: u64,
        said: &mut Vec<FromPage>,
        seen: &mut Vec<Seen>,
    ) {
        let Some(device) = &card.device else { return };
        if !self.work.contains_key(card.id.as_ref()) {
            if self.work.len() >= WORK_LIMIT {
                self.overflowed += 1;
                return;
            }
            self.work.insert(card.id.to_string(), Work::new(device));
            seen.push(seen_card(device, &card));
        }
        let mine_to_take = spread(&card.id) % self.of as u64 == self.turn as u64;
        let Some(work) = self.work.get_mut(card.id.as_ref()) else {
            return;
        };
        work.revision = work.revision.max(card.revision);
        if card.offer.is_some() && !work.offered {
            work.offered = true;
            seen.push(seen_card(device, &card));
        }
        if card.rings_me && !work.shown {
            work.shown = true;
            said.push(FromPage::Shown {
                incident: card.id.to_string(),
                revision: card.revision,
                sounded: true,
            });
            if mine_to_take && card.accept_as.is_some() && !card.mine {
                self.plan_in(&card.id, now, ACCEPT_US);
            }
        }
    }

    /// Somewhere in the span, the same for the same call in every run.
    fn plan_in(&mut self, id: &str, now: u64, (from, to): (u64, u64)) {
        let at = now + from + spread(id) % (to - from);
        self.plan.push(Reverse((at, id.to_owned())));
    }

    fn result(&mut self, command: &str, refused: Option<String>, now: u64, seen: &mut Vec<Seen>) {
        let asked = self.in_flight.remove(command);
        if let Some(code) = refused {
            *self.refused.entry(code).or_default() += 1;
            if let Some(work) = asked.and_then(|asked| {
                let work = self.work.get_mut(&asked.incident)?;
                work.tries += 1;
                (work.tries < TRIES).then_some(asked.incident)
            }) {
                self.plan.push(Reverse((now + AGAIN_US, work)));
            }
            return;
        }
        let Some(asked) = asked else { return };
        let device = asked.device;
        if asked.step == Step::Accept {
            seen.push(Seen::Accepted { device });
            if let Some(work) = self.work.get_mut(&asked.incident) {
                work.step = Step::Resolve;
                self.plan_in(&asked.incident, now, RESOLVE_US);
            }
        } else {
            seen.push(Seen::Resolved { device });
            self.work.remove(&asked.incident);
        }
    }

    /// When something is to be done next, unless too many answers are awaited.
    pub fn next(&self) -> Option<u64> {
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        self.plan.peek().map(|Reverse((at, _))| *at)
    }

    /// The next command that is due.
    pub fn due(&mut self, now: u64) -> Option<FromPage> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((_, id)) = self.plan.pop()?;
            let Some(work) = self.work.get(&id) else {
                continue;
            };
            let act = match work.step {
                Step::Accept => Act::Accept,
                Step::Resolve => Act::Resolve {
                    reason: "ACCIDENT".to_owned(),
                    actions: vec!["TALKED".to_owned()],
                    outcome: "FALSE".to_owned(),
                    note: None,
                },
            };
            let command = CommandIn {
                id: uuid::Uuid::new_v4().to_string(),
                seen: Some(work.revision),
                at: None,
                act,
            };
            let asked = Asked {
                incident: id.clone(),
                device: work.device.clone(),
                step: work.step,
            };
            self.in_flight.insert(command.id.clone(), asked);
            return Some(FromPage::Command {
                incident: id,
                command,
            });
        }
        None
    }
}

impl Work {
    fn new(device: &DeviceSeen<'_>) -> Self {
        Self {
            device: device.id.to_string(),
            revision: 0,
            step: Step::Accept,
            tries: 0,
            shown: false,
            offered: false,
        }
    }
}

fn seen_card(device: &DeviceSeen<'_>, card: &CardSeen<'_>) -> Seen {
    Seen::Card {
        device: device.id.to_string(),
        incident: card.id.to_string(),
        offered: card.offer.is_some(),
    }
}

/// A number of an identifier, evenly spread: FNV-1a, 64 bits.
fn spread(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of the last byte are weak.
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RINGING: &str = r#"{"t":"changes","position":9,"changes":[{"c":"upsert","card":{"id":"i1","revision":2,"phase":"offered",
        "rings_me":true,"mine":false,"device":{"id":"HRB-1","model":"x"},"offer":{"ring":1},"accept_as":{"party":"site"}}}]}"#;

    fn frame(text: &str) -> Frame<'_> {
        serde_json::from_str(text).unwrap()
    }

    fn done(said: &FromPage) -> String {
        let FromPage::Command { command, .. } = said else {
            panic!("{said:?}")
        };
        format!(
            r#"{{"t":"result","command":"{}","done":{{"revision":3}},"refused":null}}"#,
            command.id
        )
    }

    #[test]
    fn a_ringing_call_is_shown_at_once_taken_within_5_s_and_ended_within_10_s() {
        let mut desk = Desk::new(0, 1);
        let (said, seen) = desk.hear(frame(RINGING), 0);
        assert!(matches!(&said[..], [FromPage::Shown { sounded: true, .. }]));
        assert!(matches!(&seen[0], Seen::Card { offered: true, device, .. } if device == "HRB-1"));
        assert!(desk.due(ACCEPT_US.0 - 1).is_none());
        let accept = desk.due(5_000_000).expect("within 5 s");
        let (_, seen) = desk.hear(frame(&done(&accept)), 5_000_000);
        assert_eq!(
            seen,
            [Seen::Accepted {
                device: "HRB-1".into()
            }]
        );
        let resolve = desk.due(15_000_000).expect("within 10 s");
        // The card leaves the screen before the answer comes.
        desk.hear(
            frame(r#"{"t":"changes","changes":[{"c":"remove","id":"i1","why":"closed"}]}"#),
            0,
        );
        let (_, seen) = desk.hear(frame(&done(&resolve)), 15_100_000);
        assert_eq!(
            seen,
            [Seen::Resolved {
                device: "HRB-1".into()
            }]
        );
        assert_eq!(desk.next(), None);
    }

    #[test]
    fn of_several_consoles_of_a_district_exactly_one_takes_a_call() {
        let takes = |turn| {
            let mut desk = Desk::new(turn, 3);
            desk.hear(frame(RINGING), 0);
            desk.next().is_some()
        };
        assert_eq!((0..3).filter(|turn| takes(*turn)).count(), 1);
    }

    #[test]
    fn a_refused_command_is_tried_again_a_few_times() {
        let mut desk = Desk::new(0, 1);
        desk.hear(frame(RINGING), 0);
        let mut asked = 0;
        let mut now = 5_000_000;
        while let Some(FromPage::Command { command, .. }) = desk.due(now) {
            asked += 1;
            let refused = format!(
                r#"{{"t":"result","command":"{}","done":null,"refused":{{"code":"unavailable"}}}}"#,
                command.id
            );
            desk.hear(frame(&refused), now);
            now += AGAIN_US;
        }
        assert_eq!(asked, TRIES);
        assert_eq!(desk.refused["unavailable"], u64::from(TRIES));
    }

    #[test]
    fn a_full_list_takes_no_more_and_says_so() {
        let mut desk = Desk::new(0, 1);
        for n in 0..=WORK_LIMIT {
            desk.hear(frame(&RINGING.replace("\"i1\"", &format!("\"i{n}\""))), 0);
        }
        assert_eq!(desk.overflowed, 1);
    }

    #[test]
    fn no_more_commands_are_asked_than_may_be_in_flight() {
        let mut desk = Desk::new(0, 1);
        for n in 0..2 * IN_FLIGHT {
            desk.hear(frame(&RINGING.replace("\"i1\"", &format!("\"i{n}\""))), 0);
        }
        let asked = std::iter::from_fn(|| desk.due(10_000_000)).count();
        assert_eq!(asked, IN_FLIGHT);
    }
}
