//! A visitor of the demo sends somebody: whom they sent sets out and arrives, as their own phone reports it, and the visitor
//! closes the call. A responder whose phone a person holds is left to that person, for as long as they hold it.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Account, Node, Page, Store};
use serde_json::{Value, json};
use wire::{card::Card, console::Act};

async fn demo(dir: &tempfile::TempDir) -> Node {
    let words = ["demo", "--calls-per-minute", "0", "--residents", "400"];
    let fast = ["--drive-speed", "100"];
    let words = [&words[..], &fast].concat();
    Store::Sqlite
        .start_with(&dir.path().join("data"), &words)
        .await
}

/// On duty at the station of the button, with the first call accepted and talked over.
async fn with_a_call(node: &Node) -> (String, Page, String) {
    let mut accounts = node.accounts().into_iter();
    let offered = |account: &Account| account.button.is_some() && account.site.is_some();
    let visitor = accounts.find(offered).expect("a station as a button");
    let token = node.sign_in(&visitor).await;
    let mut page = Page::open(node, &token, "visitor", None).await;
    page.sign_on("site", visitor.site.as_deref(), true).await;
    let card = page.until("a call", |card| card.accept_as.is_some()).await;
    page.command(&card, Act::Accept).await.unwrap();
    let tried = Act::TryContact {
        order: 0,
        result: "no_answer".to_owned(),
    };
    page.command(&card, tried).await.unwrap();
    (token, page, card.id)
}

/// Sends the first of those who can be sent and are not busy; says whom.
async fn send(page: &mut Page, incident: &str) -> String {
    let ready = |card: &Card| card.id == incident && card.phase != "accepted" && card.mine;
    let card = page.until("somebody to send", |card| {
        ready(card) && free(card).is_some()
    });
    let card = card.await;
    let responder = free(&card).unwrap();
    let sent = Act::SendResponder {
        responder: responder.clone(),
    };
    page.command(&card, sent).await.unwrap();
    let goes = |card: &Card| leg(card, &responder).is_some();
    page.until("sent", |card| card.id == incident && goes(card))
        .await;
    responder
}

fn free(card: &Card) -> Option<String> {
    let free = card.can_send.iter().find(|option| !option.busy)?;
    Some(free.responder.clone())
}

fn leg<'a>(card: &'a Card, responder: &str) -> Option<&'a wire::card::ResponderLegView> {
    card.responders
        .iter()
        .find(|leg| leg.responder == responder)
}

fn is_there(card: &Card, responder: &str) -> bool {
    leg(card, responder).is_some_and(|leg| leg.arrived_at.is_some())
}

/// Which steps are in the story, and by whom.
fn steps(card: &Card, kind: &str) -> Vec<Option<String>> {
    let story = card.story.iter().filter(|line| line.kind == kind);
    story.map(|line| line.by.clone()).collect()
}

#[tokio::test]
async fn whom_a_visitor_sends_goes_by_themselves_unless_a_person_holds_their_phone() {
    let dir = tempfile::tempdir().unwrap();
    let node = demo(&dir).await;
    let (token, mut page, incident) = with_a_call(&node).await;
    let by_hand = send(&mut page, &incident).await;
    let phone = let_in(&node, &token, &by_hand).await;
    // As the phone page does when it is open.
    let _line = Page::open(&node, &phone, "phone", None).await;
    let played = send(&mut page, &incident).await;

    let there = page.until("on the spot", |card| is_there(card, &played));
    let card = there.await;
    assert_eq!(card.phase, "on_site");
    let one = leg(&card, &played).unwrap();
    for step in ["ResponderSetOut", "ResponderArrived"] {
        let name = Some(one.name.clone());
        assert_eq!(steps(&card, step), [name], "by themselves, once");
    }
    let set_out = one.set_out_at.unwrap();
    let took = one.arrived_at.unwrap() - set_out;
    assert!(took < one.eta - set_out, "driving is sped up: {one:?}");

    let held = leg(&card, &by_hand).unwrap();
    assert_eq!((held.set_out_at, held.arrived_at), (None, None), "{held:?}");
    let path = format!("/v1/incidents/{incident}/commands");
    let set_out = json!({ "act": "set_out", "responder": by_hand });
    let set_out = json!({ "id": uuid::Uuid::new_v4().to_string(), "seen": null, "do": set_out });
    post(&node, &phone, &path, &set_out).await;
    let goes = |card: &Card| leg(card, &by_hand).is_some_and(|leg| leg.set_out_at.is_some());
    page.until("by hand", goes).await;

    // Laid aside: from now on the cast has it.
    let out = node.client.delete(format!("{}/v1/session", node.console));
    let out = out.bearer_auth(&phone).send().await.unwrap();
    assert!(out.status().is_success(), "{out:?}");
    let both = page.until("the other one", |card| is_there(card, &by_hand));
    let card = both.await;
    let closed = Act::Resolve {
        reason: "UNWELL".to_owned(),
        actions: vec!["TALKED".to_owned(), "STATION-VISIT".to_owned()],
        outcome: "TREATED-HOME".to_owned(),
        note: None,
    };
    page.command(&card, closed).await.unwrap();
    node.stop().await;
}

/// The phone that scans the code of this responder: its session.
async fn let_in(node: &Node, token: &str, responder: &str) -> String {
    let link = json!({ "responder": responder });
    let link = post(node, token, "/v1/phone-links", &link).await;
    let url = link["url"].as_str().unwrap();
    let (_, once) = url.split_once("#t=").expect("a one-time token");
    let asked = node
        .client
        .post(format!("{}/v1/session/phone", node.console));
    let answer = asked.json(&json!({ "token": once })).send().await.unwrap();
    let session: Value = answer.json().await.unwrap();
    session["token"].as_str().expect("let in").to_owned()
}

async fn post(node: &Node, token: &str, path: &str, body: &Value) -> Value {
    let asked = node.client.post(format!("{}{path}", node.console));
    let answer = asked.bearer_auth(token).json(body).send().await.unwrap();
    let status = answer.status();
    let said: Value = answer.json().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {said}");
    said
}
