//! Several doors to one log: each process names all of them, they agree who leads, clients find the leader and those that do
//! not; one that is gone is no member any more.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Cluster, EventStoreNode, Store};
use kurrentdb::{Client, ClientSettings, EventData, operations};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// How long the members may take until they agree: a silent one is gone after 12 s.
const AGREED_WITHIN: Duration = Duration::from_secs(40);

/// Address and state of each member, as the process at this address tells over HTTP/1.1.
async fn members(address: &str) -> BTreeMap<String, String> {
    // Asked for even where plain HTTP is spoken.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://{address}/gossip");
    let told: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let members = told["members"].as_array().unwrap().iter();
    let member = |it: &Value| {
        assert_eq!(it["isAlive"], true, "{it}");
        let port = &it["httpEndPointPort"];
        let at = format!("{}:{port}", it["httpEndPointIp"].as_str().unwrap());
        (at, it["state"].as_str().unwrap().to_owned())
    };
    members.map(member).collect()
}

/// Asks until every one of these names exactly these, with one leader, the same everywhere; says who leads.
async fn agree(addresses: &[&str]) -> String {
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    let mut last = Vec::new();
    let agreed = tokio::time::timeout(AGREED_WITHIN, async {
        loop {
            ticks.tick().await;
            last.clear();
            for address in addresses {
                last.push(members(address).await);
            }
            let named: Vec<_> = last[0].keys().map(String::as_str).collect();
            let mut wanted = addresses.to_vec();
            wanted.sort_unstable();
            if named != wanted || last.iter().any(|told| *told != last[0]) {
                continue;
            }
            let mut leaders = last[0].iter().filter(|(_, state)| *state == "Leader");
            let leader = leaders.next().expect("somebody leads").0.clone();
            assert_eq!(leaders.next(), None, "two lead: {last:?}");
            return leader;
        }
    });
    let agreed = agreed.await;
    agreed.unwrap_or_else(|_| panic!("they do not agree on {addresses:?}: {last:?}"))
}

fn settings(hosts: &[&str], rest: &str) -> ClientSettings {
    let url = format!("kurrentdb://{}?tls=false{rest}", hosts.join(","));
    url.parse().unwrap()
}

/// Where a client goes that knows these and wants a leader, or none.
async fn chosen(hosts: &[&str], preference: &str) -> String {
    let settings = settings(hosts, &format!("&nodePreference={preference}"));
    let client = operations::Client::new(settings).unwrap();
    let node = client.current_selected_node().await.unwrap();
    format!("{}:{}", node.host, node.port)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_find_the_leader_among_several_event_stores_and_the_next_when_it_dies() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::postgres();
    let folder = |name: &str| dir.path().join(name);
    let one = EventStoreNode::start(&store, &folder("one")).await;
    let two = EventStoreNode::start(&store, &folder("two")).await;
    let hosts = [one.address.as_str(), two.address.as_str()];
    let leader = agree(&hosts).await;
    assert_eq!(leader, one.address, "who came first leads");
    assert_eq!(chosen(&hosts, "leader").await, leader);
    assert_eq!(chosen(&hosts, "follower").await, two.address);

    // Whoever runs the groups leads: clients that want a group are sent there.
    let follower = Client::new(settings(&[&two.address], "")).unwrap();
    follower
        .create_persistent_subscription("order-1", "group", &Default::default())
        .await
        .unwrap();
    let consumer = follower
        .subscribe_to_persistent_subscription("order-1", "group", &Default::default())
        .await
        .unwrap();
    let event = EventData::json("Ordered", &json!({})).unwrap();
    follower
        .append_to_stream("order-1", &Default::default(), event.clone())
        .await
        .unwrap();
    assert_eq!(agree(&hosts).await, two.address);
    assert_eq!(chosen(&hosts, "leader").await, two.address);
    let other = Client::new(settings(&[&one.address], "")).unwrap();
    let refused = other
        .replay_parked_messages("order-1", "group", &Default::default())
        .await;
    match refused {
        Err(kurrentdb::Error::NotLeaderException(leader)) => {
            assert_eq!(format!("{}:{}", leader.host, leader.port), two.address);
        }
        refused => panic!("{refused:?}"),
    }
    drop(consumer);

    // Killed or stopped, it is no member after a while, and the other leads.
    let (one_at, two_at) = (one.address.clone(), two.address.clone());
    two.kill_nine().await;
    assert_eq!(agree(&[&one_at]).await, one_at);
    let client = Client::new(settings(&[&one_at], "")).unwrap();
    client
        .append_to_stream("order-1", &Default::default(), event)
        .await
        .unwrap();
    let two = EventStoreNode::start_at(&store, &folder("two"), two_at).await;
    assert_eq!(agree(&[&one_at, &two.address]).await, one_at);
    one.stop().await;
    assert_eq!(agree(&[&two.address]).await, two.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guarded_doors_of_a_city_name_each_other() {
    let cluster = Cluster::found(5).await;
    let one = cluster.start("one", "console").await;
    let two = cluster.start("two", "console").await;
    let rest = cluster.start("rest", "ingest,dispatcher").await;
    assert!(rest.eventstore.is_empty(), "a door only with the console");
    let leader = agree(&[&one.eventstore, &two.eventstore]).await;
    assert_eq!(leader, one.eventstore);
}
