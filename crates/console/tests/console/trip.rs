//! A call on its way: support, late reports, by what name it goes, an unproved device, and to whom it can be given.
//!
//! For: the console's side of it; each story over the real doors.
//! May not know: how the dispatcher times it.

use crate::{
    hall::{Hall, SECRET, at_site},
    page::Page,
};
use domain::{IncidentId, party::Party, signal::SignalKind};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;
use wire::console::{Act, FromPage, ToPage};

fn desk() -> Party {
    Party::DistrictDesk(domain::DistrictId::parse("230102").unwrap())
}

async fn does(hall: &Hall, token: &str, incident: IncidentId, act: Act) -> (StatusCode, Value) {
    let done = hall
        .command(token, incident, Uuid::new_v4(), None, act)
        .await;
    hall.shown().await;
    done
}

fn send() -> Act {
    Act::SendResponder {
        responder: "carer-1".to_owned(),
    }
}

/// The phone of carer-1, let in by anna.
async fn phone(hall: &Hall, anna: &str) -> String {
    let body = json!({ "responder": "carer-1" });
    let (_, link) = hall
        .ask(anna, Method::POST, "/v1/phone-links", Some(body))
        .await;
    let (_, secret) = link["url"].as_str().unwrap().split_once("#t=").unwrap();
    let body = json!({ "token": secret });
    let (_, signed) = hall
        .ask("", Method::POST, "/v1/session/phone", Some(body))
        .await;
    signed["token"].as_str().unwrap().to_owned()
}

async fn at_desk(hall: &Hall) -> Page {
    let mut page = hall
        .page(&hall.token("manager").await, "desk-1", None)
        .await;
    page.snapshot().await;
    let id = Some("230102".to_owned());
    let party = "district_desk".to_owned();
    page.say(&FromPage::SignOn {
        party,
        id,
        sound: true,
    })
    .await;
    page.until(|message| match message {
        ToPage::Duty { duty, .. } => duty,
        _ => None,
    })
    .await;
    page
}

#[tokio::test]
async fn support_rings_at_the_desk_which_joins_and_takes_the_call_off_nobody() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let carer = phone(&hall, &anna).await;
    let mut page = at_desk(&hall).await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    does(&hall, &anna, incident, Act::Accept).await;
    does(&hall, &anna, incident, send()).await;
    let (status, said) = does(&hall, &carer, incident, Act::AskSupport).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    hall.ring_for_support(incident, desk()).await;
    let rings = page.card(|card| card.rings_me).await;
    assert_eq!(rings.support_as.as_ref().unwrap().party, "district_desk");
    assert!(rings.accept_as.is_none(), "it is not theirs to take");
    // Who holds it sees that support was asked for, when, by whom.
    let held = hall.card(&anna, incident).await;
    let support = held.support.as_ref().unwrap();
    assert_eq!(
        (
            support.by.as_str(),
            support.by_responder,
            support.unanswered
        ),
        ("carer-1师傅", true, false)
    );
    let asked = held
        .story
        .iter()
        .find(|line| line.kind == "SupportAsked")
        .unwrap();
    assert_eq!(asked.by.as_deref(), Some("carer-1师傅"));
    assert!(!held.rings_me && held.support_as.is_none());

    page.command(incident, Act::AnswerSupport).await;
    page.result().await.1.unwrap();
    hall.shown().await;
    let held = hall.card(&anna, incident).await;
    let support = held.support.as_ref().unwrap();
    assert_eq!(support.answered_by.as_deref(), Some("manager护理员"));
    assert!(held.mine, "it stays whose it was");
    let joined = page
        .card(|card| !card.rings_me && card.support.is_some())
        .await;
    assert!(joined.support_as.is_none());
    // The desk helps: it may send somebody, and is told who could go; that is nobody else's.
    assert!(joined.helps && !joined.can_send.is_empty());
    assert!(!held.helps, "whoever holds it does not help");
    let more = Act::SendResponder {
        responder: "carer-3".to_owned(),
    };
    page.command(incident, more).await;
    page.result().await.1.unwrap();
}

#[tokio::test]
async fn a_desk_that_was_rung_by_telephone_for_support_answers_for_it_with_one() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    does(&hall, &anna, incident, Act::Accept).await;
    does(&hall, &anna, incident, Act::AskSupport).await;
    hall.ring_for_support(incident, desk()).await;
    let body =
        json!({ "call": "c-1", "incident": incident, "party": "district_desk:230102", "digit": 1 })
            .to_string();
    let time_s = hall.book.now().0 / 1_000;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(format!("{time_s}.{body}").as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    for repeated in [false, true] {
        let answer = hall
            .http
            .post(hall.url("/v1/duty-phone/answers"))
            .header(console::SIGNATURE, format!("t={time_s},v1={hex}"))
            .body(body.clone());
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.json::<Value>().await.unwrap()["repeated"], repeated);
    }
    hall.shown().await;
    let card = hall.card(&anna, incident).await;
    assert!(card.mine);
    let answered = card.support.unwrap().answered_as.unwrap();
    assert_eq!(answered.party, "district_desk");
}

#[tokio::test]
async fn an_arrival_that_was_kept_back_says_when_it_happened() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let carer = phone(&hall, &anna).await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    does(&hall, &carer, incident, Act::Accept).await;
    // The clock of the test does not move: what is said to lie before the sending is drawn to it, so a future one and one
    // of just now are told here; the bounds themselves are the domain's.
    let now = hall.book.now().0;
    for (act, at) in [
        (send(), None),
        (
            Act::Arrive {
                responder: "carer-1".to_owned(),
            },
            Some(now + 3_600_000),
        ),
    ] {
        let command = json!({ "id": Uuid::new_v4(), "seen": null, "at": at, "do": act });
        let path = format!("/v1/incidents/{incident}/commands");
        let (status, said) = hall.ask(&carer, Method::POST, &path, Some(command)).await;
        assert_eq!(status, StatusCode::OK, "{said}");
    }
    hall.shown().await;
    let leg = hall.card(&anna, incident).await.responders.remove(0);
    assert_eq!(
        leg.arrival_recorded_at, None,
        "nobody arrives in the future"
    );
}

#[tokio::test]
async fn a_worse_alarm_that_joins_names_the_call_and_the_last_press_is_named_too() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.join(incident, SignalKind::Smoke).await;
    hall.join(incident, SignalKind::Service).await;
    hall.shown().await;
    let card = hall.card(&anna, incident).await;
    assert_eq!(card.kind, "smoke");
    assert_eq!(
        (card.first_kind.as_str(), card.last_kind.as_str()),
        ("sos", "service")
    );
    assert_eq!(card.kinds, ["sos", "smoke", "service"]);
}

#[tokio::test]
async fn whom_an_unproved_device_claims_to_be_is_looked_up_with_a_reason_by_who_holds_the_call() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let incident = hall.forged(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let card = hall.card(&anna, incident).await;
    assert!(
        card.resident.is_none(),
        "nobody's record opens on an unproved word"
    );
    let claim = card.claim.unwrap();
    assert_eq!(claim.device, "HRB-000001");
    assert!(!claim.community.is_empty() && !claim.may_look_up);
    let path = format!("/v1/incidents/{incident}/claim");
    let reason = |reason: &str| Some(json!({ "reason": reason }));
    let look = |why: &str| hall.ask(&anna, Method::POST, &path, reason(why));
    assert_eq!(look("call_back").await.0, StatusCode::FORBIDDEN);
    does(&hall, &anna, incident, Act::Accept).await;
    assert!(hall.card(&anna, incident).await.claim.unwrap().may_look_up);
    assert_eq!(look("curious").await.0, StatusCode::BAD_REQUEST);
    let (status, record) = look("call_back").await;
    assert_eq!(status, StatusCode::OK, "{record}");
    assert_eq!(record["phone"], "138-0000-0001");
    assert!(record.get("conditions").is_none(), "no more than is needed");
    let why = format!("claim in incident {incident}: call_back");
    hall.until("the view", |case| match case {
        casebook::Case::Resident(h) => matches!(&h.event,
            domain::resident::ResidentEvent::RecordViewed { why: said, .. } if *said == why),
        _ => false,
    })
    .await;
    let proved = hall.press(2, &[at_site("s-1")]).await;
    hall.shown().await;
    assert!(hall.card(&anna, proved).await.claim.is_none());
}

#[tokio::test]
async fn a_call_can_be_given_to_people_by_name_and_sites_have_their_way() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut page = hall.page(&hall.token("chen").await, "chen-1", None).await;
    page.snapshot().await;
    page.sign_on("s-2").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let (status, targets) = hall
        .get(&anna, &format!("/v1/incidents/{incident}/targets"))
        .await;
    assert_eq!(status, StatusCode::OK, "{targets}");
    assert_eq!(targets["sites"][0]["site"], "s-1");
    assert!(targets["sites"][0]["seconds"].as_u64().unwrap() > 0);
    assert_eq!(targets["people"][0]["operator"], "chen");
    assert_eq!(targets["people"][0]["name"], "chen护理员");
    assert_eq!(targets["people"][0]["party"]["id"], "s-2");
    let strange = hall.token("dai").await;
    let (status, _) = hall
        .get(&strange, &format!("/v1/incidents/{incident}/targets"))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
