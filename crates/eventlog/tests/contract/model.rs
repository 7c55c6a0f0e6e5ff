//! Random histories: every store against a small model that is plainly right.

use std::collections::HashMap;
use std::sync::Arc;

use eventlog::{Direction, Expected, Lane, NewEvent, Position, Recorded, Revision};
use proptest::prelude::*;

use crate::stores::{Bench, check_order, event, exact, name, to};

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Streams with an expectation each, and event ids.
    Append(Vec<(u8, Expected, Vec<u8>)>),
    /// The append of so many steps ago, sent again.
    Again(usize),
    Reopen,
}

pub(super) fn expectation() -> impl Strategy<Value = Expected> {
    prop_oneof![
        3 => Just(Expected::Any),
        1 => Just(Expected::NoStream),
        1 => Just(Expected::StreamExists),
        4 => (0..6_u64).prop_map(exact),
    ]
}

pub(super) fn member() -> impl Strategy<Value = (u8, Expected, Vec<u8>)> {
    (
        0..4_u8,
        expectation(),
        prop::collection::vec(0..60_u8, 0..4),
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(member(), 1..4).prop_map(|mut members| {
            members.sort_by_key(|(stream, ..)| *stream);
            members.dedup_by_key(|(stream, ..)| *stream);
            Step::Append(members)
        }),
        3 => (1..6_usize).prop_map(Step::Again),
        1 => Just(Step::Reopen),
    ]
}

/// Streams as plain lists of (event id, position).
#[derive(Default)]
pub(super) struct Model {
    streams: HashMap<u8, Vec<(u8, u64)>>,
    head: u64,
}

/// What an append comes to: its last position and whether it was there before; or the actual revision of a misfit.
type Outcome = Result<(u64, bool), Option<u64>>;

#[derive(PartialEq)]
pub(super) enum Verdict {
    Fits,
    /// Position of the last event.
    Repeats(u64),
    Misfits,
}

impl Model {
    fn append(&mut self, members: &[(u8, Expected, Vec<u8>)]) -> Outcome {
        let verdicts: Vec<_> = members.iter().map(|member| self.verdict(member)).collect();
        let repeats: Vec<_> = verdicts
            .iter()
            .filter_map(|verdict| match verdict {
                Verdict::Repeats(position) => Some(*position),
                _ => None,
            })
            .collect();
        let with_events = members.iter().filter(|(.., ids)| !ids.is_empty()).count();
        if !repeats.is_empty() && repeats.len() == with_events {
            return Ok((repeats.into_iter().max().unwrap(), true));
        }
        let misfit = verdicts
            .iter()
            .position(|verdict| *verdict == Verdict::Misfits);
        let bad = misfit.or(verdicts
            .iter()
            .position(|verdict| *verdict != Verdict::Fits));
        if let Some(bad) = bad {
            return Err(self.revision(members[bad].0));
        }
        for (stream, _, ids) in members {
            for id in ids {
                self.head += 1;
                self.streams
                    .entry(*stream)
                    .or_default()
                    .push((*id, self.head));
            }
        }
        Ok((self.head, false))
    }

    fn verdict(&self, (stream, expected, ids): &(u8, Expected, Vec<u8>)) -> Verdict {
        let events = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let start = match expected {
            Expected::StreamExists if events.is_empty() => return Verdict::Misfits,
            Expected::Any | Expected::StreamExists => return Self::by_ids(events, ids),
            Expected::NoStream => 0,
            Expected::Exact(Revision(revision)) if *revision >= events.len() as u64 => {
                return Verdict::Misfits;
            }
            Expected::Exact(Revision(revision)) => *revision as usize + 1,
        };
        if start == events.len() {
            return Verdict::Fits;
        }
        Self::by_places(events, start, ids)
    }

    pub(super) fn by_places(events: &[(u8, u64)], start: usize, ids: &[u8]) -> Verdict {
        let there: Vec<_> = events[start..].iter().take(ids.len()).collect();
        let same = there.len() == ids.len() && there.iter().zip(ids).all(|(at, id)| at.0 == *id);
        match there.last() {
            Some(last) if same => Verdict::Repeats(last.1),
            _ => Verdict::Misfits,
        }
    }

    pub(super) fn by_ids(events: &[(u8, u64)], ids: &[u8]) -> Verdict {
        let places: Vec<_> = ids
            .iter()
            .map(|id| events.iter().rposition(|event| event.0 == *id))
            .collect();
        match places.first() {
            None | Some(None) => Verdict::Fits,
            Some(Some(_)) if places.contains(&None) || !places.is_sorted() => Verdict::Misfits,
            Some(Some(_)) => {
                let last = places.last().unwrap().unwrap();
                Verdict::Repeats(events[last].1)
            }
        }
    }

    fn revision(&self, stream: u8) -> Option<u64> {
        let events = self.streams.get(&stream)?;
        (events.len() as u64).checked_sub(1)
    }

    async fn check(&self, bench: &Bench) {
        let all = bench.all().await;
        assert_eq!(all.len() as u64, self.head);
        check_order(&all);
        for (stream, events) in &self.streams {
            let stored = bench
                .log
                .read_stream(
                    &stream_name(*stream),
                    Revision::FIRST,
                    Direction::Forward,
                    1_000,
                )
                .await
                .unwrap();
            let stored: Vec<_> = stored.iter().map(short).collect();
            assert_eq!(&stored, events);
            let backward = bench
                .log
                .read_stream(
                    &stream_name(*stream),
                    Revision::END,
                    Direction::Backward,
                    1_000,
                )
                .await
                .unwrap();
            assert!(backward.iter().rev().map(short).eq(events.iter().copied()));
            let head = bench.log.stream_head(&stream_name(*stream)).await.unwrap();
            assert_eq!(head.map(|head| head.0), self.revision(*stream));
        }
        assert_eq!(bench.log.head(), Position(self.head));
    }
}

pub(super) fn short(event: &Arc<Recorded>) -> (u8, u64) {
    (event.id.0.as_bytes()[15], event.position.0)
}

pub(super) fn stream_name(stream: u8) -> eventlog::StreamName {
    name(&format!("{}-{stream}", if stream < 2 { "x" } else { "y" }))
}

async fn play(mut bench: Bench, steps: &[Step]) {
    let mut model = Model::default();
    let mut sent: Vec<Vec<(u8, Expected, Vec<u8>)>> = Vec::new();
    for step in steps {
        let members = match step {
            Step::Append(members) => members.clone(),
            Step::Again(ago) => match sent.len().checked_sub(*ago) {
                Some(index) => sent[index].clone(),
                None => continue,
            },
            Step::Reopen => {
                bench.reopen().await;
                continue;
            }
        };
        let appends = members.iter().map(|(stream, expected, ids)| {
            let events: Vec<NewEvent> = ids.iter().map(|id| event(u128::from(*id))).collect();
            to(stream_name(*stream).as_str(), *expected, &events)
        });
        let answer = bench.log.append(Lane::Urgent, appends.collect()).await;
        let outcome = match answer {
            Ok(appended) => Ok((appended.position.0, appended.duplicate)),
            Err(eventlog::AppendError::WrongRevision { actual, .. }) => {
                Err(actual.map(|revision| revision.0))
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(outcome, model.append(&members), "{members:?}");
        sent.push(members);
    }
    model.check(&bench).await;
    bench.log.close().await;
}

/// How many histories a test plays: `usual`, or as many as `PROPTEST_CASES` asks for.
pub(super) fn cases(usual: u32) -> u32 {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default().cases,
        None => usual,
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(60),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn sqlite_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        runtime().block_on(async { play(Bench::sqlite().await, &steps).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(40),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn postgres_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        runtime().block_on(async { play(Bench::postgres().await, &steps).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(400),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn memory_does_what_the_model_does(steps in prop::collection::vec(step(), 1..60)) {
        runtime().block_on(play(Bench::memory(), &steps));
    }
}
