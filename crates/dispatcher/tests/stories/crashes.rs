//! What is left after a crash, a lost answer, an outage.

use crate::world::{World, at_site, district_desk};
use domain::{incident::IncidentEvent, party::Party, signal::SignalKind};
use std::time::Duration;

const ALL: &[&str] = &["s-1", "s-2", "s-3", "desk-230102", "desk-city"];

fn repeats(e: &IncidentEvent, rounds: u32) -> bool {
    matches!(e, IncidentEvent::Offered { round, .. } if *round >= rounds)
}

/// A crash after the first append of the dispatcher, after the second, and so on through a whole unanswered call.
#[tokio::test(start_paused = true)]
async fn a_crash_after_each_append_repeats_harmlessly() {
    let mut crashes = 0;
    for appends in 0..30 {
        let world = World::staffed().await;
        let screens = world.screens(ALL);
        world.press("d-1", "1", SignalKind::Sos).await;
        world.press("d-1", "2", SignalKind::Sos).await;
        world.log.faults().crash_after(appends);
        let before = world.dispatcher();
        // Until the log answers nothing any more, or everything was said before that.
        for _ in 0..90 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if world.log.faults().crashed() {
                break;
            }
        }
        crashes += u32::from(world.log.faults().crashed());
        drop(before);
        screens.abort();
        let world = world.after_crash().await;
        let screens = world.screens(ALL);
        let after = world.dispatcher();
        assert!(after.ready().await);
        world
            .until("the last ring repeated", |h| repeats(&h.event, 2))
            .await;
        let incidents = world.incidents().await;
        assert_eq!(incidents.len(), 1, "after {appends} appends");
        assert_eq!(incidents[0].presses, 2, "after {appends} appends");
        let offer = incidents[0].offer.as_ref().unwrap();
        let mut rung: Vec<Party> = offer.parties.iter().map(|r| r.party.clone()).collect();
        rung.sort();
        let mut all = vec![
            at_site("s-1"),
            at_site("s-2"),
            at_site("s-3"),
            district_desk(),
            Party::Supervisor,
            Party::CityDesk,
        ];
        all.sort();
        assert_eq!(rung, all, "after {appends} appends");
        world.assert_promises().await;
        screens.abort();
        after.stop().await;
    }
    assert!(crashes >= 20, "it crashed only {crashes} times");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_failed_appends_are_repeated_harmlessly() {
    for faulty in 0..12 {
        let world = World::staffed().await;
        let dispatcher = world.dispatcher();
        assert!(dispatcher.ready().await);
        world.press("d-1", "1", SignalKind::Sos).await;
        match faulty % 3 {
            0 => world.log.faults().lose_answer(1 + faulty / 3),
            1 => world.log.faults().fail_appends(1 + faulty / 3),
            _ => world.log.faults().fail_reads(1 + faulty / 3),
        }
        let screens = world.screens(ALL);
        world
            .until("the last ring repeated", |h| repeats(&h.event, 1))
            .await;
        assert_eq!(world.incidents().await.len(), 1);
        world.assert_promises().await;
        screens.abort();
        dispatcher.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_one_step_goes_to_the_ring_due_now_and_is_marked_late() {
    let world = World::staffed().await;
    let screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    dispatcher.stop().await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    world
        .until_count("the next offer", 2, |h| offered(&h.event))
        .await;
    let offers = world.offers(id).await;
    assert_eq!(offers.len(), 2);
    assert_eq!((offers[1].ring, offers[1].round), (3, 0));
    let late = offers[1].late_ms.expect("marked late");
    assert!((34_000..=36_500).contains(&late), "{late}");
    assert_eq!(
        offers[1].added,
        [
            at_site("s-2"),
            at_site("s-3"),
            district_desk(),
            Party::Supervisor
        ]
    );
    // The next ring keeps to the grid of the first offer: at 60 s, not 15 s after the late one.
    world
        .until_count("the ring after", 3, |h| offered(&h.event))
        .await;
    let offers = world.offers(id).await;
    assert_eq!((offers[2].after_ms + 500) / 1_000, 60);
    screens.abort();
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_came_while_nobody_looked_is_opened_late_and_says_so() {
    let world = World::staffed().await;
    world.press("d-1", "1", SignalKind::Sos).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let dispatcher = world.dispatcher();
    let opened = |e: &IncidentEvent| matches!(e, IncidentEvent::IncidentOpened { .. });
    let (id, opening) = world.until("the incident", |h| opened(&h.event)).await;
    let IncidentEvent::IncidentOpened { late_ms, .. } = opening.event else {
        panic!("opened");
    };
    assert!(late_ms.is_some_and(|late| late >= 600_000), "{late_ms:?}");
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    world.until("the offer", |h| offered(&h.event)).await;
    let offers = world.offers(id).await;
    assert_eq!(
        (offers[0].ring, offers[0].added.clone()),
        (0, vec![at_site("s-1")])
    );
    dispatcher.stop().await;
}
