//! Who can be reached, and what happens to calls whose owner cannot.

use crate::world::{World, at_site, operator};
use casebook::{Case, streams};
use domain::{
    Actor, CommandId, NodeId,
    incident::{IncidentCommand, IncidentEvent, OfferCause},
    operator::OperatorEvent,
    signal::SignalKind,
    site::SiteEvent,
};
use eventlog::{Direction, Position, Revision};
use std::time::Duration;
use uuid::Uuid;

const ALL: &[&str] = &["s-1", "s-2", "s-3", "desk-230102", "desk-city"];

async fn reach_events(world: &World, site: &str) -> Vec<(i64, OperatorEvent)> {
    let stream = streams::operator(&operator(site));
    let all = world
        .log
        .read_stream(&stream, Revision::FIRST, Direction::Forward, 100)
        .await
        .unwrap();
    all.iter()
        .map(|one| match casebook::read(one).unwrap() {
            Case::Operator(happened) => (happened.at.0, happened.event),
            other => panic!("not an operator's: {other:?}"),
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_an_unreachable_owner_holds_is_offered_beside_them() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    world.ask(id, "s-1", IncidentCommand::StartTalk).await;
    world.detach("s-1").await;
    let gone_at = world.now();
    let beside = |e: &IncidentEvent| {
        matches!(
            e,
            IncidentEvent::Offered {
                cause: OfferCause::OwnerUnreachable,
                ..
            }
        )
    };
    let (_, offer) = world.until("the offer beside", |h| beside(&h.event)).await;
    let after = offer.at.since(gone_at).as_millis();
    assert!((40_000..=40_250).contains(&after), "{after}");
    assert_eq!(world.offers(id).await[1].added, [at_site("s-2")]);
    let reach = reach_events(&world, "s-1").await;
    let [(at, OperatorEvent::OperatorUnreachable { .. })] = reach.as_slice() else {
        panic!("recorded once: {reach:?}");
    };
    assert!((20_000..=20_250).contains(&(at - gone_at.0)));
    let incident = world.casebook.fold_incident(id).await.unwrap().unwrap();
    assert!(
        incident.is_owned_by(&operator("s-1")),
        "beside, not instead"
    );
    world.attach("s-1").await;
    let back = world.log.head();
    world.assert_promises().await;
    // The owner is back and says so.
    world.ask(id, "s-1", IncidentCommand::StillOnIt).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    let reach = reach_events(&world, "s-1").await;
    assert!(
        matches!(reach[1].1, OperatorEvent::OperatorBack { .. }),
        "{reach:?}"
    );
    assert_eq!(reach.len(), 2);
    assert!(world.log.head() > back);
    assert!(!world.offers(id).await.is_empty());
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_accepted_by_telephone_needs_no_console() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.detach("s-1").await;
    let command = IncidentCommand::Accept {
        operator: operator("s-1"),
        party: at_site("s-1"),
    };
    let asked = world.casebook.asked(Actor::Gateway, None, command);
    let command = CommandId(Uuid::new_v4());
    world.casebook.act(id, command, asked).await.unwrap();
    world.ask(id, "s-1", IncidentCommand::StartTalk).await;
    // Five minutes of talk are asked about; nothing was offered beside it meanwhile.
    let overdue = |e: &IncidentEvent| matches!(e, IncidentEvent::ProgressOverdue { .. });
    world.until("the question", |h| overdue(&h.event)).await;
    assert_eq!(world.offers(id).await.len(), 1);
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_operator_without_a_console_is_not_rung_and_comes_back() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    world.detach("s-1").await;
    tokio::time::sleep(Duration::from_secs(21)).await;
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    assert_eq!(world.offers(id).await[0].added, [at_site("s-2")]);
    world.attach("s-1").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.press("d-2", "1", SignalKind::Sos).await;
    let opened = |e: &IncidentEvent| matches!(e, IncidentEvent::IncidentOpened { .. });
    let (second, _) = world
        .until_count("the second", 2, |h| opened(&h.event))
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.offers(second).await[0].added, [at_site("s-1")]);
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_consoles_of_a_process_that_is_gone_are_ended_and_those_of_one_that_lives_are_not() {
    let world = World::staffed().await;
    let node = |name: &str| NodeId::parse(name).unwrap();
    for (site, process) in [("s-1", "gone"), ("s-2", "lives")] {
        let attached = SiteEvent::ConsoleAttached {
            site: crate::world::site(site),
            operator: operator(site),
            console: crate::world::console(site),
            node: Some(node(process)),
        };
        world.site_event(site, attached).await;
    }
    let living = tokio_util::sync::CancellationToken::new();
    let lives = directory::presence::show(world.log.clone(), node("lives"), living.clone());
    tokio::spawn(lives);
    // Two dispatchers see the same, and it is written once.
    let dispatchers = [world.dispatcher(), world.dispatcher()];
    let began = world.now();
    let unreachable = async {
        while reach_events(&world, "s-1").await.is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    unreachable.await;
    let after = world.now().since(began);
    assert!(after >= Duration::from_secs(32), "{after:?}");
    assert!(after <= Duration::from_secs(38), "{after:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let log = &world.log;
    let all = log.read_all(Position::START, Direction::Forward, 10_000);
    let ended: Vec<_> = all
        .await
        .unwrap()
        .iter()
        .filter(|event| &*event.kind == "ConsoleDetached")
        .map(|event| event.stream.to_string())
        .collect();
    assert_eq!(ended, ["site-s-1"]);
    assert!(reach_events(&world, "s-2").await.is_empty());
    for dispatcher in dispatchers {
        dispatcher.stop().await;
    }
}
