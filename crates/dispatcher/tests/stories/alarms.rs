//! How alarms become incidents: once, whoever looks and however often it is pressed.

use crate::world::{World, resident_subject};
use domain::{
    incident::IncidentEvent,
    party::Party,
    promises::Fact,
    signal::{Priority, Problem, SignalKind},
};

#[tokio::test(start_paused = true)]
async fn a_thousand_presses_join_one_incident() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    for press in 0..1_000 {
        world
            .press("d-1", &press.to_string(), SignalKind::Sos)
            .await;
    }
    let last = |e: &IncidentEvent| matches!(e, IncidentEvent::AlarmJoined { presses: 1_000, .. });
    world.until("the last press", |h| last(&h.event)).await;
    let incidents = world.incidents().await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].presses, 1_000);
    assert_eq!(incidents[0].subject, resident_subject("1"));
    world.assert_promises().await;
    dispatcher.stop().await;
}

/// More than the dispatcher takes in hand at once.
#[tokio::test(start_paused = true)]
async fn in_a_storm_every_press_gets_its_incident_and_the_most_pressing_go_first() {
    let world = World::staffed().await;
    for device in 0..200 {
        world
            .press(&format!("d-{device}"), "1", SignalKind::Service)
            .await;
    }
    for device in 200..300 {
        world
            .press(&format!("d-{device}"), "1", SignalKind::Sos)
            .await;
    }
    let dispatcher = world.dispatcher();
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { ring: 0, .. });
    world
        .until_count("every first offer", 300, |h| offered(&h.event))
        .await;
    let entries = world.entries().await;
    let opened: Vec<Priority> = entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Incident(happened) => match &happened.event {
                IncidentEvent::IncidentOpened { priority, .. } => Some(*priority),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(opened.len(), 300);
    assert!(opened.is_sorted(), "life before service");
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_dispatchers_on_one_log_do_everything_once() {
    let world = World::staffed().await;
    let _screens = world.screens(&["s-1", "s-2", "s-3", "desk-230102", "desk-city"]);
    let (one, other) = (world.dispatcher(), {
        let apart = World::over(world.log.clone()).await;
        apart.dispatcher()
    });
    for device in 0..20 {
        world
            .press(&format!("d-{device}"), "1", SignalKind::Sos)
            .await;
        world
            .press(&format!("d-{device}"), "2", SignalKind::Sos)
            .await;
    }
    let last_ring = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { round: 2, .. });
    world
        .until_count("the last ring of all", 20, |h| last_ring(&h.event))
        .await;
    let incidents = world.incidents().await;
    assert_eq!(incidents.len(), 20);
    assert!(incidents.iter().all(|incident| incident.presses == 2));
    world.assert_promises().await;
    let (one_did, other_did) = (one.metrics(), other.metrics());
    assert_eq!(one_did.opened + other_did.opened, 20);
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let mut offers = 0;
    for incident in &incidents {
        let story = world.story(incident.id).await;
        offers += story.iter().filter(|h| offered(&h.event)).count();
    }
    assert_eq!(
        one_did.offers + other_did.offers,
        u64::try_from(offers).unwrap()
    );
    one.stop().await;
    other.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_of_an_unknown_device_goes_to_the_city_desk() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    world
        .forged("nobody-knows", "1", Problem::UnknownDevice)
        .await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the offer", |h| offered(&h.event)).await;
    assert_eq!(world.offers(id).await[0].added, [Party::CityDesk]);
    let incident = world.casebook.fold_incident(id).await.unwrap().unwrap();
    assert!(!incident.alarms[0].verified);
    assert_eq!(incident.resident, None);
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_forged_press_never_joins_a_true_one() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    world.forged("d-1", "1", Problem::BadKey).await;
    world.press("d-1", "1", SignalKind::Sos).await;
    let opened = |e: &IncidentEvent| matches!(e, IncidentEvent::IncidentOpened { .. });
    world
        .until_count("both incidents", 2, |h| opened(&h.event))
        .await;
    let incidents = world.incidents().await;
    let (forged, held): (Vec<_>, Vec<_>) = incidents
        .iter()
        .partition(|incident| !incident.alarms[0].verified);
    assert_eq!((forged.len(), held.len()), (1, 1));
    assert_eq!(held[0].subject, resident_subject("1"));
    assert_eq!(
        (forged[0].resident.clone(), forged[0].place.clone()),
        (None, None)
    );
    assert!(
        forged[0].district.is_some(),
        "the district's desk looks at it"
    );
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn above_the_flood_limit_a_source_has_one_incident() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    for device in 0..50 {
        world
            .forged(&format!("fake-{device}"), "1", Problem::Flood)
            .await;
    }
    let last = |e: &IncidentEvent| matches!(e, IncidentEvent::AlarmJoined { presses: 50, .. });
    world.until("the last press", |h| last(&h.event)).await;
    assert_eq!(world.incidents().await.len(), 1);
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_joins_and_closes_nothing_and_alone_opens_nothing() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    world.press("d-2", "1", SignalKind::Cancel).await;
    world.press("d-1", "1", SignalKind::Sos).await;
    world.press("d-1", "2", SignalKind::Cancel).await;
    let joined = |e: &IncidentEvent| matches!(e, IncidentEvent::AlarmJoined { .. });
    world.until("the cancel", |h| joined(&h.event)).await;
    let incidents = world.incidents().await;
    assert_eq!(incidents.len(), 1);
    assert!(incidents[0].cancel_said && incidents[0].is_open());
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_directory_does_not_keep_an_alarm_waiting() {
    let world = World::staffed().await;
    *world.places.silent.lock().unwrap() = true;
    let dispatcher = world.dispatcher();
    let pressed_at = world.now();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, offer) = world.until("the offer", |h| offered(&h.event)).await;
    assert!(offer.at.since(pressed_at).as_secs() <= 6);
    assert_eq!(world.offers(id).await[0].added, [Party::CityDesk]);
    let IncidentEvent::IncidentOpened { late_ms, .. } = world.story(id).await[0].event.clone()
    else {
        panic!("opened");
    };
    assert!(late_ms.is_some(), "marked late");
    dispatcher.stop().await;
}
