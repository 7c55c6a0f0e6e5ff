//! Answers of duty phones, signed.

use crate::hall::{Hall, SECRET, at_site};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

fn signature(secret: &[u8], time_s: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(format!("{time_s}.{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("t={time_s},v1={hex}")
}

async fn answer(hall: &Hall, secret: &[u8], late_s: i64, body: &Value) -> (StatusCode, Value) {
    let body = body.to_string();
    let time_s = hall.book.now().0 / 1_000 - late_s;
    let request = hall
        .http
        .post(hall.url("/v1/duty-phone/answers"))
        .header(console::SIGNATURE, signature(secret, time_s, &body))
        .body(body);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

#[tokio::test]
async fn a_signed_one_accepts_for_the_site_once() {
    let hall = Hall::open().await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    let body = json!({ "call": "c-1", "incident": incident, "party": { "party": "site", "id": "s-1" }, "digit": 1 });
    for (secret, late_s) in [(&b"guessed"[..], 0), (SECRET, 301)] {
        let (status, problem) = answer(&hall, secret, late_s, &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(problem["code"], "not_allowed");
    }
    let (status, done) = answer(&hall, SECRET, 0, &body).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let (status, again) = answer(&hall, SECRET, 0, &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (again["repeated"].clone(), &again["revision"]),
        (json!(true), &done["revision"])
    );
    hall.shown().await;
    let manager = hall.token("manager").await;
    let owner = hall.card(&manager, incident).await.owner.unwrap();
    assert_eq!(owner.operator, "phone-s-1");
    assert_eq!(owner.name, "s-1服务站值班电话");
    let odd = json!({ "call": "c-2", "incident": incident, "party": "site:s-1", "digit": 7 });
    assert_eq!(
        answer(&hall, SECRET, 0, &odd).await.0,
        StatusCode::BAD_REQUEST
    );
}
