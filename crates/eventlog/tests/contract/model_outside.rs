//! Random histories of outside programs: metadata, deletions, ends, repeats, several streams, restarts; every store
//! against a small model that is plainly right.

use std::collections::HashMap;

use bytes::Bytes;
use eventlog::{
    AppendError, Appended, DELETED_REVISION, Direction, Expected, Lane, METADATA, NewEvent,
    Outside, Revision, STREAM_DELETED, StreamAppend, StreamRead,
};
use proptest::prelude::*;

use crate::model::{Model, Verdict, cases, expectation, member, runtime, short, stream_name};
use crate::stores::{Bench, check_order, event, fresh, to};

type Members = Vec<(u8, Expected, Vec<u8>)>;

#[derive(Clone, Debug)]
enum Step {
    Append(Members),
    /// By ourselves, from inside: one event, whatever is said of the stream. Not where it ended.
    Inside(u8),
    /// What is said of a stream, said by ourselves: truncated before, and so many.
    Say(u8, Option<u64>, Option<u64>),
    /// The append of so many steps ago, sent again.
    Again(usize),
    Delete(u8, Expected),
    Tombstone(u8, Expected),
    /// Truncated before, and so many.
    Describe(u8, Option<u64>, Option<u64>),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let bound = || prop::option::of(1..6_u64);
    prop_oneof![
        10 => prop::collection::vec(member(), 1..4).prop_map(|mut members| {
            members.sort_by_key(|(stream, ..)| *stream);
            members.dedup_by_key(|(stream, ..)| *stream);
            Step::Append(members)
        }),
        2 => (0..4_u8).prop_map(Step::Inside),
        1 => (0..4_u8, bound(), bound()).prop_map(|(stream, tb, count)| Step::Say(stream, tb, count)),
        3 => (1..6_usize).prop_map(Step::Again),
        4 => (0..4_u8, expectation()).prop_map(|(stream, expected)| Step::Delete(stream, expected)),
        1 => (0..4_u8, expectation()).prop_map(|(stream, expected)| Step::Tombstone(stream, expected)),
        3 => (0..4_u8, bound(), bound()).prop_map(|(stream, tb, count)| Step::Describe(stream, tb, count)),
        1 => Just(Step::Reopen),
    ]
}

/// What is said about a stream.
#[derive(Clone, Copy, Default, PartialEq)]
struct Said {
    truncate_before: Option<u64>,
    max_count: Option<u64>,
}

#[derive(Default)]
struct One {
    /// Event ids and positions; the end of a stream is an event too.
    events: Vec<(u8, u64)>,
    said: Option<Said>,
    is_gone: bool,
}

#[derive(Default)]
struct World {
    streams: HashMap<u8, One>,
    head: u64,
}

/// Its last position and whether it was there before.
type Outcome = Result<(u64, bool), Refused>;

#[derive(Debug, PartialEq)]
enum Refused {
    Gone,
    Misfit(Option<u64>),
}

impl One {
    fn is_hidden(&self) -> bool {
        self.said
            .is_some_and(|said| said.truncate_before == Some(DELETED_REVISION))
    }

    fn revision(&self) -> Option<u64> {
        (self.events.len() as u64).checked_sub(1)
    }

    fn verdict(&self, expected: Expected, ids: &[u8]) -> Verdict {
        let count = self.events.len();
        match expected {
            Expected::Any => Model::by_ids(&self.events, ids),
            Expected::StreamExists if self.is_hidden() => Verdict::Misfits,
            Expected::StreamExists if count > 0 => Model::by_ids(&self.events, ids),
            Expected::StreamExists if self.said.is_some() => Verdict::Fits,
            Expected::StreamExists => Verdict::Misfits,
            Expected::NoStream if count == 0 => Verdict::Fits,
            Expected::NoStream if self.is_hidden() && ids.first() != Some(&self.events[0].0) => {
                Verdict::Fits
            }
            Expected::NoStream => Model::by_places(&self.events, 0, ids),
            Expected::Exact(Revision(revision)) if revision >= count as u64 => Verdict::Misfits,
            Expected::Exact(Revision(revision)) if revision + 1 == count as u64 => Verdict::Fits,
            Expected::Exact(Revision(revision)) => {
                Model::by_places(&self.events, revision as usize + 1, ids)
            }
        }
    }

    fn wanted(&self) -> Option<Vec<u64>> {
        if self.events.is_empty() || self.is_hidden() {
            return None;
        }
        let said = self.said.unwrap_or_default();
        let count = self.events.len() as u64;
        let counted = said.max_count.map_or(0, |most| count.saturating_sub(most));
        let first = counted.max(said.truncate_before.unwrap_or(0));
        Some((first..count).collect())
    }
}

impl World {
    fn one(&mut self, stream: u8) -> &mut One {
        self.streams.entry(stream).or_default()
    }

    fn append(&mut self, members: &Members) -> Outcome {
        if members.iter().any(|(stream, ..)| self.one(*stream).is_gone) {
            return Err(Refused::Gone);
        }
        let verdicts: Vec<_> = members
            .iter()
            .map(|(stream, expected, ids)| self.one(*stream).verdict(*expected, ids))
            .collect();
        let repeats = verdicts.iter().filter_map(|verdict| match verdict {
            Verdict::Repeats(position) => Some(*position),
            _ => None,
        });
        let repeats: Vec<_> = repeats.collect();
        let with_events = members.iter().filter(|(.., ids)| !ids.is_empty()).count();
        if !repeats.is_empty() && repeats.len() == with_events {
            return Ok((repeats.into_iter().max().unwrap(), true));
        }
        let misfit = verdicts
            .iter()
            .position(|verdict| *verdict == Verdict::Misfits);
        let other = verdicts
            .iter()
            .position(|verdict| *verdict != Verdict::Fits);
        if let Some(bad) = misfit.or(other) {
            return Err(Refused::Misfit(self.one(members[bad].0).revision()));
        }
        let mut revived = Vec::new();
        for (stream, _, ids) in members {
            if self.one(*stream).is_hidden() && !ids.is_empty() {
                revived.push((*stream, self.one(*stream).events.len() as u64));
            }
            for id in ids {
                self.push(*stream, *id);
            }
        }
        let position = self.head;
        for (stream, from) in revived {
            self.begin_again(stream, from);
        }
        Ok((position, false))
    }

    fn push(&mut self, stream: u8, id: u8) {
        self.head += 1;
        let at = (id, self.head);
        self.one(stream).events.push(at);
    }

    /// One record more, unless that is said already.
    fn begin_again(&mut self, stream: u8, from: u64) {
        let said = self.one(stream).said.get_or_insert_default();
        if said.truncate_before != Some(from) {
            said.truncate_before = Some(from);
            self.head += 1;
        }
    }

    fn delete(&mut self, stream: u8, expected: Expected) -> Outcome {
        let one = self.one(stream);
        if one.is_gone {
            return Err(Refused::Gone);
        }
        let revision = one.revision();
        let fits = match expected {
            _ if revision.is_none() && one.said.is_none() => false,
            Expected::Any => true,
            Expected::NoStream => revision.is_none() || one.is_hidden(),
            Expected::StreamExists => !one.is_hidden(),
            Expected::Exact(expected) => revision == Some(expected.0),
        };
        if !fits {
            return Err(Refused::Misfit(revision));
        }
        one.said = Some(Said {
            truncate_before: Some(DELETED_REVISION),
            max_count: None,
        });
        self.head += 1;
        Ok((self.head, false))
    }

    fn tombstone(&mut self, stream: u8, expected: Expected) -> Outcome {
        // No event of the histories has this id.
        const END: u8 = 255;
        let one = self.one(stream);
        if one.is_gone {
            return Err(Refused::Gone);
        }
        if one.verdict(expected, &[END]) != Verdict::Fits {
            return Err(Refused::Misfit(one.revision()));
        }
        one.is_gone = true;
        self.push(stream, END);
        Ok((self.head, false))
    }

    fn describe(&mut self, stream: u8, said: Said) -> Outcome {
        self.head += 1;
        let position = self.head;
        let one = self.one(stream);
        let was_hidden = one.is_hidden() && !one.is_gone;
        one.said = Some(said);
        if was_hidden {
            let from = one.events.len() as u64;
            self.begin_again(stream, from);
        }
        Ok((position, false))
    }

    async fn check(&self, bench: &Bench) {
        let outside = bench.log.outside();
        let all = bench.all().await;
        check_order(&all);
        assert_eq!(all.len() as u64, self.head);
        for (stream, one) in &self.streams {
            let stream = stream_name(*stream);
            let inside = bench
                .log
                .read_stream(&stream, Revision::FIRST, Direction::Forward, 1_000);
            let inside = inside.await.unwrap();
            let stood = one.events.iter().map(|(_, position)| *position);
            assert!(inside.iter().map(|event| short(event).1).eq(stood));
            for (from, direction) in [
                (Revision::FIRST, Direction::Forward),
                (Revision::END, Direction::Backward),
            ] {
                let read = outside
                    .read_stream(&stream, from, direction, 1_000, true)
                    .await
                    .unwrap();
                let page = match (read, one.wanted()) {
                    (StreamRead::Deleted, _) if one.is_gone => continue,
                    (StreamRead::Missing, None) => continue,
                    (StreamRead::Page(page), Some(_)) => page,
                    (other, wanted) => panic!("{stream}: {other:?}, not {wanted:?}"),
                };
                let mut seen: Vec<_> = page
                    .events
                    .iter()
                    .map(|at| at.original().unwrap().revision.0)
                    .collect();
                if direction == Direction::Backward {
                    seen.reverse();
                }
                assert_eq!(Some(seen), one.wanted(), "{stream}");
            }
            if one.is_gone {
                assert_eq!(&*inside.last().unwrap().kind, STREAM_DELETED);
            }
        }
    }
}

fn outcome(answer: Result<Appended, AppendError>) -> Outcome {
    match answer {
        Ok(appended) => Ok((appended.position.0, appended.duplicate)),
        Err(AppendError::StreamDeleted { .. }) => Err(Refused::Gone),
        Err(AppendError::WrongRevision { actual, .. }) => {
            Err(Refused::Misfit(actual.map(|revision| revision.0)))
        }
        Err(other) => panic!("{other}"),
    }
}

async fn append(outside: &Outside, members: &Members) -> Outcome {
    let appends = members.iter().map(|(stream, expected, ids)| {
        let events: Vec<NewEvent> = ids.iter().map(|id| event(u128::from(*id))).collect();
        to(stream_name(*stream).as_str(), *expected, &events)
    });
    outcome(outside.append(Lane::Urgent, appends.collect()).await)
}

fn description(stream: u8, said: Said) -> StreamAppend {
    let body = serde_json::json!({ "$tb": said.truncate_before, "$maxCount": said.max_count });
    let event = NewEvent {
        kind: METADATA.to_owned(),
        body: Bytes::from(body.to_string()),
        ..fresh()
    };
    let stream = stream_name(stream).metadata();
    to(stream.as_str(), Expected::Any, &[event])
}

async fn describe(outside: &Outside, stream: u8, said: Said) -> Outcome {
    let append = description(stream, said);
    outcome(outside.append(Lane::Urgent, vec![append]).await)
}

async fn play(mut bench: Bench, steps: &[Step]) {
    let mut world = World::default();
    let mut sent: Vec<Members> = Vec::new();
    for step in steps {
        let outside = bench.log.outside();
        let (did, wanted) = match step {
            Step::Append(members) => {
                sent.push(members.clone());
                (append(&outside, members).await, world.append(members))
            }
            Step::Again(ago) => match sent.len().checked_sub(*ago) {
                Some(index) => (
                    append(&outside, &sent[index]).await,
                    world.append(&sent[index]),
                ),
                None => continue,
            },
            Step::Inside(stream) if world.one(*stream).is_gone => continue,
            Step::Inside(stream) => {
                // An id of its own, so that it is no repeat.
                let events = [NewEvent {
                    id: fresh().id,
                    ..event(200)
                }];
                bench
                    .append(stream_name(*stream).as_str(), Expected::Any, &events)
                    .await
                    .unwrap();
                world.push(*stream, 254);
                continue;
            }
            Step::Say(stream, truncate_before, max_count) => {
                let said = Said {
                    truncate_before: *truncate_before,
                    max_count: *max_count,
                };
                let append = vec![description(*stream, said)];
                bench.log.append(Lane::Urgent, append).await.unwrap();
                world.head += 1;
                world.one(*stream).said = Some(said);
                continue;
            }
            Step::Delete(stream, expected) => {
                let deleted = outside.delete(Lane::Urgent, stream_name(*stream), *expected);
                (outcome(deleted.await), world.delete(*stream, *expected))
            }
            Step::Tombstone(stream, expected) => {
                let ended = outside.tombstone(Lane::Urgent, stream_name(*stream), *expected);
                (outcome(ended.await), world.tombstone(*stream, *expected))
            }
            Step::Describe(stream, truncate_before, max_count) => {
                let said = Said {
                    truncate_before: *truncate_before,
                    max_count: *max_count,
                };
                (
                    describe(&outside, *stream, said).await,
                    world.describe(*stream, said),
                )
            }
            Step::Reopen => {
                bench.reopen().await;
                continue;
            }
        };
        assert_eq!(did, wanted, "{step:?}");
        // Often enough that what is remembered of a stream is asked for between changes.
        if matches!(step, Step::Describe(..) | Step::Delete(..)) {
            world.check(&bench).await;
        }
    }
    world.check(&bench).await;
    bench.log.close().await;
}

macro_rules! against_the_model {
    ($($test:ident: $cases:literal, $bench:expr;)+) => {$(
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: cases($cases),
                failure_persistence: None,
                ..ProptestConfig::default()
            })]

            #[test]
            fn $test(steps in prop::collection::vec(step(), 1..50)) {
                runtime().block_on(async { play($bench, &steps).await });
            }
        }
    )+};
}

against_the_model!(
    memory_does_what_the_model_of_outside_does: 400, Bench::memory();
    sqlite_does_what_the_model_of_outside_does: 50, Bench::sqlite().await;
    postgres_does_what_the_model_of_outside_does: 30, Bench::postgres().await;
);
