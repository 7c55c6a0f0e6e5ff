//! The `kurrentdb` crate, unmodified, uses `anling eventstore` as if it were its own server: appends with every expectation,
//! reads both ways, filters, follows over a kill, competes in a group, deletes and describes. On both stores.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{EventStoreNode, Store, on_both_stores};
use kurrentdb::{
    Acl, AppendToStreamOptions, Client, DeleteStreamOptions, Error, EventData,
    PersistentSubscriptionOptions, Position, ReadAllOptions, ReadStream, ReadStreamOptions,
    StreamAclBuilder, StreamMetadataBuilder, StreamMetadataResult, StreamPosition, StreamState,
    SubscribeToAllOptions, SubscribeToPersistentSubscriptionOptions, SubscribeToStreamOptions,
    SubscriptionFilter, TombstoneStreamOptions,
};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

on_both_stores!(a_rust_program_keeps_its_events_here);

async fn a_rust_program_keeps_its_events_here(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = EventStoreNode::start(&store, &data).await;
    let client = connect(&node).await;
    let stream = appends(&client).await;
    reads_all(&client, &stream).await;
    competes(&client).await;
    ends(&client).await;
    let node = follows(client, node, &store, &data).await;
    node.stop().await;
}

/// Its first connection may find the server still starting; then the whole client is dead, and another is made.
async fn connect(node: &EventStoreNode) -> Client {
    let settings = node.url().parse().unwrap();
    Client::new(settings).unwrap()
}

fn fresh(word: &str) -> String {
    format!("{word}-{}", Uuid::new_v4())
}

fn event(kind: &str) -> EventData {
    EventData::json(kind, &json!({ "a": 1 })).unwrap()
}

fn expecting(state: StreamState) -> AppendToStreamOptions {
    AppendToStreamOptions::default().stream_state(state)
}

async fn all(mut read: ReadStream) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    while let Some(event) = read.next().await.unwrap() {
        let event = event.get_original_event();
        found.push((event.event_type.clone(), event.revision));
    }
    found
}

async fn appends(client: &Client) -> String {
    let name = fresh("order");
    let id = Uuid::new_v4();
    let first = event("Ordered")
        .id(id)
        .metadata(b"{\"m\":1}".to_vec().into());
    let options = expecting(StreamState::NoStream);
    let written = client
        .append_to_stream(name.as_str(), &options, first.clone())
        .await
        .unwrap();
    let again = client
        .append_to_stream(name.as_str(), &options, first)
        .await
        .unwrap();
    assert_eq!(
        written.position, again.position,
        "the same event is the same append"
    );
    let options = expecting(StreamState::StreamRevision(0));
    let more = vec![event("Ordered"), event("Paid")];
    client
        .append_to_stream(name.as_str(), &options, more)
        .await
        .unwrap();
    let late = client
        .append_to_stream(name.as_str(), &options, event("Late"))
        .await;
    assert!(
        matches!(late, Err(Error::WrongExpectedVersion { .. })),
        "{late:?}"
    );
    let options = expecting(StreamState::StreamExists);
    let missing = client
        .append_to_stream(fresh("none").as_str(), &options, event("X"))
        .await;
    assert!(
        matches!(missing, Err(Error::WrongExpectedVersion { .. })),
        "{missing:?}"
    );
    let bytes: Vec<u8> = (0..=255).collect();
    let binary = EventData::binary("Binary", bytes.clone().into());
    client
        .append_to_stream(name.as_str(), &options, binary)
        .await
        .unwrap();

    let read = ReadStreamOptions::default();
    let forwards = client.read_stream(name.as_str(), &read).await.unwrap();
    let kinds = [("Ordered", 0), ("Ordered", 1), ("Paid", 2), ("Binary", 3)];
    assert_eq!(
        all(forwards).await,
        kinds.map(|(kind, at)| (kind.to_owned(), at))
    );
    let back = read
        .clone()
        .backwards()
        .position(StreamPosition::End)
        .max_count(1);
    let mut back = client.read_stream(name.as_str(), &back).await.unwrap();
    let last = back.next().await.unwrap().unwrap();
    let last = last.get_original_event();
    assert_eq!((last.revision, &last.data[..]), (3, &bytes[..]));
    assert!(!last.is_json);
    let mut first = client.read_stream(name.as_str(), &read).await.unwrap();
    let first = first.next().await.unwrap().unwrap();
    let first = first.get_original_event();
    assert_eq!(
        (first.id, &first.custom_metadata[..]),
        (id, &b"{\"m\":1}"[..])
    );
    assert!(first.is_json);
    let mut none = client.read_stream(fresh("none"), &read).await.unwrap();
    assert!(matches!(none.next().await, Err(Error::ResourceNotFound)));
    name
}

async fn reads_all(client: &Client, stream: &str) {
    let filter = SubscriptionFilter::on_stream_name().add_prefix(stream);
    let options = ReadAllOptions::default()
        .filter(filter)
        .position(StreamPosition::Start);
    let read = client.read_all(&options).await.unwrap();
    assert_eq!(all(read).await.len(), 4);
    let options = ReadAllOptions::default()
        .filter(SubscriptionFilter::on_event_type().exclude_system_events());
    let read = all(client
        .read_all(&options.position(StreamPosition::Start))
        .await
        .unwrap())
    .await;
    assert!(
        read.iter().all(|(kind, _)| !kind.starts_with('$')),
        "{read:?}"
    );
    let back = ReadAllOptions::default()
        .backwards()
        .position(StreamPosition::End)
        .max_count(1);
    assert_eq!(all(client.read_all(&back).await.unwrap()).await.len(), 1);
}

async fn competes(client: &Client) {
    let name = fresh("work");
    let options = PersistentSubscriptionOptions::default().start_from(StreamPosition::Start);
    client
        .create_persistent_subscription(name.as_str(), "group", &options)
        .await
        .unwrap();
    let twice = client
        .create_persistent_subscription(name.as_str(), "group", &options)
        .await;
    assert!(
        matches!(twice, Err(Error::ResourceAlreadyExists)),
        "{twice:?}"
    );
    let work: Vec<_> = (0..6).map(|_| event("Work")).collect();
    client
        .append_to_stream(name.as_str(), &Default::default(), work)
        .await
        .unwrap();
    let options = SubscribeToPersistentSubscriptionOptions::default();
    let connect = || client.subscribe_to_persistent_subscription(name.as_str(), "group", &options);
    let (mut one, mut two) = (connect().await.unwrap(), connect().await.unwrap());
    let mut done = BTreeSet::new();
    while done.len() < 6 {
        let event = tokio::time::timeout(Duration::from_secs(20), async {
            tokio::select! {
                event = one.next() => (event.unwrap(), true),
                event = two.next() => (event.unwrap(), false),
            }
        });
        let (event, of_one) = event.await.expect("work in time");
        done.insert(event.get_original_event().revision);
        let reader = if of_one { &mut one } else { &mut two };
        reader.ack(&event).await.unwrap();
    }
    let info = client
        .get_persistent_subscription_info(name.as_str(), "group", &Default::default())
        .await
        .unwrap();
    assert_eq!(
        (info.group_name.as_str(), info.connections.len()),
        ("group", 2)
    );
    client
        .delete_persistent_subscription(name.as_str(), "group", &Default::default())
        .await
        .unwrap();
}

async fn ends(client: &Client) {
    let name = fresh("end");
    let events: Vec<_> = (0..5).map(|_| event("Kind")).collect();
    client
        .append_to_stream(name.as_str(), &Default::default(), events)
        .await
        .unwrap();
    let acl = Acl::Stream(StreamAclBuilder::new().add_read_roles("admin").build());
    let said = StreamMetadataBuilder::new().max_count(2).acl(acl).build();
    client
        .set_stream_metadata(name.as_str(), &Default::default(), &said)
        .await
        .unwrap();
    let read = client
        .get_stream_metadata(name.as_str(), &Default::default())
        .await
        .unwrap();
    let StreamMetadataResult::Success(read) = read else {
        panic!("{read:?}");
    };
    assert_eq!(read.metadata(), &said);
    let options = ReadStreamOptions::default();
    let read = || client.read_stream(name.as_str(), &options);
    assert_eq!(all(read().await.unwrap()).await.len(), 2);
    let last = DeleteStreamOptions::default().stream_state(StreamState::StreamRevision(4));
    client.delete_stream(name.as_str(), &last).await.unwrap();
    assert!(matches!(
        read().await.unwrap().next().await,
        Err(Error::ResourceNotFound)
    ));
    client
        .append_to_stream(
            name.as_str(),
            &expecting(StreamState::NoStream),
            event("Again"),
        )
        .await
        .unwrap();
    assert_eq!(all(read().await.unwrap()).await, [("Again".to_owned(), 5)]);
    let any = TombstoneStreamOptions::default().stream_state(StreamState::Any);
    client.tombstone_stream(name.as_str(), &any).await.unwrap();
    assert!(matches!(read().await, Err(Error::ResourceDeleted)));
}

async fn follows(
    client: Client,
    node: EventStoreNode,
    store: &Store,
    data: &std::path::Path,
) -> EventStoreNode {
    let name = fresh("live");
    let two = vec![event("One"), event("Two")];
    client
        .append_to_stream(name.as_str(), &Default::default(), two)
        .await
        .unwrap();
    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Position(0));
    let mut following = client.subscribe_to_stream(name.as_str(), &options).await;
    assert_eq!(
        following
            .next()
            .await
            .unwrap()
            .get_original_event()
            .event_type,
        "Two"
    );
    client
        .append_to_stream(name.as_str(), &Default::default(), event("Three"))
        .await
        .unwrap();
    let three = following.next().await.unwrap();
    assert_eq!(three.get_original_event().event_type, "Three");
    let last = place(&three);
    drop(following);
    let node = node.restart(store, data).await;
    let client = connect(&node).await;
    let filter = SubscriptionFilter::on_stream_name().add_prefix(&name);
    let options = SubscribeToAllOptions::default().filter(filter);
    let options = options.position(StreamPosition::Position(last));
    let mut following = client.subscribe_to_all(&options).await;
    client
        .append_to_stream(name.as_str(), &Default::default(), event("Four"))
        .await
        .unwrap();
    let four = following.next().await.unwrap();
    let four = four.get_original_event();
    assert_eq!(
        (four.event_type.as_str(), four.revision),
        ("Four", 3),
        "no gap and no repeat"
    );
    node
}

/// In the order of all.
fn place(event: &kurrentdb::ResolvedEvent) -> Position {
    event.get_original_event().position
}
