//! Support: a desk is rung beside the owner, who keeps the call, until somebody answers for it.
//!
//! For: the rules of asking for support and answering, one sentence a test.
//! May not know: clocks, other crates.

use super::*;

fn carer() -> Actor {
    Actor::Responder(responder("carer"))
}

/// Asked for by the carer on the spot, at 400 s, and rung by the dispatcher.
fn asked() -> Story {
    let story = Story::on_site().at(400);
    story.does(carer(), IncidentCommand::AskSupport).acts()
}

fn rung(story: &Story) -> Vec<(Party, u32)> {
    let rung = story.now().rung_now();
    rung.map(|r| (r.party.clone(), r.phone_attempts)).collect()
}

#[test]
fn support_rings_the_district_desk_at_once_and_takes_the_call_off_nobody() {
    let story = Story::on_site().at(400);
    let names = story.names(carer(), IncidentCommand::AskSupport);
    assert_eq!(names, ["SupportAsked"]);
    let story = story.does(carer(), IncidentCommand::AskSupport);
    assert_eq!(story.deadline(), (DeadlineKind::Support, 400));
    assert_eq!(story.due(), [Due::Support(desk())]);
    let story = story.acts();
    assert_eq!(
        rung(&story),
        [(desk(), 1)],
        "no screen is there: the telephone rings at once"
    );
    assert!(story.now().is_owned_by(&operator("wang")));
    assert_eq!(story.now().support.as_ref().unwrap().by, carer());
    assert!(matches!(story.now().phase, Phase::OnSite { .. }));
    // The desk helps, and may not take it over.
    assert_eq!(
        story.names(by("zhao"), send("nurse", 60)),
        ["ResponderSent"]
    );
    assert_eq!(
        story.refuses(by("zhao"), accept("zhao", desk())),
        Refusal::AlreadyAccepted {
            by: operator("wang")
        }
    );
    // The site that holds it does not ring.
    assert!(story.now().ringing().is_none());
}

#[test]
fn support_that_a_screen_has_shown_is_answered_there_and_rings_no_more() {
    let story = asked().at(402).does(by("zhao"), shown("zhao", desk()));
    let story = story.does(by("zhao"), answer_support("zhao", desk()));
    assert_eq!(rung(&story), []);
    let answered = story.now().support.as_ref().unwrap().answered.as_ref();
    assert_eq!(answered.map(|a| &a.operator), Some(&operator("zhao")));
    assert!(story.now().is_owned_by(&operator("wang")));
    assert!(story.now().support_wanted().is_none());
    let again = story.asked(by("zhao"), answer_support("zhao", desk()));
    assert_eq!(again, Ok(vec![]));
    assert_eq!(
        story.refuses(by("sun"), answer_support("sun", Party::CityDesk)),
        Refusal::SupportAnswered {
            by: operator("zhao")
        }
    );
}

#[test]
fn unanswered_support_goes_on_to_the_supervisor_and_the_city_desk() {
    let parties = |story: &Story| -> Vec<Party> { rung(story).into_iter().map(|r| r.0).collect() };
    let story = asked().at(459).acts();
    assert_eq!(parties(&story), [desk()]);
    let story = story.at(460).acts();
    assert_eq!(parties(&story), [desk(), Party::Supervisor]);
    let story = story.at(520).acts();
    assert_eq!(
        parties(&story),
        [desk(), Party::Supervisor, Party::CityDesk]
    );
    // Desks are rung without end.
    let before = rung(&story)[2].1;
    let story = story.at(551).acts();
    assert_eq!(rung(&story)[2].1, before + 1);
    assert_eq!(story.now().next_support(), None);
}

#[test]
fn the_owners_own_desk_is_not_rung_for_support() {
    let story = Story::offered()
        .at(5)
        .does(by("zhao"), accept("zhao", desk()));
    let story = story.at(10).does(by("zhao"), IncidentCommand::StartTalk);
    let story = story.at(20).does(by("zhao"), IncidentCommand::AskSupport);
    assert_eq!(story.due(), [Due::Support(Party::Supervisor)]);
    assert_eq!(
        story.refuses(by("zhao"), answer_support("zhao", Party::CityDesk)),
        Refusal::NotOffered
    );
}

#[test]
fn support_is_asked_once_while_nobody_answers_and_anew_afterwards() {
    let story = asked();
    assert_eq!(
        story.asked(carer(), IncidentCommand::AskSupport),
        Ok(vec![])
    );
    let story = story
        .at(410)
        .does(by("zhao"), answer_support("zhao", desk()));
    let story = story
        .at(900)
        .does(carer(), IncidentCommand::AskSupport)
        .acts();
    assert_eq!(rung(&story)[0], (desk(), 1));
    assert_eq!(
        Story::talking().refuses(by("zhao"), answer_support("zhao", desk())),
        Refusal::NotOffered
    );
}

#[test]
fn closing_ends_the_ringing_for_support() {
    let close = resolve(Reason::Fall, Outcome::Lifted);
    let story = asked().at(420).does(by("wang"), close);
    assert_eq!(rung(&story), []);
    assert_eq!(next_deadline(story.now(), &story.policy), None);
}

/// Talking since 10 s, asked at 310 s, and no answer at 370 s.
fn unanswered() -> Story {
    Story::talking().at(310).acts().at(370).acts()
}

#[test]
fn an_owner_who_does_not_answer_is_rung_for_at_the_district_desk_and_keeps_the_call() {
    let story = Story::talking().at(310).acts();
    assert_eq!(rung(&story), [], "first the owner is asked");
    let story = story.at(370).acts();
    let names: Vec<String> = story.log.iter().map(|h| name_of(&h.event)).collect();
    assert!(names.ends_with(&[
        "Escalated".into(),
        "SupportAsked".into(),
        "Offered".into(),
        "DutyPhoneRung".into()
    ]));
    assert_eq!(rung(&story), [(desk(), 1)]);
    assert!(story.now().is_owned_by(&operator("wang")));
    // Nobody answers there either: the next desks join, a minute apart, and ring on.
    let story = story.at(430).acts().at(490).acts();
    let parties: Vec<Party> = rung(&story).into_iter().map(|r| r.0).collect();
    assert_eq!(parties, [desk(), Party::Supervisor, Party::CityDesk]);
}

#[test]
fn what_rings_because_the_owner_did_not_answer_ends_when_they_do() {
    let still = unanswered()
        .at(380)
        .does(by("wang"), IncidentCommand::StillOnIt);
    assert_eq!(rung(&still), []);
    assert!(still.now().support.is_none());
    let sent = unanswered().at(380).does(by("wang"), send("carer", 60));
    assert_eq!(rung(&sent), []);
    // The desk takes it over: it need not be rung for any more.
    let taken = unanswered()
        .at(380)
        .does(by("zhao"), accept("zhao", desk()));
    assert_eq!(rung(&taken), []);
}

#[test]
fn a_desk_that_answered_is_followed_by_the_next_when_the_owner_stays_silent() {
    let story = unanswered()
        .at(380)
        .does(by("zhao"), answer_support("zhao", desk()));
    assert_eq!(rung(&story), []);
    assert_eq!(story.deadline(), (DeadlineKind::Answer, 670));
    let story = story.at(670).acts();
    assert_eq!(rung(&story), [(Party::Supervisor, 1)]);
}

#[test]
fn support_a_person_asks_for_outlasts_the_owners_answer() {
    let story = Story::on_site()
        .at(1_510)
        .acts()
        .at(1_570)
        .acts()
        .at(1_580)
        .does(carer(), IncidentCommand::AskSupport);
    assert_eq!(rung(&story), [(desk(), 1)], "it rings on");
    let story = story.at(1_590).does(by("wang"), IncidentCommand::StillOnIt);
    assert_eq!(rung(&story), [(desk(), 1)]);
}

#[test]
fn a_desk_that_holds_the_call_is_not_told_of_its_own_silence() {
    let story = Story::offered()
        .at(5)
        .does(by("zhao"), accept("zhao", desk()));
    let story = story.at(10).does(by("zhao"), IncidentCommand::StartTalk);
    let story = story.at(310).acts().at(370).acts();
    assert_eq!(rung(&story), [(Party::Supervisor, 1)]);
}

#[test]
fn a_desk_that_is_rung_for_the_call_and_for_support_has_one_telephone_and_it_rings_on() {
    let story = Story::on_site().at(400);
    let beside = story.offer(4, 0, OfferCause::OwnerUnreachable, None);
    let mut story = story.does(Actor::Dispatcher, beside).acts();
    for second in 401..540 {
        story = story.at(second).acts();
    }
    story = story.does(carer(), IncidentCommand::AskSupport).acts();
    for second in 540..940 {
        story = story.at(second).acts();
    }
    let rings = |party: &Party| -> Vec<(i64, u32)> {
        let of_party = |h: &Happened<IncidentEvent>| match &h.event {
            IncidentEvent::DutyPhoneRung {
                party: rung,
                attempt,
                ..
            } if rung == party => Some(((h.at.0 - START.0) / 1_000, *attempt)),
            _ => None,
        };
        story.log.iter().filter_map(of_party).collect()
    };
    for party in [desk(), Party::Supervisor, Party::CityDesk] {
        let rings = rings(&party);
        let tries: Vec<u32> = rings.iter().map(|(_, attempt)| *attempt).collect();
        let counted: Vec<u32> = (1..=tries.len() as u32).collect();
        assert_eq!(tries, counted, "{party:?}: {rings:?}");
        let waits = rings.windows(2).map(|pair| pair[1].0 - pair[0].0);
        assert!(
            waits.max() <= Some(30),
            "{party:?} is rung without end: {rings:?}"
        );
        assert!(rings.last().is_some_and(|(at, _)| *at >= 910), "{rings:?}");
    }
}
