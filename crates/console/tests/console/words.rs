//! Every code that can stand in a history has its words on the page, in both languages.
//!
//! For: no operator reading `rang_to_the_last`.
//! May not know: the words themselves. The page's own types hold the English table against the Chinese one.

use casebook::Stored;
use domain::{
    codes::{
        Action, ClaimReason, DeclineReason, HoldReason, Outcome, Reason, ReopenCause,
        TransferReason,
    },
    incident::{
        ContactResult, DeadlineKind as D, DutyPhoneCause as P, EmergencyService as S, GRAVE,
        IncidentEvent, OfferCause as O, REVIEW_CAUSES,
    },
    signal::SignalKind,
};

/// The codes of a group of the page's table.
fn group(table: &str, name: &str) -> Vec<String> {
    let begin = table
        .find(&format!("\n  {name}: {{"))
        .unwrap_or_else(|| panic!("no group {name}"));
    let rest = &table[begin..];
    let body = &rest[rest.find('{').unwrap() + 1..rest.find('}').unwrap()];
    let mut codes = Vec::new();
    let mut quoted: Option<(char, String)> = None;
    let mut word = String::new();
    for letter in body.chars() {
        match (&mut quoted, letter) {
            (Some((mark, text)), it) if it == *mark => {
                word = std::mem::take(text);
                quoted = None;
            }
            (Some((_, text)), it) => text.push(it),
            (None, '\'' | '"') => quoted = Some((letter, String::new())),
            (None, ':') => codes.push(std::mem::take(&mut word)),
            (None, ',') => word.clear(),
            (None, it) if it.is_whitespace() => {}
            (None, it) => word.push(it),
        }
    }
    codes
}

fn stored(code: &impl serde::Serialize) -> String {
    serde_json::to_value(code)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

fn all<T: serde::Serialize>(codes: &[T]) -> Vec<String> {
    codes.iter().map(stored).collect()
}

#[test]
fn every_code_of_a_history_has_words() {
    let deadlines = [
        D::Offer,
        D::Widen,
        D::Show,
        D::DutyPhone,
        D::FirstStep,
        D::Talk,
        D::Arrival,
        D::OnSite,
        D::Wake,
        D::Answer,
        D::Support,
    ];
    let causes = [
        O::Ring,
        O::Unseen,
        O::Declined,
        O::Lapsed,
        O::OwnerUnreachable,
        O::Overdue,
        O::Transferred,
        O::Reopened,
        O::Support,
        O::Repressed,
    ];
    let telephone = [P::NoScreen, P::Unseen, P::Unanswered, P::Ring];
    let results = [
        ContactResult::Reached,
        ContactResult::NoAnswer,
        ContactResult::Busy,
        ContactResult::WrongNumber,
        ContactResult::OnTheWay,
        ContactResult::Voicemail,
    ];
    let reviews = REVIEW_CAUSES.iter().map(|cause| (*cause).to_owned());
    let grave = GRAVE
        .iter()
        .map(|outcome| format!("outcome {}", outcome.as_str()));
    let groups: Vec<(&str, Vec<String>)> = vec![
        ("kind", all(SignalKind::ALL)),
        ("deadline", all(&deadlines)),
        ("cause", [all(&causes), all(&telephone)].concat()),
        ("result", all(&results)),
        ("service", all(&[S::Ambulance, S::Fire, S::Police])),
        ("hold", all(HoldReason::ALL)),
        ("transfer", all(TransferReason::ALL)),
        ("decline", all(DeclineReason::ALL)),
        ("reopen", all(ReopenCause::ALL)),
        ("reason", all(Reason::ALL)),
        ("action", all(Action::ALL)),
        ("outcome", all(Outcome::ALL)),
        ("claim", all(ClaimReason::ALL)),
        ("review", reviews.chain(grave).collect()),
        (
            "story",
            IncidentEvent::NAMES
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
        ),
    ];
    let chinese = include_str!("../../web/src/i18n/codes.zh.ts");
    let english = include_str!("../../web/src/i18n/codes.en.ts");
    for (name, codes) in groups {
        for (language, table) in [("Chinese", chinese), ("English", english)] {
            let there = group(table, name);
            for code in &codes {
                assert!(
                    there.contains(code),
                    "{code} of {name} has no {language} words"
                );
            }
        }
    }
}
