//! Whether a resident's record may be erased, and what keeps it: a legal hold (证据保全).
//!
//! For: the rules of holding, releasing and erasing, and the fold they decide on.
//! May not know: keys, how anything is forgotten.

use crate::{Timestamp, resident::ResidentEvent};
use std::collections::BTreeMap;

/// Most holds on one record at once. Ours: each is another authority's case; more are one case written many times.
pub const HOLDS_LIMIT: usize = 16;

/// Longest case number, in characters.
pub const CASE_CHARS: usize = 64;

/// Longest reason, in characters: two sentences.
pub const WHY_CHARS: usize = 200;

/// A record must be kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub why: String,
    /// The first moment at which it holds no more.
    pub until: Timestamp,
}

/// How a record stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// There is one.
    pub enrolled: bool,
    /// It was forgotten, for ever.
    pub erased: bool,
    /// By case number; those that have ended are still among them.
    pub holds: BTreeMap<String, Hold>,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordCommand {
    /// Keep it until then.
    Hold {
        /// The authority's number.
        case: String,
        /// See [`Hold`].
        hold: Hold,
    },
    /// The case needs it no more.
    Lift {
        /// The authority's number.
        case: String,
        /// Why.
        why: String,
    },
    /// Forget the person.
    Erase {
        /// Why.
        why: String,
        /// An incident of theirs is open.
        in_need: bool,
    },
    /// Write something new into it.
    Change,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum RecordRefusal {
    #[error("there is no such resident")]
    NotEnrolled,
    #[error("this resident was erased")]
    Erased,
    #[error(
        "kept as evidence until {}: case {case}: {}; it can be erased after that day, or when the hold is lifted",
        day(hold.until),
        hold.why
    )]
    Held { case: String, hold: Hold },
    #[error("an incident of this resident is open; erase them when it is closed")]
    InNeed,
    #[error("no hold for case {0} stands on this record")]
    NoHold(String),
    #[error("the hold would end before it begins")]
    Past,
    #[error("there are {HOLDS_LIMIT} holds on this record already")]
    TooManyHolds,
    #[error("{what} is empty or longer than {limit} characters")]
    Text { what: &'static str, limit: usize },
}

impl Record {
    /// Folds an event in.
    #[must_use]
    pub fn evolve(mut self, event: &ResidentEvent) -> Self {
        match event {
            ResidentEvent::ResidentEnrolled(_) => self.enrolled = true,
            ResidentEvent::ResidentErased { .. } => self.erased = true,
            ResidentEvent::LegalHoldPlaced {
                case, why, until, ..
            } => {
                let hold = Hold {
                    why: why.clone(),
                    until: *until,
                };
                self.holds.insert(case.clone(), hold);
            }
            ResidentEvent::LegalHoldLifted { case, .. } => drop(self.holds.remove(case)),
            _ => {}
        }
        self
    }

    /// The hold that ends last of those that have not ended.
    pub fn held(&self, now: Timestamp) -> Option<(&String, &Hold)> {
        let holding = self.holds.iter().filter(|(_, hold)| hold.until > now);
        holding.max_by_key(|(_, hold)| hold.until)
    }

    /// Whether it may be done.
    pub fn decide(&self, command: &RecordCommand, now: Timestamp) -> Result<(), RecordRefusal> {
        if !self.enrolled {
            return Err(RecordRefusal::NotEnrolled);
        }
        if self.erased {
            return Err(RecordRefusal::Erased);
        }
        match command {
            RecordCommand::Hold { case, hold } => {
                said("the case number", case, CASE_CHARS)?;
                said("the reason", &hold.why, WHY_CHARS)?;
                let standing = self.holds.values().filter(|it| it.until > now).count();
                if hold.until <= now {
                    Err(RecordRefusal::Past)
                } else if standing >= HOLDS_LIMIT && !self.holds.contains_key(case) {
                    Err(RecordRefusal::TooManyHolds)
                } else {
                    Ok(())
                }
            }
            RecordCommand::Lift { case, why } => {
                said("the reason", why, WHY_CHARS)?;
                match self.holds.get(case) {
                    Some(hold) if hold.until > now => Ok(()),
                    _ => Err(RecordRefusal::NoHold(case.clone())),
                }
            }
            RecordCommand::Erase { why, in_need } => {
                said("the reason", why, WHY_CHARS)?;
                match self.held(now) {
                    Some((case, hold)) => Err(RecordRefusal::Held {
                        case: case.clone(),
                        hold: hold.clone(),
                    }),
                    None if *in_need => Err(RecordRefusal::InNeed),
                    None => Ok(()),
                }
            }
            RecordCommand::Change => Ok(()),
        }
    }
}

fn said(what: &'static str, text: &str, limit: usize) -> Result<(), RecordRefusal> {
    match text.trim().is_empty() || text.chars().count() > limit {
        true => Err(RecordRefusal::Text { what, limit }),
        false => Ok(()),
    }
}

/// The last day, in China, on which a moment's hold still holds, as `2026-11-30`.
fn day(until: Timestamp) -> String {
    const DAY_MS: i64 = 86_400_000;
    const CHINA_MS: i64 = 8 * 3_600_000;
    let days = (until.0 - 1 + CHINA_MS).div_euclid(DAY_MS);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01; counted in eras of 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    // Years begin in March here, so that the leap day is a year's last.
    let shifted = days + 719_468;
    let (era, in_era) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / (ERA - 1)) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
