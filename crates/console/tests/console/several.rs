//! Several processes that serve consoles on one log.

use crate::{
    furniture::site_id,
    hall::{Hall, at_site},
    page::Page,
};
use casebook::{Case, Draft, Meta, streams};
use domain::{Actor, ConsoleId, NodeId, OperatorId, incident::IncidentEvent, site::SiteEvent};
use eventlog::{EventId, Expected, Lane};
use reqwest::{Method, StatusCode};
use std::time::Duration;
use uuid::Uuid;
use wire::console::{Act, FromPage, ToPage};

/// The consoles attached at a site, each with its process.
async fn attached(hall: &Hall, site: &str) -> Vec<(String, String, bool)> {
    let head = hall.book.log().head();
    hall.directory.caught_up(head).await.unwrap();
    let city = hall.directory.city();
    let duty = city.duty.get(&site_id(site));
    let rows = duty.into_iter().flat_map(|duty| &duty.consoles);
    rows.map(|(console, row)| {
        let node = row.node.as_ref().map(ToString::to_string);
        (console.to_string(), node.unwrap_or_default(), row.sound)
    })
    .collect()
}

async fn until_attached(hall: &Hall, site: &str, wanted: &[(&str, &str, bool)]) {
    let is = |(console, node, sound): &(String, String, bool)| {
        wanted.contains(&(console.as_str(), node.as_str(), *sound))
    };
    let waiting = async {
        loop {
            let rows = attached(hall, site).await;
            if rows.len() == wanted.len() && rows.iter().all(is) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(done.is_ok(), "{:?}", attached(hall, site).await);
}

async fn on_duty(hall: &Hall, tab: &str) -> (String, Page) {
    let token = hall.token("anna").await;
    let mut page = hall.page(&token, tab, None).await;
    page.snapshot().await;
    page.sign_on("s-1").await;
    (token, page)
}

#[tokio::test]
async fn who_signs_in_at_one_is_signed_in_at_the_other() {
    let a = Hall::open_as("a").await;
    let b = a.beside("b").await;
    let token = a.token("anna").await;
    assert_eq!(b.get(&token, "/v1/session").await.0, StatusCode::OK);
    let out = b.ask(&token, Method::DELETE, "/v1/session", None).await;
    assert_eq!(out.0, StatusCode::NO_CONTENT);
    let gone = a.get(&token, "/v1/session").await;
    assert_eq!(gone.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_tab_that_moves_to_the_other_process_stays_attached_and_the_old_line_ends() {
    let a = Hall::open_as("a").await;
    let b = a.beside("b").await;
    let (token, mut old) = on_duty(&a, "tab-1").await;
    until_attached(&a, "s-1", &[("tab-1", "a", true)]).await;
    let mut new = b.page(&token, "tab-1", None).await;
    let duty = new.until(|message| match message {
        ToPage::Duty { duty, .. } => Some(duty),
        _ => None,
    });
    assert_eq!(duty.await.unwrap().id.as_deref(), Some("s-1"), "it goes on");
    while old.next().await.is_some() {}
    new.say(&FromPage::Sound { proven: true }).await;
    until_attached(&b, "s-1", &[("tab-1", "b", true)]).await;
    // The first process says at its end that its consoles are gone; this one is not its any more.
    a.console.stop().await;
    until_attached(&b, "s-1", &[("tab-1", "b", true)]).await;
}

#[tokio::test]
async fn a_process_that_starts_ends_what_it_left_and_nothing_of_the_others() {
    let a = Hall::open_as("a").await;
    let (_, _page) = on_duty(&a, "tab-1").await;
    let left = SiteEvent::ConsoleAttached {
        site: site_id("s-1"),
        operator: OperatorId::parse("bo").unwrap(),
        console: ConsoleId::parse("tab-2").unwrap(),
        node: NodeId::parse("b").ok(),
    };
    write(&a, left).await;
    let both = [("tab-1", "a", true), ("tab-2", "b", false)];
    until_attached(&a, "s-1", &both).await;
    let b = a.beside("b").await;
    until_attached(&b, "s-1", &[("tab-1", "a", true)]).await;
}

async fn write(hall: &Hall, event: SiteEvent) {
    let id = EventId(Uuid::new_v4());
    let draft = Draft::new(id, hall.book.now(), Actor::Dispatcher, event);
    let stream = streams::site(&site_id("s-1"));
    let meta = Meta::default();
    hall.book
        .append(Lane::Urgent, &stream, Expected::Any, vec![draft], meta)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_console_that_others_took_for_gone_attaches_again_with_its_sound() {
    let a = Hall::open_as("a").await;
    let (_, mut page) = on_duty(&a, "tab-1").await;
    let ended = SiteEvent::ConsoleDetached {
        site: site_id("s-1"),
        operator: OperatorId::parse("anna").unwrap(),
        console: ConsoleId::parse("tab-1").unwrap(),
        node: NodeId::parse("a").ok(),
    };
    write(&a, ended).await;
    let again = |case: &Case| matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::ConsoleAttached { .. }));
    let times = async {
        while a.events().await.iter().filter(|case| again(case)).count() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), times)
        .await
        .expect("attached again");
    until_attached(&a, "s-1", &[("tab-1", "a", true)]).await;
    // It goes on as if nothing had been.
    page.say(&FromPage::Ping { n: 7 }).await;
    let pong = page.until(|message| matches!(message, ToPage::Pong { n: 7, .. }).then_some(()));
    pong.await;
}

#[tokio::test]
async fn who_signs_out_at_the_other_process_is_off_duty() {
    let a = Hall::open_as("a").await;
    let b = a.beside("b").await;
    let (token, page) = on_duty(&a, "tab-1").await;
    b.ask(&token, Method::DELETE, "/v1/session", None).await;
    page.close().await;
    let off = |case: &Case| matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::OperatorSignedOff { .. }));
    a.until("off duty", off).await;
    until_attached(&a, "s-1", &[]).await;
}

#[tokio::test]
async fn who_has_a_console_at_the_other_process_stays_on_duty_when_they_sign_out_here() {
    let a = Hall::open_as("a").await;
    let b = a.beside("b").await;
    let (token, _here) = on_duty(&a, "tab-1").await;
    let (_, _there) = on_duty(&b, "tab-2").await;
    let both = [("tab-1", "a", true), ("tab-2", "b", true)];
    until_attached(&a, "s-1", &both).await;
    a.shown().await;
    a.ask(&token, Method::DELETE, "/v1/session", None).await;
    until_attached(&a, "s-1", &[("tab-2", "b", true)]).await;
    assert!(a.directory.city().on_duty(&site_id("s-1")));
}

#[tokio::test]
async fn a_carer_taken_off_at_one_process_is_let_do_nothing_more_at_the_other() {
    let a = Hall::open_as("a").await;
    let b = a.beside("b").await;
    let anna = a.token("anna").await;
    let held = b.press(1, &[at_site("s-1")]).await;
    let responder = || "carer-3".to_owned();
    let send = || Act::SendResponder {
        responder: responder(),
    };
    let set_out = Act::SetOut {
        responder: responder(),
    };
    for act in [Act::Accept, send()] {
        let (status, body) = b.command(&anna, held, Uuid::new_v4(), None, act).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    b.shown().await;
    let phone = b.phone_of(&anna, "carer-3").await;
    let (status, body) = b.command(&phone, held, Uuid::new_v4(), None, set_out).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    // The other process has the carer back; this one last acted on a call with them under way.
    let back = Act::ReturnResponder {
        responder: responder(),
    };
    let (status, body) = a.command(&anna, held, Uuid::new_v4(), None, back).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let head = a.book.log().head();
    let (status, body) = b.command(&phone, held, Uuid::new_v4(), None, send()).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    let sent = |case: &Case| matches!(case, Case::Incident(h) if matches!(h.event, IncidentEvent::ResponderSent { .. }));
    let times = a.events().await.iter().filter(|case| sent(case)).count();
    assert_eq!(times, 1, "nothing of it is in the log after {head}");
}
