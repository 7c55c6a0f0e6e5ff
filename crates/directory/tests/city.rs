//! The city as a fold: duty, past positions, and the writers' refusals.
//!
//! For: what the dispatcher and replay rely on.
//! May not know: tables.

mod common;

use casebook::Casebook;
use common::{SMALL, import, memory};
use directory::{Account, City, Directory, DirectoryError, Enrolling, Sendable, harbin};
use domain::{
    Actor, ConsoleId, CrossingId, OperatorId, ResidentId, ResponderId, SiteId,
    operator::{OperatorEvent, ResponderKind, Role, Scope},
    site::{Hours, SiteEvent},
};
use eventlog::{Expected, Lane, Position};

async fn signal(casebook: &Casebook, event: SiteEvent) -> Position {
    let (SiteEvent::OperatorSignedOn { site, .. }
    | SiteEvent::OperatorSignedOff { site, .. }
    | SiteEvent::ConsoleAttached { site, .. }
    | SiteEvent::ConsoleDetached { site, .. }
    | SiteEvent::SoundProven { site, .. }
    | SiteEvent::SoundLost { site, .. }) = &event
    else {
        panic!("not about duty");
    };
    let stream = casebook::streams::site(site);
    append(casebook, &stream, event).await
}

async fn append<E: casebook::Stored>(
    casebook: &Casebook,
    stream: &eventlog::StreamName,
    event: E,
) -> Position {
    let id = eventlog::EventId(uuid::Uuid::new_v4());
    let draft = casebook::Draft::new(id, casebook.now(), Actor::Registrar, event);
    let meta = casebook::Meta::default();
    let appended = casebook.append(Lane::Urgent, stream, Expected::Any, vec![draft], meta);
    appended.await.expect("the memory log takes it").position
}

#[tokio::test]
async fn duty_is_who_signed_on_and_what_can_be_heard() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook.clone(), None).await.unwrap();
    let site = SiteId::parse("HRB-230102-01").unwrap();
    let operator = OperatorId::parse("op-230102-01-a").unwrap();
    let console = ConsoleId::parse("tab-1").unwrap();
    let (s, o, c) = (|| site.clone(), || operator.clone(), || console.clone());
    let after = async |event| {
        let position = signal(&casebook, event).await;
        directory.caught_up(position).await.unwrap();
        let city = directory.city();
        (city.on_duty(&site), city.can_hear(&site))
    };
    let (site_, operator_, console_) = (s(), o(), c());
    let on = SiteEvent::OperatorSignedOn {
        site: s(),
        operator: o(),
    };
    assert_eq!(after(on).await, (true, false));
    let attached = SiteEvent::ConsoleAttached {
        site: s(),
        operator: o(),
        console: c(),
        node: None,
    };
    assert_eq!(after(attached).await, (true, false));
    let proven = SiteEvent::SoundProven {
        site: s(),
        operator: o(),
        console: c(),
    };
    assert_eq!(after(proven).await, (true, true));
    let stream = casebook::streams::operator(&operator);
    let away = OperatorEvent::OperatorUnreachable { operator: o() };
    let position = append(&casebook, &stream, away).await;
    directory.caught_up(position).await.unwrap();
    assert!(
        !directory.city().on_duty(&site),
        "nobody who can be reached"
    );
    let back = OperatorEvent::OperatorBack { operator: o() };
    append(&casebook, &stream, back).await;
    let lost = SiteEvent::SoundLost {
        site: s(),
        operator: o(),
        console: c(),
    };
    assert_eq!(after(lost).await, (true, false));
    assert_eq!(
        directory.city().duty[&site_].consoles[&console_].operator,
        operator_
    );
    let off = SiteEvent::OperatorSignedOff {
        site: s(),
        operator: o(),
    };
    assert_eq!(after(off).await, (false, false));
    assert!(
        directory.city().duty.is_empty(),
        "their consoles went with them"
    );
}

#[tokio::test]
async fn a_past_position_shows_the_closed_bridge_as_it_was() {
    let casebook = memory().await;
    let imported = import(&casebook, &SMALL).await;
    let directory = Directory::open(casebook.clone(), None).await.unwrap();
    let registrar = directory.registrar();
    let highway = CrossingId::parse("highway").unwrap();
    let record = directory.city().crossings[&highway].clone();
    let by = || Actor::Registrar;
    let closed = registrar.close_crossing(by(), highway.clone(), "桥面维修");
    let closed = closed.await.unwrap().position;
    let site = SiteId::parse("HRB-230109-01").unwrap();
    let hours = Hours {
        opens_min: 60,
        closes_min: 120,
    };
    registrar
        .change_hours(by(), site.clone(), hours)
        .await
        .unwrap();
    registrar.close_site(by(), site.clone()).await.unwrap();
    let opened = registrar.open_crossing(by(), record.clone()).await.unwrap();
    let opened = opened.position;
    directory.caught_up(opened).await.unwrap();

    let at = async |position| City::at(&casebook, position).await.unwrap();
    let then = at(imported).await;
    assert_eq!(then.crossings.get(&highway), Some(&record));
    assert_eq!(then.position, imported);
    assert!(!at(closed).await.crossings.contains_key(&highway));
    assert!(at(closed).await.site(&site).is_some());
    assert!(at(opened).await.crossings.contains_key(&highway));
    assert!(at(opened).await.site(&site).is_none(), "closed for good");
    assert_eq!(at(opened).await.sites[&site].record.hours, hours);
    assert_eq!(
        at(Position::END).await,
        *directory.city(),
        "live and replayed agree"
    );
    let text = serde_json::to_string(&then).unwrap();
    assert_eq!(serde_json::from_str::<City>(&text).unwrap(), then);
}

#[tokio::test]
async fn beginning_what_exists_is_a_conflict_and_changing_what_does_not_is_too() {
    let casebook = memory().await;
    import(&casebook, &SMALL).await;
    let registrar = directory::Registrar::new(casebook);
    let by = || Actor::Registrar;
    let plan = harbin::city(&SMALL);
    let conflict = |result: Result<_, DirectoryError>| {
        assert!(
            matches!(result, Err(DirectoryError::Conflict(_))),
            "{result:?}"
        );
    };
    conflict(registrar.open_site(by(), plan.sites[0].clone()).await);
    let account = Account {
        operator: OperatorId::parse("admin").unwrap(),
        name: "王管理员".to_owned(),
        post: "管理员".to_owned(),
        role: Role::Administrator,
        scope: Scope::City,
        password: "phc".to_owned(),
    };
    conflict(registrar.add_operator(by(), account.clone()).await);
    registrar
        .remove_operator(by(), account.operator.clone())
        .await
        .unwrap();
    registrar.add_operator(by(), account).await.unwrap();
    let planned = harbin::residents(&SMALL).next().unwrap();
    let who = Enrolling {
        resident: planned.resident,
        district: planned.district,
        community: planned.community,
        grid: planned.grid,
        home_station: planned.home_station,
        profile: planned.profile,
    };
    conflict(registrar.enrol_resident(by(), who.clone()).await);
    registrar.move_resident(by(), who.clone()).await.unwrap();
    let stranger = Enrolling {
        resident: ResidentId::parse("stranger").unwrap(),
        ..who
    };
    conflict(registrar.move_resident(by(), stranger.clone()).await);
    registrar.enrol_resident(by(), stranger).await.unwrap();
    let nobody = SiteId::parse("nowhere").unwrap();
    conflict(registrar.close_site(by(), nobody).await);
    let helper = Sendable {
        responder: ResponderId::parse("helper").unwrap(),
        name: "李志强".to_owned(),
        kind: ResponderKind::Volunteer,
        site: None,
        district: plan.sites[0].district.clone(),
        phone: Some("0451-0001-0001".to_owned()),
    };
    registrar.add_responder(by(), helper.clone()).await.unwrap();
    conflict(registrar.add_responder(by(), helper).await);
}
