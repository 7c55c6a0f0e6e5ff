//! Getting in and out: passwords, limits, cookies, other origins, phones.

use crate::{
    furniture::PASSWORD,
    hall::{Hall, at_site},
};
use casebook::Case;
use domain::operator::OperatorEvent;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;
use wire::console::{Act, PhoneLink, Session, ToPage};

#[tokio::test]
async fn a_password_lets_in_and_the_log_says_so() {
    let hall = Hall::open().await;
    let session = hall.sign_in("anna").await;
    assert_eq!(session.me.name, "anna护理员");
    assert_eq!(session.me.scope_id.as_deref(), Some("s-1"));
    assert_eq!(session.me.parties.len(), 1);
    let token = session.token.unwrap();
    let (status, me) = hall.get(&token, "/v1/session").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(me["me"]["role"], "operator");
    assert!(me.get("token").is_none(), "a token is told once");

    let (status, _) = hall.ask(&token, Method::DELETE, "/v1/session", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, problem) = hall.get(&token, "/v1/session").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "signed_out");
    let signed = |case: &Case| match case {
        Case::Operator(happened) => match &happened.event {
            OperatorEvent::SignedIn { operator } => Some((operator.to_string(), true)),
            OperatorEvent::SignedOut { operator } => Some((operator.to_string(), false)),
            _ => None,
        },
        _ => None,
    };
    let events: Vec<_> = hall.events().await.iter().filter_map(signed).collect();
    let anna = "anna".to_owned();
    assert_eq!(events, [(anna.clone(), true), (anna, false)]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_alike() {
    let hall = Hall::open().await;
    let mut answers = vec![];
    for name in ["anna", "nobody", "no such/name", ""] {
        let body = json!({ "name": name, "password": "wrong" });
        let request = hall.http.post(hall.url("/v1/session")).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().get("set-cookie").is_none());
        answers.push(answer.text().await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn guessing_one_name_is_stopped_and_others_still_get_in() {
    let hall = Hall::open().await;
    let body = json!({ "name": "anna", "password": "wrong" });
    let mut last = StatusCode::OK;
    for _ in 0..=console::PAIR_FAILURES {
        let request = hall.http.post(hall.url("/v1/session")).json(&body);
        last = request.send().await.unwrap().status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let right = json!({ "name": "anna", "password": PASSWORD });
    let request = hall.http.post(hall.url("/v1/session")).json(&right);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    hall.sign_in("bo").await;
    // Whoever guesses closes the name for their own address; its owner gets in from another.
    let elsewhere = reqwest::Client::builder()
        .local_address(std::net::IpAddr::from([127, 0, 0, 2]))
        .build()
        .unwrap();
    let request = elsewhere.post(hall.url("/v1/session")).json(&right);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_works_for_our_own_page_only() {
    let hall = Hall::open().await;
    let body = json!({ "name": "anna", "password": PASSWORD });
    let request = hall.http.post(hall.url("/v1/session")).json(&body);
    let answer = request.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "no TLS here: {cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let path = hall.url("/v1/phone-links");
    let asked = |origin: Option<String>| {
        let mut request = hall.http.post(&path).header("cookie", &pair);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.json(&json!({ "responder": "carer-1" })).send()
    };
    let foreign = asked(Some("https://evil.example".to_owned()))
        .await
        .unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let silent = asked(None).await.unwrap();
    assert_eq!(silent.status(), StatusCode::FORBIDDEN);
    let own = asked(Some(hall.url(""))).await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);

    // Reading needs no origin, a WebSocket does: browsers open it from any page.
    let read = hall
        .http
        .get(hall.url("/v1/session"))
        .header("cookie", &pair);
    assert_eq!(read.send().await.unwrap().status(), StatusCode::OK);
    let upgrade = |origin: &str| {
        hall.http
            .get(hall.url("/v1/console"))
            .header("cookie", &pair)
            .header("origin", origin)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .send()
    };
    let foreign = upgrade("https://evil.example").await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let own = upgrade(&hall.url("")).await.unwrap();
    assert_eq!(own.status(), StatusCode::SWITCHING_PROTOCOLS);

    let login = hall.http.post(hall.url("/v1/session")).json(&body);
    let login = login.header("origin", "https://evil.example").send();
    assert_eq!(login.await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_phone_gets_in_once_by_its_link() {
    let hall = Hall::open().await;
    let token = hall.token("anna").await;
    let body = json!({ "responder": "carer-1" });
    let (status, link) = hall
        .ask(&token, Method::POST, "/v1/phone-links", Some(body))
        .await;
    assert_eq!(status, StatusCode::OK);
    let link: PhoneLink = serde_json::from_value(link).unwrap();
    assert!(link.qr_svg.contains("<svg"));
    let (_, secret) = link.url.split_once("/m#t=").unwrap();
    let body = json!({ "token": secret });
    let path = hall.url("/v1/session/phone");
    let asked = || hall.http.post(&path).json(&body).send();
    // Two phones with one code at the same moment.
    let (one, other) = tokio::join!(asked(), asked());
    let mut answers = [one.unwrap(), other.unwrap()];
    answers.sort_by_key(|a| a.status());
    let [first, second] = answers;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(second.status(), StatusCode::UNAUTHORIZED);
    let session: Session = first.json().await.unwrap();
    assert_eq!(session.me.responder.as_deref(), Some("carer-1"));
    assert_eq!(session.me.name, "carer-1师傅");

    // Another site's carer is not this operator's to let in; a phone lets nobody in.
    let other = json!({ "responder": "carer-3" });
    let refused = hall
        .ask(&token, Method::POST, "/v1/phone-links", Some(other))
        .await;
    assert_eq!(refused.0, StatusCode::NOT_FOUND);
    let phone = session.token.unwrap();
    let again = json!({ "responder": "carer-1" });
    let refused = hall
        .ask(&phone, Method::POST, "/v1/phone-links", Some(again))
        .await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn whoever_holds_a_call_lets_in_the_phone_of_another_sites_carer_for_that_call_only() {
    let hall = Hall::open().await;
    let token = hall.token("anna").await;
    let parties = [at_site("s-1")];
    let held = hall.press(1, &parties).await;
    let other_call = hall.press(2, &[at_site("s-2")]).await;
    hall.shown().await;
    let (status, body) = hall
        .command(&token, held, Uuid::new_v4(), None, Act::Accept)
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let send = Act::SendResponder {
        responder: "carer-3".to_owned(),
    };
    let (status, body) = hall.command(&token, held, Uuid::new_v4(), None, send).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    hall.shown().await;

    let phone = hall.phone_of(&token, "carer-3").await;
    let (status, _) = hall.get(&phone, &format!("/v1/incidents/{held}")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = hall
        .get(&phone, &format!("/v1/incidents/{other_call}"))
        .await;
    assert_eq!(
        status,
        StatusCode::NOT_FOUND,
        "the carer's own site is not anna's to show"
    );
}

#[tokio::test]
async fn signing_out_ends_the_live_console() {
    let hall = Hall::open().await;
    let token = hall.token("anna").await;
    let mut page = hall.page(&token, "tab-1", None).await;
    page.snapshot().await;
    page.sign_on("s-1").await;
    hall.ask(&token, Method::DELETE, "/v1/session", None).await;
    let why = page
        .until(|message| match message {
            ToPage::SignedOut { why } => Some(why),
            _ => None,
        })
        .await;
    assert_eq!(why, "signed_out");
    assert!(page.next().await.is_none());
    hall.until("duty ends with the session", |case| {
        matches!(case, Case::Site(h) if matches!(h.event, domain::site::SiteEvent::OperatorSignedOff { .. }))
    })
    .await;
}

#[tokio::test]
async fn the_pages_are_served_with_a_strict_policy_and_any_other_address_is_none() {
    let hall = Hall::open().await;
    let (there, none) = (StatusCode::OK, StatusCode::NOT_FOUND);
    for (path, status) in [
        ("/", there),
        ("/m", there),
        ("/incidents/7", none),
        ("/nope", none),
    ] {
        let answer = hall.http.get(hall.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with("text/html"), "{path}");
        assert_eq!(header("cache-control"), "no-cache");
        assert_eq!(header("referrer-policy"), "no-referrer");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let about = hall.http.get(hall.url("/v1/about")).send().await.unwrap();
    assert_eq!(about.status(), StatusCode::OK);
    assert_eq!(about.headers()["cache-control"], "no-store");
}
