//! Who is rung, when, and by what means.

use crate::world::{Offered, World, at_site, district_desk, operator};
use domain::{
    incident::{IncidentCommand, IncidentEvent, OfferCause},
    party::{Means, Party},
    signal::SignalKind,
};
use std::time::Duration;

const ALL: &[&str] = &["s-1", "s-2", "s-3", "desk-230102", "desk-city"];

fn brief(offers: &[Offered]) -> Vec<(i64, u8, u32, Vec<Party>)> {
    let all = offers.iter();
    all.map(|o| (o.after_ms, o.ring, o.round, o.added.clone()))
        .collect()
}

/// Every timer is right to a quarter of a second; what is left is turned into the second it belongs to.
fn on_time(offers: &[Offered]) -> Vec<(i64, u8, u32, Vec<Party>)> {
    brief(offers)
        .into_iter()
        .map(|(ms, ring, round, added)| {
            let second = (ms + 500) / 1_000;
            assert!((ms - second * 1_000).abs() <= 250, "{ms} ms is not on time");
            (second, ring, round, added)
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_alarm_widens_and_its_last_ring_repeats() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    assert!(dispatcher.ready().await);
    world.press("d-1", "1", SignalKind::Sos).await;
    let third_repeat = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { round: 3, .. });
    let (id, _) = world
        .until("the third repeat", |h| third_repeat(&h.event))
        .await;
    let offers = world.offers(id).await;
    assert_eq!(
        on_time(&offers),
        [
            (0, 0, 0, vec![at_site("s-1")]),
            (15, 1, 0, vec![at_site("s-2")]),
            (30, 2, 0, vec![at_site("s-3"), district_desk()]),
            (45, 3, 0, vec![Party::Supervisor]),
            (60, 4, 0, vec![Party::CityDesk]),
            (90, 4, 1, vec![]),
            (120, 4, 2, vec![]),
            (150, 4, 3, vec![]),
        ]
    );
    assert!(offers.iter().all(|o| o.late_ms.is_none()), "{offers:?}");
    assert!(offers.iter().all(|o| o.means == [Means::Screen]));
    let story = world.story(id).await;
    let reviews = story
        .iter()
        .filter(|h| matches!(h.event, IncidentEvent::ReviewOpened { .. }));
    assert_eq!(reviews.count(), 1);
    world.assert_promises().await;
    let counters = dispatcher.metrics();
    assert_eq!((counters.opened, counters.offers), (1, 8));
    assert_eq!(counters.lateness[3..], [0; 4], "{counters:?}");
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_console_the_duty_phone_rings_at_once() {
    let world = World::with_sites(crate::world::log()).await;
    world.sign_on("s-1").await;
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let rung = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { .. });
    let (id, phone) = world.until("the duty phone", |h| rung(&h.event)).await;
    let offers = world.offers(id).await;
    assert_eq!(offers[0].added, [at_site("s-1")]);
    assert_eq!(offers[0].means, [Means::Screen, Means::DutyPhone]);
    let story = world.story(id).await;
    assert!(phone.at.since(story[0].at).as_millis() <= 250);
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_console_that_stops_showing_is_widened_past_within_three_seconds() {
    let world = World::staffed().await;
    let _screens = world.screens(&["s-2", "s-3", "desk-230102", "desk-city"]);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let widened = |e: &IncidentEvent| {
        matches!(
            e,
            IncidentEvent::Offered {
                ring: 1,
                cause: OfferCause::Unseen,
                ..
            }
        )
    };
    let (id, _) = world.until("the next ring", |h| widened(&h.event)).await;
    let rung = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { .. });
    let (_, phone) = world.until("the duty phone", |h| rung(&h.event)).await;
    let began = world.story(id).await[0].at;
    assert!(phone.at.since(began).as_millis() <= 3_250);
    assert_eq!(
        on_time(&world.offers(id).await),
        [
            (0, 0, 0, vec![at_site("s-1")]),
            (3, 1, 0, vec![at_site("s-2")])
        ]
    );
    // The silent site can still accept.
    world.accept(id, "s-1").await;
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_screen_that_brings_nobody_rings_the_duty_phone_after_ten_seconds() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let rung = |e: &IncidentEvent| matches!(e, IncidentEvent::DutyPhoneRung { .. });
    let (id, phone) = world.until("the duty phone", |h| rung(&h.event)).await;
    let began = world.story(id).await[0].at;
    let after = phone.at.since(began).as_millis();
    assert!((10_000..=10_250).contains(&after), "{after}");
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn accepted_and_then_nothing_lapses_and_is_offered_louder() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    let accepted_at = world.now();
    let lapsed = |e: &IncidentEvent| matches!(e, IncidentEvent::AcceptanceLapsed { .. });
    let (_, lapse) = world.until("the lapse", |h| lapsed(&h.event)).await;
    let after = lapse.at.since(accepted_at).as_millis();
    assert!((120_000..=120_250).contains(&after), "{after}");
    let again = |e: &IncidentEvent| {
        matches!(
            e,
            IncidentEvent::Offered {
                cause: OfferCause::Lapsed,
                ring: 1,
                ..
            }
        )
    };
    world.until("the next ring", |h| again(&h.event)).await;
    assert_eq!(dispatcher.metrics().lapsed, 1);
    world.accept(id, "s-2").await;
    world.ask(id, "s-2", IncidentCommand::StartTalk).await;
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fall_skips_one_ring() {
    let world = World::staffed().await;
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Fall).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    let offers = brief(&world.offers(id).await);
    assert_eq!(offers[0].1, 1);
    assert_eq!(offers[0].3, [at_site("s-1"), at_site("s-2")]);
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_eligible_rings_the_district_desk_and_no_closed_site() {
    let world = World::with_sites(crate::world::log()).await;
    world.attach("desk-230102").await;
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, happened) = world.until("the first offer", |h| offered(&h.event)).await;
    assert_eq!(world.offers(id).await[0].added, [district_desk()]);
    let IncidentEvent::Offered { candidates, .. } = happened.event else {
        panic!("an offer");
    };
    assert_eq!(
        candidates.len(),
        3,
        "the ruled-out sites stand there, with why"
    );
    assert!(candidates.iter().all(|c| c.ruled_out.is_some()));
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_who_does_not_answer_is_asked_and_then_the_desk_joins() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    world.ask(id, "s-1", IncidentCommand::StartTalk).await;
    let began = world.now();
    let asked = |e: &IncidentEvent| matches!(e, IncidentEvent::ProgressOverdue { .. });
    let (_, asked) = world.until("the question", |h| asked(&h.event)).await;
    assert_eq!(asked.at.since(began).as_millis() / 250, 1_200);
    let told = |e: &IncidentEvent| matches!(e, IncidentEvent::Escalated { .. });
    let (_, told) = world.until("the desk", |h| told(&h.event)).await;
    let IncidentEvent::Escalated { to, .. } = &told.event else {
        panic!("told");
    };
    assert_eq!(*to, district_desk());
    assert_eq!(told.at.since(asked.at).as_millis() / 250, 240);
    // It hears of it: its screens ring, beside the owner.
    let for_support = |e: &IncidentEvent| match e {
        IncidentEvent::Offered { cause, added, .. } => {
            *cause == OfferCause::Support && *added == [district_desk()]
        }
        _ => false,
    };
    world
        .until("the desk's ringing", |h| for_support(&h.event))
        .await;
    let incident = world.casebook.fold_incident(id).await.unwrap().unwrap();
    assert!(
        incident.is_owned_by(&operator("s-1")),
        "nobody is taken off"
    );
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_rings_who_it_was_given_to_by_what_reaches_them() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    world.detach("s-3").await;
    let transfer = IncidentCommand::Transfer {
        to: at_site("s-3"),
        reason: "他们更近".to_owned(),
    };
    world.ask(id, "s-1", transfer).await;
    world
        .until_count("the offer to s-3", 2, |h| offered(&h.event))
        .await;
    let offers = world.offers(id).await;
    assert_eq!(offers[1].added, [at_site("s-3")]);
    assert_eq!(offers[1].means, [Means::Screen, Means::DutyPhone]);
    let rung = |e: &IncidentEvent| match e {
        IncidentEvent::DutyPhoneRung { party, .. } => *party == at_site("s-3"),
        _ => false,
    };
    world.until("its telephone", |h| rung(&h.event)).await;
    world.assert_promises().await;
    dispatcher.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_wakes_when_it_said_it_would() {
    let world = World::staffed().await;
    let _screens = world.screens(ALL);
    let dispatcher = world.dispatcher();
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    world.accept(id, "s-1").await;
    let until = world.now() + Duration::from_mins(4);
    let reason = "等女儿回电".to_owned();
    world
        .ask(id, "s-1", IncidentCommand::Hold { reason, until })
        .await;
    let woken = |e: &IncidentEvent| matches!(e, IncidentEvent::HoldEnded { .. });
    let (_, woken) = world
        .until("the end of the hold", |h| woken(&h.event))
        .await;
    assert!(woken.at.since(until).as_millis() <= 250);
    assert!(woken.at >= until);
    world.assert_promises().await;
    dispatcher.stop().await;
}
