//! Samples of incident events.
//!
//! For: the golden files of `incident-…` streams.
//! May not know: which events can follow which.

use super::{
    LATER, alarm, candidates, console_id, district_id, incident_id, operator_id, resident_id,
    responder_id, sealed, site_id, stamped,
};
use domain::{
    Actor, Happened, IncidentId, OperatorId, SubjectId,
    codes::{Action, Outcome, Reason},
    incident::{
        AlarmRef, Callee, ContactResult, DeadlineKind, DutyPhoneCause, EmergencyService,
        IncidentEvent, OfferCause,
    },
    party::{Means, Party, TravelSource},
    signal::{Priority, Problem, SignalKind},
};
use uuid::Uuid;

pub(in crate::golden) fn incident() -> Vec<Happened<IncidentEvent>> {
    let dispatcher = [
        opening(),
        offering(),
        vec![
            IncidentEvent::Escalated {
                to: Party::Supervisor,
                about: DeadlineKind::FirstStep,
            },
            IncidentEvent::AcceptanceLapsed {
                operator: operator_id(),
            },
            IncidentEvent::ProgressOverdue {
                about: DeadlineKind::Talk,
                answer_by: LATER,
            },
            IncidentEvent::HoldEnded { check_by: LATER },
            IncidentEvent::ReviewOpened {
                cause: "answered_late".to_owned(),
            },
        ],
    ];
    let mut all = stamped(&Actor::Dispatcher, dispatcher.concat());
    all.extend(stamped(&Actor::Operator(operator_id()), work()));
    all.extend(stamped(&Actor::Responder(responder_id()), on_the_way()));
    all.extend(stamped(&Actor::Operator(operator_id()), ending()));
    all
}

fn opening() -> Vec<IncidentEvent> {
    vec![
        IncidentEvent::IncidentOpened {
            incident: incident_id(),
            subject: SubjectId::resident(&resident_id()),
            resident: Some(resident_id()),
            alarm: alarm(),
            priority: Priority::P1,
            district: Some(district_id()),
            place: Some(sealed()),
            previous: Some(IncidentId(Uuid::from_u128(0x0dd))),
            late_ms: Some(1_200),
        },
        IncidentEvent::IncidentOpened {
            incident: incident_id(),
            subject: SubjectId::source("0a1b2c3d"),
            resident: None,
            alarm: AlarmRef {
                device: None,
                press: String::new(),
                kind: SignalKind::Unknown,
                problems: vec![Problem::Unparseable, Problem::MissingDevice],
                verified: false,
                ..alarm()
            },
            priority: Priority::P1,
            district: None,
            place: None,
            previous: None,
            late_ms: None,
        },
        IncidentEvent::AlarmJoined {
            alarm: alarm(),
            presses: 2,
            priority: Priority::P1,
        },
    ]
}

fn offering() -> Vec<IncidentEvent> {
    let everybody = vec![
        Party::Site(site_id()),
        Party::DistrictDesk(district_id()),
        Party::Supervisor,
        Party::CityDesk,
        Party::Keyholder,
    ];
    vec![
        IncidentEvent::Offered {
            ring: 0,
            round: 0,
            cause: OfferCause::Ring,
            added: vec![Party::Site(site_id())],
            means: vec![Means::Screen, Means::DutyPhone],
            widens_at: LATER,
            as_of: 42,
            policy: 1,
            travel: TravelSource::Estimate,
            candidates: candidates(),
            late_ms: None,
        },
        IncidentEvent::Offered {
            ring: 4,
            round: 3,
            cause: OfferCause::Lapsed,
            added: everybody,
            means: vec![Means::Sms, Means::WorkChat],
            widens_at: LATER,
            as_of: 42,
            policy: 1,
            travel: TravelSource::Router,
            candidates: vec![],
            late_ms: Some(300),
        },
        IncidentEvent::OfferShown {
            party: Party::Site(site_id()),
            operator: operator_id(),
            console: console_id(),
            sounded: true,
        },
        IncidentEvent::OfferUnseen {
            parties: vec![Party::Site(site_id())],
        },
        IncidentEvent::DutyPhoneRung {
            party: Party::Site(site_id()),
            attempt: 1,
            cause: DutyPhoneCause::NoScreen,
        },
        IncidentEvent::OfferDeclined {
            party: Party::Site(site_id()),
            operator: operator_id(),
            reason: "alone at the desk".to_owned(),
        },
    ]
}

fn work() -> Vec<IncidentEvent> {
    vec![
        IncidentEvent::Accepted {
            operator: operator_id(),
            party: Party::Site(site_id()),
            first_step_by: LATER,
        },
        IncidentEvent::TalkStarted { check_by: LATER },
        IncidentEvent::StillOnIt { check_by: LATER },
        IncidentEvent::HandedOver {
            from: operator_id(),
            to: OperatorId::parse("li").unwrap(),
            party: Party::Site(site_id()),
        },
        IncidentEvent::Held {
            reason: "waiting for the daughter".to_owned(),
            until: LATER,
        },
        IncidentEvent::ContactTried {
            callee: Callee::Resident,
            result: ContactResult::NoAnswer,
        },
        IncidentEvent::ContactTried {
            callee: Callee::Contact(1),
            result: ContactResult::OnTheWay,
        },
        IncidentEvent::ResponderSent {
            responder: responder_id(),
            from: Some(site_id()),
            eta: LATER,
            seconds: 120,
        },
        IncidentEvent::EmergencyServiceCalled {
            service: EmergencyService::Ambulance,
        },
        IncidentEvent::EmergencyServiceCalled {
            service: EmergencyService::Fire,
        },
        IncidentEvent::EmergencyServiceCalled {
            service: EmergencyService::Police,
        },
        IncidentEvent::NoteAdded { text: sealed() },
        IncidentEvent::ProtocolAnswered {
            protocol: "fall".to_owned(),
            version: 1,
            step: "breathing".to_owned(),
            answer: "yes".to_owned(),
        },
        IncidentEvent::Transferred {
            to: Party::DistrictDesk(district_id()),
            reason: "outside our area".to_owned(),
        },
    ]
}

fn on_the_way() -> Vec<IncidentEvent> {
    vec![
        IncidentEvent::ResponderSent {
            responder: responder_id(),
            from: None,
            eta: LATER,
            seconds: 120,
        },
        IncidentEvent::ResponderSetOut {
            responder: responder_id(),
            eta: LATER,
        },
        IncidentEvent::SupportAsked {
            to: Party::Supervisor,
            answer_by: LATER,
        },
        IncidentEvent::SupportAnswered {
            operator: operator_id(),
            party: Party::Supervisor,
        },
        IncidentEvent::ResponderDelayed {
            responder: responder_id(),
            eta: LATER,
        },
        IncidentEvent::ResponderArrived {
            responder: responder_id(),
            check_by: LATER,
        },
        IncidentEvent::ResponderReturned {
            responder: responder_id(),
        },
    ]
}

fn ending() -> Vec<IncidentEvent> {
    vec![
        IncidentEvent::Resolved {
            reason: Reason::FallNoInjury,
            actions: vec![Action::Talked, Action::StationVisit],
            outcome: Outcome::Lifted,
            note: Some(sealed()),
            machine: false,
        },
        IncidentEvent::Resolved {
            reason: Reason::Unknown,
            actions: vec![],
            outcome: Outcome::UnreachedEscalated,
            note: None,
            machine: true,
        },
        IncidentEvent::Reopened {
            cause: "still unwell".to_owned(),
        },
        IncidentEvent::FollowUpDone {
            text: Some(sealed()),
        },
        IncidentEvent::FollowUpDone { text: None },
        IncidentEvent::ReviewClosed {
            text: Some(sealed()),
        },
        IncidentEvent::ReviewClosed { text: None },
    ]
}
