//! The way of a responder: sent, set out, there; told at once or later; and by what name a call goes.
//!
//! For: the rules of setting out, of late reports, of who accepted on a phone, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::progress::{Stage, minutes, stage};

fn carer() -> Actor {
    Actor::Responder(responder("carer"))
}

fn set_out() -> IncidentCommand {
    IncidentCommand::SetOut {
        responder: responder("carer"),
    }
}

#[test]
fn sent_is_not_gone_until_the_responder_sets_out() {
    let story = Story::underway();
    assert_eq!(stage(story.now()), Stage::Heard);
    assert_eq!(minutes(story.now(), after(20)), Some(5));
    let story = story.at(60).does(carer(), set_out());
    assert_eq!(stage(story.now()), Stage::Coming);
    assert_eq!(story.now().responders[0].sent_at, after(20));
    assert_eq!(story.now().responders[0].set_out_at, Some(after(60)));
    assert_eq!(story.asked(carer(), set_out()), Ok(vec![]));
}

#[test]
fn the_deadline_is_from_the_sending_and_from_setting_out_when_that_is_later() {
    let story = Story::underway();
    assert_eq!(story.deadline(), (DeadlineKind::Arrival, 620));
    let story = story.at(60).does(carer(), set_out());
    assert_eq!(story.now().responders[0].eta, after(360));
    assert_eq!(story.deadline(), (DeadlineKind::Arrival, 660));
}

#[test]
fn whoever_sends_themselves_sets_out_with_it() {
    let story = Story::talking().at(20);
    let names = story.names(carer(), send("carer", 300));
    assert_eq!(names, ["ResponderSent", "ResponderSetOut"]);
    let story = story.does(carer(), send("carer", 300));
    assert_eq!(stage(story.now()), Stage::Coming);
    assert_eq!(story.deadline(), (DeadlineKind::Arrival, 620));
}

#[test]
fn who_has_set_out_is_spoken_of_before_who_was_only_sent() {
    let story = Story::underway().at(30).does(by("wang"), send("nurse", 60));
    let story = story.at(40).does(carer(), set_out());
    assert_eq!(story.now().coming().unwrap().responder, responder("carer"));
    assert_eq!(stage(story.now()), Stage::Coming);
}

#[test]
fn an_arrival_that_is_told_late_has_both_its_times() {
    let story = Story::underway().at(60).does(carer(), set_out());
    let story = story.at(900).does_late(330, carer(), arrive("carer"));
    let leg = &story.now().responders[0];
    assert_eq!(leg.arrived_at, Some(after(330)));
    assert_eq!(leg.arrival_recorded_at, Some(after(900)));
    let last = story.log.last().unwrap();
    assert_eq!((last.at, last.said_at), (after(900), Some(after(330))));
    // The next question counts from when it was heard.
    assert_eq!(story.deadline(), (DeadlineKind::OnSite, 900 + 1_200));
}

#[test]
fn a_late_report_is_believed_within_bounds_only() {
    let story = Story::underway().at(900);
    let told = |said: i64| {
        let asked = Asked {
            at: after(900),
            by: carer(),
            seen: None,
            said_at: Some(after(said)),
            command: arrive("carer"),
        };
        story.now().believed(&asked)
    };
    assert_eq!(told(330), Some(after(330)));
    assert_eq!(told(1_000), None, "not in the future");
    assert_eq!(told(895), None, "told while it happened");
    assert_eq!(told(5), Some(after(20)), "not before they were sent");
    assert_eq!(told(900 - 13 * 3_600), None, "not hours ago");
}

#[test]
fn who_accepts_on_their_own_phone_is_named_and_the_account_owns_it() {
    let story = Story::offered()
        .at(5)
        .does(carer(), accept("wang", site(1)));
    let owner = story.now().owner.as_ref().unwrap();
    assert_eq!(
        (&owner.operator, owner.carer.as_ref()),
        (&operator("wang"), Some(&responder("carer")))
    );
    assert_eq!(
        story.refuses(by("li"), accept("li", site(1))),
        Refusal::AlreadyAccepted {
            by: operator("wang")
        }
    );
    // They speak for themselves before they were sent, too.
    let call = IncidentCommand::CallEmergencyService {
        service: EmergencyService::Ambulance,
    };
    let story = story.does(carer(), call);
    assert!(story.now().owner.as_ref().unwrap().first_step);
    let other = Actor::Responder(responder("nurse"));
    assert_eq!(
        story.refuses(other, IncidentCommand::AddNote { text: sealed() }),
        Refusal::NotAllowed
    );
}

#[test]
fn a_call_goes_by_its_most_pressing_alarm_and_the_latest_among_equals() {
    let kind = |story: &Story| story.now().worst().unwrap().kind;
    let story = Story::opened(SignalKind::Service);
    assert_eq!(kind(&story), SignalKind::Service);
    let machine = Actor::Dispatcher;
    let mut story = story.does(machine.clone(), join(2, SignalKind::Smoke, after(1)));
    assert_eq!(kind(&story), SignalKind::Smoke);
    for n in 3..60 {
        story = story.does(machine.clone(), join(n, SignalKind::Service, after(2)));
    }
    assert_eq!(
        kind(&story),
        SignalKind::Smoke,
        "however often it is pressed after"
    );
    assert_eq!(story.now().alarms.len(), ALARM_LIMIT + 1);
    assert_eq!(story.now().last_press().unwrap().kind, SignalKind::Service);
    let story = story.does(machine.clone(), join(60, SignalKind::Sos, after(3)));
    assert_eq!(kind(&story), SignalKind::Sos);
    let story = story.does(machine, join(61, SignalKind::Cancel, after(4)));
    assert_eq!(kind(&story), SignalKind::Sos);
    assert_eq!(
        story.now().alarms[0].kind,
        SignalKind::Service,
        "the first stays"
    );
}
