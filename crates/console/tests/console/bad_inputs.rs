//! What cannot be understood or is not allowed, each with a clear answer; and the door stands afterwards.

use crate::hall::{Hall, at_site};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};
use uuid::Uuid;

#[tokio::test]
async fn every_bad_request_gets_a_problem_that_says_what_is_wrong() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let commands = format!("/v1/incidents/{incident}/commands");
    let id = Uuid::new_v4();
    let order = |act: Value| json!({ "id": id, "seen": null, "do": act });
    let get = |path: &str, status: u16| (Method::GET, path.to_owned(), None, status);
    let post =
        |path: &str, body: Value, status: u16| (Method::POST, path.to_owned(), Some(body), status);
    let long = "字".repeat(console::NOTE_CHARS + 1);
    let cases: Vec<(Method, String, Option<Value>, u16)> = vec![
        get("/v1/incidents?state=asleep", 400),
        get("/v1/incidents?limit=0", 400),
        get("/v1/incidents?limit=many", 400),
        get("/v1/incidents?after=not-a-uuid", 400),
        get(&format!("/v1/incidents?after={id}"), 400),
        get("/v1/incidents?state=closed&after=x", 400),
        get("/v1/incidents?district=%20", 400),
        get("/v1/incidents/not-a-uuid", 400),
        get("/v1/incidents/%ff", 400),
        get(&format!("/v1/incidents/{id}"), 404),
        get(&format!("/v1/incidents/{id}/events"), 404),
        get("/v1/residents/%20", 400),
        get(&format!("/v1/residents/{}", "x".repeat(65)), 400),
        get("/v1/residents/r-999", 404),
        get("/v1/residents/r-2", 404),
        get("/v1/console", 400),
        get("/v1/console?at=-1", 400),
        get("/v1/nothing", 404),
        get("/assets/none.js", 404),
        get("/../../etc/passwd.txt", 404),
        (Method::PUT, "/v1/session".to_owned(), None, 405),
        (Method::DELETE, "/v1/sites".to_owned(), None, 405),
        (Method::POST, "/index.html".to_owned(), None, 405),
        post("/v1/session", json!([]), 400),
        post("/v1/session", json!({ "name": "anna" }), 400),
        post("/v1/session", json!({ "name": 7, "password": "x" }), 400),
        post(
            "/v1/session",
            json!({ "name": "x".repeat(70_000), "password": "x" }),
            413,
        ),
        post("/v1/session/phone", json!({ "token": "never given" }), 401),
        post(
            "/v1/session/phone",
            json!({ "token": "x".repeat(500) }),
            400,
        ),
        post("/v1/session/phone", json!({}), 400),
        post("/v1/phone-links", json!({ "responder": "" }), 400),
        post("/v1/phone-links", json!({ "responder": "nobody" }), 404),
        post("/v1/duty-phone/answers", json!({ "call": "c" }), 403),
        post(&commands, json!({}), 400),
        post(
            &commands,
            json!({ "id": "x", "seen": null, "do": { "act": "accept" } }),
            400,
        ),
        post(
            &commands,
            json!({ "id": id, "seen": -1, "do": { "act": "accept" } }),
            400,
        ),
        post(&commands, order(json!({ "act": "fly" })), 400),
        post(&commands, order(json!({ "act": "hold" })), 400),
        post(
            &commands,
            order(json!({ "act": "hold", "reason": "x", "minutes": -5 })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "try_contact", "order": 300, "result": "reached" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "try_contact", "order": 1, "result": "maybe" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "call_service", "service": "911" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "send_responder", "responder": "no/one" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "send_responder", "responder": "nobody" })),
            404,
        ),
        post(
            &commands,
            order(json!({ "act": "arrive", "responder": "" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "add_note", "text": "   " })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "add_note", "text": long })),
            409,
        ),
        post(
            &commands,
            order(json!({ "act": "transfer", "party": "moon", "id": null, "reason": "nearer" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "transfer", "party": "site", "id": null, "reason": "nearer" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "transfer", "party": "site", "id": "s-9", "reason": "nearer" })),
            404,
        ),
        post(
            &commands,
            order(json!({ "act": "hand_over", "to": "a b" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "hand_over", "to": "nobody" })),
            404,
        ),
        post(
            &commands,
            order(
                json!({ "act": "resolve", "reason": "?", "actions": [], "outcome": "SAFE", "note": null }),
            ),
            400,
        ),
        post(
            &commands,
            order(
                json!({ "act": "resolve", "reason": "FALL", "actions": ["?"], "outcome": "SAFE", "note": null }),
            ),
            400,
        ),
        post(
            &commands,
            order(
                json!({ "act": "resolve", "reason": "FALL", "actions": [], "outcome": "?", "note": null }),
            ),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "close_review", "text": null })),
            403,
        ),
        post(&commands, order(json!({ "act": "start_talk" })), 409),
        post(
            &commands,
            order(json!({ "act": "reopen", "cause": "" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "reopen", "cause": "not_safe" })),
            409,
        ),
        post(
            &commands,
            order(json!({ "act": "hold", "reason": "王奶奶在楼下", "minutes": 5 })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "transfer", "party": "city_desk", "id": null, "reason": "x" })),
            400,
        ),
        post(
            &commands,
            order(json!({ "act": "try_contact", "order": 99, "result": "reached" })),
            404,
        ),
        post(
            &commands,
            order(json!({ "act": "decline", "reason": "字".repeat(300) })),
            400,
        ),
    ];
    assert!(cases.len() >= 60);
    for (method, path, body, expected) in cases {
        let shown = format!("{method} {}", path.chars().take(80).collect::<String>());
        let sent = body
            .as_ref()
            .map(|b| b.to_string().chars().take(90).collect::<String>());
        let (status, answer) = hall.ask(&anna, method, &path, body).await;
        assert_eq!(status.as_u16(), expected, "{shown} {sent:?}: {answer}");
        if expected >= 400 {
            assert_eq!(answer["status"], expected, "{shown}: {answer}");
            assert!(
                answer["title"].as_str().is_some_and(|t| !t.is_empty()),
                "{shown}"
            );
            assert!(answer["code"].is_string(), "{shown}");
        }
    }
    assert_eq!(hall.get(&anna, "/v1/session").await.0, StatusCode::OK);
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused_by_name() {
    let hall = Hall::open().await;
    let path = hall.url("/v1/session");
    let cases: [(&str, &[u8], u16); 5] = [
        ("text/plain", b"{}", 415),
        ("", b"{}", 415),
        ("application/json", b"", 400),
        ("application/json; charset=utf-8", b"{\"name\"", 400),
        ("application/json", b"\xff\xfe", 400),
    ];
    for (kind, body, expected) in cases {
        let request = hall.http.post(&path).header("content-type", kind);
        let answer = request.body(body.to_vec()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{kind} {body:?}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    for header in ["", "Bearer", "Bearer x", "Basic YTpi"] {
        let request = hall
            .http
            .get(hall.url("/v1/sites"))
            .header("authorization", header);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{header}");
    }
}

/// Once a body whose chunks do not read was answered as one that is too long: the sender was told to send less.
#[tokio::test]
async fn a_body_whose_chunks_do_not_read_is_malformed_not_too_long() {
    let hall = Hall::open().await;
    for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "5\r\n{}", "2\r\n{}xx0\r\n\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(hall.address).await.unwrap();
        let head = "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        stream
            .write_all(format!("{head}{chunks}").as_bytes())
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{chunks:?}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{chunks:?}: {answer}"
        );
        assert!(
            answer.contains("\"code\":\"malformed\""),
            "{chunks:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_page_that_talks_nonsense_is_told_so_and_goes_on() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut page = hall.page(&anna, "tab-1", None).await;
    page.snapshot().await;
    let nonsense = [
        "",
        "{",
        "[]",
        "null",
        "{\"t\":\"dance\"}",
        "{\"t\":\"resume\"}",
        "{\"t\":\"resume\",\"console\":\"a b\",\"position\":null}",
        "{\"t\":\"sign_on\",\"party\":\"site\",\"id\":\"s-2\",\"sound\":true}",
        "{\"t\":\"sign_on\",\"party\":\"moon\",\"id\":null,\"sound\":true}",
        "{\"t\":\"seek\",\"position\":1}",
        "{\"t\":\"command\",\"incident\":\"x\",\"command\":{\"id\":\"1\",\"seen\":null,\"do\":{\"act\":\"accept\"}}}",
        "{\"t\":\"ping\",\"n\":-1}",
    ];
    for text in nonsense {
        page.say_text(text.to_owned()).await;
        let (_, result) = page.result().await;
        let problem = result.unwrap_err();
        assert!((400..500).contains(&problem.status), "{text}: {problem:?}");
    }
    page.say_raw(Message::Binary(vec![0, 1, 2].into())).await;
    assert!(page.result().await.1.is_err());
    // Unknown incidents and unsounded shows are passed over in silence; the console answers a ping after them.
    page.say_text(
        "{\"t\":\"shown\",\"incident\":\"x\",\"revision\":0,\"sounded\":true}".to_owned(),
    )
    .await;
    page.say_text("{\"t\":\"ping\",\"n\":7}".to_owned()).await;
    page.until(|m| matches!(m, wire::console::ToPage::Pong { n: 7, .. }).then_some(()))
        .await;
    // A frame beyond the bound ends this console, and no other; so does text in another encoding. Both say why, live and
    // in a replay.
    let long = "x".repeat(console::FRAME_BYTES + 1);
    let long = Message::Text(long.into());
    let garbled = Frame::message(
        b"{\"t\":\"\xd4\xda\"}".to_vec(),
        OpCode::Data(Data::Text),
        true,
    );
    let garbled = Message::Frame(garbled);
    page.say_raw(long.clone()).await;
    assert_eq!(page.closed().await, 1009);
    for path in ["/v1/console", "/v1/console?at=1"] {
        for (sent, code) in [(&long, 1009), (&garbled, 1007)] {
            let mut page = hall.socket(&anna, path).await;
            page.say_raw(sent.clone()).await;
            assert_eq!(page.closed().await, code, "{path}");
        }
    }
    let mut other = hall.page(&anna, "tab-2", None).await;
    other.snapshot().await;
}

#[tokio::test]
async fn an_operator_cannot_open_consoles_without_end() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut open = vec![];
    for n in 0..console::CONNECTIONS_PER_OPERATOR {
        open.push(hall.page(&anna, &format!("tab-{n}"), None).await);
    }
    let request = hall
        .http
        .get(hall.url("/v1/console"))
        .bearer_auth(&anna)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    for page in &mut open {
        page.snapshot().await;
    }
    let bo = hall.token("bo").await;
    hall.page(&bo, "tab-b", None).await.snapshot().await;
}
