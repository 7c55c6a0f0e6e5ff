//! One event of every variant, and more where a field may be missing.
//!
//! For: the golden files. A value here is written for ever: add samples, change none.
//! May not know: which events can follow which.

mod incident;

pub(super) use incident::incident;

use domain::{
    Actor, AlarmId, CommunityId, ConsoleId, CrossingId, DeviceId, DistrictId, Happened, IncidentId,
    NodeId, OperatorId, ResidentId, ResponderId, Sealed, SiteId, Timestamp,
    care::CareEvent,
    crossing::{CrossingEvent, CrossingRecord},
    device::{DeviceEvent, Received},
    incident::AlarmRef,
    operator::{OperatorEvent, ResponderEvent, ResponderKind, Role, Scope},
    party::{Candidate, RuledOut, Traveller},
    resident::{Enrolment, ResidentEvent},
    signal::{Problem, SignalKind},
    site::{Hours, SiteEvent, SiteKind, SiteRecord},
};
use uuid::Uuid;

const AT: Timestamp = Timestamp(1_700_000_000_000);
const LATER: Timestamp = Timestamp(1_700_000_120_000);

fn stamped<E>(by: &Actor, events: Vec<E>) -> Vec<Happened<E>> {
    let stamp = |event| Happened::new(AT, by.clone(), event);
    events.into_iter().map(stamp).collect()
}

fn incident_id() -> IncidentId {
    IncidentId(Uuid::from_u128(0x1a11))
}

fn alarm_id() -> AlarmId {
    AlarmId(Uuid::from_u128(0xa1a2))
}

fn resident_id() -> ResidentId {
    ResidentId::parse("r-000001").unwrap()
}

fn device_id() -> DeviceId {
    DeviceId::parse("HRB-000123").unwrap()
}

fn site_id() -> SiteId {
    SiteId::parse("st-001").unwrap()
}

fn district_id() -> DistrictId {
    DistrictId::parse("230103").unwrap()
}

fn operator_id() -> OperatorId {
    OperatorId::parse("wang").unwrap()
}

fn responder_id() -> ResponderId {
    ResponderId::parse("rp-07").unwrap()
}

fn console_id() -> ConsoleId {
    ConsoleId::parse("tab-1").unwrap()
}

fn crossing_id() -> CrossingId {
    CrossingId::parse("songhua-road-bridge").unwrap()
}

fn sealed() -> Sealed {
    Sealed {
        key: "resident-r-000001".to_owned(),
        nonce: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".to_owned(),
        boxed: "c2VhbGVk".to_owned(),
    }
}

fn alarm() -> AlarmRef {
    AlarmRef {
        alarm: alarm_id(),
        position: 41,
        device: Some(device_id()),
        press: "17".to_owned(),
        kind: SignalKind::Sos,
        received_at: AT,
        problems: vec![Problem::ClockOff],
        verified: true,
    }
}

fn candidates() -> Vec<Candidate> {
    let near = Candidate {
        site: site_id(),
        seconds: Some(240),
        metres: Some(1_350),
        via: None,
        home: true,
        ruled_out: None,
    };
    let across = Candidate {
        site: SiteId::parse("st-090").unwrap(),
        seconds: Some(900),
        metres: Some(12_000),
        via: Some(crossing_id()),
        home: false,
        ruled_out: Some(RuledOut::Full),
    };
    let cut_off = Candidate {
        site: SiteId::parse("fa-03").unwrap(),
        seconds: None,
        metres: None,
        via: None,
        home: false,
        ruled_out: Some(RuledOut::NoWay),
    };
    vec![near, across, cut_off]
}

pub(super) fn care() -> Vec<Happened<CareEvent>> {
    let (incident, alarm) = (incident_id(), alarm_id());
    let events = vec![
        CareEvent::CareOpened { incident, alarm },
        CareEvent::AlarmHandled { incident, alarm },
        CareEvent::CareClosed { incident },
        CareEvent::CareReopened { incident },
    ];
    stamped(&Actor::Dispatcher, events)
}

pub(super) fn device() -> Vec<Happened<DeviceEvent>> {
    let device = device_id;
    let whole = Received {
        device: Some(device()),
        press: "17".to_owned(),
        kind: SignalKind::Sos,
        kind_word: None,
        device_at: Some(AT),
        door: "http".to_owned(),
        verified: true,
        problems: vec![],
        source: None,
        location: Some(sealed()),
        battery_pct: Some(83),
        text: Some(sealed()),
        raw: None,
    };
    let torn = Received {
        device: None,
        press: String::new(),
        kind: SignalKind::Unknown,
        kind_word: Some("help!!".to_owned()),
        device_at: None,
        verified: false,
        problems: vec![Problem::UnknownKind, Problem::MissingDevice],
        source: Some("0a1b2c3d".to_owned()),
        location: None,
        battery_pct: None,
        text: None,
        raw: Some(sealed()),
        ..whole.clone()
    };
    let of_kind = |kind| Received {
        kind,
        ..whole.clone()
    };
    let received = vec![
        DeviceEvent::AlarmReceived(whole.clone()),
        DeviceEvent::AlarmReceived(torn),
        DeviceEvent::TestReceived(of_kind(SignalKind::Test)),
        DeviceEvent::TroubleReported(of_kind(SignalKind::LowBattery)),
        DeviceEvent::DeviceFellSilent {
            device: device(),
            last_heard: Some(AT),
        },
        DeviceEvent::DeviceFellSilent {
            device: device(),
            last_heard: None,
        },
        DeviceEvent::DeviceReturned { device: device() },
    ];
    let key_hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned();
    let enrolled = |resident| DeviceEvent::DeviceEnrolled {
        device: device(),
        model: "pendant-1".to_owned(),
        resident,
        key_hash: key_hash.clone(),
    };
    let kept = vec![
        enrolled(Some(resident_id())),
        enrolled(None),
        DeviceEvent::DeviceRetired { device: device() },
    ];
    let mut all = stamped(&Actor::Gateway, received);
    all.extend(stamped(&Actor::Registrar, kept));
    all
}

pub(super) fn resident() -> Vec<Happened<ResidentEvent>> {
    let resident = resident_id;
    let enrolment = |home_station| Enrolment {
        resident: resident(),
        district: district_id(),
        community: CommunityId::parse("230103-017").unwrap(),
        grid: 3,
        home_station,
        profile: sealed(),
    };
    let events = vec![
        ResidentEvent::ResidentEnrolled(enrolment(Some(site_id()))),
        ResidentEvent::ResidentMoved(enrolment(None)),
        ResidentEvent::ProfileChanged {
            resident: resident(),
            profile: sealed(),
        },
        ResidentEvent::ConsentGiven {
            resident: resident(),
            to: "location".to_owned(),
        },
        ResidentEvent::ResidentErased {
            resident: resident(),
            why: String::new(),
        },
        ResidentEvent::ResidentErased {
            resident: resident(),
            why: "家属申请".to_owned(),
        },
        ResidentEvent::LegalHoldPlaced {
            resident: resident(),
            case: "2026-119".to_owned(),
            why: "投诉调查".to_owned(),
            until: Timestamp(1_800_000_000_000),
        },
        ResidentEvent::LegalHoldLifted {
            resident: resident(),
            case: "2026-119".to_owned(),
            why: "已结案".to_owned(),
        },
    ];
    let viewed = ResidentEvent::RecordViewed {
        resident: resident(),
        operator: operator_id(),
        why: "incident".to_owned(),
    };
    let mut all = stamped(&Actor::Registrar, events);
    all.extend(stamped(&Actor::Operator(operator_id()), vec![viewed]));
    all
}

pub(super) fn site() -> Vec<Happened<SiteEvent>> {
    let (site, operator, console) = (site_id, operator_id, console_id);
    let hours = Hours {
        opens_min: 480,
        closes_min: 1_200,
    };
    let record = SiteRecord {
        site: site(),
        kind: SiteKind::Station,
        name: "花园街服务站".to_owned(),
        name_latin: "Huayuan Street".to_owned(),
        district: district_id(),
        lon_e6: 126_630_000,
        lat_e6: 45_750_000,
        hours,
        can_answer: true,
        can_send: true,
        duty_phone: "0451-00000001".to_owned(),
        capacity: 3,
        traveller: Traveller::Car,
    };
    let kept = vec![
        SiteEvent::SiteOpened(record),
        SiteEvent::HoursChanged {
            site: site(),
            hours,
        },
        SiteEvent::CapacityChanged {
            site: site(),
            capacity: 2,
            can_answer: true,
            can_send: false,
        },
        SiteEvent::SiteClosed { site: site() },
    ];
    let present = vec![
        SiteEvent::OperatorSignedOn {
            site: site(),
            operator: operator(),
        },
        SiteEvent::OperatorSignedOff {
            site: site(),
            operator: operator(),
        },
        SiteEvent::ConsoleAttached {
            site: site(),
            operator: operator(),
            console: console(),
            node: None,
        },
        SiteEvent::ConsoleAttached {
            site: site(),
            operator: operator(),
            console: console(),
            node: NodeId::parse("desk-a").ok(),
        },
        SiteEvent::ConsoleDetached {
            site: site(),
            operator: operator(),
            console: console(),
            node: None,
        },
        SiteEvent::ConsoleDetached {
            site: site(),
            operator: operator(),
            console: console(),
            node: NodeId::parse("desk-a").ok(),
        },
        SiteEvent::SoundProven {
            site: site(),
            operator: operator(),
            console: console(),
        },
        SiteEvent::SoundLost {
            site: site(),
            operator: operator(),
            console: console(),
        },
    ];
    let mut all = stamped(&Actor::Registrar, kept);
    all.extend(stamped(&Actor::Operator(operator()), present));
    all
}

pub(super) fn operator() -> Vec<Happened<OperatorEvent>> {
    let operator = operator_id;
    let password = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned();
    let added = |role, scope| OperatorEvent::OperatorAdded {
        operator: operator(),
        name: "王护理员".to_owned(),
        post: "护理员".to_owned(),
        role,
        scope,
        password: password.clone(),
    };
    let kept = vec![
        added(Role::Operator, Scope::Site(site_id())),
        added(Role::DistrictManager, Scope::District(district_id())),
        added(Role::Administrator, Scope::City),
        OperatorEvent::PasswordChanged {
            operator: operator(),
            password: password.clone(),
        },
        OperatorEvent::OperatorRemoved {
            operator: operator(),
        },
    ];
    let present = vec![
        OperatorEvent::SignedIn {
            operator: operator(),
        },
        OperatorEvent::SignedOut {
            operator: operator(),
        },
        OperatorEvent::OperatorUnreachable {
            operator: operator(),
        },
        OperatorEvent::OperatorBack {
            operator: operator(),
        },
    ];
    let mut all = stamped(&Actor::Registrar, kept);
    all.extend(stamped(&Actor::Operator(operator()), present));
    all
}

pub(super) fn responder() -> Vec<Happened<ResponderEvent>> {
    let added = |kind, site, phone| ResponderEvent::ResponderAdded {
        responder: responder_id(),
        name: "张护士".to_owned(),
        kind,
        site,
        district: district_id(),
        phone,
    };
    let events = vec![
        added(ResponderKind::Nurse, Some(site_id()), Some(sealed())),
        added(ResponderKind::GridWorker, None, None),
        ResponderEvent::ResponderRemoved {
            responder: responder_id(),
        },
    ];
    stamped(&Actor::Registrar, events)
}

pub(super) fn crossing() -> Vec<Happened<CrossingEvent>> {
    let record = CrossingRecord {
        crossing: crossing_id(),
        name: "松花江公路大桥".to_owned(),
        name_latin: "Songhua River Road Bridge".to_owned(),
        lon_e6: 126_600_000,
        lat_e6: 45_790_000,
        travellers: vec![Traveller::Car, Traveller::Foot],
    };
    let events = vec![
        CrossingEvent::CrossingOpened(record),
        CrossingEvent::CrossingClosed {
            crossing: crossing_id(),
            why: "ice".to_owned(),
        },
    ];
    stamped(&Actor::Registrar, events)
}
