//! One press, helped: received → heard → coming → arrived → done, over the public doors.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Cluster, Node, Page, Store, on_both_stores};
use wire::console::Act;

on_both_stores!(one_press_is_helped_from_the_button_to_the_closed_incident);

async fn one_press_is_helped_from_the_button_to_the_closed_incident(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store.start(&dir.path().join("data"), 60).await;
    one_press_is_helped(&node, &node).await;
    node.stop().await;
}

#[tokio::test]
async fn three_processes_of_one_role_each_do_what_one_process_does() {
    let cluster = Cluster::found(60).await;
    let devices = cluster.start("ingest", "ingest").await;
    let dispatcher = cluster.start("dispatcher", "dispatcher").await;
    let node = cluster.start("console", "console").await;
    one_press_is_helped(&devices, &node).await;
    for process in [devices, dispatcher, node] {
        process.stop().await;
    }
}

/// The whole story: a device at one process, a console at the same or another.
async fn one_press_is_helped(devices: &Node, node: &Node) {
    let desk = node.account("city");
    let token = node.sign_in(&desk).await;
    let mut page = Page::open(node, &token, "one-press", None).await;
    page.sign_on("city_desk", None, true).await;

    let device = devices.device_list().remove(0);
    let (press, taken) = devices.press_new(&device, "sos").await;
    assert_eq!(taken["duplicate"], false);
    assert!(taken["position"].as_u64().unwrap() > 0);
    let stage = devices.stage(&device, &press).await;
    assert!(
        ["received", "seeking"].contains(&stage["stage"].as_str().unwrap()),
        "{stage}"
    );

    // Nobody else is on duty anywhere, so the last ring reaches the city desk; a supervisor may take it from the board before.
    let card = page
        .until("the incident", |card| card.accept_as.is_some())
        .await;
    assert!(
        card.resident.is_some(),
        "whoever is offered a call sees whom it is about"
    );
    assert!(card.deadline.is_some());
    page.command(&card, Act::Accept).await.unwrap();
    let heard = devices.until_stage(&device, &press, "heard").await;
    assert!(heard["say"].as_str().unwrap().contains("已接单"), "{heard}");

    let card = page.until("mine", |card| card.mine).await;
    page.command(
        &card,
        Act::TryContact {
            order: 0,
            result: "no_answer".into(),
        },
    )
    .await
    .unwrap();
    let card = page.until("talking", |card| card.phase == "talking").await;
    let responder = card
        .can_send
        .first()
        .expect("somebody can be sent")
        .responder
        .clone();
    page.command(
        &card,
        Act::SendResponder {
            responder: responder.clone(),
        },
    )
    .await
    .unwrap();
    // Sent is not gone: the device says who is to come, and *coming* only once they have set out.
    let card = page
        .until("underway", |card| card.phase == "underway")
        .await;
    let who = |told: &serde_json::Value| told["say"].as_str().unwrap().starts_with("已派");
    let sent = devices
        .until_told(&device, &press, "who was sent", who)
        .await;
    assert_eq!(sent["stage"], "heard");
    let set_out = Act::SetOut {
        responder: responder.clone(),
    };
    page.command(&card, set_out).await.unwrap();
    let coming = devices.until_stage(&device, &press, "coming").await;
    assert!(coming["eta_s"].as_u64().is_some(), "{coming}");

    let gone = |card: &wire::card::Card| card.responders.iter().any(|l| l.set_out_at.is_some());
    let card = page.until("set out", gone).await;
    page.command(&card, Act::Arrive { responder })
        .await
        .unwrap();
    devices.until_stage(&device, &press, "arrived").await;

    let card = page.until("on site", |card| card.phase == "on_site").await;
    let missing = Act::Resolve {
        reason: "UNWELL".into(),
        actions: vec![],
        outcome: "SAFE".into(),
        note: None,
    };
    assert!(
        page.command(&card, missing).await.is_err(),
        "closing needs all three codes"
    );
    let card = page
        .until("still on site", |card| card.phase == "on_site")
        .await;
    let done = Act::Resolve {
        reason: "UNWELL".into(),
        actions: vec!["STATION-VISIT".into()],
        outcome: "TREATED-HOME".into(),
        note: Some("血压偏高".into()),
    };
    page.command(&card, done).await.unwrap();
    let stage = devices.until_stage(&device, &press, "done").await;
    assert!(stage["say"].as_str().unwrap().contains("已办结"), "{stage}");

    let closed = node.get(&token, "/v1/incidents?state=closed").await;
    assert_eq!(closed["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(closed["incidents"][0]["closing"]["outcome"], "TREATED-HOME");
}
