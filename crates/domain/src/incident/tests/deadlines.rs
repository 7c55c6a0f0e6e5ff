//! Timers: the rings one by one, after an outage, and what stands next in every state.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;

/// What the rings added, as (second, ring, round, number of parties that joined).
fn rings(story: &Story) -> Vec<(i64, u8, u32, usize)> {
    let offers = story.log.iter().filter_map(|h| match &h.event {
        IncidentEvent::Offered {
            ring, round, added, ..
        } => Some(((h.at.0 - START.0) / 1_000, *ring, *round, added.len())),
        _ => None,
    });
    offers.collect()
}

#[test]
fn unanswered_the_rings_come_at_0_15_30_45_60_and_the_last_repeats_every_30() {
    let mut story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)));
    for second in 2..=125 {
        story = story.at(second).acts();
    }
    assert_eq!(
        rings(&story),
        [
            (0, 0, 0, 1),
            (15, 1, 0, 1),
            (30, 2, 0, 2),
            (45, 3, 0, 1),
            (60, 4, 0, 2),
            (90, 4, 1, 0),
            (120, 4, 2, 0),
        ]
    );
    assert!(story.now().review_open);
}

#[test]
fn with_no_console_at_all_everybody_is_rung_within_15_s() {
    let mut story = Story::offered();
    for second in 1..=15 {
        story = story.at(second).acts();
    }
    let seconds: Vec<i64> = rings(&story).iter().map(|r| r.0).collect();
    assert_eq!(seconds, [0, 3, 6, 9, 12]);
    let keyholder = story
        .now()
        .offer
        .as_ref()
        .unwrap()
        .rung(&Party::Keyholder)
        .unwrap();
    assert_eq!(keyholder.phone_attempts, 1);
}

#[test]
fn slower_priorities_ring_slower() {
    let mut story = Story::opened(SignalKind::Service).acts();
    story = story.at(1).does(by("wang"), shown("wang", site(1)));
    for second in 2..=60 {
        story = story.at(second).acts();
    }
    assert_eq!(rings(&story), [(0, 0, 0, 1), (60, 1, 0, 1)]);
    assert!(!story.now().review_open);
}

#[test]
fn after_an_outage_one_step_goes_straight_to_the_ring_due_now() {
    let story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)));
    for (second, ring, round, next) in [
        (14, None, 0, 15),
        (15, Some(1), 0, 30),
        (29, Some(1), 0, 30),
        (31, Some(2), 0, 45),
        (59, Some(3), 0, 60),
        (60, Some(4), 0, 90),
        (89, Some(4), 0, 90),
        (90, Some(4), 1, 120),
        (3_600, Some(4), 118, 3_630),
    ] {
        let story = story.clone().at(second);
        let step = story
            .due()
            .into_iter()
            .find(|d| matches!(d, Due::Widen { .. }));
        let expected = ring.map(|ring| Due::Widen {
            ring,
            round,
            cause: OfferCause::Ring,
            late_ms: (second > 15).then(|| (second as u64 - 15) * 1_000),
        });
        assert_eq!(step, expected, "at {second} s");
        if let Some(ring) = ring {
            let widens = widens_at(story.now(), &story.policy, ring, story.now);
            assert_eq!(widens, after(next), "after {second} s");
        }
    }
}

#[test]
fn lateness_is_marked_above_a_quarter_of_a_second() {
    assert_eq!(late_ms(START, Timestamp(START.0 + 250)), None);
    assert_eq!(late_ms(START, Timestamp(START.0 + 251)), Some(251));
    assert_eq!(late_ms(START, Timestamp(START.0 - 5)), None);
}

#[test]
fn the_duty_phone_rings_at_10_s_again_after_30_and_not_without_end() {
    let mut story = Story::offered()
        .at(1)
        .does(by("wang"), shown("wang", site(1)));
    for second in 2..=400 {
        story = story.at(second).acts();
    }
    let rings: Vec<i64> = story
        .log
        .iter()
        .filter(
            |h| matches!(&h.event, IncidentEvent::DutyPhoneRung { party, .. } if *party == site(1)),
        )
        .map(|h| (h.at.0 - START.0) / 1_000)
        .collect();
    assert_eq!(rings, [10, 40, 70, 100, 130]);
    let city = story
        .now()
        .offer
        .as_ref()
        .unwrap()
        .rung(&Party::CityDesk)
        .unwrap();
    assert!(
        city.phone_attempts > 5,
        "the last resort is rung without end"
    );
}

#[test]
fn without_a_live_screen_the_phone_rings_at_once() {
    let story = Story::opened(SignalKind::Sos);
    let mut offer = story.offer(0, 0, OfferCause::Ring, None);
    if let IncidentCommand::Offer { means, .. } = &mut offer {
        *means = vec![Means::DutyPhone];
    }
    let story = story.does(Actor::Dispatcher, offer);
    assert_eq!(
        story.due(),
        [Due::DutyPhone {
            party: site(1),
            cause: DutyPhoneCause::NoScreen,
            attempt: 1
        }]
    );
}

#[test]
fn every_open_state_has_a_next_deadline_with_its_owner() {
    let wang = Some(operator("wang"));
    for (story, kind, second, owner) in [
        (Story::opened(SignalKind::Sos), DeadlineKind::Offer, 0, None),
        (Story::offered(), DeadlineKind::Show, 3, None),
        (
            Story::accepted(),
            DeadlineKind::FirstStep,
            125,
            wang.clone(),
        ),
        (Story::talking(), DeadlineKind::Talk, 310, wang.clone()),
        (Story::underway(), DeadlineKind::Arrival, 620, wang.clone()),
        (Story::on_site(), DeadlineKind::OnSite, 1_510, wang.clone()),
        (Story::held(), DeadlineKind::Wake, 330, wang),
    ] {
        let next = next_deadline(story.now(), &story.policy).unwrap();
        assert_eq!(
            (next.kind, next.at, next.owner),
            (kind, after(second), owner)
        );
    }
    let closed = Story::resolved();
    assert_eq!(next_deadline(closed.now(), &closed.policy), None);
    assert_eq!(closed.at(99_999).due(), []);
}

#[test]
fn overdue_incidents_go_by_priority_then_deadline_then_id() {
    let sos = Story::offered();
    let late_sos = Story::accepted();
    let service = Story::opened(SignalKind::Service);
    let policy = RingPolicy::default();
    let mut all = [service.now(), late_sos.now(), sos.now()];
    sort_by_urgency(&mut all, &policy);
    assert_eq!(all, [sos.now(), late_sos.now(), service.now()]);
}
