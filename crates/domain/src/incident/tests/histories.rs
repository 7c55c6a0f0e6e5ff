//! Random histories: whatever people, machines and clocks do, the promises hold and replay gives the same state.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::{
    care::{self, Care, CareCommand},
    promises::{self, Entry, Fact},
};
use proptest::prelude::*;

/// A random request, made of small numbers.
fn request(story: &Story, what: u8, who: u8, n: u8) -> (Actor, IncidentCommand) {
    use IncidentCommand as C;
    let names = ["wang", "li", "zhao"];
    let name = names[usize::from(who) % names.len()];
    let carer = format!("c{}", n % 3);
    let parties = [site(1 + n % 4), desk(), Party::Supervisor, Party::CityDesk];
    let party = parties[usize::from(n / 4) % parties.len()].clone();
    let at = story.now;
    let actor = match who % 6 {
        4 => Actor::Responder(responder(&carer)),
        5 => Actor::Dispatcher,
        _ => by(name),
    };
    let actor_name = operator(name);
    let soon = at + Duration::from_secs(u64::from(n) * 4);
    let kinds = SignalKind::ALL;
    let kind = kinds[usize::from(n) % kinds.len()];
    let reasons = Reason::ALL;
    let reason = reasons[usize::from(n) % reasons.len()];
    let outcomes = Outcome::ALL;
    let command = match what % 28 {
        0 | 1 => accept(name, party),
        2 => return (Actor::Dispatcher, join(u64::from(n) + 2, kind, at)),
        3 => shown(name, party),
        4 => C::Decline {
            party,
            operator: actor_name,
            reason: String::new(),
        },
        5 => C::StartTalk,
        6 => C::StillOnIt,
        7 => hold(soon),
        8 => C::EndHold,
        9 => C::TryContact {
            callee: Callee::Resident,
            result: ContactResult::Reached,
        },
        10 | 11 => send(&carer, u32::from(n) * 10),
        12 => C::DelayResponder {
            responder: responder(&carer),
            eta: soon,
        },
        13 => arrive(&carer),
        14 => C::ReturnResponder {
            responder: responder(&carer),
        },
        15 => C::CallEmergencyService {
            service: EmergencyService::Ambulance,
        },
        16 => C::AskSupport,
        17 => C::HandOver {
            to: operator(names[usize::from(n) % 3]),
            party,
        },
        18 => transfer(party),
        19 => resolve(reason, outcomes[usize::from(n) % outcomes.len()]),
        20 => C::Reopen {
            cause: "again".into(),
        },
        21 => C::OpenReview {
            cause: "slow".into(),
        },
        22 => C::CloseReview { text: None },
        23 if story.incident.is_some() => {
            let offer = story.offer(n % 5, 0, OfferCause::OwnerUnreachable, None);
            return (Actor::Dispatcher, offer);
        }
        24 => C::LapseAcceptance,
        25 => C::SetOut {
            responder: responder(&carer),
        },
        26 => answer_support(name, party),
        _ => C::AddNote { text: sealed() },
    };
    (actor, command)
}

fn entries(story: &Story) -> Vec<Entry> {
    let entry = |(n, happened): (usize, &Happened<IncidentEvent>)| Entry {
        position: n as u64,
        stream: "incident-1".into(),
        revision: n as u64,
        fact: Fact::Incident(happened.clone()),
    };
    story.log.iter().enumerate().map(entry).collect()
}

fn check(story: &Story) -> Result<(), TestCaseError> {
    let incident = story.now();
    prop_assert_eq!(promises::unowned(incident, &story.policy), None);
    if let Some(deadline) = next_deadline(incident, &story.policy) {
        prop_assert!(!incident.is_open() || deadline.at.0 > 0);
    }
    prop_assert_eq!(
        incident.owner.is_some(),
        !matches!(
            incident.phase,
            Phase::Waiting | Phase::Offered | Phase::Resolved
        )
    );
    Ok(())
}

proptest! {
    #[test]
    fn after_any_history_the_promises_hold_and_replay_gives_the_same_state(
        kind in 0..8usize,
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), 0..400u16, any::<bool>()), 1..60),
    ) {
        let mut story = Story::opened(SignalKind::ALL[kind]);
        for (what, who, n, wait, dispatcher_lives) in steps {
            story.now = story.now + Duration::from_millis(u64::from(wait) * 500);
            if dispatcher_lives && story.now().is_open() {
                story = story.acts();
                let next = next_deadline(story.now(), &story.policy).expect("open");
                prop_assert!(next.at > story.now, "{next:?} is left undone at {:?}", story.now);
            }
            let (actor, command) = request(&story, what, who, n);
            let first = story.asked(actor.clone(), command.clone());
            prop_assert_eq!(&first, &story.asked(actor.clone(), command));
            for event in first.unwrap_or_default() {
                story.happens(actor.clone(), event);
                check(&story)?;
            }
        }
        let log = entries(&story);
        let broken = promises::check(&log, &story.policy);
        prop_assert!(broken.is_empty(), "{broken:?}");

        // Folded again from half a fold that was stored and read back.
        let half = log.len() / 2;
        let saved = promises::fold(&log[..half]);
        let json = serde_json::to_string(&saved).unwrap();
        let mut held: promises::Incidents = serde_json::from_str(&json).unwrap();
        for (n, happened) in story.log.iter().enumerate().skip(half) {
            let before = held.remove("incident-1");
            let after = evolve(before, n as u64, happened).expect("opened");
            held.insert("incident-1".into(), after);
        }
        prop_assert_eq!(promises::replay_is_equal(&log, &held), vec![]);
    }

    #[test]
    fn foreign_events_fold_to_something_and_never_panic(
        picks in prop::collection::vec((any::<prop::sample::Index>(), -400_000..400_000i64), 1..40),
    ) {
        // Events of complete stories in any order, as no version of us would write them.
        let sources = [Story::on_site(), Story::held(), Story::resolved(), Story::offered().at(70).acts()];
        let pool: Vec<&Happened<IncidentEvent>> = sources.iter().flat_map(|s| &s.log).collect();
        let policy = RingPolicy::default();
        let mut incident = Story::opened(SignalKind::Sos).incident;
        for (revision, (pick, shift)) in (1..).zip(&picks) {
            let mut happened = pick.get(&pool).to_owned().clone();
            happened.at = Timestamp(happened.at.0 + shift);
            incident = evolve(incident, revision, &happened);
            let now = incident.as_ref().expect("opened");
            prop_assert_eq!(promises::unowned(now, &policy), None);
            due(now, &policy, happened.at);
        }
    }

    #[test]
    fn care_has_at_most_one_open_incident_and_handles_each_alarm_once(
        steps in prop::collection::vec((0..4u8, 0..3u128, 0..8u128), 1..60),
    ) {
        let mut care = Care::default();
        let mut log = Vec::new();
        for (what, i, a) in steps {
            let incident = IncidentId(Uuid::from_u128(i));
            let alarm = AlarmId(Uuid::from_u128(100 + a));
            let command = match what {
                0 => CareCommand::Open { incident, alarm },
                1 => CareCommand::Handle { incident, alarm },
                2 => CareCommand::Close { incident },
                _ => CareCommand::Reopen { incident },
            };
            for event in care::decide(&care, &command).unwrap_or_default() {
                let happened = Happened::new(START, Actor::Dispatcher, event);
                care = care::evolve(care, &happened);
                log.push(happened);
            }
        }
        let entries: Vec<Entry> = log.iter().enumerate().map(|(n, happened)| Entry {
            position: n as u64,
            stream: "care-resident-r1".into(),
            revision: n as u64,
            fact: Fact::Care(happened.clone()),
        }).collect();
        let about_care = promises::care_agrees(&entries);
        // There are no incidents in this log, so only disagreement about them may be reported.
        prop_assert!(about_care.iter().all(|b| b.what.contains("disagree")), "{about_care:?}");
    }
}
