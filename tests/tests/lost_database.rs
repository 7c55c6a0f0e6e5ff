//! The database is lost under three running processes: devices hear that nothing was taken, everybody waits, and when it
//! is back everything goes on without a restart.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Channel, Cluster, Node, Page, PostgresServer, load};
use std::{io::Write, process::Stdio, time::Duration};
use wire::{console::Act, device::Stage};

/// How long a device may wait for a "no". A device on a cell link gives up after some ten seconds.
const NO_WITHIN: Duration = Duration::from_secs(8);

/// How long everything may take to go on.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// Asks until the answer is as wanted.
async fn until_ready(node: &Node, wanted: u16) -> serde_json::Value {
    let ops = if node.console.is_empty() {
        &node.ops
    } else {
        &node.console
    };
    let asking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            let answer = node
                .client
                .get(format!("{ops}/readyz"))
                .send()
                .await
                .unwrap();
            if answer.status().as_u16() == wanted {
                return answer.json().await.unwrap();
            }
        }
    };
    let answered = tokio::time::timeout(BACK_WITHIN, asking).await;
    answered.unwrap_or_else(|_| panic!("{ops} never said {wanted}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_waited_for_and_everything_goes_on() {
    let server = PostgresServer::start("");
    let cluster = Cluster::found_on(&server, 20).await;
    let door = cluster.start("ingest", "ingest").await;
    let dispatcher = cluster.start("dispatcher", "dispatcher").await;
    let console = cluster.start("console", "console").await;
    let account = console.account("city");
    let token = console.sign_in(&account).await;
    let mut page = Page::open(&console, &token, "tab", None).await;
    page.sign_on("city_desk", None, true).await;
    let devices = door.device_list();
    let mut channel = Channel::open(&door, &devices[1]).await;
    let (_, first) = door.press_new(&devices[0], "sos").await;
    let before = page
        .until("the first call", |card| card.offer.is_some())
        .await;
    let said = until_ready(&door, 200).await;
    assert!(
        said["degraded"].as_str().unwrap().contains("standby"),
        "{said}"
    );

    server.crash();
    for round in 0..3 {
        let press = format!("lost-{round}");
        let no = tokio::time::timeout(NO_WITHIN, door.press(&devices[1], &press, "sos"));
        let (status, body) = no.await.expect("an answer in time").unwrap();
        assert_eq!(
            (status, &body["code"]),
            (503, &"not_accepted".into()),
            "{body}"
        );
        assert!(body["retry"]["base_ms"].as_u64().is_some(), "{body}");
    }
    for node in [&door, &dispatcher, &console] {
        let said = until_ready(node, 503).await;
        assert_eq!(said["ready"], false);
    }
    server.resume();

    // The device sends it again, as devices do.
    let taken = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        loop {
            ticks.tick().await;
            let (status, body) = door.press(&devices[1], "lost-0", "sos").await.unwrap();
            if status != 503 {
                return (status, body);
            }
        }
    };
    let (status, body) = tokio::time::timeout(BACK_WITHIN, taken).await.unwrap();
    assert_eq!(status, 201, "{body}");
    assert!(body["position"].as_u64() > first["position"].as_u64());
    // The page, the channel and all that follows the log were never told to come back.
    let card = page
        .until("the call after", |card| {
            card.id != before.id && card.offer.is_some()
        })
        .await;
    page.command(&card, Act::Accept).await.unwrap();
    channel.until("lost-0", Stage::Heard).await;
    for node in [&door, &dispatcher, &console] {
        until_ready(node, 200).await;
    }
    // A new account reaches every follower of the city.
    add_operator(&cluster).await;
    let new = journeys::Account {
        name: "newcomer".to_owned(),
        password: "a long enough password".to_owned(),
        ..account
    };
    let signed = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while console.try_sign_in(&new).await.is_none() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(BACK_WITHIN, signed)
        .await
        .expect("the new account is known");
    load::nobody_is_forgotten(&console, &token).await;
    load::nothing_is_doubled(&load::read_log(cluster.store(), &cluster.city()).await);
}

async fn add_operator(cluster: &Cluster) {
    let (name, url) = cluster.store().environment().unwrap();
    let mut command = std::process::Command::new(journeys::binary());
    command
        .args(["operator", "add", "newcomer", "--name", "新人", "--data"])
        .arg(cluster.city())
        .env(name, url)
        .stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut password = child.stdin.take().unwrap();
    password.write_all(b"a long enough password\n").unwrap();
    drop(password);
    let ended = tokio::task::spawn_blocking(move || child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
}
