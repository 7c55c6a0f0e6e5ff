//! The same press again is the same alarm, also after Anling was killed and started again; a device's own time tells
//! two presses of one number apart.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Store, on_both_stores};
use serde_json::json;

on_both_stores!(a_retried_press_keeps_its_position_over_a_restart);

async fn a_retried_press_keeps_its_position_over_a_restart(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = store.start(&data, 20).await;
    let device = node.device_list().remove(3);
    let (status, first) = node.press(&device, "1", "sos").await.unwrap();
    assert_eq!((status, &first["duplicate"]), (201, &json!(false)));
    let (status, again) = node.press(&device, "1", "sos").await.unwrap();
    assert_eq!((status, &again["duplicate"]), (200, &json!(true)));
    assert_eq!(first["position"], again["position"]);
    node.kill_nine().await;

    let node = store.start(&data, 20).await;
    let (status, after) = node.press(&device, "1", "sos").await.unwrap();
    assert_eq!((status, &after["duplicate"]), (200, &json!(true)));
    assert_eq!(first["position"], after["position"]);

    let timed =
        |at: &str| json!({ "device": device.device, "press": "2", "kind": "sos", "at": at });
    let mut positions = Vec::new();
    for at in [
        "2026-05-01T08:00:00Z",
        "2026-05-01T08:00:00Z",
        "2026-05-01T09:00:00Z",
    ] {
        let answer = node
            .client
            .post(format!("{}/v1/signals", node.devices))
            .bearer_auth(&device.key)
            .json(&timed(at))
            .send()
            .await
            .unwrap();
        let body: serde_json::Value = answer.json().await.unwrap();
        positions.push(body["position"].as_u64().unwrap());
    }
    assert_eq!(
        positions[0], positions[1],
        "the same time is the same press"
    );
    node.stop().await;
}
