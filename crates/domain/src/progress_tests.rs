//! The words a wearer hears.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use crate::{
    Actor, AlarmId, Happened, IncidentId, OperatorId, ResponderId, SubjectId,
    incident::{AlarmRef, IncidentEvent, OfferCause, evolve},
    party::{Party, TravelSource},
    signal::{Priority, SignalKind},
};
use uuid::Uuid;

const AT: Timestamp = Timestamp(0);

fn offered(ring: u8) -> IncidentEvent {
    IncidentEvent::Offered {
        ring,
        round: 0,
        cause: OfferCause::Ring,
        added: vec![Party::CityDesk],
        means: vec![],
        widens_at: AT,
        as_of: 0,
        policy: 1,
        travel: TravelSource::Estimate,
        candidates: vec![],
        late_ms: None,
    }
}

fn opened() -> IncidentEvent {
    IncidentEvent::IncidentOpened {
        incident: IncidentId(Uuid::nil()),
        subject: SubjectId::source("ab"),
        resident: None,
        alarm: AlarmRef {
            alarm: AlarmId(Uuid::nil()),
            position: 0,
            device: None,
            press: "1".into(),
            kind: SignalKind::Sos,
            received_at: AT,
            problems: vec![],
            verified: true,
        },
        priority: Priority::P1,
        district: None,
        place: None,
        previous: None,
        late_ms: None,
    }
}

#[test]
fn the_stage_follows_the_work_and_goes_back_to_seeking_when_the_plan_fails() {
    let carer = || ResponderId::parse("carer").unwrap();
    let wang = OperatorId::parse("wang").unwrap();
    let accepted = IncidentEvent::Accepted {
        operator: wang.clone(),
        party: Party::CityDesk,
        first_step_by: AT,
    };
    let sent = IncidentEvent::ResponderSent {
        responder: carer(),
        from: None,
        eta: Timestamp(300_000),
        seconds: 300,
    };
    let set_out = IncidentEvent::ResponderSetOut {
        responder: carer(),
        eta: Timestamp(300_000),
    };
    let delayed = IncidentEvent::ResponderDelayed {
        responder: carer(),
        eta: Timestamp(500_000),
    };
    let arrived = IncidentEvent::ResponderArrived {
        responder: carer(),
        check_by: AT,
    };
    let back = IncidentEvent::ResponderReturned { responder: carer() };
    let resolved = IncidentEvent::Resolved {
        reason: crate::codes::Reason::Fall,
        actions: vec![],
        outcome: crate::codes::Outcome::Lifted,
        note: None,
        machine: false,
    };
    let steps = [
        (opened(), Stage::Received),
        (offered(0), Stage::Received),
        // At night the district desk joins the first ring in an offer of its own.
        (offered(0), Stage::Received),
        (offered(1), Stage::Seeking),
        (accepted.clone(), Stage::Heard),
        (
            IncidentEvent::AcceptanceLapsed { operator: wang },
            Stage::Seeking,
        ),
        (accepted, Stage::Heard),
        // Sent is not gone.
        (sent.clone(), Stage::Heard),
        (set_out.clone(), Stage::Coming),
        (back, Stage::Seeking),
        (sent, Stage::Heard),
        (set_out, Stage::Coming),
        (delayed, Stage::Delayed),
        (arrived, Stage::Arrived),
        (resolved, Stage::Done),
    ];
    let mut incident = None;
    for (n, (event, expected)) in (0..).zip(steps) {
        let at = Timestamp(i64::try_from(n).unwrap());
        let happened = Happened::new(at, Actor::Dispatcher, event);
        incident = evolve(incident, n, &happened);
        assert_eq!(
            stage(incident.as_ref().unwrap()),
            expected,
            "after {happened:?}"
        );
        if expected == Stage::Coming {
            assert_eq!(minutes(incident.as_ref().unwrap(), Timestamp(1)), Some(5));
            assert_eq!(
                minutes(incident.as_ref().unwrap(), Timestamp(900_000)),
                Some(1)
            );
        }
    }
}

#[test]
fn the_words_are_exactly_these() {
    let wang = Some(("王", "护理员"));
    for (stage, words) in [
        (Stage::Received, "呼叫已收到,正在联系服务站"),
        (Stage::Seeking, "还在为您联系,请别着急"),
        (Stage::Heard, "已派王护理员上门,约7分钟到"),
        (Stage::Coming, "王护理员已出发,约7分钟到"),
        (Stage::Delayed, "路上耽搁了,还需约7分钟"),
        (Stage::Arrived, "王护理员已到达"),
        (Stage::Done, "本次求助已办结,需要时再按"),
    ] {
        assert_eq!(say(stage, wang, Some(7)), words);
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
    }
    assert_eq!(say(Stage::Heard, wang, None), "王护理员已接单,马上与您联系");
    assert_eq!(AMBULANCE, "已拨打120");
    assert_eq!(say(Stage::Coming, None, None), "工作人员已出发");
    assert_eq!(say(Stage::Delayed, None, None), "路上耽搁了");
}

#[test]
fn a_family_name_may_have_two_characters() {
    assert_eq!(surname("王芳"), "王");
    assert_eq!(surname("欧阳芳"), "欧阳");
    assert_eq!(surname(""), "");
}
