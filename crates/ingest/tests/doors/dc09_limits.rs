//! What happens at the panels' door when a bound is reached: the connection pays, a readable alarm does not.

use crate::common::House;
use crate::panel::{Panel, ack, framed, medical};
use ingest::{IngestOptions, limits};
use std::time::Duration;
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    time::Instant,
};

/// A panel on a connection in memory, so that time can be passed.
fn panel(house: &House, room: usize) -> Panel<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(room);
    house.ingest.serve_panel(theirs, None);
    Panel(ours)
}

const ROOM: usize = 1 << 20;

/// Enrols panels and stops time. They are looked up once before: the tables' file is read by threads, which time that is
/// passed in would not wait for.
async fn still(house: &House, accounts: &[&str]) {
    house.enrol(accounts).await;
    for account in accounts {
        let device = domain::DeviceId::parse(&format!("dc09-{account}")).unwrap();
        assert!(house.directory.device(&device).await.unwrap().is_some());
    }
    tokio::time::pause();
}

async fn end(house: House) {
    tokio::time::resume();
    house.stop().await;
}

#[tokio::test]
async fn half_a_frame_ends_the_connection_and_what_it_says_is_kept() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut slow = panel(&house, ROOM);
    let begun = Instant::now();
    let frame = medical(1, "1234");
    // All but the last bracket and the end, one byte a second: no byte of it resets the time.
    for byte in frame.as_bytes()[..frame.len() - 2].chunks(1) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if slow.0.write_all(byte).await.is_err() {
            break;
        }
    }
    assert_eq!(slow.answer().await, "", "it is not answered");
    let waited = begun.elapsed();
    assert!(
        waited < limits::PANEL_GUEST_IDLE + Duration::from_secs(10) * 3,
        "{waited:?}"
    );
    let mut torn = panel(&house, ROOM);
    torn.send(&frame.as_bytes()[..frame.len() - 2]).await;
    let begun = Instant::now();
    assert_eq!(torn.answer().await, "");
    assert_eq!(
        begun.elapsed().as_secs(),
        limits::PANEL_FRAME_WITHIN.as_secs()
    );
    let all = house.panel_signals().await;
    assert_eq!(all.len(), 1, "as far as it could be read it is an alarm");
    assert_eq!(house.ingest.metrics().panels_ended, 2);
    end(house).await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_ended_and_an_enrolled_panel_is_kept() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut mute = panel(&house, ROOM);
    let begun = Instant::now();
    assert_eq!(mute.answer_within(limits::PANEL_GUEST_IDLE * 2).await, "");
    assert_eq!(
        begun.elapsed().as_secs(),
        limits::PANEL_GUEST_IDLE.as_secs()
    );
    let mut known = panel(&house, ROOM);
    let poll = framed("\"NULL\"0000L0#1234[]");
    assert_eq!(known.ask(poll.as_bytes()).await, ack("0000L0#1234"));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1_800)).await;
        assert_eq!(known.ask(poll.as_bytes()).await, ack("0000L0#1234"));
    }
    let begun = Instant::now();
    assert_eq!(known.answer_within(Duration::from_secs(86_400)).await, "");
    let waited = begun.elapsed().as_secs();
    assert!(
        (5_400..7_000).contains(&waited),
        "three polls missed: {waited} s"
    );
    end(house).await;
}

#[tokio::test]
async fn junk_ends_the_connection_and_a_frame_before_it_is_stored() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut noisy = panel(&house, ROOM);
    noisy.send(medical(1, "1234").as_bytes()).await;
    noisy.send(&vec![b'x'; limits::PANEL_JUNK]).await;
    // Not too much yet, and a good frame makes up for it.
    noisy.send(medical(2, "1234").as_bytes()).await;
    assert_eq!(noisy.answer().await, ack("0001L0#1234"));
    assert_eq!(noisy.answer().await, ack("0002L0#1234"));
    noisy.send(&vec![b'x'; limits::PANEL_JUNK + 1]).await;
    assert_eq!(noisy.answer().await, "");
    assert_eq!(house.panel_signals().await.len(), 2);
    assert_eq!(house.ingest.metrics().panels_ended, 1);
    end(house).await;
}

#[tokio::test]
async fn too_many_frames_in_a_second_wait_and_none_is_lost() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut eager = panel(&house, ROOM);
    let begun = Instant::now();
    let most = limits::PANEL_FRAMES_PER_SECOND;
    let all: String = (1..=2 * most).map(|n| medical(n, "1234")).collect();
    eager.send(all.as_bytes()).await;
    for n in 1..=2 * most {
        assert_eq!(eager.answer().await, ack(&format!("{n:04}L0#1234")));
        if n < most {
            assert!(begun.elapsed() < Duration::from_secs(1));
        }
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(house.panel_signals().await.len() as u32, 2 * most);
    end(house).await;
}

#[tokio::test]
async fn a_stream_of_nothing_is_read_slowly_and_the_alarm_in_it_is_found() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut empty = panel(&house, ROOM);
    let begun = Instant::now();
    let most = limits::PANEL_READS_PER_SECOND as usize * limits::PANEL_READ;
    empty.send(&vec![0; 2 * most]).await;
    let answer = empty.ask(medical(1, "1234").as_bytes()).await;
    assert_eq!(answer, ack("0001L0#1234"));
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    end(house).await;
}

#[tokio::test]
async fn an_alarm_does_not_wait_behind_polls_whose_answers_nobody_takes() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    // Room for one answer; the panel reads none.
    let (ours, theirs) = tokio::io::duplex(32);
    house.ingest.serve_panel(theirs, None);
    let (_reads, mut writes) = tokio::io::split(ours);
    let polls = framed("\"NULL\"0000L0#1234[]").repeat(40);
    let all = polls + &medical(1, "1234");
    let begun = Instant::now();
    writes.write_all(all.as_bytes()).await.unwrap();
    while house.panel_signals().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    let passed_over = house.ingest.metrics().panel_polls_passed_over;
    assert!(passed_over > 0, "the polls' way was full");
    // Who takes no answer is let go.
    while writes.write_all(b"\0").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < limits::PANEL_FRAME_WITHIN * 2);
    }
    end(house).await;
}

#[tokio::test]
async fn a_source_has_only_so_many_guests_and_each_leaves_its_seat() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut guests: Vec<Panel<DuplexStream>> = (0..limits::PANEL_GUESTS_PER_SOURCE)
        .map(|_| panel(&house, ROOM))
        .collect();
    let mut late = panel(&house, ROOM);
    assert_eq!(late.answer().await, "", "no seat");
    assert_eq!(house.ingest.metrics().turned_away, 1);
    // Another source has its own; and whoever shows an enrolled account leaves the guests.
    let (ours, theirs) = tokio::io::duplex(ROOM);
    house
        .ingest
        .serve_panel(theirs, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(
        Panel(ours).ask(medical(1, "1234").as_bytes()).await,
        ack("0001L0#1234")
    );
    assert_eq!(
        guests[0].ask(medical(2, "1234").as_bytes()).await,
        ack("0002L0#1234")
    );
    let mut next = panel(&house, ROOM);
    assert_eq!(
        next.ask(medical(3, "1234").as_bytes()).await,
        ack("0003L0#1234")
    );
    end(house).await;
}

#[tokio::test]
async fn when_all_seats_of_panels_are_taken_an_alarm_still_gets_through() {
    let options = IngestOptions {
        panels: 1,
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    still(&house, &["1234", "5678"]).await;
    let (mut first, mut second) = (panel(&house, ROOM), panel(&house, ROOM));
    assert_eq!(
        first.ask(medical(1, "1234").as_bytes()).await,
        ack("0001L0#1234")
    );
    assert_eq!(
        second.ask(medical(1, "5678").as_bytes()).await,
        ack("0001L0#5678")
    );
    let begun = Instant::now();
    assert_eq!(
        second.answer_within(Duration::from_secs(600)).await,
        "",
        "it stays a guest"
    );
    assert_eq!(
        begun.elapsed().as_secs(),
        limits::PANEL_GUEST_IDLE.as_secs()
    );
    assert_eq!(house.ingest.metrics().panels_open, 1);
    assert_eq!(
        first.ask(medical(2, "1234").as_bytes()).await,
        ack("0002L0#1234")
    );
    end(house).await;
}

#[tokio::test]
async fn when_no_more_signals_can_be_stored_a_panel_is_not_answered() {
    let options = IngestOptions {
        signals_at_once: 0,
        ..IngestOptions::default()
    };
    let house = House::memory_with(options).await;
    still(&house, &["1234"]).await;
    let mut full = panel(&house, ROOM);
    full.send(medical(1, "1234").as_bytes()).await;
    let poll = framed("\"NULL\"0000L0#1234[]");
    assert_eq!(
        full.ask(poll.as_bytes()).await,
        ack("0000L0#1234"),
        "only the poll is answered"
    );
    full.0.shutdown().await.unwrap();
    assert_eq!(full.answer().await, "");
    assert!(house.panel_signals().await.is_empty());
    assert_eq!(house.ingest.metrics().turned_away, 1);
    end(house).await;
}

#[tokio::test]
async fn a_stop_stores_and_answers_what_was_read() {
    let house = House::memory().await;
    still(&house, &["1234"]).await;
    let mut panel = panel(&house, ROOM);
    let answer = panel.ask(medical(1, "1234").as_bytes()).await;
    assert_eq!(answer, ack("0001L0#1234"));
    house.ingest.stop().await;
    assert_eq!(panel.answer().await, "", "the door is closed");
    assert_eq!(house.panel_signals().await.len(), 1);
    end(house).await;
}
