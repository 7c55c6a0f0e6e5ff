//! Alarms into incidents: one open incident per subject, each alarm once.
//!
//! For: re-presses, two dispatchers at once, crashes and lost answers.
//! May not know: what people do with the incident.

use crate::common::{alarm, memory, opening, over, press, sqlite, subject};
use casebook::{BookError, Casebook, HandledAs, read, streams};
use domain::{AlarmId, IncidentId, care::CareEvent, signal::SignalKind};
use eventlog::{Direction, Expected, Filter, Lane, Position, Revision};
use uuid::Uuid;

#[tokio::test]
async fn a_thousand_re_presses_are_one_incident() {
    let book = memory().await;
    let opened = press(&book, 0).await;
    assert_eq!(opened.what, HandledAs::Opened);
    for number in 1..=1_000 {
        let joined = press(&book, number).await;
        assert_eq!(joined.what, HandledAs::Joined);
        assert_eq!(joined.incident, opened.incident);
    }
    let id = opened.incident.unwrap();
    let incident = book.fold_incident(id).await.unwrap().unwrap();
    assert_eq!(incident.presses, 1_001);
    assert_eq!(press(&book, 500).await.what, HandledAs::Already);

    // What is kept in memory is what a full fold gives.
    let fresh = over(book.log().clone()).await;
    assert_eq!(fresh.fold_incident(id).await.unwrap(), Some(incident));
    assert_eq!(
        fresh.fold_care(&subject()).await,
        book.fold_care(&subject()).await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_dispatchers_at_once_open_one_incident() {
    for _ in 0..50 {
        let one = memory().await;
        let other = over(one.log().clone()).await;
        let tries = [(one.clone(), 1), (other, 2)];
        let tries =
            tries.map(|(book, number)| tokio::spawn(async move { press(&book, number).await }));
        let mut handled = Vec::new();
        for one in tries {
            handled.push(one.await.unwrap());
        }
        assert_eq!(handled[0].incident, handled[1].incident);
        handled.sort_by_key(|one| one.what != HandledAs::Opened);
        assert_eq!(handled[0].what, HandledAs::Opened);
        assert_eq!(handled[1].what, HandledAs::Joined);
        let incidents = one
            .log()
            .read_category(streams::INCIDENT, Position::START, Direction::Forward, 10)
            .await
            .unwrap();
        assert_eq!(incidents.len(), 2, "opened and joined");
        assert_eq!(incidents[0].stream, incidents[1].stream);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_dispatchers_with_the_same_alarm_handle_it_once() {
    for number in 0..50 {
        let one = memory().await;
        let other = over(one.log().clone()).await;
        let tries = [one.clone(), other]
            .map(|book| tokio::spawn(async move { press(&book, number).await.what }));
        let mut handled = Vec::new();
        for one in tries {
            handled.push(one.await.unwrap());
        }
        assert!(handled.contains(&HandledAs::Opened), "{handled:?}");
        assert!(handled.contains(&HandledAs::Already), "{handled:?}");
        assert_eq!(events_of(&one).await, ["CareOpened", "IncidentOpened"]);
    }
}

#[tokio::test]
async fn a_crash_after_any_append_is_repeated_safely() {
    let presses = 4;
    // Each press is one append; the vault's keys are appends of their own, so more crash points than presses.
    for crash_after in 0..=6 {
        let book = memory().await;
        book.log().faults().crash_after(crash_after);
        for number in 0..presses {
            let kind = SignalKind::Sos;
            let _ = book
                .open_or_join(alarm(number, kind), subject(), opening())
                .await;
        }
        let survived = book.log().fork_after_crash().unwrap();
        let book = over(survived).await;
        let mut incident = None;
        for number in 0..presses {
            let handled = press(&book, number).await;
            assert_eq!(handled.incident, *incident.get_or_insert(handled.incident));
        }
        let id = incident.flatten().unwrap();
        let folded = book.fold_incident(id).await.unwrap().unwrap();
        assert_eq!(u128::from(folded.presses), presses, "after {crash_after}");
        let (care, _) = book.fold_care(&subject()).await.unwrap();
        assert_eq!(care.handled.len() as u128, presses);
        assert_eq!(care.open, Some(id));
    }
}

#[tokio::test]
async fn a_lost_answer_is_repeated_safely() {
    let book = memory().await;
    press(&book, 0).await;
    book.log().faults().lose_answer(1);
    let again = || book.open_or_join(alarm(1, SignalKind::Fall), subject(), opening());
    let lost = again().await;
    assert!(matches!(lost, Err(BookError::Unavailable(_))), "{lost:?}");
    assert_eq!(again().await.unwrap().what, HandledAs::Already);
    let id = IncidentId::opened_by(AlarmId(Uuid::from_u128(0)));
    let incident = book.fold_incident(id).await.unwrap().unwrap();
    assert_eq!(incident.presses, 2);
}

#[tokio::test]
async fn a_cancel_joins_and_never_opens() {
    let book = memory().await;
    let cancel =
        |number| book.open_or_join(alarm(number, SignalKind::Cancel), subject(), opening());
    let nothing = cancel(1).await.unwrap();
    assert_eq!(nothing.what, HandledAs::Nothing);
    assert_eq!(nothing.incident, None);
    assert_eq!(events_of(&book).await, [""; 0]);
    let id = press(&book, 2).await.incident.unwrap();
    assert_eq!(cancel(3).await.unwrap().what, HandledAs::Joined);
    let incident = book.fold_incident(id).await.unwrap().unwrap();
    assert!(incident.cancel_said);
    assert!(incident.is_open());
    assert_eq!(incident.presses, 1);
}

#[tokio::test]
async fn the_place_is_sealed_and_opens_for_who_may() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let incident = book.fold_incident(id).await.unwrap().unwrap();
    let place = book.open_place(&incident).await;
    assert_eq!(place, Ok(opening().place_plain));
    book.vault().forget(subject().as_str()).await.unwrap();
    let erased = book.open_place(&incident).await;
    assert_eq!(erased, Err(casebook::Unopened::Erased));
}

#[tokio::test]
async fn a_care_that_names_an_incident_nobody_opened_still_gets_its_resident_an_incident() {
    let book = memory().await;
    let nobody = IncidentId(Uuid::from_u128(9));
    let event = CareEvent::CareOpened {
        incident: nobody,
        alarm: AlarmId(Uuid::from_u128(9)),
    };
    let id = eventlog::EventId(Uuid::from_u128(10));
    let draft = casebook::Draft::new(id, opening().at, domain::Actor::Dispatcher, event);
    let stream = streams::care(&subject());
    book.append(
        Lane::Urgent,
        &stream,
        Expected::NoStream,
        vec![draft],
        casebook::Meta::default(),
    )
    .await
    .unwrap();
    let handled = press(&book, 1).await;
    assert_eq!(handled.what, HandledAs::Opened);
    let (care, _) = book.fold_care(&subject()).await.unwrap();
    assert_eq!(care.open, handled.incident);
    assert_eq!(press(&book, 1).await.what, HandledAs::Already);
    assert_eq!(press(&book, 2).await.incident, handled.incident);
}

#[tokio::test]
async fn an_alarm_handled_before_a_restart_is_handled() {
    let folder = tempfile::tempdir().unwrap();
    let book = sqlite(folder.path()).await;
    let opened = press(&book, 1).await;
    book.log().close().await;
    drop(book);
    let book = sqlite(folder.path()).await;
    let again = press(&book, 1).await;
    assert_eq!(again.what, HandledAs::Already);
    assert_eq!(again.incident, opened.incident);
    assert_eq!(press(&book, 2).await.what, HandledAs::Joined);
}

#[tokio::test]
async fn a_follower_sees_what_was_handled_and_passes_over_what_it_cannot_read() {
    let book = memory().await;
    press(&book, 1).await;
    let odd = eventlog::NewEvent {
        id: eventlog::EventId(Uuid::from_u128(77)),
        kind: "SiteClosed".to_owned(),
        body: "{}".into(),
        meta: "".into(),
    };
    let append = eventlog::StreamAppend {
        stream: eventlog::StreamName::new("site-s-1").unwrap(),
        expected: Expected::Any,
        events: vec![odd],
    };
    book.log().append(Lane::Bulk, vec![append]).await.unwrap();
    let mut follower = book.follow(Filter::All, Position::START);
    let mut seen = Vec::new();
    while follower.position() < book.log().head() {
        let (recorded, case) = follower.next_event().await.unwrap();
        seen.push((recorded.kind.to_string(), case == casebook::Case::Foreign));
    }
    let expected = [
        ("CareOpened", false),
        ("IncidentOpened", false),
        ("SiteClosed", true),
    ];
    assert_eq!(seen, expected.map(|(kind, odd)| (kind.to_owned(), odd)));
}

#[tokio::test]
async fn an_event_that_does_not_read_stops_the_fold_and_not_the_reader() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let append = eventlog::StreamAppend {
        stream: streams::incident(id),
        expected: Expected::Any,
        events: ["Unheard", "Held"]
            .map(|kind| eventlog::NewEvent {
                id: eventlog::EventId(Uuid::new_v4()),
                kind: kind.to_owned(),
                body: "{}".into(),
                meta: "".into(),
            })
            .into(),
    };
    book.log().append(Lane::Bulk, vec![append]).await.unwrap();
    let folded = book.fold_incident(id).await;
    assert!(
        matches!(folded, Err(BookError::Unreadable(_))),
        "{folded:?}"
    );
    let stream = streams::incident(id);
    let unheard = book
        .log()
        .read_stream(&stream, Revision(1), Direction::Forward, 1);
    let unheard = unheard.await.unwrap();
    assert_eq!(read(&unheard[0]), Ok(casebook::Case::Foreign));
}

async fn events_of(book: &Casebook) -> Vec<String> {
    let all = book
        .log()
        .read_all(Position::START, Direction::Forward, 100);
    all.await
        .unwrap()
        .iter()
        .map(|event| event.kind.to_string())
        .collect()
}
