//! One press, helped: received → heard → coming → arrived → done, over the public doors.

use journeys::{Node, Page, Store, on_both_stores};
use serde_json::Value;
use wire::console::Act;

async fn until_stage(node: &Node, device: &journeys::Device, press: &str, wanted: &str) -> Value {
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
    let seen = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            ticks.tick().await;
            let stage = node.stage(device, press).await;
            if stage["stage"] == wanted {
                return stage;
            }
        }
    });
    seen.await
        .unwrap_or_else(|_| panic!("the device never heard {wanted}"))
}

on_both_stores!(one_press_is_helped_from_the_button_to_the_closed_incident);

async fn one_press_is_helped_from_the_button_to_the_closed_incident(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store.start(&dir.path().join("data"), 60).await;
    let desk = node.account("city");
    let token = node.sign_in(&desk).await;
    let mut page = Page::open(&node, &token, "one-press", None).await;
    page.sign_on("city_desk", None, true).await;

    let device = node.device_list().remove(0);
    let (press, taken) = node.press_new(&device, "sos").await;
    assert_eq!(taken["duplicate"], false);
    assert!(taken["position"].as_u64().unwrap() > 0);
    let stage = node.stage(&device, &press).await;
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
    let heard = until_stage(&node, &device, &press, "heard").await;
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
    let coming = until_stage(&node, &device, &press, "coming").await;
    assert!(coming["eta_s"].as_u64().is_some(), "{coming}");

    let card = page
        .until("underway", |card| card.phase == "underway")
        .await;
    page.command(&card, Act::Arrive { responder })
        .await
        .unwrap();
    until_stage(&node, &device, &press, "arrived").await;

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
    let stage = until_stage(&node, &device, &press, "done").await;
    assert!(stage["say"].as_str().unwrap().contains("已办结"), "{stage}");

    let closed = node.get(&token, "/v1/incidents?state=closed").await;
    assert_eq!(closed["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(closed["incidents"][0]["closing"]["outcome"], "TREATED-HOME");
    node.stop().await;
}
