//! A call at the console, from signing in to the replay, and everybody who is not let in.

use crate::{
    SECRET,
    document::{Door, Messages},
    line::Line,
};
use hmac::{Hmac, KeyInit, Mac};
use journeys::Node;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeSet;
use uuid::Uuid;

fn order(act: &Value) -> Value {
    json!({ "id": Uuid::new_v4().to_string(), "seen": null, "do": act })
}

fn bearer(token: &str) -> [(&'static str, String); 1] {
    [("authorization", format!("Bearer {token}"))]
}

/// Everything an operator at the city desk does with a call, every question asked once.
pub(crate) async fn a_call(node: &Node, door: &mut Door, messages: &Messages) {
    let desk = node.account("city");
    let sign_in = json!({ "name": desk.name, "password": desk.password });
    let (status, session) = door
        .ask(door.request("post", "/v1/session").json(&sign_in))
        .await;
    assert_eq!(status, 200);
    let token = session["token"].as_str().unwrap().to_owned();
    let mut line = Line::open(door, messages, "/v1/console", &bearer(&token)).await;
    line.until("hello", |_| true).await;
    line.say(json!({ "t": "resume", "console": "manual", "position": null }))
        .await;
    line.until("snapshot", |_| true).await;
    line.say(json!({ "t": "sign_on", "party": "city_desk", "id": null, "sound": true }))
        .await;
    line.until("duty", |m| m["duty"].is_object()).await;
    line.say(json!({ "t": "sound", "proven": true })).await;
    line.say(json!({ "t": "ping", "n": 7 })).await;
    line.until("pong", |m| m["n"] == 7).await;
    line.say_text("{").await;
    line.until("result", |m| m["refused"]["code"] == "malformed")
        .await;

    let devices = node.device_list();
    node.press_new(&devices[0], "sos").await;
    let card = line
        .until("changes", |m| m["changes"][0]["card"]["offer"].is_object())
        .await;
    let card = card["changes"][0]["card"].clone();
    let (incident, resident) = (
        card["id"].as_str().unwrap(),
        card["resident"]["id"].as_str().unwrap(),
    );
    line.say(json!({ "t": "shown", "incident": incident, "revision": card["revision"], "sounded": true })).await;

    let get = |door: &Door, path: &str| door.request("get", path).bearer_auth(&token);
    let of = |rest: &str| format!("/v1/incidents/{incident}{rest}");
    for path in [
        "/v1/session",
        "/v1/incidents?state=open&limit=5&district=230102",
        "/v1/incidents",
        &of(""),
        &of("/events"),
        &of("/targets"),
        "/v1/sites",
        "/v1/map",
        &format!("/v1/residents/{resident}"),
    ] {
        let (status, body) = door.ask(get(door, path)).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    let number = json!({ "phone": card["resident"]["phone"] });
    let found = door.request("post", "/v1/residents/by-phone");
    let found = found.bearer_auth(&token).json(&number);
    let (status, found) = door.ask(found).await;
    assert_eq!(
        (status, &found["residents"][0]["id"]),
        (200, &json!(resident))
    );
    let (status, _) = door.ask(get(door, "/v1/incidents?limit=0")).await;
    assert_eq!(status, 400);

    // Over HTTP and over the WebSocket, done, repeated and refused.
    let commands = of("/commands");
    let tell = |door: &Door, body: &Value| {
        door.request("post", &commands)
            .bearer_auth(&token)
            .json(body)
    };
    let accept = order(&json!({ "act": "accept" }));
    assert_eq!(door.ask(tell(door, &accept)).await.0, 200);
    let (status, again) = door.ask(tell(door, &accept)).await;
    assert_eq!((status, &again["repeated"]), (200, &json!(true)));
    let (status, refused) = door
        .ask(tell(door, &order(&json!({ "act": "accept" }))))
        .await;
    assert!(
        status == 200 || refused["code"] == "already_accepted",
        "{refused}"
    );
    let contact = order(&json!({ "act": "try_contact", "order": 0, "result": "no_answer" }));
    line.say(json!({ "t": "command", "incident": incident, "command": contact }))
        .await;
    line.until("result", |m| m["done"].is_object()).await;
    let card = line
        .until("changes", |m| {
            m["changes"][0]["card"]["can_send"][0].is_object()
        })
        .await;
    let responder = card["changes"][0]["card"]["can_send"][0]["responder"].clone();
    let send = order(&json!({ "act": "send_responder", "responder": responder }));
    assert_eq!(door.ask(tell(door, &send)).await.0, 200);
    let seen = card["changes"][0]["card"]["revision"].clone();
    let closing = |actions: Value| {
        let act = json!({ "act": "resolve", "reason": "UNWELL", "actions": actions, "outcome": "TREATED-HOME", "note": "血压偏高" });
        let mut closing = order(&act);
        closing["seen"] = seen.clone();
        closing
    };
    let (status, refused) = door.ask(tell(door, &closing(json!([])))).await;
    assert_eq!((status, &refused["code"]), (409, &json!("missing_codes")));
    for act in [
        json!({ "act": "note" }),
        json!({ "act": "add_note", "text": "   " }),
    ] {
        assert_eq!(door.ask(tell(door, &order(&act))).await.0, 400, "{act}");
    }
    a_phone(door, &token, &responder).await;
    let (status, _) = door
        .ask(tell(door, &closing(json!(["STATION-VISIT"]))))
        .await;
    assert_eq!(status, 200);
    line.until("changes", |m| {
        m["changes"][0]["c"] == "remove" || m["changes"][0]["card"]["phase"] == "resolved"
    })
    .await;
    let (_, closed) = door.ask(get(door, "/v1/incidents?state=closed")).await;
    assert_eq!(closed["incidents"][0]["closing"]["outcome"], "TREATED-HOME");
    door.ask(get(door, &of(""))).await;

    a_duty_phone(node, door, &mut line).await;
    a_claim(node, door, &mut line, &token).await;
    let of_replay = a_replay(door, messages, &token, again["position"].as_u64().unwrap()).await;

    line.say(json!({ "t": "sign_off" })).await;
    line.until("duty", |m| m["duty"].is_null()).await;
    a_site_loses_a_card(node, door, messages).await;
    let out = door.request("delete", "/v1/session").bearer_auth(&token);
    assert_eq!(door.ask(out).await.0, 204);
    line.until("signed_out", |_| true).await;
    let mut heard = line.kinds.clone();
    heard.extend(of_replay);
    let mut known = messages.kinds("ToPage");
    known.extend(messages.kinds("FromPage"));
    heard.retain(|kind| !kind.starts_with("change:"));
    assert_eq!(heard, known, "every kind of message was said or heard");
}

/// The carer's phone, by its QR code.
async fn a_phone(door: &mut Door, token: &str, responder: &Value) {
    let link = |door: &Door, token: &str, responder: &Value| {
        let body = json!({ "responder": responder });
        door.request("post", "/v1/phone-links")
            .bearer_auth(token)
            .json(&body)
    };
    let (status, told) = door.ask(link(door, token, responder)).await;
    assert_eq!(status, 200);
    let (_, secret) = told["url"].as_str().unwrap().split_once("#t=").unwrap();
    let body = json!({ "token": secret });
    let (status, phone) = door
        .ask(door.request("post", "/v1/session/phone").json(&body))
        .await;
    assert_eq!(status, 200);
    let (status, used) = door
        .ask(door.request("post", "/v1/session/phone").json(&body))
        .await;
    assert_eq!((status, &used["code"]), (401, &json!("wrong_password")));
    let phone = phone["token"].as_str().unwrap();
    assert_eq!(door.ask(link(door, phone, responder)).await.0, 403);
    assert_eq!(door.ask(link(door, token, &json!("nobody"))).await.0, 404);
    let me = door.request("get", "/v1/session").bearer_auth(phone);
    assert_eq!(door.ask(me).await.0, 200);
}

fn signed(door: &Door, now_s: i64, body: &Value) -> RequestBuilder {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{now_s}.{body}").as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let request = door.request("post", "/v1/duty-phone/answers");
    request
        .header("anling-signature", format!("t={now_s},v1={hex}"))
        .body(body)
}

async fn a_duty_phone(node: &Node, door: &mut Door, line: &mut Line<'_>) {
    node.press_new(&node.device_list()[1], "sos").await;
    let of = |m: &Value| m["changes"][0]["card"]["offer"]["rung"][0]["party"].clone();
    let heard = line.until("changes", |m| of(m)["id"].is_string()).await;
    let incident = heard["changes"][0]["card"]["id"].clone();
    let party = json!({ "party": of(&heard)["party"], "id": of(&heard)["id"] });
    let answer = |call: &str, incident: &Value, party: &Value, digit: u8| json!({ "call": call, "incident": incident, "party": party, "digit": digit });
    // A signature's time is by the server's clock, which every pong tells.
    line.say(json!({ "t": "ping", "n": 8 })).await;
    let pong = line.until("pong", |m| m["n"] == 8).await;
    let now_s = pong["now"].as_i64().unwrap() / 1_000;
    let nowhere = json!(Uuid::new_v4().to_string());
    for (body, expected) in [
        (answer("c-1", &incident, &party, 7), 400),
        (answer("c-2", &nowhere, &party, 1), 404),
        (answer("c-3", &incident, &party, 1), 200),
        (answer("c-4", &incident, &party, 2), 409),
    ] {
        let (status, said) = door.ask(signed(door, now_s, &body)).await;
        assert_eq!(status, expected, "{body}: {said}");
    }
    let unsigned = door.request("post", "/v1/duty-phone/answers").body("{}");
    assert_eq!(door.ask(unsigned).await.0, 403);
    let long = door
        .request("post", "/v1/duty-phone/answers")
        .body("x".repeat(70_000));
    assert_eq!(door.ask(long).await.0, 413);
}

async fn a_replay(
    door: &mut Door,
    messages: &Messages,
    token: &str,
    position: u64,
) -> BTreeSet<String> {
    let path = format!("/v1/console?at={position}");
    let mut replay = Line::open(door, messages, &path, &bearer(token)).await;
    replay.until("hello", |m| m["replay"] == true).await;
    replay
        .until("snapshot", |m| m["position"] == position)
        .await;
    replay
        .say(json!({ "t": "seek", "position": position - 1 }))
        .await;
    replay
        .until("snapshot", |m| m["position"] == position - 1)
        .await;
    let command = order(&json!({ "act": "accept" }));
    let incident = Uuid::new_v4().to_string();
    replay
        .say(json!({ "t": "command", "incident": incident, "command": command }))
        .await;
    replay
        .until("result", |m| m["refused"]["code"] == "read_only")
        .await;
    replay.kinds
}

/// A device on record with a key that does not fit: whoever holds the call looks up whom it claims to be.
async fn a_claim(node: &Node, door: &mut Door, line: &mut Line<'_>, token: &str) {
    let device = &node.device_list()[3];
    let press =
        json!({ "device": device.device, "press": Uuid::new_v4().to_string(), "kind": "sos" });
    let forged = node.client.post(format!("{}/v1/signals", node.devices));
    let answer = forged.bearer_auth("not its key").json(&press).send().await;
    assert_eq!(answer.unwrap().status(), 202);
    let claims = |m: &Value| m["changes"][0]["card"]["claim"].is_object();
    let heard = line.until("changes", claims).await;
    let incident = heard["changes"][0]["card"]["id"].as_str().unwrap();
    let ask = |door: &Door, of: &str, body: Value| {
        let path = format!("/v1/incidents/{incident}{of}");
        door.request("post", &path).bearer_auth(token).json(&body)
    };
    let reason = || json!({ "reason": "call_back" });
    assert_eq!(door.ask(ask(door, "/claim", reason())).await.0, 403);
    let accept = order(&json!({ "act": "accept" }));
    assert_eq!(door.ask(ask(door, "/commands", accept)).await.0, 200);
    let (status, record) = door.ask(ask(door, "/claim", reason())).await;
    assert_eq!(status, 200, "{record}");
}

/// A card goes from a board when somebody else has the call, or it is not that site's.
async fn a_site_loses_a_card(node: &Node, door: &mut Door, messages: &Messages) {
    let site = node.account("site:");
    let token = node.sign_in(&site).await;
    let manager = node.sign_in(&node.account("city")).await;
    let mut line = Line::open(door, messages, "/v1/console", &bearer(&token)).await;
    line.say(json!({ "t": "resume", "console": "site", "position": null }))
        .await;
    let id = site.site.clone().unwrap();
    line.say(json!({ "t": "sign_on", "party": "site", "id": id, "sound": true }))
        .await;
    line.until("duty", |m| m["duty"].is_object()).await;
    // Only this site is on duty, so whoever presses rings there, near or far.
    node.press_new(&node.device_list()[2], "sos").await;
    let heard = line
        .until("changes", |m| m["changes"][0]["c"] == "upsert")
        .await;
    let incident = heard["changes"][0]["card"]["id"].as_str().unwrap();
    // A manager takes it over from the board, for the city desk.
    let path = format!("/v1/incidents/{incident}/commands");
    let body = order(&json!({ "act": "close_review", "text": null }));
    let not_a_manager = door.request("post", &path).bearer_auth(&token).json(&body);
    assert_eq!(door.ask(not_a_manager).await.0, 403);
    let accept = door
        .request("post", &path)
        .bearer_auth(&manager)
        .json(&order(&json!({ "act": "accept" })));
    assert_eq!(door.ask(accept).await.0, 200);
    line.until("changes", |m| m["changes"][0]["c"] == "remove")
        .await;
    let both: BTreeSet<_> = ["change:upsert", "change:remove"].map(str::to_owned).into();
    assert!(line.kinds.is_superset(&both), "{:?}", line.kinds);
}

/// Without a session, from a foreign page, with a body that is none, about what is not there: by the document itself.
pub(crate) async fn whoever_is_not_let_in(node: &Node, door: &mut Door) {
    let token = node.sign_in(&node.account("city")).await;
    let cookie = format!("anling_session={token}");
    for (method, path, operation) in door.operations() {
        let real = path.replace("{id}", &Uuid::new_v4().to_string());
        let has = |status: &str| operation["responses"][status].is_object();
        let signed_in = operation["security"]
            .as_array()
            .is_some_and(|any| any.iter().any(|one| one["token"].is_array()));
        if signed_in {
            assert_eq!(
                door.ask(door.request(&method, &real)).await.0,
                401,
                "{path}"
            );
        }
        if operation["responses"]["403"]
            .to_string()
            .contains("foreign_origin")
        {
            let foreign = door
                .request(&method, &real)
                .header("origin", "https://elsewhere.example")
                .header("cookie", &cookie);
            assert_eq!(door.ask(foreign.json(&json!({}))).await.0, 403, "{path}");
        }
        if path.contains("{id}") && has("404") {
            let body = if path.ends_with("/claim") {
                json!({ "reason": "call_back" })
            } else {
                order(&json!({ "act": "accept" }))
            };
            let mut gone = door.request(&method, &real).bearer_auth(&token);
            if method == "post" {
                gone = gone.json(&body);
            }
            assert_eq!(door.ask(gone).await.0, 404, "{path}");
            let odd = path.replace("{id}", "%20");
            let mut odd = door.request(&method, &odd).bearer_auth(&token);
            if method == "post" {
                odd = odd.json(&body);
            }
            assert_eq!(door.ask(odd).await.0, 400, "{path}");
        }
        if has("415") {
            let with = |kind: &str, body: String| {
                let request = door.request(&method, &real).bearer_auth(&token);
                request.header("content-type", kind).body(body)
            };
            let cases = [
                ("text/plain", "{}".to_owned(), 415),
                ("application/json", "[]".to_owned(), 400),
                ("application/json", "x".repeat(70_000), 413),
            ];
            let cases = cases.map(|(kind, body, status)| (with(kind, body), status));
            for (request, status) in cases {
                assert_eq!(door.ask(request).await.0, status, "{path}");
            }
        }
    }
    let plain = door.request("get", "/v1/console").bearer_auth(&token);
    assert_eq!(door.ask(plain).await.0, 400);
    guessing(door).await;
}

async fn guessing(door: &mut Door) {
    let body = json!({ "name": "nobody", "password": "guessed" });
    for path in ["/v1/session", "/v1/session/phone"] {
        let body = if path.ends_with("phone") {
            json!({ "token": "guessed" })
        } else {
            body.clone()
        };
        let mut statuses = BTreeSet::new();
        while !statuses.contains(&429) {
            assert!(statuses.len() < 3);
            statuses.insert(door.ask(door.request("post", path).json(&body)).await.0);
        }
        assert_eq!(statuses, BTreeSet::from([401, 429]), "{path}");
    }
}
