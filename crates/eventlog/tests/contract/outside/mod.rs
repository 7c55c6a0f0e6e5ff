//! The log as programs from outside see it: metadata, deletion, links, numbered streams; and that nothing of it is hidden
//! from inside.
//!
//! For: asking as a client does, page by page.
//! May not know: what is tested.

mod deleting;
mod following;
mod reading;

use bytes::Bytes;
use eventlog::{
    AppendError, Appended, Direction, Expected, Lane, METADATA, NewEvent, Outside, ReadError,
    Revision, StreamRead,
};

use crate::stores::{fresh, name, to};

pub(super) async fn append(
    outside: &Outside,
    stream: &str,
    expected: Expected,
    events: &[NewEvent],
) -> Result<Appended, AppendError> {
    let append = to(stream, expected, events);
    outside.append(Lane::Urgent, vec![append]).await
}

pub(super) fn made(kind: &str, body: &str) -> NewEvent {
    NewEvent {
        kind: kind.to_owned(),
        body: Bytes::from(body.to_owned()),
        ..fresh()
    }
}

pub(super) async fn describe(outside: &Outside, stream: &str, json: &str) -> Appended {
    let said = made(METADATA, json);
    let stream = format!("$${stream}");
    append(outside, &stream, Expected::Any, &[said])
        .await
        .unwrap()
}

pub(super) async fn delete(
    outside: &Outside,
    stream: &str,
    expected: Expected,
) -> Result<Appended, AppendError> {
    outside.delete(Lane::Urgent, name(stream), expected).await
}

pub(super) async fn read(outside: &Outside, stream: &str) -> StreamRead {
    let read = page_of(
        outside,
        stream,
        Revision::FIRST,
        Direction::Forward,
        100,
        false,
    );
    read.await.unwrap()
}

pub(super) async fn page_of(
    outside: &Outside,
    stream: &str,
    from: Revision,
    direction: Direction,
    limit: usize,
    resolve_links: bool,
) -> Result<StreamRead, ReadError> {
    let stream = name(stream);
    let read = outside.read_stream(&stream, from, direction, limit, resolve_links);
    read.await
}

pub(super) async fn revisions(outside: &Outside, stream: &str) -> Vec<u64> {
    both_ways(outside, stream, 100).await
}

/// Reads all pages both ways, and holds one against the other.
pub(super) async fn both_ways(outside: &Outside, stream: &str, limit: usize) -> Vec<u64> {
    let mut ways = Vec::new();
    for (start, direction) in [
        (Revision::FIRST, Direction::Forward),
        (Revision::END, Direction::Backward),
    ] {
        let mut seen = Vec::new();
        let mut next = Some(start);
        while let Some(from) = next {
            let read = page_of(outside, stream, from, direction, limit, false);
            let StreamRead::Page(page) = read.await.unwrap() else {
                panic!("{stream} is not there");
            };
            seen.extend(
                page.events
                    .iter()
                    .map(|event| event.original().unwrap().revision.0),
            );
            next = page.next;
        }
        ways.push(seen);
    }
    let mut backward = ways.pop().unwrap();
    backward.reverse();
    let forward = ways.pop().unwrap();
    assert_eq!(forward, backward);
    forward
}

/// The body of what is said about a stream last, as clients read it.
pub(super) async fn said(outside: &Outside, stream: &str) -> String {
    let metadata = format!("$${stream}");
    let read = page_of(
        outside,
        &metadata,
        Revision::END,
        Direction::Backward,
        1,
        false,
    );
    let StreamRead::Page(page) = read.await.unwrap() else {
        panic!("nothing is said about {stream}");
    };
    let event = page.events[0].event.clone().unwrap();
    assert_eq!(&*event.kind, METADATA);
    String::from_utf8(event.body.to_vec()).unwrap()
}

pub(super) fn gone(answer: Result<Appended, AppendError>) {
    assert!(
        matches!(answer, Err(AppendError::StreamDeleted { .. })),
        "{answer:?}"
    );
}
