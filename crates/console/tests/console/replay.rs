//! Replays: the same rows in the same order as were seen live.

use crate::hall::{Hall, at_site};
use reqwest::StatusCode;
use uuid::Uuid;
use wire::{
    card::Card,
    console::{Act, CommandIn, FromPage, IncidentStory, ToPage},
};

/// What a row of the queue shows.
fn rows(cards: &[Card]) -> Vec<(String, String, u64, u8, Option<String>)> {
    let row = |c: &Card| {
        (
            c.id.clone(),
            c.phase.clone(),
            c.revision,
            c.priority,
            c.owner.as_ref().map(|o| o.name.clone()),
        )
    };
    cards.iter().map(row).collect()
}

#[tokio::test]
async fn a_replay_shows_what_was_seen_live() {
    let hall = Hall::open().await;
    let manager = hall.token("manager").await;
    let anna = hall.token("anna").await;
    let one = hall.press(1, &[at_site("s-1")]).await;
    hall.press(2, &[at_site("s-1")]).await;
    hall.command(&anna, one, Uuid::new_v4(), None, Act::Accept)
        .await;
    let note = Act::AddNote {
        text: "已联系".to_owned(),
    };
    hall.command(&anna, one, Uuid::new_v4(), None, note).await;
    hall.shown().await;
    let mut live = hall.page(&manager, "tab-m", None).await;
    let (position, cards) = live.snapshot().await;
    let then = rows(&cards);
    assert_eq!(then.len(), 2);

    // Life goes on.
    hall.press(3, &[at_site("s-2")]).await;
    hall.command(&anna, one, Uuid::new_v4(), None, Act::StartTalk)
        .await;
    hall.shown().await;

    let mut replay = hall
        .socket(&manager, &format!("/v1/console?at={position}"))
        .await;
    let hello = replay.next().await.unwrap();
    assert!(matches!(hello, ToPage::Hello { replay: true, .. }));
    let (at, cards) = replay.snapshot().await;
    assert_eq!(at, position);
    assert_eq!(rows(&cards), then);
    assert!(cards.iter().all(|c| !c.rings_me && c.accept_as.is_none()));
    assert!(cards[0].resident.is_some() || cards[1].resident.is_some());

    // To the beginning of its story, forward to the end, and back again.
    let path = format!("/v1/incidents/{one}/events");
    let (_, story) = hall.get(&manager, &path).await;
    let story: IncidentStory = serde_json::from_value(story).unwrap();
    let first = story.events[0].position;
    assert!(!story.around.is_empty());
    for (to, count) in [(first, 1), (u64::MAX, 3), (position, 2), (0, 0)] {
        replay.say(&FromPage::Seek { position: to }).await;
        let (_, cards) = replay.snapshot().await;
        assert_eq!(cards.len(), count, "at {to}");
    }
    replay.say(&FromPage::Seek { position }).await;
    assert_eq!(rows(&replay.snapshot().await.1), then);

    let command = CommandIn {
        id: Uuid::new_v4().to_string(),
        seen: None,
        at: None,
        act: Act::StartTalk,
    };
    let incident = one.to_string();
    replay.say(&FromPage::Command { incident, command }).await;
    let refused = replay.result().await.1.unwrap_err();
    assert_eq!(refused.code.as_deref(), Some("read_only"));
}

#[tokio::test]
async fn an_operator_replays_what_was_theirs_and_no_more() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let one = hall.press(1, &[at_site("s-1")]).await;
    hall.press(2, &[at_site("s-2")]).await;
    hall.shown().await;
    let head = hall.book.log().head().0;
    let mut replay = hall.socket(&anna, &format!("/v1/console?at={head}")).await;
    let (_, cards) = replay.snapshot().await;
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].id, one.to_string());
    let why = format!("replay of incident {one}");
    hall.until("the replay's view is written down", |case| {
        matches!(case, casebook::Case::Resident(h)
            if matches!(&h.event, domain::resident::ResidentEvent::RecordViewed { why: w, .. } if *w == why))
    })
    .await;
    let (status, _) = hall.get(&anna, "/v1/console?at=x").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
