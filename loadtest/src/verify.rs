//! After the load: every acknowledged press is looked up, every incident checked.
//!
//! For: counting what was lost or doubled, from what the doors say now.
//! May not know: how the load was made, or how fast it was.

use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// An acknowledged press, and what the device door tells of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LookedUp {
    pub device: String,
    /// The position told with the acknowledgement.
    pub position: u64,
    /// 200, or what the door said instead.
    pub status: u16,
    pub stage: String,
    pub incident: Option<String>,
    /// Some console was told that its `resolve` is done.
    pub resolved: bool,
}

/// An incident as the console door lists it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Listed {
    pub id: String,
    pub device: Option<String>,
    pub presses: u32,
    pub closed: bool,
    pub owner: bool,
    pub offer: bool,
    pub deadline: bool,
}

/// What was found; all but the first three must be zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Presses looked up.
    pub looked_up: usize,
    /// Incidents of the run's devices.
    pub incidents: usize,
    /// Of them, closed.
    pub closed: usize,
    /// Acknowledged, and the device door does not know the press.
    pub lost_presses: usize,
    /// Known, but without an incident, or with one that is listed nowhere.
    pub lost_incidents: usize,
    /// Two presses with one position, two incidents of one press, or a press counted twice in its incident.
    pub doubled: usize,
    /// Open without owner and offer, or without a deadline.
    pub unowned: usize,
    /// An operator was told that it is closed, and it is not.
    pub reopened: usize,
    /// Could not be looked up: the doors did not answer.
    pub unanswered: usize,
    /// The first few, in words.
    pub examples: Vec<String>,
}

/// Examples kept.
const EXAMPLES: usize = 10;

impl Verdict {
    /// Nothing was lost, doubled or forgotten, and everything could be looked up.
    pub fn holds(&self) -> bool {
        self.lost_presses
            + self.lost_incidents
            + self.doubled
            + self.unowned
            + self.reopened
            + self.unanswered
            == 0
    }

    fn say(&mut self, what: String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(what);
        }
    }
}

/// Compares what was acknowledged with what is there.
pub fn verify(presses: &[LookedUp], listed: &[Listed]) -> Verdict {
    let mut verdict = Verdict {
        looked_up: presses.len(),
        ..Verdict::default()
    };
    let by_id: HashMap<&str, &Listed> = listed.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut by_device: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for one in listed {
        if let Some(device) = &one.device {
            by_device.entry(device).or_default().insert(&one.id);
        }
    }
    let mut positions = BTreeSet::new();
    for press in presses {
        let device = &press.device;
        if !positions.insert(press.position) {
            verdict.doubled += 1;
            verdict.say(format!(
                "{device}: position {} was told twice",
                press.position
            ));
        }
        let ids = by_device.get(device.as_str());
        let count = ids.map_or(0, BTreeSet::len);
        if count > 1 {
            verdict.doubled += count - 1;
            verdict.say(format!("{device}: one press, {count} incidents"));
        }
        for id in ids.into_iter().flatten() {
            check(by_id[id], &mut verdict);
        }
        match (press.status, &press.incident) {
            (404, _) => {
                verdict.lost_presses += 1;
                verdict.say(format!(
                    "{device}: the press at {} is not known",
                    press.position
                ));
            }
            (200, Some(id)) => match by_id.get(id.as_str()) {
                Some(one) if press.resolved && !one.closed => {
                    verdict.reopened += 1;
                    verdict.say(format!("{id}: told closed, and open"));
                }
                Some(_) => {}
                None => {
                    verdict.lost_incidents += 1;
                    verdict.say(format!("{device}: incident {id} is not listed"));
                }
            },
            (200, None) => {
                verdict.lost_incidents += 1;
                verdict.say(format!(
                    "{device}: the press at {} has no incident",
                    press.position
                ));
            }
            (status, _) => {
                verdict.unanswered += 1;
                verdict.say(format!("{device}: looked up, answered {status}"));
            }
        }
    }
    verdict
}

/// Looks also at what consoles have seen during the run: a second incident of a device stays doubled when it is closed.
pub fn seen<'a>(verdict: &mut Verdict, pairs: impl Iterator<Item = &'a (String, String)>) {
    let mut of: HashMap<&str, &str> = HashMap::new();
    for (device, incident) in pairs {
        if *of.entry(device).or_insert(incident) != incident {
            verdict.doubled += 1;
            verdict.say(format!("{device}: consoles saw two incidents"));
        }
    }
}

fn check(one: &Listed, verdict: &mut Verdict) {
    verdict.incidents += 1;
    verdict.closed += usize::from(one.closed);
    if one.presses != 1 {
        verdict.doubled += 1;
        verdict.say(format!("{}: holds {} presses", one.id, one.presses));
    }
    if !one.closed && (!one.deadline || !(one.owner || one.offer)) {
        verdict.unowned += 1;
        verdict.say(format!("{}: open without owner, offer or deadline", one.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(device: &str, position: u64) -> LookedUp {
        LookedUp {
            device: device.into(),
            position,
            status: 200,
            stage: "done".into(),
            incident: Some(format!("i-{device}")),
            resolved: true,
        }
    }

    fn listed(device: &str) -> Listed {
        Listed {
            id: format!("i-{device}"),
            device: Some(device.into()),
            presses: 1,
            closed: true,
            owner: true,
            offer: false,
            deadline: false,
        }
    }

    #[test]
    fn a_run_in_which_all_is_well_holds() {
        let verdict = verify(
            &[press("a", 1), press("b", 2)],
            &[listed("a"), listed("b"), listed("of an earlier run")],
        );
        assert!(verdict.holds(), "{verdict:?}");
        assert_eq!(
            (verdict.looked_up, verdict.incidents, verdict.closed),
            (2, 2, 2)
        );
    }

    #[test]
    fn a_press_that_is_not_known_is_lost() {
        let lost = LookedUp {
            status: 404,
            incident: None,
            ..press("a", 1)
        };
        let verdict = verify(&[lost], &[]);
        assert_eq!(verdict.lost_presses, 1);
        assert!(!verdict.holds());
    }

    #[test]
    fn a_press_without_an_incident_or_with_one_that_is_not_listed_is_lost() {
        let without = LookedUp {
            incident: None,
            stage: "received".into(),
            ..press("a", 1)
        };
        let verdict = verify(&[without, press("b", 2)], &[]);
        assert_eq!(verdict.lost_incidents, 2);
        assert!(!verdict.holds());
    }

    #[test]
    fn two_incidents_of_one_press_are_doubled() {
        let second = Listed {
            id: "another".into(),
            ..listed("a")
        };
        let verdict = verify(&[press("a", 1)], &[listed("a"), second]);
        assert_eq!(verdict.doubled, 1);
        assert!(!verdict.holds());
    }

    #[test]
    fn two_incidents_seen_of_one_device_are_doubled() {
        let pair = |incident: &str| ("a".to_owned(), incident.to_owned());
        let mut verdict = Verdict::default();
        seen(&mut verdict, [pair("1"), pair("1")].iter());
        assert!(verdict.holds());
        seen(&mut verdict, [pair("1"), pair("2")].iter());
        assert_eq!(verdict.doubled, 1);
    }

    #[test]
    fn a_press_counted_twice_or_two_presses_at_one_position_are_doubled() {
        let twice = Listed {
            presses: 2,
            ..listed("a")
        };
        assert_eq!(verify(&[press("a", 1)], &[twice]).doubled, 1);
        let verdict = verify(&[press("a", 7), press("b", 7)], &[listed("a"), listed("b")]);
        assert_eq!(verdict.doubled, 1);
    }

    #[test]
    fn an_open_incident_needs_an_owner_or_an_offer_and_a_deadline() {
        let open = |owner, offer, deadline| Listed {
            closed: false,
            owner,
            offer,
            deadline,
            ..listed("a")
        };
        let seen = LookedUp {
            resolved: false,
            ..press("a", 1)
        };
        let unowned = |one| verify(std::slice::from_ref(&seen), &[one]).unowned;
        assert_eq!(unowned(open(true, false, true)), 0);
        assert_eq!(unowned(open(false, true, true)), 0);
        assert_eq!(unowned(open(false, false, true)), 1);
        assert_eq!(unowned(open(true, true, false)), 1);
    }

    #[test]
    fn what_an_operator_was_told_is_closed_must_be_closed() {
        let open = Listed {
            closed: false,
            deadline: true,
            ..listed("a")
        };
        assert_eq!(verify(&[press("a", 1)], &[open]).reopened, 1);
    }

    #[test]
    fn a_door_that_does_not_answer_is_no_proof() {
        let verdict = verify(
            &[LookedUp {
                status: 0,
                ..press("a", 1)
            }],
            &[listed("a")],
        );
        assert!(!verdict.holds());
        assert_eq!(verdict.unanswered, 1);
    }
}
