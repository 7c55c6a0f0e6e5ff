//! The end, and after.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;

#[test]
fn closing_needs_an_action_and_is_done_by_the_owner() {
    let bare = IncidentCommand::Resolve {
        reason: Reason::Fall,
        actions: vec![],
        outcome: Outcome::Safe,
        note: None,
        machine: false,
    };
    assert_eq!(
        Story::talking().refuses(by("wang"), bare),
        Refusal::MissingCodes
    );
    let story = Story::resolved();
    let closing = story.now().closing.as_ref().unwrap();
    assert_eq!(closing.by, Some(operator("wang")));
    assert!(!story.now().is_open() && story.now().owner.is_none());
}

#[test]
fn closing_the_same_way_again_is_nothing_new_and_another_way_is_refused() {
    let story = Story::resolved();
    let same = resolve(Reason::Unwell, Outcome::Safe);
    assert_eq!(story.asked(by("wang"), same.clone()), Ok(vec![]));
    assert_eq!(story.refuses(by("li"), same), Refusal::Closed);
    assert_eq!(
        story.refuses(by("wang"), resolve(Reason::Fall, Outcome::Safe)),
        Refusal::Closed
    );
}

#[test]
fn no_speech_is_not_closed_as_false_without_a_talk_a_visit_or_a_contact() {
    let close = || resolve(Reason::NoSpeech, Outcome::False);
    let story = Story::accepted().does(by("wang"), IncidentCommand::StillOnIt);
    assert_eq!(
        story.refuses(by("wang"), close()),
        Refusal::NoSpeechNeedsCheck
    );
    assert!(Story::talking().asked(by("wang"), close()).is_ok());
    let tried = |result| {
        let callee = Callee::Contact(1);
        story
            .clone()
            .does(by("wang"), IncidentCommand::TryContact { callee, result })
    };
    let unheard = tried(ContactResult::NoAnswer);
    assert_eq!(
        unheard.refuses(by("wang"), close()),
        Refusal::NoSpeechNeedsCheck
    );
    assert!(
        tried(ContactResult::Reached)
            .asked(by("wang"), close())
            .is_ok()
    );
    let visited = story.does(by("wang"), send("carer", 60));
    assert_eq!(
        visited.refuses(by("wang"), close()),
        Refusal::NoSpeechNeedsCheck
    );
    let visited = visited.does(by("wang"), arrive("carer"));
    assert!(visited.asked(by("wang"), close()).is_ok());
}

#[test]
fn grave_outcomes_open_a_review_in_the_same_decision() {
    for outcome in [Outcome::Deceased, Outcome::NotFound, Outcome::Refused] {
        assert_eq!(
            Story::talking().names(by("wang"), resolve(Reason::Unknown, outcome)),
            ["Resolved", "ReviewOpened"]
        );
    }
}

#[test]
fn the_responder_on_the_spot_may_close_and_another_may_not() {
    let story = Story::on_site();
    let close = resolve(Reason::FallNoInjury, Outcome::Lifted);
    let carer = Actor::Responder(responder("carer"));
    assert_eq!(
        story.refuses(Actor::Responder(responder("nurse")), close.clone()),
        Refusal::NotAllowed
    );
    let story = story.does(carer, close);
    assert_eq!(
        story.now().closing.as_ref().unwrap().by,
        Some(operator("wang"))
    );
}

#[test]
fn the_machine_closes_only_with_its_mark_and_people_only_without() {
    let marked = || IncidentCommand::Resolve {
        reason: Reason::Unknown,
        actions: vec![],
        outcome: Outcome::UnreachedEscalated,
        note: None,
        machine: true,
    };
    let story = Story::offered();
    assert_eq!(story.names(Actor::Dispatcher, marked()), ["Resolved"]);
    assert_eq!(story.refuses(by("wang"), marked()), Refusal::NotAllowed);
    assert_eq!(
        story.refuses(Actor::Dispatcher, resolve(Reason::Unknown, Outcome::Safe)),
        Refusal::NotAllowed
    );
}

#[test]
fn a_closed_incident_opens_again_for_a_day() {
    let reopen = IncidentCommand::Reopen {
        cause: "she called again".into(),
    };
    let story = Story::resolved().at(60 + 86_400);
    let open = story.clone().does(by("zhao"), reopen.clone());
    assert_eq!(open.now().phase, Phase::Waiting);
    assert_eq!(open.due(), [Due::FirstOffer]);
    assert_eq!(first_cause(open.now()), OfferCause::Reopened);
    assert!(open.acts().now().ringing().is_some());
    let late = story.at(60 + 86_401);
    assert_eq!(
        late.refuses(by("zhao"), reopen.clone()),
        Refusal::ReopenTooLate { max_h: 24 }
    );
    assert_eq!(
        Story::talking().refuses(by("zhao"), reopen),
        Refusal::StillOpen
    );
}

#[test]
fn alarms_do_not_join_what_is_closed() {
    let story = Story::resolved();
    assert_eq!(
        story.refuses(Actor::Dispatcher, join(2, SignalKind::Sos, after(70))),
        Refusal::Closed
    );
}

#[test]
fn a_follow_up_and_a_review_come_after_closing() {
    let ask = IncidentCommand::FollowUp { text: None };
    assert_eq!(
        Story::talking().refuses(by("zhao"), ask.clone()),
        Refusal::StillOpen
    );
    assert_eq!(Story::resolved().names(by("zhao"), ask), ["FollowUpDone"]);
    let open = IncidentCommand::OpenReview {
        cause: "long".into(),
    };
    let close = IncidentCommand::CloseReview { text: None };
    let story = Story::resolved();
    assert_eq!(story.asked(by("zhao"), close.clone()), Ok(vec![]));
    let story = story.does(by("zhao"), open.clone());
    assert_eq!(story.asked(by("zhao"), open), Ok(vec![]));
    let story = story.does(by("zhao"), close);
    assert!(!story.now().review_open);
}

#[test]
fn every_refusal_speaks_its_code_on_the_wire() {
    let owner = operator("wang");
    let all = [
        Refusal::NotOpen,
        Refusal::Closed,
        Refusal::StillOpen,
        Refusal::NotAllowed,
        Refusal::NotYourself,
        Refusal::NotYours {
            owner: owner.clone(),
        },
        Refusal::NotAccepted,
        Refusal::AlreadyAccepted { by: owner },
        Refusal::NotOffered,
        Refusal::UnreadAlarm { alarm_revision: 7 },
        Refusal::MissingCodes,
        Refusal::MissingReason,
        Refusal::TextTooLong { limit: 1 },
        Refusal::NoSpeechNeedsCheck,
        Refusal::HoldTooLong { max_min: 10 },
        Refusal::HoldNotAhead,
        Refusal::BadTarget,
        Refusal::NotOnTheWay {
            responder: responder("carer"),
        },
        Refusal::WayTooLong { max_min: 1 },
        Refusal::TooManyResponders { limit: 1 },
        Refusal::ReopenTooLate { max_h: 24 },
    ];
    for refusal in all {
        let json = serde_json::to_value(&refusal).unwrap();
        assert_eq!(json["code"], refusal.code());
        assert_eq!(serde_json::from_value::<Refusal>(json).unwrap(), refusal);
        let words = refusal.to_string();
        assert!(!words.ends_with('.') && !words.is_empty());
    }
}

#[test]
fn a_call_that_a_carer_closed_on_their_phone_names_the_carer() {
    let carer = Actor::Responder(responder("carer"));
    let close = resolve(Reason::Fall, Outcome::Lifted);
    let story = Story::on_site().at(420).does(carer, close.clone());
    let closing = story.now().closing.as_ref().unwrap();
    assert_eq!(closing.carer, Some(responder("carer")));
    assert_eq!(closing.by, Some(operator("wang")), "whose account it is");
    let story = Story::on_site().at(420).does(by("wang"), close);
    assert_eq!(story.now().closing.as_ref().unwrap().carer, None);
}
