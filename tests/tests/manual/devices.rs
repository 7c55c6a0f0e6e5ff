//! A press at the device door over both ways in, and what is not understood there.

use crate::{
    document::{Door, Messages},
    line::Line,
};
use journeys::{Device, Node};
use serde_json::{Value, json};

fn bearer(device: &Device) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {}", device.key))]
}

/// Over HTTP and the channel: presses, heartbeats, how far help is.
pub(crate) async fn a_press(node: &Node, door: &mut Door, messages: &Messages) {
    let device = node.device_list().remove(0);
    let press = |number: &str, kind: &str| json!({ "device": device.device, "press": number, "kind": kind, "battery_pct": 83.0 });
    let send = |door: &Door, key: &str, body: &Value| {
        door.request("post", "/v1/signals")
            .bearer_auth(key)
            .json(body)
    };
    for (key, body, expected) in [
        (device.key.as_str(), press("1", "sos"), 201),
        (&device.key, press("1", "sos"), 200),
        (&device.key, press("2", "test"), 201),
        (&device.key, press("3", "heartbeat"), 200),
        ("wrong", press("4", "heartbeat"), 401),
        ("wrong", press("5", "sos"), 202),
    ] {
        assert_eq!(door.ask(send(door, key, &body)).await.0, expected, "{body}");
    }
    let stage = |door: &Door, press: &str, key: &str| {
        let path = format!("/v1/signals/{}/{press}", device.device);
        door.request("get", &path).bearer_auth(key)
    };
    for (number, key, expected) in [
        ("1", device.key.as_str(), 200),
        ("none", &device.key, 404),
        ("1", "wrong", 401),
        ("%ff", &device.key, 404),
    ] {
        assert_eq!(
            door.ask(stage(door, number, key)).await.0,
            expected,
            "{number}"
        );
    }
    let beat = |door: &Door, key: &str, body: &Value| {
        door.request("post", "/v1/heartbeats")
            .bearer_auth(key)
            .json(body)
    };
    let this = json!({ "device": device.device, "battery_pct": 83.0 });
    assert_eq!(door.ask(beat(door, &device.key, &this)).await.0, 200);
    assert_eq!(door.ask(beat(door, "wrong", &this)).await.0, 401);
    assert_eq!(door.ask(beat(door, &device.key, &json!([]))).await.0, 400);

    let path = format!("/v1/devices/{}/channel", device.device);
    let mut line = Line::open(door, messages, &path, &bearer(&device)).await;
    line.until("stage", |m| m["press"] == "1").await;
    let mut said = press("7", "sos");
    said["t"] = "signal".into();
    line.say(said).await;
    line.until("taken", |m| m["press"] == "7").await;
    line.say(json!({ "t": "heartbeat", "battery_pct": 83.0 }))
        .await;
    line.until("alive", |_| true).await;
    // A channel without a key: presses are taken, heartbeats are not believed.
    let offered = [("sec-websocket-protocol", "anling.device.v1".to_owned())];
    let mut guest = Line::open(door, messages, &path, &offered).await;
    guest.say(json!({ "t": "heartbeat" })).await;
    guest
        .until("refused", |m| m["problem"]["code"] == "not_verified")
        .await;
    let mut known = messages.kinds("ChannelIn");
    known.extend(messages.kinds("ChannelOut"));
    line.kinds.extend(guest.kinds);
    assert_eq!(line.kinds, known, "every kind of message was said or heard");
}

/// What no device would say, and one source that says too much.
pub(crate) async fn what_is_not_understood(node: &Node, door: &mut Door) {
    let device = node.device_list().remove(0);
    let plain = door.request("get", &format!("/v1/devices/{}/channel", device.device));
    let (status, said) = door.ask(plain).await;
    assert_eq!((status, &said["code"]), (426, &json!("not_a_websocket")));
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let odd = door.request("get", "/v1/devices/%20/channel");
    let odd = upgrade
        .iter()
        .fold(odd, |request, (name, value)| request.header(*name, *value));
    assert_eq!(door.ask(odd).await.0, 400);
    let mut number = 0;
    loop {
        number += 1;
        assert!(number < 200, "the flood was never gathered");
        let body = json!({ "device": "nobody", "press": number.to_string(), "kind": "sos" });
        let (status, said) = door
            .ask(door.request("post", "/v1/signals").json(&body))
            .await;
        if status == 429 {
            assert_eq!(said["code"], "flood");
            return;
        }
        assert_eq!(status, 202);
    }
}
