//! The machine of a group: given settings and what happened, what is done.
//!
//! For: every rule by itself, with time passed in.
//! May not know: the log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventlog::competing::{Effect, Group, Message, Nack, Settings, Strategy};
use eventlog::{EventId, Position, Recorded, Resolved, Revision};
use uuid::Uuid;

use crate::stores::name;

/// An event at a place of a stream; its identity is its place.
pub(super) fn message(stream: &str, place: u64, meta: &str) -> Message {
    let event = Arc::new(Recorded {
        position: Position(place + 1),
        stream: name(stream),
        revision: Revision(place),
        id: id(place),
        kind: "Kind".into(),
        recorded_at: 0,
        body: Bytes::new(),
        meta: Bytes::from(meta.to_owned()),
    });
    Message {
        event: Resolved {
            event: Some(event),
            link: None,
        },
        place,
        parked_at: None,
    }
}

pub(super) fn id(place: u64) -> EventId {
    EventId(Uuid::from_u128(u128::from(place) + 1))
}

/// A group, the time, and what came out of it in short: `1<7` is event 7 given to consumer 1, `1<7+2` the third time.
struct Play {
    group: Group,
    now: Duration,
}

impl Play {
    fn new(settings: Settings) -> Self {
        Self {
            group: Group::new(settings, None, Duration::ZERO),
            now: Duration::ZERO,
        }
    }

    fn connect(&mut self, consumer: u64, buffer: usize) {
        assert!(self.group.connect(consumer, buffer, self.now));
    }

    fn offer(&mut self, places: impl IntoIterator<Item = u64>) {
        for place in places {
            self.group.offer(message("s-1", place, ""), self.now);
        }
    }

    fn ack(&mut self, consumer: u64, place: u64) {
        self.group.ack(consumer, id(place), self.now);
    }

    fn nack(&mut self, consumer: u64, place: u64, action: Nack) {
        self.group
            .nack(consumer, id(place), action, "why", self.now);
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.group.tick(self.now);
    }

    fn out(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.group.effect())
            .map(short)
            .collect()
    }

    #[track_caller]
    fn then(&mut self, wanted: &[&str]) {
        assert_eq!(self.out(), wanted);
    }
}

fn short(effect: Effect) -> String {
    match effect {
        Effect::Deliver(to, message, 0) => format!("{to}<{}", message.place),
        Effect::Deliver(to, message, count) => format!("{to}<{}+{count}", message.place),
        Effect::Park(message, why) => format!("park {} {why}", message.place),
        Effect::Checkpoint(place) => format!("checkpoint {place}"),
        Effect::TruncateParked(before) => format!("truncate {before}"),
    }
}

fn settings(strategy: Strategy) -> Settings {
    Settings {
        strategy,
        max_retry_count: 2,
        min_checkpoint_count: 1_000,
        ..Settings::default()
    }
}

#[test]
fn in_turn_everybody_gets_the_next_while_there_is_room() {
    let mut play = Play::new(settings(Strategy::RoundRobin));
    play.offer(0..2);
    play.then(&[]);
    play.connect(1, 2);
    play.then(&["1<0", "1<1"]);
    play.connect(2, 3);
    play.offer(2..6);
    play.then(&["2<2", "2<3", "2<4"]);
    play.ack(1, 0);
    play.then(&["1<5"]);
    play.ack(2, 3);
    play.ack(1, 1);
    play.offer(6..9);
    play.then(&["2<6", "1<7"]);
}

#[test]
fn a_single_one_gets_everything_until_it_is_full() {
    let mut play = Play::new(settings(Strategy::DispatchToSingle));
    play.connect(1, 2);
    play.connect(2, 2);
    play.offer(0..3);
    play.then(&["1<0", "1<1", "2<2"]);
    play.ack(1, 0);
    play.offer(3..4);
    play.then(&["1<3"]);
}

#[test]
fn a_pinned_stream_stays_with_its_consumer_and_waits_for_it() {
    for strategy in [Strategy::Pinned, Strategy::PinnedByCorrelation] {
        let mut play = Play::new(settings(strategy));
        play.connect(1, 2);
        play.connect(2, 2);
        let mut owner = std::collections::HashMap::new();
        let mut given = Vec::new();
        for round in 0..40 {
            for stream in 0..6 {
                let place = round * 6 + stream;
                let own = match strategy {
                    Strategy::Pinned => message(&format!("s-{stream}"), place, ""),
                    // Another stream each time; what pins is the correlation.
                    _ => {
                        // With a door's mark before it or without.
                        let mark = ["", "\u{1}"][usize::from(round % 2 == 0)];
                        let meta = format!("{mark}{{\"$correlationId\":\"c{stream}\"}}");
                        message(&format!("s-{place}"), place, &meta)
                    }
                };
                play.group.offer(own, play.now);
            }
            let mut fresh = vec![];
            loop {
                while let Some(effect) = play.group.effect() {
                    if let Effect::Deliver(to, message, _) = effect {
                        fresh.push((to, message.place));
                    }
                }
                let Some((to, place)) = fresh.pop() else {
                    break;
                };
                assert_eq!(*owner.entry(place % 6).or_insert(to), to, "{place} moved");
                given.push(place);
                play.ack(to, place);
            }
        }
        assert_eq!(given.len(), 240);
        let both: std::collections::HashSet<_> = owner.values().collect();
        assert_eq!(both.len(), 2, "shared out");
    }
}

#[test]
fn what_a_full_consumer_is_pinned_to_waits_while_others_go_on() {
    let mut play = Play::new(settings(Strategy::Pinned));
    play.connect(1, 1);
    play.connect(2, 9);
    let mut streams = (0..).map(|number| format!("s-{number}"));
    // A stream of the first consumer's.
    let (stream, mut place) = (streams.next().unwrap(), 0);
    play.group.offer(message(&stream, place, ""), play.now);
    play.then(&["1<0"]);
    play.group.offer(message(&stream, 1, ""), play.now);
    play.then(&[]);
    let mut others = 0;
    for (index, stream) in (2..12).zip(streams) {
        place = index;
        play.group.offer(message(&stream, place, ""), play.now);
        others += play.out().len();
    }
    assert!(others > 0, "the other one was given something");
    play.ack(1, 0);
    assert_eq!(play.out()[0], "1<1");
    // Its consumer gone, the stream goes to the other one, from what was not done.
    play.group.disconnect(1, play.now);
    assert!(play.out().contains(&"2<1".to_owned()));
}

#[test]
fn what_was_not_handled_is_given_again_so_often_then_parked() {
    let mut play = Play::new(settings(Strategy::RoundRobin));
    play.connect(1, 5);
    play.offer(0..2);
    play.then(&["1<0", "1<1"]);
    play.nack(1, 0, Nack::Retry);
    play.then(&["1<0+1"]);
    play.wait(29);
    play.then(&[]);
    play.wait(1);
    play.then(&["1<0+2", "1<1+1"]);
    play.nack(1, 0, Nack::Retry);
    play.then(&["park 0 reached retry count of 2"]);
    // Not done before it stands there.
    assert_eq!(play.group.figures().done, 0);
    play.group.parked(id(0), play.now);
    assert_eq!(play.group.figures().done, 1);
    play.nack(1, 1, Nack::Park);
    play.then(&["park 1 client explicitly nacked: why"]);
    play.group.not_parked(id(1), play.now);
    play.then(&["1<1+1"]);
    play.nack(1, 1, Nack::Stop);
    play.then(&[]);
    play.nack(1, 1, Nack::Skip);
    assert_eq!(play.group.figures().done, 2);
}

#[test]
fn without_a_timeout_nothing_comes_back_by_itself() {
    let mut play = Play::new(Settings {
        message_timeout: Duration::ZERO,
        ..settings(Strategy::RoundRobin)
    });
    play.connect(1, 5);
    play.offer(0..1);
    play.then(&["1<0"]);
    play.wait(1_000_000);
    play.then(&[]);
    assert_eq!(play.group.wakes_at(), None);
}

#[test]
fn an_answer_from_somebody_else_or_about_something_else_counts_for_nothing() {
    let mut play = Play::new(settings(Strategy::DispatchToSingle));
    play.connect(1, 1);
    play.connect(2, 1);
    play.offer(0..3);
    play.then(&["1<0", "2<1"]);
    play.ack(2, 0);
    play.ack(1, 7);
    play.nack(9, 1, Nack::Skip);
    play.then(&[]);
    play.ack(1, 0);
    play.ack(1, 0);
    play.then(&["1<2"]);
}

#[test]
fn who_leaves_leaves_what_it_had_to_others_in_order() {
    let mut play = Play::new(settings(Strategy::DispatchToSingle));
    play.connect(1, 3);
    play.offer(0..5);
    play.then(&["1<0", "1<1", "1<2"]);
    play.ack(1, 1);
    play.then(&["1<3"]);
    play.group.disconnect(1, play.now);
    play.then(&[]);
    play.connect(2, 9);
    play.then(&["2<0", "2<2", "2<3", "2<4"]);
}

#[test]
fn so_many_connect_and_no_more() {
    let mut play = Play::new(Settings {
        max_subscriber_count: 2,
        ..settings(Strategy::RoundRobin)
    });
    play.connect(1, 1);
    play.connect(2, 1);
    assert!(!play.group.connect(3, 1, play.now));
    play.group.disconnect(1, play.now);
    play.connect(3, 1);
}

#[test]
fn so_much_is_held_ready_and_no_more() {
    let mut play = Play::new(Settings {
        history_buffer_size: 5,
        live_buffer_size: 3,
        ..settings(Strategy::RoundRobin)
    });
    assert_eq!(play.group.room(), 5);
    play.offer(0..2);
    assert_eq!(play.group.room(), 3);
    play.group.set_live(true);
    assert_eq!(play.group.room(), 1);
    play.connect(1, 1);
    // What consumers have is bounded by their own buffers; what comes back is not.
    assert_eq!(play.group.room(), 2);
    play.group.disconnect(1, play.now);
    assert_eq!(play.group.room(), 1);
}

#[test]
fn a_checkpoint_says_up_to_where_all_is_done() {
    let mut play = Play::new(Settings {
        min_checkpoint_count: 2,
        max_checkpoint_count: 4,
        ..settings(Strategy::RoundRobin)
    });
    play.connect(1, 100);
    play.offer(0..20);
    play.out();
    // Time alone is not enough, nor so few.
    play.ack(1, 0);
    play.wait(5);
    play.then(&[]);
    play.ack(1, 2);
    play.then(&["checkpoint 0"]);
    play.ack(1, 3);
    play.ack(1, 1);
    play.then(&[]);
    assert_eq!(play.group.wakes_at(), Some(Duration::from_secs(7)));
    play.wait(2);
    play.then(&["checkpoint 3"]);
    for place in 5..8 {
        play.ack(1, place);
    }
    play.ack(1, 4);
    play.then(&["checkpoint 7"]);
    play.ack(1, 8);
    play.group.close();
    play.then(&["checkpoint 8"]);
    // Nothing meant for long: that too is progress.
    for place in 9..20 {
        play.ack(1, place);
    }
    play.out();
    play.wait(9);
    play.out();
    play.group.pass(500, play.now);
    play.group.pass(900, play.now);
    play.wait(9);
    play.then(&["checkpoint 900"]);
}

#[test]
fn what_was_parked_is_given_before_anything_else_and_then_hidden() {
    let mut play = Play::new(settings(Strategy::RoundRobin));
    let parked = |place, at| Message {
        parked_at: Some(at),
        ..message("s-1", place, "")
    };
    play.offer(10..12);
    play.group.offer_parked(parked(3, 0), play.now);
    play.group.offer_parked(parked(1, 1), play.now);
    play.group.parked_read(2);
    play.connect(1, 1);
    play.then(&["1<3"]);
    play.ack(1, 3);
    play.then(&["1<1"]);
    play.ack(1, 1);
    play.then(&["truncate 2", "1<10"]);
    // They are none of the checkpoint's business.
    play.group.close();
    play.then(&["checkpoint 9"]);
    assert_eq!(play.group.parked_read_to(), 2);
}

#[test]
fn two_events_with_one_identity_are_given_one_after_the_other() {
    let mut play = Play::new(settings(Strategy::RoundRobin));
    play.connect(1, 5);
    play.connect(2, 5);
    play.offer([0]);
    let twin = Message {
        place: 1,
        ..message("s-1", 0, "")
    };
    play.group.offer(twin, play.now);
    play.offer([2]);
    play.then(&["1<0", "2<2"]);
    play.ack(1, 0);
    play.then(&["1<1"]);
}
