//! The ring policy: who is rung when, and how long each state may last.
//!
//! For: one table of numbers that offers, deadlines and `decide` share; `policy.toml` beside this crate is the same
//! table with the source of each number.
//! May not know: files; the binary parses one into this shape and shows what [`RingPolicy::check`] says.

use crate::{
    DistrictId, Timestamp,
    party::{Candidate, Party},
    signal::{Priority, SignalKind},
    time::minute_of_day,
};
use serde::{Deserialize, Serialize};
use std::{sync::LazyLock, time::Duration};

/// Most rings a policy may have. Ours: the design has five; more than this is a mistake in a file.
pub const RING_LIMIT: usize = 16;

/// How long after the announced arrival the owner is asked. Not in the table: folds of stored events rest on it,
/// and a fold may not change with a setting. Ours, from the design's "ETA + 5 min".
pub const ARRIVAL_GRACE: Duration = Duration::from_mins(5);

/// How far any step of the owner's that carries no deadline of its own pushes the next question. A constant for the
/// same reason; equal to the talk check.
pub const STEP_CHECK: Duration = Duration::from_mins(5);

/// Who joins with a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum RingMember {
    NearestSite,
    NextNearestSite,
    ThirdSiteAndDistrictDesk,
    Supervisor,
    CityDeskAndKeyholder,
}

impl RingMember {
    /// How many sites join with it.
    fn sites(self) -> usize {
        match self {
            Self::NearestSite | Self::NextNearestSite | Self::ThirdSiteAndDistrictDesk => 1,
            Self::Supervisor | Self::CityDeskAndKeyholder => 0,
        }
    }
}

/// One ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// Seconds after the first offer, for P1 and P2.
    pub after_s: u32,
    /// Who joins.
    pub member: RingMember,
    /// A review is opened with it.
    #[serde(default)]
    pub review: bool,
}

/// How slowly rings go, in percent of the table, per priority; 100 is as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are the priorities")]
pub struct Pace {
    pub p1_percent: u32,
    pub p2_percent: u32,
    pub p3_percent: u32,
    pub p4_percent: u32,
}

/// How long the states of work may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// From accepting to the first step.
    pub first_step_s: u32,
    /// Talking, before the owner is asked.
    pub talk_s: u32,
    /// On the spot, before the owner is asked.
    pub on_site_s: u32,
    /// From the question to the desk.
    pub answer_s: u32,
    /// From one desk told to the next, while nobody answers.
    pub answer_again_s: u32,
    /// From the end of a hold to the question.
    pub woken_s: u32,
    /// An answer later than this after the press opens a review.
    pub late_answer_s: u32,
    /// Longest hold of P1 and P2.
    pub hold_pressing_min: u32,
    /// Longest hold of P3 and P4.
    pub hold_ordinary_min: u32,
    /// How long after closing an incident may be opened again.
    pub reopen_h: u32,
    /// Longest announced way of a responder.
    pub way_max_min: u32,
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingPolicy {
    /// Counted up with every change; stored with each offer.
    pub version: u32,
    /// In the order they join; the first at 0 s.
    pub rings: Vec<Ring>,
    /// How often the last ring repeats.
    pub repeat_s: u32,
    /// A console must have shown and sounded an offer within this.
    pub show_within_ms: u32,
    /// The duty phone rings this long after the screen.
    pub duty_phone_s: u32,
    /// … and again after this.
    pub duty_phone_again_s: u32,
    /// At most so often for a site or keyholder; desks are rung without end.
    pub duty_phone_limit: u32,
    /// These kinds start one ring further.
    pub skip_kinds: Vec<SignalKind>,
    /// A second press skips one ring.
    pub skip_on_repress: bool,
    /// A home station this much slower than the nearest still goes first.
    pub home_within_s: u32,
    /// Night begins: minutes after local midnight. The district desk is rung with the first ring at night.
    pub night_from_min: u16,
    /// Night ends: minutes after local midnight.
    pub night_to_min: u16,
    /// An operator without a live console for this long is unreachable.
    pub unreachable_s: u32,
    /// … and after this much more, what they hold is offered beside them.
    pub unreachable_offer_s: u32,
    /// How slowly.
    pub pace: Pace,
    /// The states of work.
    pub work: Work,
}

impl Default for RingPolicy {
    fn default() -> Self {
        let ring = |after_s, member| Ring {
            after_s,
            member,
            review: member == RingMember::CityDeskAndKeyholder,
        };
        Self {
            version: 1,
            rings: vec![
                ring(0, RingMember::NearestSite),
                ring(15, RingMember::NextNearestSite),
                ring(30, RingMember::ThirdSiteAndDistrictDesk),
                ring(45, RingMember::Supervisor),
                ring(60, RingMember::CityDeskAndKeyholder),
            ],
            repeat_s: 30,
            show_within_ms: 3_000,
            duty_phone_s: 10,
            duty_phone_again_s: 30,
            duty_phone_limit: 5,
            skip_kinds: vec![SignalKind::Fall, SignalKind::Smoke, SignalKind::Gas],
            skip_on_repress: true,
            home_within_s: 180,
            night_from_min: 22 * 60,
            night_to_min: 6 * 60,
            unreachable_s: 20,
            unreachable_offer_s: 20,
            pace: Pace {
                p1_percent: 100,
                p2_percent: 100,
                p3_percent: 200,
                p4_percent: 400,
            },
            work: Work {
                first_step_s: 120,
                talk_s: 300,
                on_site_s: 1_200,
                answer_s: 60,
                answer_again_s: 300,
                woken_s: 120,
                late_answer_s: 180,
                hold_pressing_min: 10,
                hold_ordinary_min: 60,
                reopen_h: 24,
                way_max_min: 180,
            },
        }
    }
}

impl RingPolicy {
    /// The table as shipped.
    pub fn standard() -> &'static RingPolicy {
        static STANDARD: LazyLock<RingPolicy> = LazyLock::new(RingPolicy::default);
        &STANDARD
    }

    /// Index of the last ring; 0 when there is none.
    pub fn last_ring(&self) -> u8 {
        u8::try_from(self.rings.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// From this ring to the next; from the last ring on, the repeat. Never below one second.
    pub fn gap_after(&self, ring: u8, priority: Priority) -> Duration {
        let at = |ring: usize| self.rings.get(ring).map(|r| r.after_s);
        let plain_s = match (at(ring.into()), at(usize::from(ring) + 1)) {
            (Some(this), Some(next)) => next.saturating_sub(this),
            _ => self.repeat_s,
        };
        self.paced(plain_s, priority).max(Duration::from_secs(1))
    }

    /// A span of the ring table as slow as this priority goes.
    pub fn paced(&self, plain_s: u32, priority: Priority) -> Duration {
        let percent = match priority {
            Priority::P1 => self.pace.p1_percent,
            Priority::P2 => self.pace.p2_percent,
            Priority::P3 => self.pace.p3_percent,
            Priority::P4 => self.pace.p4_percent,
        };
        Duration::from_millis(u64::from(plain_s) * u64::from(percent) * 10)
    }

    /// Whether it is night in Harbin (UTC+8).
    pub fn is_night(&self, at: Timestamp) -> bool {
        within(minute_of_day(at), self.night_from_min, self.night_to_min)
    }

    /// What is wrong with the table, in plain words; empty when nothing is.
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut say = |bad: bool, words: &str| {
            if bad {
                wrong.push(words.to_owned());
            }
        };
        say(self.rings.is_empty(), "rings: there must be at least one");
        say(self.rings.len() > RING_LIMIT, "rings: more than 16");
        say(
            self.rings.first().is_some_and(|r| r.after_s != 0),
            "rings: the first must start at after_s = 0, or nobody is rung when the press arrives",
        );
        say(
            self.rings.windows(2).any(|w| w[0].after_s >= w[1].after_s),
            "rings: after_s must grow from ring to ring",
        );
        say(
            self.rings
                .last()
                .is_some_and(|r| r.member != RingMember::CityDeskAndKeyholder),
            "rings: the last must be city_desk_and_keyholder, the one that is always staffed",
        );
        say(
            !(5..=600).contains(&self.repeat_s),
            "repeat_s: must lie between 5 and 600",
        );
        say(
            !(500..=60_000).contains(&self.show_within_ms),
            "show_within_ms: must lie between 500 and 60000",
        );
        say(
            self.duty_phone_again_s < 5,
            "duty_phone_again_s: must be at least 5, or a telephone is rung while it rings",
        );
        say(
            self.duty_phone_limit == 0,
            "duty_phone_limit: must be at least 1, or no telephone ever rings",
        );
        say(
            self.night_from_min >= 1440 || self.night_to_min >= 1440,
            "night_from_min, night_to_min: minutes after midnight, below 1440",
        );
        let paces = [
            self.pace.p1_percent,
            self.pace.p2_percent,
            self.pace.p3_percent,
            self.pace.p4_percent,
        ];
        say(
            paces.iter().any(|p| !(50..=2_000).contains(p)),
            "pace: every percentage must lie between 50 and 2000",
        );
        say(
            paces.windows(2).any(|w| w[0] > w[1]),
            "pace: a more pressing priority may not be slower than a less pressing one",
        );
        let w = &self.work;
        for (name, value, low, high) in [
            ("first_step_s", w.first_step_s, 15, 3_600),
            ("talk_s", w.talk_s, 30, 7_200),
            ("on_site_s", w.on_site_s, 60, 14_400),
            ("answer_s", w.answer_s, 10, 3_600),
            ("answer_again_s", w.answer_again_s, 30, 7_200),
            ("woken_s", w.woken_s, 15, 3_600),
            ("late_answer_s", w.late_answer_s, 10, 3_600),
            ("hold_pressing_min", w.hold_pressing_min, 1, 60),
            ("hold_ordinary_min", w.hold_ordinary_min, 1, 720),
            ("reopen_h", w.reopen_h, 1, 168),
            ("way_max_min", w.way_max_min, 10, 720),
        ] {
            say(
                !(low..=high).contains(&value),
                &format!("work.{name}: must lie between {low} and {high}"),
            );
        }
        wrong
    }
}

/// Whether a minute of the day lies in `from..to`, over midnight when `to` is smaller; equal ends hold nothing.
pub(crate) fn within(minute: u16, from: u16, to: u16) -> bool {
    if from <= to {
        (from..to).contains(&minute)
    } else {
        minute >= from || minute < to
    }
}

/// What [`plan_ring`] must know of an incident.
#[derive(Debug, Clone, Copy)]
pub struct RingInputs<'a> {
    /// Where it belongs; unknown means the city desk stands in for the district's.
    pub district: Option<&'a DistrictId>,
    /// [`RingPolicy::is_night`] now.
    pub night: bool,
    /// Whether the resident has a keyholder who can be telephoned.
    pub keyholder: bool,
    /// Everyone rung already.
    pub rung: &'a [Party],
}

/// Who joins when the offer reaches `ring`: all that belong to this or an earlier ring and are not rung yet, in
/// the order of the rings. Counts sites, so that a ranking that changed meanwhile rings no extra ones. Where no
/// eligible site is left the desk stands in: a closed station is never rung silently.
pub fn plan_ring(
    policy: &RingPolicy,
    inputs: RingInputs<'_>,
    ranked: &[Candidate],
    ring: u8,
) -> Vec<Party> {
    let desk = || {
        inputs
            .district
            .map_or(Party::CityDesk, |d| Party::DistrictDesk(d.clone()))
    };
    let mut known = inputs.rung.to_vec();
    let first_new = known.len();
    let mut want = 0;
    for (index, step) in policy.rings.iter().take(usize::from(ring) + 1).enumerate() {
        want += step.member.sites();
        while sites_among(&known) < want {
            let next = ranked
                .iter()
                .filter(|c| c.ruled_out.is_none())
                .map(|c| Party::Site(c.site.clone()))
                .find(|party| !known.contains(party));
            let Some(next) = next else {
                join(&mut known, desk());
                break;
            };
            known.push(next);
        }
        if index == 0 && inputs.night {
            join(&mut known, desk());
        }
        match step.member {
            RingMember::NearestSite | RingMember::NextNearestSite => {}
            RingMember::ThirdSiteAndDistrictDesk => join(&mut known, desk()),
            RingMember::Supervisor => join(&mut known, Party::Supervisor),
            RingMember::CityDeskAndKeyholder => {
                join(&mut known, Party::CityDesk);
                if inputs.keyholder {
                    join(&mut known, Party::Keyholder);
                }
            }
        }
    }
    known.split_off(first_new)
}

fn sites_among(parties: &[Party]) -> usize {
    let site = |p: &&Party| matches!(p, Party::Site(_));
    parties.iter().filter(site).count()
}

fn join(known: &mut Vec<Party>, party: Party) {
    if !known.contains(&party) {
        known.push(party);
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
