//! Support: a desk is rung at once, by telephone where no screen is there, and the next one when it does not answer.
//!
//! For: the dispatcher's side of it.
//! May not know: who asked on which page.

use crate::world::{World, at_site, district_desk, operator, party_of};
use domain::{
    incident::{IncidentCommand, IncidentEvent, OfferCause},
    party::Party,
    signal::SignalKind,
};
use std::time::Duration;

/// Accepted by the nearest site, which talks.
async fn held(world: &World) -> domain::IncidentId {
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    world.ask(id, "s-1", IncidentCommand::StartTalk).await;
    id
}

fn rung_for_support(event: &IncidentEvent, desk: &Party) -> bool {
    matches!(event, IncidentEvent::Offered { cause: OfferCause::Support, added, .. } if added.contains(desk))
}

#[tokio::test(start_paused = true)]
async fn support_rings_the_district_desk_at_once_then_the_supervisor_and_the_city_desk() {
    let world = World::with_sites(crate::world::log()).await;
    world.attach("s-1").await;
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    let id = held(&world).await;
    let asked_at = world.now();
    world.ask(id, "s-1", IncidentCommand::AskSupport).await;
    let (_, first) = world
        .until("the district desk", |h| {
            rung_for_support(&h.event, &district_desk())
        })
        .await;
    assert!(first.at.since(asked_at).as_millis() < 250, "at once");
    let telephone = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { party, .. } if *party == district_desk());
    let (_, rung) = world.until("its telephone", |h| telephone(&h.event)).await;
    assert!(
        rung.at.since(asked_at).as_millis() < 250,
        "no screen is there"
    );
    for (desk, seconds) in [(Party::Supervisor, 60), (Party::CityDesk, 120)] {
        let (_, next) = world
            .until("the next desk", |h| rung_for_support(&h.event, &desk))
            .await;
        assert_eq!(next.at.since(asked_at).as_secs(), seconds);
    }
    let incidents = world.incidents().await;
    let owner = incidents[0].owner.as_ref().unwrap();
    assert_eq!(
        owner.operator,
        operator("s-1"),
        "it takes the call off nobody"
    );
    assert_eq!(owner.party, at_site("s-1"));
    world.assert_promises().await;
}

#[tokio::test(start_paused = true)]
async fn once_a_desk_answers_for_support_nobody_else_is_rung() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    let id = held(&world).await;
    world.ask(id, "s-1", IncidentCommand::AskSupport).await;
    world
        .until("the district desk", |h| {
            rung_for_support(&h.event, &district_desk())
        })
        .await;
    let desk = "desk-230102";
    let answer = IncidentCommand::AnswerSupport {
        operator: operator(desk),
        party: party_of(desk),
    };
    world.ask(id, desk, answer).await;
    let asks = |e: &IncidentEvent| matches!(e, IncidentEvent::ProgressOverdue { .. });
    world.until("the talk's question", |h| asks(&h.event)).await;
    let story = world.story(id).await;
    let others = [Party::Supervisor, Party::CityDesk];
    let rung = |desk: &Party| story.iter().any(|h| rung_for_support(&h.event, desk));
    assert!(!others.iter().any(rung));
}

/// The owner is gone, so that the desks are rung for the call; then they are rung for support as well.
#[tokio::test(start_paused = true)]
async fn desks_that_are_rung_for_the_call_and_for_support_are_rung_without_end() {
    let world = World::with_sites(crate::world::log()).await;
    world.attach("s-1").await;
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    let id = held(&world).await;
    world.detach("s-1").await;
    let telephone = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { party, attempt: 5, .. } if *party == district_desk());
    world
        .until("the desk's fifth ringing", |h| telephone(&h.event))
        .await;
    world.ask(id, "s-1", IncidentCommand::AskSupport).await;
    let asked_at = world.now();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let story = world.story(id).await;
    for desk in [district_desk(), Party::Supervisor, Party::CityDesk] {
        let rings: Vec<(u64, u32)> = story
            .iter()
            .filter(|h| h.at > asked_at)
            .filter_map(|h| match &h.event {
                IncidentEvent::DutyPhoneRung { party, attempt, .. } if *party == desk => {
                    Some((h.at.since(asked_at).as_secs(), *attempt))
                }
                _ => None,
            })
            .collect();
        assert!(
            rings.windows(2).all(|pair| pair[0].1 < pair[1].1),
            "{desk:?}: {rings:?}"
        );
        let last = rings.last().map_or(0, |(at, _)| *at);
        assert!(last >= 565, "{desk:?} is rung on: {rings:?}");
    }
    world.assert_promises().await;
    dispatcher.stop().await;
}
