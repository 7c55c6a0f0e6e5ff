//! While somebody has it.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;

#[test]
fn only_the_owner_works_on_it() {
    let story = Story::talking();
    let owner = operator("wang");
    for command in [
        IncidentCommand::StartTalk,
        IncidentCommand::StillOnIt,
        hold(after(60)),
        send("carer", 60),
        transfer(site(2)),
        resolve(Reason::Unwell, Outcome::Safe),
    ] {
        assert_eq!(
            story.refuses(by("li"), command.clone()),
            Refusal::NotYours {
                owner: owner.clone()
            }
        );
        assert_eq!(
            Story::offered().refuses(by("wang"), command),
            Refusal::NotAccepted
        );
    }
}

#[test]
fn notes_and_120_come_from_anybody_also_before_acceptance() {
    let call = IncidentCommand::CallEmergencyService {
        service: EmergencyService::Ambulance,
    };
    let story = Story::offered().does(by("li"), call);
    assert!(story.now().ambulance_called());
    assert_eq!(story.now().phase, Phase::Offered);
    let note = IncidentCommand::AddNote { text: sealed() };
    assert_eq!(story.names(by("li"), note), ["NoteAdded"]);
}

#[test]
fn a_hold_has_a_reason_an_end_and_a_limit_by_priority() {
    let story = Story::talking();
    assert_eq!(
        story.refuses(by("wang"), hold(after(10 + 601))),
        Refusal::HoldTooLong { max_min: 10 }
    );
    assert_eq!(story.names(by("wang"), hold(after(10 + 600))), ["Held"]);
    assert_eq!(
        story.refuses(by("wang"), hold(after(10))),
        Refusal::HoldNotAhead
    );
    let wordless = IncidentCommand::Hold {
        reason: "  ".into(),
        until: after(60),
    };
    assert_eq!(story.refuses(by("wang"), wordless), Refusal::MissingReason);
    let endless = IncidentCommand::Hold {
        reason: "长".repeat(TEXT_LIMIT + 1),
        until: after(60),
    };
    assert_eq!(
        story.refuses(by("wang"), endless),
        Refusal::TextTooLong { limit: TEXT_LIMIT }
    );
    let service = Story::opened(SignalKind::Service)
        .acts()
        .does(by("wang"), accept("wang", site(1)));
    assert_eq!(service.names(by("wang"), hold(after(3_600))), ["Held"]);
    assert_eq!(
        service.refuses(by("wang"), hold(after(3_601))),
        Refusal::HoldTooLong { max_min: 60 }
    );
}

#[test]
fn a_hold_ends_at_its_time_and_the_owner_is_asked_two_minutes_later() {
    let story = Story::held().at(329);
    let end = IncidentCommand::EndHold;
    assert_eq!(story.asked(Actor::Dispatcher, end.clone()), Ok(vec![]));
    let story = story.at(330);
    assert_eq!(story.due(), [Due::EndHold]);
    let story = story.acts();
    assert_eq!(
        story.now().phase,
        Phase::Talking {
            check_by: after(450)
        }
    );
    assert_eq!(Story::held().names(by("wang"), end), ["HoldEnded"]);
}

#[test]
fn a_press_during_a_hold_ends_it() {
    let story = Story::held().at(40);
    assert_eq!(
        story.names(Actor::Dispatcher, join(2, SignalKind::Sos, after(40))),
        ["AlarmJoined", "HoldEnded"]
    );
    assert_eq!(
        story.names(Actor::Dispatcher, join(2, SignalKind::Cancel, after(40))),
        ["AlarmJoined"]
    );
}

#[test]
fn resolve_transfer_and_hold_are_refused_when_an_alarm_joined_unread() {
    let story = Story::talking();
    let seen = story.now().revision;
    let story = story.does(Actor::Dispatcher, join(2, SignalKind::Sos, after(10)));
    let unread = Refusal::UnreadAlarm {
        alarm_revision: seen + 1,
    };
    for command in [
        resolve(Reason::Unwell, Outcome::Safe),
        transfer(site(2)),
        hold(after(60)),
    ] {
        for stale in [None, Some(seen)] {
            let refused = story.asked_seeing(stale, by("wang"), command.clone());
            assert_eq!(refused, Err(unread.clone()));
        }
        let read = story.asked_seeing(Some(seen + 1), by("wang"), command);
        assert_eq!(read.unwrap().len(), 1);
    }
}

#[test]
fn a_missed_talk_check_asks_the_owner_then_tells_the_desks_and_takes_nobody_off() {
    let story = Story::talking().at(310);
    assert_eq!(story.due(), [Due::AskOverdue(DeadlineKind::Talk)]);
    let story = story.acts();
    assert_eq!(story.deadline(), (DeadlineKind::Answer, 370));
    let answered = story
        .clone()
        .at(320)
        .does(by("wang"), IncidentCommand::StillOnIt);
    assert_eq!(answered.deadline(), (DeadlineKind::Talk, 620));

    let story = story.at(370).acts();
    assert_eq!(story.now().desks, [desk()]);
    assert!(story.now().is_owned_by(&operator("wang")));
    let story = story
        .at(371)
        .does(by("zhao"), answer_support("zhao", desk()));
    assert_eq!(story.deadline(), (DeadlineKind::Answer, 670));
    let story = story.at(670).acts().at(970).acts().at(1_270).acts();
    assert_eq!(
        story.now().desks,
        [desk(), Party::Supervisor, Party::CityDesk]
    );
    assert_eq!(
        story.names(by("zhao"), accept("zhao", desk())),
        ["AcceptanceLapsed", "Accepted"]
    );
    assert_eq!(
        story.refuses(by("li"), accept("li", site(1))),
        Refusal::AlreadyAccepted {
            by: operator("wang")
        }
    );
}

#[test]
fn a_responder_is_asked_about_five_minutes_after_the_announced_arrival() {
    let story = Story::underway();
    assert_eq!(story.deadline(), (DeadlineKind::Arrival, 620));
    let delay = IncidentCommand::DelayResponder {
        responder: responder("carer"),
        eta: after(500),
    };
    let carer = Actor::Responder(responder("carer"));
    let story = story.at(300).does(carer, delay);
    assert_eq!(story.deadline(), (DeadlineKind::Arrival, 800));
    let story = story
        .at(800)
        .acts()
        .does(by("wang"), IncidentCommand::StillOnIt);
    assert_eq!(story.deadline(), (DeadlineKind::Arrival, 1_100));
}

#[test]
fn an_arrived_responder_is_asked_about_after_twenty_minutes() {
    let story = Story::on_site();
    assert_eq!(story.deadline(), (DeadlineKind::OnSite, 310 + 1_200));
    assert_eq!(story.asked(by("wang"), arrive("carer")), Ok(vec![]));
}

#[test]
fn a_responder_speaks_for_themselves_only_and_only_when_sent() {
    let story = Story::underway().does(by("wang"), send("nurse", 100));
    let carer = Actor::Responder(responder("carer"));
    let stranger = Actor::Responder(responder("stranger"));
    assert_eq!(
        story.refuses(carer.clone(), arrive("nurse")),
        Refusal::NotYourself
    );
    assert_eq!(
        story.refuses(stranger, arrive("stranger")),
        Refusal::NotAllowed
    );
    assert_eq!(
        story.refuses(by("wang"), arrive("stranger")),
        Refusal::NotOnTheWay {
            responder: responder("stranger")
        }
    );
    let call = IncidentCommand::CallEmergencyService {
        service: EmergencyService::Ambulance,
    };
    assert_eq!(story.names(carer.clone(), call), ["EmergencyServiceCalled"]);
    assert_eq!(story.refuses(carer, hold(after(60))), Refusal::NotAllowed);
}

#[test]
fn a_responder_may_say_themselves_that_they_have_left() {
    let carer = Actor::Responder(responder("carer"));
    let story = Story::accepted();
    assert_eq!(
        story.names(carer.clone(), send("carer", 60)),
        ["ResponderSent", "ResponderSetOut"]
    );
    assert_eq!(
        story.refuses(carer.clone(), send("nurse", 60)),
        Refusal::NotAllowed
    );
    assert_eq!(
        Story::offered().refuses(carer, send("carer", 60)),
        Refusal::NotAccepted
    );
}

#[test]
fn nobody_is_sent_twice_too_far_or_in_crowds() {
    let story = Story::underway();
    assert_eq!(story.asked(by("wang"), send("carer", 60)), Ok(vec![]));
    assert_eq!(
        story.refuses(by("wang"), send("nurse", u32::MAX)),
        Refusal::WayTooLong { max_min: 180 }
    );
    let mut story = story;
    for n in 1..RESPONDER_LIMIT {
        story = story.does(by("wang"), send(&format!("n{n}"), 60));
    }
    assert_eq!(
        story.refuses(by("wang"), send("one-more", 60)),
        Refusal::TooManyResponders {
            limit: RESPONDER_LIMIT
        }
    );
}

#[test]
fn a_responder_who_turns_back_leaves_the_owner_with_a_question() {
    let back = IncidentCommand::ReturnResponder {
        responder: responder("carer"),
    };
    let story = Story::underway().at(100).does(by("wang"), back.clone());
    assert!(story.now().turned_back);
    assert_eq!(story.deadline(), (DeadlineKind::Talk, 400));
    assert_eq!(story.asked(by("wang"), back), Ok(vec![]));
}

#[test]
fn a_hand_over_moves_ownership_in_one_event() {
    let over = IncidentCommand::HandOver {
        to: operator("li"),
        party: site(1),
    };
    let story = Story::talking().does(by("wang"), over.clone());
    assert!(story.now().is_owned_by(&operator("li")));
    assert!(story.now().owner.as_ref().unwrap().first_step);
    assert_eq!(story.asked(by("wang"), over), Ok(vec![]));
    assert_eq!(
        story.refuses(by("wang"), IncidentCommand::StillOnIt),
        Refusal::NotYours {
            owner: operator("li")
        }
    );
}

#[test]
fn a_transfer_offers_it_to_the_target_at_once_and_widens_from_there() {
    let story = Story::talking().at(60).does(by("wang"), transfer(site(3)));
    assert!(story.now().owner.is_none());
    assert!(matches!(
        story.due()[0],
        Due::Widen {
            ring: 0,
            round: 0,
            cause: OfferCause::Transferred,
            late_ms: None
        }
    ));
    let story = story.acts();
    let offer = story.now().ringing().unwrap();
    assert!(offer.rung(&site(1)).unwrap().declined);
    assert_eq!(offer.parties.len(), 2);
    assert_eq!(offer.widens_at, after(75));
    assert_eq!(
        story.names(by("zhao"), accept("zhao", site(3))),
        ["Accepted"]
    );
    for bad in [site(1), Party::Keyholder] {
        assert_eq!(
            Story::talking().refuses(by("wang"), transfer(bad)),
            Refusal::BadTarget
        );
    }
}

#[test]
fn a_contact_tried_clears_the_question() {
    let tried = IncidentCommand::TryContact {
        callee: Callee::Contact(1),
        result: ContactResult::Reached,
    };
    let story = Story::talking()
        .at(310)
        .acts()
        .at(320)
        .does(by("wang"), tried);
    assert_eq!(story.now().asked, None);
    assert_eq!(story.deadline(), (DeadlineKind::Talk, 620));
    assert!(story.now().spoke);
}
