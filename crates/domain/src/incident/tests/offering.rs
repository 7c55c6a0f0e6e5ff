//! Before somebody has it.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;

#[test]
fn a_first_offer_rings_the_nearest_site_only() {
    let story = Story::offered();
    let offer = story.now().ringing().unwrap();
    assert_eq!(offer.ring, 0);
    assert_eq!(offer.parties[0].party, site(1));
    assert_eq!(offer.parties.len(), 1);
    assert_eq!(offer.widens_at, after(15));
}

#[test]
fn a_silent_site_can_still_accept_after_the_offer_widened() {
    let story = Story::offered().at(31).acts();
    assert_eq!(story.now().offer.as_ref().unwrap().ring, 2);
    assert_eq!(
        story.names(by("wang"), accept("wang", site(1))),
        ["Accepted"]
    );
}

#[test]
fn a_site_that_declined_can_still_accept() {
    let decline = IncidentCommand::Decline {
        party: site(1),
        operator: operator("wang"),
        reason: String::new(),
    };
    let story = Story::offered().at(2).does(by("wang"), decline.clone());
    assert_eq!(story.asked(by("wang"), decline), Ok(vec![]));
    assert_eq!(
        story.names(by("wang"), accept("wang", site(1))),
        ["Accepted"]
    );
}

#[test]
fn the_second_to_accept_is_told_who_was_first() {
    let story = Story::offered()
        .at(20)
        .acts()
        .does(by("wang"), accept("wang", site(1)));
    assert_eq!(
        story.refuses(by("li"), accept("li", site(2))),
        Refusal::AlreadyAccepted {
            by: operator("wang")
        }
    );
}

#[test]
fn the_same_operator_accepting_again_changes_nothing() {
    let story = Story::accepted();
    assert_eq!(story.asked(by("wang"), accept("wang", site(1))), Ok(vec![]));
}

#[test]
fn a_site_that_was_not_rung_cannot_accept_but_desks_and_supervisor_can() {
    let story = Story::offered();
    assert_eq!(
        story.refuses(by("li"), accept("li", site(4))),
        Refusal::NotOffered
    );
    assert_eq!(
        story.refuses(by("li"), accept("li", Party::Keyholder)),
        Refusal::NotOffered
    );
    for party in [desk(), Party::CityDesk, Party::Supervisor] {
        assert_eq!(story.names(by("li"), accept("li", party)), ["Accepted"]);
    }
}

#[test]
fn nobody_accepts_in_anothers_name_except_a_gateway_that_passes_on_a_telephone() {
    let story = Story::offered();
    assert_eq!(
        story.refuses(by("li"), accept("wang", site(1))),
        Refusal::NotYourself
    );
    let phone = story.names(Actor::Gateway, accept("wang", site(1)));
    assert_eq!(phone, ["Accepted"]);
}

#[test]
fn an_answer_later_than_180_s_opens_a_review() {
    let story = Story::offered().at(181);
    assert_eq!(
        story.names(by("wang"), accept("wang", site(1))),
        ["Accepted", "ReviewOpened"]
    );
    let story = Story::offered().at(180);
    assert_eq!(
        story.names(by("wang"), accept("wang", site(1))),
        ["Accepted"]
    );
}

#[test]
fn a_second_dispatcher_with_the_same_timer_finds_nothing_to_do() {
    let before = Story::offered().at(15);
    let offer = before.command_for(before.due()[0].clone());
    let story = before.does(Actor::Dispatcher, offer.clone());
    assert_eq!(story.asked(Actor::Dispatcher, offer), Ok(vec![]));
    assert_eq!(
        story.asked(Actor::Dispatcher, IncidentCommand::LapseAcceptance),
        Ok(vec![])
    );
}

#[test]
fn an_offer_that_comes_after_acceptance_is_nothing_new() {
    let story = Story::offered().at(15);
    let offer = story.command_for(story.due()[0].clone());
    let story = story.does(by("wang"), accept("wang", site(1)));
    assert_eq!(story.asked(Actor::Dispatcher, offer), Ok(vec![]));
}

#[test]
fn acceptance_without_a_first_step_lapses_after_120_s_and_the_next_ring_joins() {
    let story = Story::accepted().at(124);
    assert_eq!(story.due(), []);
    let story = story.at(125);
    assert_eq!(story.due(), [Due::Lapse]);
    let story = story.does(Actor::Dispatcher, IncidentCommand::LapseAcceptance);
    assert_eq!(story.now().phase, Phase::Offered);
    assert_eq!(story.now().lapses, 1);
    let story = story.acts();
    let offer = story.now().ringing().unwrap();
    assert_eq!(offer.ring, 1);
    assert!(offer.rung(&site(1)).is_some() && offer.rung(&site(2)).is_some());
    assert_eq!(offer.widens_at, after(140));
    let last = story
        .log
        .iter()
        .rev()
        .find(|h| name_of(&h.event) == "Offered")
        .unwrap();
    assert!(matches!(
        last.event,
        IncidentEvent::Offered {
            cause: OfferCause::Lapsed,
            ..
        }
    ));
}

#[test]
fn each_first_step_keeps_acceptance_from_lapsing() {
    let steps = [
        IncidentCommand::StartTalk,
        IncidentCommand::StillOnIt,
        send("carer", 60),
        IncidentCommand::TryContact {
            callee: Callee::Contact(1),
            result: ContactResult::NoAnswer,
        },
        IncidentCommand::CallEmergencyService {
            service: EmergencyService::Ambulance,
        },
    ];
    for step in steps {
        let story = Story::accepted().at(124).does(by("wang"), step).at(126);
        assert!(!story.due().contains(&Due::Lapse));
        assert!(story.now().owner.as_ref().unwrap().first_step);
    }
    let note = IncidentCommand::AddNote { text: sealed() };
    let story = Story::accepted().at(124).does(by("wang"), note).at(126);
    assert_eq!(story.due(), [Due::Lapse]);
    // Another's telephone call is recorded and is no step of the owner's.
    let call = IncidentCommand::TryContact {
        callee: Callee::Resident,
        result: ContactResult::Busy,
    };
    let story = Story::accepted().at(124).does(by("li"), call).at(126);
    assert_eq!(story.due(), [Due::Lapse]);
}

#[test]
fn a_confirmed_offer_is_not_unseen_and_a_repeated_confirmation_is_nothing_new() {
    let story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)));
    assert_eq!(story.asked(by("wang"), shown("wang", site(1))), Ok(vec![]));
    assert_eq!(
        story.refuses(by("wang"), shown("wang", site(3))),
        Refusal::NotOffered
    );
    assert!(story.at(4).due().is_empty());
}

#[test]
fn a_silent_screen_counts_as_unseen_after_3_s_rings_the_phone_and_widens_at_once() {
    let mut silent = shown("wang", site(1));
    if let IncidentCommand::Show { sounded, .. } = &mut silent {
        *sounded = false;
    }
    let story = Story::offered().at(1).does(by("wang"), silent).at(3);
    assert_eq!(story.due(), [Due::Unseen(vec![site(1)])]);
    let story = story.acts();
    let names: Vec<String> = story
        .log
        .iter()
        .skip(3)
        .map(|h| name_of(&h.event))
        .collect();
    assert_eq!(names, ["OfferUnseen", "Offered", "DutyPhoneRung"]);
    assert_eq!(story.now().offer.as_ref().unwrap().ring, 1);
}

#[test]
fn while_one_site_hears_it_another_unseen_one_does_not_hurry_the_rings() {
    let story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)))
        .at(15)
        .acts()
        .at(18)
        .acts();
    let offer = story.now().offer.as_ref().unwrap();
    assert!(offer.rung(&site(2)).unwrap().unseen);
    assert_eq!((offer.ring, offer.widens_at), (1, after(30)));
}

#[test]
fn when_all_rung_have_declined_the_next_ring_joins_at_once() {
    let decline = IncidentCommand::Decline {
        party: site(1),
        operator: operator("wang"),
        reason: "out".into(),
    };
    let story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)))
        .at(2);
    let story = story.does(by("wang"), decline).acts();
    assert_eq!(story.now().offer.as_ref().unwrap().ring, 1);
    let decline = IncidentCommand::Decline {
        party: Party::CityDesk,
        operator: operator("zhao"),
        reason: "busy".into(),
    };
    let story = story.at(70).acts();
    assert_eq!(story.refuses(by("zhao"), decline), Refusal::NotAllowed);
}

#[test]
fn a_second_press_brings_the_next_ring_early_and_a_third_does_not() {
    let story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)))
        .at(2)
        .does(Actor::Dispatcher, join(2, SignalKind::Sos, after(2)))
        .acts();
    assert_eq!(story.now().offer.as_ref().unwrap().ring, 1);
    assert_eq!(story.now().presses, 2);
    let story = story.does(Actor::Dispatcher, join(3, SignalKind::Sos, after(2)));
    assert_eq!(story.due(), []);
    assert_eq!(story.now().presses, 3);
}

#[test]
fn falls_smoke_and_gas_begin_one_ring_further() {
    for kind in [SignalKind::Fall, SignalKind::Smoke, SignalKind::Gas] {
        let story = Story::opened(kind).acts();
        let offer = story.now().ringing().unwrap();
        assert_eq!(offer.parties.len(), 2);
        assert_eq!(offer.widens_at, after(15));
    }
}

#[test]
fn the_same_alarm_joins_once_and_a_more_pressing_one_raises_the_priority() {
    let story =
        Story::opened(SignalKind::Service).does(Actor::Dispatcher, join(2, SignalKind::Sos, START));
    assert_eq!(story.now().priority, Priority::P1);
    let again = story.asked(Actor::Dispatcher, join(2, SignalKind::Sos, START));
    assert_eq!(again, Ok(vec![]));
    let story = story.does(Actor::Dispatcher, join(3, SignalKind::Service, START));
    assert_eq!(
        (story.now().priority, story.now().presses),
        (Priority::P1, 3)
    );
}

#[test]
fn a_cancel_joins_is_shown_and_closes_nothing() {
    let story = Story::talking().does(Actor::Dispatcher, join(2, SignalKind::Cancel, after(11)));
    assert!(story.now().cancel_said && story.now().is_open());
    assert_eq!(story.now().presses, 1);
    assert_eq!(story.now().alarm_revision, 0);
}

#[test]
fn a_thousand_presses_keep_the_first_and_the_last_twenty() {
    let mut story = Story::offered();
    for n in 2..=1_000 {
        story = story.does(Actor::Dispatcher, join(n, SignalKind::Sos, START));
    }
    let kept: Vec<u64> = story.now().alarms.iter().map(|a| a.position).collect();
    assert_eq!(kept.len(), ALARM_LIMIT + 1);
    assert_eq!((kept[0], kept[1], kept[20]), (1, 981, 1_000));
    assert_eq!(story.now().presses, 1_000);
}

#[test]
fn an_unreachable_owner_keeps_it_until_another_accepts_beside_them() {
    let story = Story::talking().at(60);
    let offer = story.offer(1, 0, OfferCause::OwnerUnreachable, None);
    let story = story.does(Actor::Dispatcher, offer.clone());
    assert_eq!(story.asked(Actor::Dispatcher, offer), Ok(vec![]));
    assert!(story.now().ringing().is_some() && story.now().is_owned_by(&operator("wang")));
    let back = story.clone().does(by("wang"), IncidentCommand::StillOnIt);
    assert!(back.now().ringing().is_none());
    assert_eq!(
        story.names(by("li"), accept("li", site(2))),
        ["AcceptanceLapsed", "Accepted"]
    );
}

#[test]
fn only_the_dispatcher_opens_offers_and_lapses() {
    let story = Story::accepted().at(200);
    for command in [
        open(SignalKind::Sos),
        join(2, SignalKind::Sos, after(6)),
        IncidentCommand::LapseAcceptance,
    ] {
        assert_eq!(story.refuses(by("wang"), command), Refusal::NotAllowed);
    }
    let unopened = Story::blank();
    assert_eq!(
        unopened.refuses(by("wang"), open(SignalKind::Sos)),
        Refusal::NotAllowed
    );
    assert_eq!(
        unopened.refuses(by("wang"), IncidentCommand::StartTalk),
        Refusal::NotOpen
    );
    let opened = Story::opened(SignalKind::Sos);
    assert_eq!(
        opened.asked(Actor::Dispatcher, open(SignalKind::Sos)),
        Ok(vec![])
    );
}
