//! The log's own door in a running city: an administrator's tool reads everything and finds it sealed, writes beside the
//! city's streams and never into them; nobody else gets in.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Node, Store, on_both_stores};
use kurrentdb::{
    Client, DeleteStreamOptions, Error, EventData, ReadAllOptions, ReadStreamOptions,
    StreamMetadata, StreamMetadataBuilder, StreamPosition, TombstoneStreamOptions,
};
use serde_json::json;
use std::process::Command;

on_both_stores!(outside_tools_read_the_city_and_cannot_touch_it);

fn client(node: &Node, who: &str) -> Client {
    let at = if who.is_empty() { "" } else { "@" };
    let url = format!("kurrentdb://{who}{at}{}?tls=false", node.eventstore);
    Client::new(url.parse().unwrap()).unwrap()
}

async fn may_read(client: &Client) -> Result<u64, Error> {
    let options = ReadAllOptions::default()
        .position(StreamPosition::Start)
        .max_count(10_000);
    let mut read = client.read_all(&options).await?;
    let mut count = 0;
    while read.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn event() -> EventData {
    EventData::json("Noted", &json!({ "by": "a tool" })).unwrap()
}

async fn outside_tools_read_the_city_and_cannot_touch_it(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = store.start(&data, 20).await;
    let accounts = node.accounts();
    let of = |role: &str| {
        accounts
            .iter()
            .find(|account| account.role == role)
            .unwrap()
    };
    let (admin, operator) = (of("administrator"), of("operator"));
    let who = |name: &str, password: &str| format!("{name}:{password}");

    let tool = client(&node, &who(&admin.name, &admin.password));
    assert!(may_read(&tool).await.unwrap() > 100);
    for nobody in [
        String::new(),
        who(&operator.name, &operator.password),
        who(&admin.name, "wrong"),
        who("nobody", "wrong"),
    ] {
        let refused = may_read(&client(&node, &nobody)).await;
        assert!(
            matches!(refused, Err(Error::AccessDenied)),
            "{nobody}: {refused:?}"
        );
    }

    let appended = tool
        .append_to_stream("external-report-1", &Default::default(), event())
        .await;
    appended.unwrap();
    let said = StreamMetadataBuilder::new().max_count(5).build();
    tool.set_stream_metadata("external-report-1", &Default::default(), &said)
        .await
        .unwrap();
    tool.delete_stream("external-report-1", &DeleteStreamOptions::default())
        .await
        .unwrap();

    let device = node.device_list().remove(0);
    let (_, press) = node.press_new(&device, "sos").await;
    let stream = format!("device-{}", device.device);
    let before = revisions(&tool, &stream).await;
    assert!(before > 0, "{press}");
    let hide: StreamMetadata = StreamMetadataBuilder::new().max_count(1).build();
    for stream in [
        stream.as_str(),
        "incident-x",
        "$settings",
        "policy",
        "external-",
    ] {
        let refused = tool
            .append_to_stream(stream, &Default::default(), event())
            .await;
        assert!(
            matches!(refused, Err(Error::AccessDenied)),
            "{stream}: {refused:?}"
        );
        let refused = tool
            .set_stream_metadata(stream, &Default::default(), &hide)
            .await;
        assert!(
            matches!(refused, Err(Error::AccessDenied)),
            "{stream}: {refused:?}"
        );
        let refused = tool
            .delete_stream(stream, &DeleteStreamOptions::default())
            .await;
        assert!(
            matches!(refused, Err(Error::AccessDenied)),
            "{stream}: {refused:?}"
        );
        let refused = tool
            .tombstone_stream(stream, &TombstoneStreamOptions::default())
            .await;
        assert!(
            matches!(refused, Err(Error::AccessDenied)),
            "{stream}: {refused:?}"
        );
    }
    assert_eq!(revisions(&tool, &stream).await, before);

    // The residents' names are known to the directory, and to nobody who reads the log.
    let resident = format!("resident-{}", device.resident);
    let mut read = tool
        .read_stream(resident, &ReadStreamOptions::default())
        .await
        .unwrap();
    let enrolled = read.next().await.unwrap().unwrap();
    let body = String::from_utf8_lossy(&enrolled.get_original_event().data).into_owned();
    assert!(
        body.contains("\"box\"") && !body.contains("phone\":\""),
        "{body}"
    );
    node.stop().await;
}

async fn revisions(tool: &Client, stream: &str) -> usize {
    let mut read = tool
        .read_stream(stream, &ReadStreamOptions::default())
        .await
        .unwrap();
    let mut count = 0;
    while read.next().await.unwrap().is_some() {
        count += 1;
    }
    count
}

/// Starts the binary with these words; it has to refuse.
fn refuses(words: &[&str], store: &Store) -> String {
    let mut command = Command::new(journeys::binary());
    let output = command
        .args(words)
        .envs(store.environment())
        .output()
        .unwrap();
    assert!(!output.status.success(), "{words:?} should be refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const PORTS: [&str; 8] = [
    "--console-listen",
    "127.0.0.1:0",
    "--devices-listen",
    "127.0.0.1:0",
    "--dc09-listen",
    "127.0.0.1:0",
    "--eventstore-listen",
    "127.0.0.1:0",
];

on_both_stores!(the_two_kinds_of_log_refuse_each_other);

async fn the_two_kinds_of_log_refuse_each_other(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let outside = journeys::EventStoreNode::start(&store, path("outside").as_ref()).await;
    outside.stop().await;
    // With a database the folder is another, and the log itself has to say it.
    let (again, own, other) = match store {
        Store::Sqlite => (path("outside"), path("own"), path("own")),
        Store::Postgres(_) => (path("again"), path("own"), path("other")),
    };
    let said = refuses(&[&["serve", "--data", &again][..], &PORTS].concat(), &store);
    assert!(
        said.contains("anling eventstore") && said.contains("--data"),
        "{said}"
    );

    let fresh = match &store {
        Store::Sqlite => Store::Sqlite,
        Store::Postgres(_) => Store::postgres(),
    };
    fresh.start(own.as_ref(), 5).await.stop().await;
    let words = [
        "eventstore",
        "--insecure",
        "--listen",
        "127.0.0.1:0",
        "--data",
        &other,
    ];
    let said = refuses(&words, &fresh);
    assert!(said.contains("--data"), "{said}");
}

#[test]
fn an_event_store_without_accounts_has_to_be_meant() {
    let said = refuses(&["eventstore", "--data", "/nonexistent/x"], &Store::Sqlite);
    assert!(said.contains("--insecure"), "{said}");
}
