//! Acting on incidents: one owner, one result, whatever is repeated.
//!
//! For: conflicts, repeated commands, closing and reopening.
//! May not know: alarms' way in; that is `handling`.

use crate::common::{accept, asked, command, memory, operator, press, resolve, sqlite, subject};
use casebook::{ActError, streams};
use domain::{
    Sealed,
    care::CareRefusal,
    incident::{IncidentCommand, IncidentEvent, Refusal},
};
use eventlog::{Direction, Revision};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_accept_at_once_one_wins_and_the_other_is_told_who_200_times() {
    let book = memory().await;
    // Another process at the same log: nothing but the revision keeps the two apart.
    let other = crate::common::over(book.log().clone()).await;
    for round in 0..200_u128 {
        let press = alarm_of_its_own(round);
        let id = book
            .open_or_join(press.0, press.1, crate::common::opening())
            .await
            .unwrap()
            .incident
            .unwrap();
        let tries = [("wang", &book), ("li", &other)].map(|(name, book)| {
            let book = book.clone();
            let number = round * 2 + u128::from(name == "li");
            tokio::spawn(async move { book.act(id, command(number), accept(name)).await })
        });
        let [wang, li] = tries;
        let (wang, li) = (wang.await.unwrap(), li.await.unwrap());
        let (winner, loser) = match (&wang, &li) {
            (Ok(_), Err(error)) => ("wang", error),
            (Err(error), Ok(_)) => ("li", error),
            other => panic!("one must win, in round {round}: {other:?}"),
        };
        let by = operator(winner);
        assert_eq!(
            *loser,
            ActError::Refused(Refusal::AlreadyAccepted { by: by.clone() })
        );
        let incident = book.fold_incident(id).await.unwrap().unwrap();
        assert_eq!(incident.owner.unwrap().operator, by);
    }
}

fn alarm_of_its_own(round: u128) -> (domain::incident::AlarmRef, domain::SubjectId) {
    let resident = domain::ResidentId::parse(&format!("r-{round}")).unwrap();
    (
        crate::common::alarm(round, domain::signal::SignalKind::Sos),
        domain::SubjectId::resident(&resident),
    )
}

#[tokio::test]
async fn a_repeated_command_acts_once_also_after_the_log_was_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let book = sqlite(folder.path()).await;
    let id = press(&book, 1).await.incident.unwrap();
    let first = book.act(id, command(1), accept("wang")).await.unwrap();
    assert!(!first.repeated);
    let talk = asked("wang", IncidentCommand::StartTalk);
    book.act(id, command(2), talk).await.unwrap();
    let again = book.act(id, command(1), accept("wang")).await.unwrap();
    let another = book.act(id, command(1), accept("li")).await;
    assert!(matches!(another, Err(ActError::Reused)), "{another:?}");
    book.log().close().await;
    drop(book);

    let book = sqlite(folder.path()).await;
    let reopened = book.act(id, command(1), accept("wang")).await.unwrap();
    for repeated in [again, reopened] {
        assert!(repeated.repeated);
        assert_eq!(repeated.revision, first.revision);
        assert_eq!(repeated.position, first.position);
        assert_eq!(repeated.events, first.events);
        assert_eq!(repeated.incident, first.incident);
    }
    let events = book
        .log()
        .read_stream(
            &streams::incident(id),
            Revision::FIRST,
            Direction::Forward,
            100,
        )
        .await
        .unwrap();
    assert_eq!(events.len(), 3, "opened, accepted, talk started");
}

#[tokio::test]
async fn a_command_whose_answer_was_lost_is_repeated_safely() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    book.log().faults().lose_answer(1);
    let lost = book.act(id, command(1), accept("wang")).await;
    assert!(matches!(lost, Err(ActError::Unavailable(_))), "{lost:?}");
    let again = book.act(id, command(1), accept("wang")).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.events.len(), 1);
    assert_eq!(again.incident.owner.unwrap().operator, operator("wang"));
}

#[tokio::test]
async fn nothing_new_is_no_error_and_leaves_no_event() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let first = book.act(id, command(1), accept("wang")).await.unwrap();
    let second = book.act(id, command(2), accept("wang")).await.unwrap();
    assert_eq!(second.events, []);
    assert!(!second.repeated);
    assert_eq!(second.revision, first.revision);
    assert_eq!(second.position, first.position);
}

#[tokio::test]
async fn what_another_process_wrote_is_read_before_anybody_is_told_no() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let over = || crate::common::over(book.log().clone());
    let [lis, wangs, repeats] = [over().await, over().await, over().await];
    for one in [&lis, &wangs, &repeats] {
        one.fold_incident(id).await.unwrap();
    }
    book.act(id, command(1), accept("li")).await.unwrap();
    // As far as these know nobody has the call.
    let talk = || asked("li", IncidentCommand::StartTalk);
    assert!(lis.known_incident(id).unwrap().owner.is_none());
    let talking = lis.act(id, command(2), talk()).await.unwrap();
    assert_eq!(talking.revision, Revision(2));
    let late = wangs.act(id, command(3), accept("wang")).await;
    let by = operator("li");
    assert_eq!(
        late,
        Err(ActError::Refused(Refusal::AlreadyAccepted { by }))
    );
    let again = repeats.act(id, command(2), talk()).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.revision, Revision(2));
}

#[tokio::test]
async fn an_incident_nobody_opened_is_not_found() {
    let book = memory().await;
    let id = domain::IncidentId(uuid::Uuid::from_u128(404));
    let missing = book.act(id, command(1), accept("wang")).await;
    assert_eq!(missing, Err(ActError::NotFound));
    assert_eq!(book.fold_incident(id).await, Ok(None));
}

#[tokio::test]
async fn resolving_closes_the_care_and_a_re_press_in_between_refuses_it() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    book.act(id, command(1), accept("wang")).await.unwrap();
    let seen_before = resolve(&book, id, "wang").await;
    press(&book, 2).await;
    let refused = book.act(id, command(2), seen_before).await;
    assert!(
        matches!(refused, Err(ActError::Refused(Refusal::UnreadAlarm { .. }))),
        "{refused:?}"
    );
    let (care, _) = book.fold_care(&subject()).await.unwrap();
    assert_eq!(care.open, Some(id));

    let asked = resolve(&book, id, "wang").await;
    let resolved = book.act(id, command(3), asked.clone()).await.unwrap();
    let (care, _) = book.fold_care(&subject()).await.unwrap();
    assert_eq!(care.open, None);
    assert_eq!(care.last_closed.map(|closed| closed.0), Some(id));
    let again = book.act(id, command(3), asked).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.position, resolved.position);
}

#[tokio::test]
async fn an_incident_is_not_reopened_beside_another_of_the_same_person() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    book.act(id, command(1), accept("wang")).await.unwrap();
    let asked_to_close = resolve(&book, id, "wang").await;
    book.act(id, command(2), asked_to_close).await.unwrap();
    let other = press(&book, 2).await.incident.unwrap();
    assert_ne!(other, id);
    let second = book.fold_incident(other).await.unwrap().unwrap();
    assert_eq!(second.previous, Some(id));

    let reopen = || {
        let cause = "still unwell".to_owned();
        asked("wang", IncidentCommand::Reopen { cause })
    };
    let refused = book.act(id, command(3), reopen()).await;
    let another = CareRefusal::AnotherOpen { incident: other };
    assert_eq!(refused, Err(ActError::CareRefused(another)));

    book.act(other, command(4), accept("li")).await.unwrap();
    let asked_to_close = resolve(&book, other, "li").await;
    book.act(other, command(5), asked_to_close).await.unwrap();
    book.act(id, command(6), reopen()).await.unwrap();
    let (care, _) = book.fold_care(&subject()).await.unwrap();
    assert_eq!(care.open, Some(id));
    assert_eq!(press(&book, 3).await.incident, Some(id), "it joins again");
}

#[tokio::test]
async fn a_note_sealed_for_a_command_opens_where_the_command_put_it() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let key = subject();
    let text: Sealed = book
        .seal_for_command(key.as_str(), id, command(1), 0, "text", "门口有狗")
        .await
        .unwrap();
    let note = asked("wang", IncidentCommand::AddNote { text });
    let acted = book.act(id, command(1), note).await.unwrap();
    let IncidentEvent::NoteAdded { text } = &acted.events[0].event else {
        panic!("a note is its command's first event: {:?}", acted.events);
    };
    let stream = streams::incident(id);
    let event = casebook::command_event(command(1), 0);
    let opened = book.open_text(text, &stream, event, "text").await;
    assert_eq!(opened.as_deref(), Ok("门口有狗"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_consoles_that_write_at_once_are_all_heard() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let tries: Vec<_> = (0..100)
        .map(|number| {
            let book = book.clone();
            tokio::spawn(async move { book.act(id, command(number), call_police()).await })
        })
        .collect();
    for one in tries {
        assert_eq!(one.await.unwrap().unwrap().events.len(), 1);
    }
    let head = book.log().stream_head(&streams::incident(id)).await;
    assert_eq!(head, Ok(Some(Revision(100))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_outrun_each_other_are_told_of_the_conflict_and_nothing_is_half_done() {
    let one = memory().await;
    let id = press(&one, 1).await.incident.unwrap();
    let mut tries = Vec::new();
    for number in 0..40 {
        let book = crate::common::over(one.log().clone()).await;
        tries.push(tokio::spawn(async move {
            book.act(id, command(number), call_police()).await
        }));
    }
    let mut done = 0;
    for (number, one) in tries.into_iter().enumerate() {
        match one.await.unwrap() {
            Ok(acted) => done += acted.events.len() as u64,
            Err(error) => assert_eq!(error, ActError::Conflict, "command {number}"),
        }
    }
    assert!(done > 8, "each round has its winner");
    let head = one.log().stream_head(&streams::incident(id)).await;
    assert_eq!(head, Ok(Some(Revision(done))));
}

fn call_police() -> domain::incident::Asked {
    let service = domain::incident::EmergencyService::Police;
    asked("wang", IncidentCommand::CallEmergencyService { service })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_sent_twice_at_once_acts_once() {
    let book = memory().await;
    let id = press(&book, 1).await.incident.unwrap();
    let head = book.log().head();
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let book = book.clone();
            tokio::spawn(async move { book.act(id, command(1), accept("wang")).await })
        })
        .collect();
    let mut first_ones = 0;
    for one in tries {
        let acted = one.await.unwrap().unwrap();
        assert_eq!(acted.position.0, head.0 + 1);
        first_ones += usize::from(!acted.repeated);
    }
    assert_eq!(first_ones, 1);
    assert_eq!(book.log().head().0, head.0 + 1);
}
