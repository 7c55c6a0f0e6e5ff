//! What bad input gets: the documented refusal, and nobody else feels it.
//!
//! For: tests over the whole door, without sockets, with messages no honest client sends.
//! May not know: anything beyond the protocol.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::uri::PathAndQuery;
use bytes::Bytes;
use eventlog::{
    APPEND_EVENTS, APPEND_STREAMS, EVENT_BYTES, Lane, Log, STREAM_NAME_BYTES, SystemClock,
};
use futures_util::stream;
use proptest::prelude::*;
use prost::Message;
use tonic::client::Grpc;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use uuid::Uuid;

use crate::limits::{MESSAGE_BYTES, REGEX_GIVEN_UP, SEATS_PER_CLIENT};
use crate::proto::client::streams::append_req::options::ExpectedStreamRevision;
use crate::proto::client::streams::append_req::{self, ProposedMessage};
use crate::proto::client::streams::batch_append_req::options::ExpectedStreamPosition as Wanted;
use crate::proto::client::streams::read_req::options as of;
use crate::proto::client::streams::read_req::options::filter_options::{Expression, Filter};
use crate::proto::client::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, ReadReq, ReadResp, batch_append_req,
    batch_append_resp, read_req, read_resp::Content,
};
use crate::proto::client::{Empty, StreamIdentifier};
use crate::proto::v2;
use crate::{Access, EventStore, Options};

const READ: &str = "/event_store.client.streams.Streams/Read";
const APPEND: &str = "/event_store.client.streams.Streams/Append";
const RECORDS: &str = "/kurrentdb.protocol.v2.streams.StreamsService/AppendRecords";
const BATCH: &str = "/event_store.client.streams.Streams/BatchAppend";

fn door() -> Router {
    let log = Log::memory(Arc::new(SystemClock));
    let options = Options {
        access: Access::Open,
        address: ([127, 0, 0, 1], 2113).into(),
        advertised: None,
        lane: Lane::Urgent,
    };
    EventStore::new(log, options).router()
}

async fn grpc(door: &Router) -> Grpc<Router> {
    let mut grpc = Grpc::new(door.clone());
    grpc.ready().await.unwrap();
    grpc
}

fn name(text: &str) -> Option<StreamIdentifier> {
    let stream_name = Bytes::copy_from_slice(text.as_bytes());
    Some(StreamIdentifier { stream_name })
}

fn options(stream: Option<StreamIdentifier>) -> AppendReq {
    let options = append_req::Options {
        stream_identifier: stream,
        expected_stream_revision: Some(ExpectedStreamRevision::Any(Empty {})),
    };
    AppendReq {
        content: Some(append_req::Content::Options(options)),
    }
}

fn event(kind: &str, data: impl Into<Bytes>) -> AppendReq {
    let metadata = [("type", kind), ("content-type", "application/json")];
    let message = ProposedMessage {
        id: Some(crate::ids::IdForm::Text.write(Uuid::new_v4())),
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        custom_metadata: Bytes::new(),
        data: data.into(),
    };
    AppendReq {
        content: Some(append_req::Content::ProposedMessage(message)),
    }
}

async fn append(door: &Router, messages: Vec<AppendReq>) -> Result<AppendResp, Status> {
    let request = Request::new(stream::iter(messages));
    let path = PathAndQuery::from_static(APPEND);
    let codec = ProstCodec::<AppendReq, AppendResp>::default();
    let answer = grpc(door)
        .await
        .client_streaming(request, path, codec)
        .await?;
    Ok(answer.into_inner())
}

async fn read(door: &Router, options: read_req::Options) -> Result<Streaming<ReadResp>, Status> {
    let request = Request::new(ReadReq {
        options: Some(options),
    });
    let path = PathAndQuery::from_static(READ);
    let codec = ProstCodec::<ReadReq, ReadResp>::default();
    let answer = grpc(door)
        .await
        .server_streaming(request, path, codec)
        .await?;
    Ok(answer.into_inner())
}

/// All, from the start, forwards.
fn everything(count: of::CountOption) -> read_req::Options {
    let start = of::all_options::AllOption::Start(Empty {});
    read_req::Options {
        stream_option: Some(of::StreamOption::All(of::AllOptions {
            all_option: Some(start),
        })),
        count_option: Some(count),
        filter_option: Some(of::FilterOption::NoFilter(Empty {})),
        uuid_option: Some(of::UuidOption {
            content: Some(of::uuid_option::Content::String(Empty {})),
        }),
        ..read_req::Options::default()
    }
}

fn subscription() -> of::CountOption {
    of::CountOption::Subscription(of::SubscriptionOptions {})
}

async fn works(door: &Router) {
    append(door, vec![options(name("honest-1")), event("Kind", "{}")])
        .await
        .unwrap();
}

fn value<'a>(status: &'a Status, key: &str) -> &'a str {
    status.metadata().get(key).unwrap().to_str().unwrap()
}

#[tokio::test]
async fn an_event_over_the_limit_is_refused_by_name_and_one_at_the_limit_is_taken() {
    let door = door();
    let large = event("Large", vec![b'x'; EVENT_BYTES + 1]);
    let refused = append(&door, vec![options(name("a")), large])
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(value(&refused, "exception"), "maximum-append-size-exceeded");
    assert_eq!(value(&refused, "maximum-append-size"), "1048576");
    let fits = event("Large", vec![b'x'; EVENT_BYTES]);
    append(&door, vec![options(name("a")), fits.clone()])
        .await
        .unwrap();
    let mut many = vec![options(name("a"))];
    many.extend(vec![fits; 17]);
    let refused = append(&door, many).await.unwrap_err();
    assert_eq!(value(&refused, "maximum-append-size"), "16777216");
    works(&door).await;
}

#[tokio::test]
async fn what_is_no_append_is_refused_and_says_why() {
    let door = door();
    let long = "x".repeat(STREAM_NAME_BYTES + 1);
    let bytes = Some(StreamIdentifier {
        stream_name: Bytes::from_static(&[0xff, 0xfe]),
    });
    for (stream, why) in [
        (name(""), "empty"),
        (name(&long), "longer"),
        (name("a\nb"), "control"),
        (bytes, "UTF-8"),
        (None, "empty"),
    ] {
        let refused = append(&door, vec![options(stream), event("Kind", "{}")]).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{why}");
        assert!(refused.message().contains(why), "{refused:?}");
    }
    let mut typeless = event("Kind", "{}");
    if let Some(append_req::Content::ProposedMessage(message)) = &mut typeless.content {
        message.metadata = HashMap::new();
    }
    let mut many = vec![options(name("a"))];
    many.extend((0..=APPEND_EVENTS).map(|_| event("Kind", "{}")));
    let long = "K".repeat(eventlog::EVENT_KIND_BYTES + 1);
    for messages in [
        vec![],
        vec![event("Kind", "{}")],
        vec![options(name("a")), options(name("a"))],
        vec![options(name("a")), typeless],
        vec![options(name("a")), event("", "{}")],
        vec![options(name("a")), event(&long, "{}")],
        vec![options(name("$$a")), event("$metadata", "no JSON")],
        vec![
            options(name("$$a")),
            event("$metadata", r#"{"$maxCount":"many"}"#),
        ],
        many,
    ] {
        let refused = append(&door, messages).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        assert!(!refused.message().is_empty());
    }
    works(&door).await;
}

#[tokio::test]
async fn ten_thousand_subscriptions_of_one_client_are_told_where_the_end_is() {
    let door = door();
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..10_000 {
        match read(&door, everything(subscription())).await {
            Ok(subscription) => open.push(subscription),
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted);
                assert!(status.message().contains("end some first"), "{status:?}");
                refused += 1;
            }
        }
    }
    assert_eq!(
        (open.len(), refused),
        (SEATS_PER_CLIENT, 10_000 - SEATS_PER_CLIENT)
    );
    works(&door).await;
    drop(open);
    assert!(
        read(&door, everything(subscription())).await.is_ok(),
        "seats come back"
    );
}

#[tokio::test]
async fn a_client_that_never_reads_holds_up_nobody() {
    let door = door();
    let _silent = read(&door, everything(subscription())).await.unwrap();
    let mut reader = read(&door, everything(subscription())).await.unwrap();
    let batch: Vec<_> = (0..100)
        .map(|_| event("Kind", vec![b'x'; 10_000]))
        .collect();
    for _ in 0..30 {
        let mut messages = vec![options(name("flood"))];
        messages.extend(batch.iter().map(|_| event("Kind", vec![b'x'; 10_000])));
        append(&door, messages).await.unwrap();
    }
    let mut seen = 0;
    while seen < 3_000 {
        let answer = tokio::time::timeout(Duration::from_secs(20), reader.message()).await;
        let answer = answer.expect("the other reader goes on").unwrap().unwrap();
        seen += u32::from(matches!(answer.content, Some(Content::Event(_))));
    }
}

#[tokio::test]
async fn of_large_events_a_few_are_held_ready_and_none_is_left_out() {
    let door = door();
    let sizes: Vec<_> = (0..120_usize)
        .map(|number| if number % 40 < 20 { 2 } else { 400_000 })
        .collect();
    for some in sizes.chunks(20) {
        let mut messages = vec![options(name("large"))];
        messages.extend(some.iter().map(|size| event("Kind", vec![b'x'; *size])));
        append(&door, messages).await.unwrap();
    }
    let stream = of::StreamOption::Stream(of::StreamOptions {
        stream_identifier: name("large"),
        revision_option: None,
    });
    for count in [50, 120] {
        let all = everything(of::CountOption::Count(count));
        let of_stream = read_req::Options {
            stream_option: Some(stream.clone()),
            ..all.clone()
        };
        let mut backwards = all.clone();
        backwards.read_direction = of::ReadDirection::Backwards.into();
        backwards.stream_option = Some(of::StreamOption::All(of::AllOptions {
            all_option: Some(of::all_options::AllOption::End(Empty {})),
        }));
        let mut stream_backwards = of_stream.clone();
        stream_backwards.read_direction = of::ReadDirection::Backwards.into();
        for (options, turned) in [
            (all, false),
            (of_stream, false),
            (backwards, true),
            (stream_backwards, true),
        ] {
            let mut answers = read(&door, options).await.unwrap();
            let mut seen = Vec::new();
            while let Some(answer) = answers.message().await.unwrap() {
                if let Some(Content::Event(event)) = answer.content {
                    seen.push(event.event.unwrap().stream_revision);
                }
            }
            let mut wanted: Vec<u64> = (0..120).collect();
            if turned {
                wanted.reverse();
            }
            wanted.truncate(usize::try_from(count).unwrap());
            assert_eq!(seen, wanted, "{count}, backwards: {turned}");
        }
    }
}

/// Everything whose stream's name fits.
fn filtered(name: Expression, count: of::CountOption) -> read_req::Options {
    let filter = of::FilterOptions {
        filter: Some(Filter::StreamIdentifier(name)),
        checkpoint_interval_multiplier: 1,
        ..of::FilterOptions::default()
    };
    read_req::Options {
        filter_option: Some(of::FilterOption::Filter(filter)),
        ..everything(count)
    }
}

#[tokio::test]
async fn a_hostile_expression_ends_its_own_read_only() {
    let door = door();
    let stream = format!("{}b", "a".repeat(60));
    let mut messages = vec![options(name(&stream))];
    messages.extend((0..REGEX_GIVEN_UP + 20).map(|_| event("Kind", "{}")));
    append(&door, messages).await.unwrap();
    let hostile = |count| {
        let regex = r"^(?:a(?=a|b)|aa)*c$".to_owned();
        let prefix = Vec::new();
        filtered(Expression { regex, prefix }, count)
    };
    let refused = read(&door, hostile(of::CountOption::Count(u64::MAX)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    let mut following = read(&door, hostile(subscription())).await.unwrap();
    let ended = loop {
        match following.message().await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    assert_eq!(ended.unwrap_err().code(), Code::InvalidArgument);
    works(&door).await;
}

#[tokio::test]
async fn a_message_over_the_limit_ends_its_line_of_appends_and_says_so() {
    let door = door();
    let append = |id: Uuid, bytes: usize| BatchAppendReq {
        correlation_id: Some(crate::ids::IdForm::Text.write(id)),
        options: Some(batch_append_req::Options {
            stream_identifier: name("batch"),
            expected_stream_position: Some(Wanted::Any(())),
            ..batch_append_req::Options::default()
        }),
        proposed_messages: vec![batch_append_req::ProposedMessage {
            id: Some(crate::ids::IdForm::Text.write(Uuid::new_v4())),
            metadata: [("type", "Kind"), ("content-type", "application/json")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            custom_metadata: Bytes::new(),
            data: vec![b'x'; bytes].into(),
        }],
        is_final: true,
    };
    let answers = async |bytes: usize| {
        let request = Request::new(stream::iter([append(Uuid::new_v4(), bytes)]));
        let codec = ProstCodec::<BatchAppendReq, BatchAppendResp>::default();
        let path = PathAndQuery::from_static(BATCH);
        let answers = grpc(&door).await.streaming(request, path, codec).await;
        answers.unwrap().into_inner().message().await
    };
    let refused = answers(MESSAGE_BYTES + 1).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    // An event over its own limit is answered as such, and the line goes on.
    let answer = answers(EVENT_BYTES + 1).await.unwrap().unwrap();
    assert!(
        matches!(&answer.result, Some(batch_append_resp::Result::Error(_))),
        "{answer:?}"
    );
    let answer = answers(1_000).await.unwrap().unwrap();
    assert!(
        matches!(&answer.result, Some(batch_append_resp::Result::Success(_))),
        "{answer:?}"
    );
    works(&door).await;
}

#[tokio::test]
async fn a_prefix_longer_than_any_name_is_refused() {
    let door = door();
    let by = |prefix: String| {
        let (regex, prefix) = (String::new(), vec![prefix]);
        filtered(Expression { regex, prefix }, subscription())
    };
    let longest = "x".repeat(STREAM_NAME_BYTES);
    let refused = read(&door, by(format!("{longest}x"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    read(&door, by(longest)).await.unwrap();
}

async fn append_records(
    door: &Router,
    streams: &[&str],
    checks: &[(&str, i64)],
) -> Result<v2::AppendRecordsResponse, Status> {
    let record = |stream: &&str| v2::AppendRecord {
        stream: Some((*stream).to_owned()),
        schema: Some(v2::SchemaInfo {
            format: Some(v2::SchemaFormat::Json.into()),
            name: Some("Kind".to_owned()),
            id: None,
        }),
        data: Some(Bytes::from_static(b"{}")),
        ..v2::AppendRecord::default()
    };
    let check = |(stream, state): &(&str, i64)| {
        let check = v2::consistency_check::StreamStateCheck {
            stream: Some((*stream).to_owned()),
            expected_state: Some(*state),
        };
        v2::ConsistencyCheck {
            r#type: Some(v2::consistency_check::Type::StreamState(check)),
        }
    };
    let request = Request::new(v2::AppendRecordsRequest {
        records: streams.iter().map(record).collect(),
        checks: checks.iter().map(check).collect(),
    });
    let path = PathAndQuery::from_static(RECORDS);
    let mut grpc = grpc(door).await;
    let answer = grpc.unary(request, path, ProstCodec::default()).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn records_of_several_streams_are_written_together_or_not_at_all() {
    let door = door();
    let both = append_records(&door, &["a", "b", "a"], &[("a", -1), ("c", -1)]).await;
    let at = |answer: v2::AppendRecordsResponse| -> Vec<_> {
        let revisions = answer.revisions.into_iter();
        revisions
            .map(|it| (it.stream.unwrap(), it.revision.unwrap()))
            .collect()
    };
    assert_eq!(
        at(both.unwrap()),
        [("a".to_owned(), 1), ("b".to_owned(), 0)]
    );
    // One that holds, two that do not: both are named, by their places, and nothing is written.
    let refused = append_records(&door, &["a"], &[("b", 0), ("a", -1), ("c", -4)]).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert!(refused.message().starts_with("2 checks"), "{refused:?}");
    let again = append_records(&door, &["a"], &[("a", 1)]).await;
    assert_eq!(at(again.unwrap()), [("a".to_owned(), 2)]);
    for checks in [
        vec![("b", 0), ("b", 7)],
        vec![("b", 0); APPEND_STREAMS + 1],
        vec![("b", -3)],
    ] {
        let refused = append_records(&door, &["a"], &checks).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    let names: Vec<_> = (0..=APPEND_STREAMS).map(|n| format!("many-{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let refused = append_records(&door, &names, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    append_records(&door, &names[1..], &[]).await.unwrap();
    works(&door).await;
}

#[tokio::test]
async fn counts_and_places_at_their_ends_are_understood() {
    let door = door();
    works(&door).await;
    let read_of = |options| {
        let door = door.clone();
        async move {
            let mut answers = read(&door, options).await.unwrap();
            let mut count = 0;
            while let Some(answer) = answers.message().await.unwrap() {
                count += u32::from(matches!(answer.content, Some(Content::Event(_))));
            }
            count
        }
    };
    assert_eq!(
        read_of(everything(of::CountOption::Count(u64::MAX))).await,
        1
    );
    assert_eq!(read_of(everything(of::CountOption::Count(0))).await, 0);
    let mut from_the_end = everything(of::CountOption::Count(u64::MAX));
    from_the_end.stream_option = Some(of::StreamOption::All(of::AllOptions {
        all_option: Some(of::all_options::AllOption::Position(of::Position {
            commit_position: u64::MAX,
            prepare_position: u64::MAX,
        })),
    }));
    assert_eq!(read_of(from_the_end.clone()).await, 0);
    assert_eq!(
        read_of(read_req::Options {
            read_direction: of::ReadDirection::Backwards.into(),
            ..from_the_end
        })
        .await,
        1
    );
}

/// Bytes as they come: what decodes is asked of the door, which answers or refuses.
async fn ask<Q, A>(door: &Router, path: &'static str, bytes: &[u8])
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let Ok(request) = Q::decode(bytes) else {
        return;
    };
    let request = Request::new(stream::iter([request]));
    let codec = ProstCodec::<Q, A>::default();
    let path = PathAndQuery::from_static(path);
    let answers = grpc(door).await.streaming(request, path, codec).await;
    if let Ok(answers) = answers {
        let mut answers = answers.into_inner();
        // A subscription that was understood waits for ever.
        let first = tokio::time::timeout(Duration::from_millis(1), answers.message());
        drop(first.await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let door = door();
            ask::<ReadReq, ReadResp>(&door, READ, &bytes).await;
            ask::<AppendReq, AppendResp>(&door, APPEND, &bytes).await;
            ask::<BatchAppendReq, BatchAppendResp>(&door, BATCH, &bytes).await;
            works(&door).await;
        });
    }
}
