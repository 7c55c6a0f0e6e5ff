//! Live consoles: racing, resuming, repeating, lagging.

use crate::{
    hall::{Hall, at_site},
    page::cards_of,
};
use casebook::Case;
use domain::{Actor, incident::IncidentEvent, resident::ResidentEvent, site::SiteEvent};
use reqwest::StatusCode;
use std::collections::BTreeSet;
use uuid::Uuid;
use wire::console::{Act, Change, FromPage, ToPage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_accept_at_once_exactly_one_wins_and_the_other_is_told_who() {
    let hall = Hall::open().await;
    let (anna, chen) = (hall.token("anna").await, hall.token("chen").await);
    for round in 0..200_u32 {
        let resident = round % 60 + 1;
        let incident = hall
            .press(resident, &[at_site("s-1"), at_site("s-2")])
            .await;
        let accept = |token| hall.command(token, incident, Uuid::new_v4(), None, Act::Accept);
        let (a, c) = tokio::join!(accept(&anna), accept(&chen));
        let now = hall.book.fold_incident(incident).await.unwrap().unwrap();
        let owner = now.owner.clone().unwrap().operator.to_string();
        let (won, lost) = match (a.0, c.0) {
            (StatusCode::OK, StatusCode::CONFLICT) => ("anna", c),
            (StatusCode::CONFLICT, StatusCode::OK) => ("chen", a),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(owner, won);
        assert_eq!(lost.1["code"], "already_accepted");
        assert_eq!(lost.1["who"], format!("{won}护理员"));
        // Closed, so that the next press of this resident opens another.
        let winner = if won == "anna" { &anna } else { &chen };
        let closed = hall
            .command(
                winner,
                incident,
                Uuid::new_v4(),
                Some(now.revision),
                resolve(),
            )
            .await;
        assert_eq!(closed.0, StatusCode::OK, "{}", closed.1);
    }
}

fn resolve() -> Act {
    Act::Resolve {
        reason: "UNWELL".to_owned(),
        actions: vec!["TALKED".to_owned()],
        outcome: "SAFE".to_owned(),
        note: Some("量了血压".to_owned()),
    }
}

#[tokio::test]
async fn a_console_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let one = hall.press(1, &[at_site("s-1")]).await;
    let two = hall.press(2, &[at_site("s-1"), at_site("s-2")]).await;
    hall.shown().await;
    let mut page = hall.page(&anna, "tab-1", None).await;
    let (position, cards) = page.snapshot().await;
    assert_eq!(cards.len(), 2);
    page.sign_on("s-1").await;
    let (again, _) = page.snapshot().await;
    assert!(again >= position);
    let position = again;
    page.close().await;
    hall.until("the console is detached", |case| {
        matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::ConsoleDetached { .. }))
    })
    .await;

    // Meanwhile: one is untouched, two is accepted elsewhere, three is new.
    let chen = hall.token("chen").await;
    let accepted = hall
        .command(&chen, two, Uuid::new_v4(), None, Act::Accept)
        .await;
    assert_eq!(accepted.0, StatusCode::OK);
    let three = hall.press(3, &[at_site("s-1")]).await;
    hall.shown().await;

    let mut page = hall.page(&anna, "tab-1", Some(position)).await;
    let (came_at, changes) = page
        .until(|message| match message {
            ToPage::Changes {
                position, changes, ..
            } => Some((position, changes)),
            ToPage::Snapshot { .. } => panic!("a short absence needs no snapshot"),
            _ => None,
        })
        .await;
    assert!(came_at > position);
    let mut upserted = BTreeSet::new();
    let mut removed = BTreeSet::new();
    for change in changes {
        match change {
            Change::Upsert { card } => assert!(upserted.insert(card.id), "twice"),
            Change::Remove { id, why, by, .. } => {
                assert_eq!(why, "accepted_elsewhere");
                assert_eq!(by.as_deref(), Some("chen护理员"));
                removed.insert(id);
            }
        }
    }
    assert_eq!(removed, [two.to_string()].into());
    assert!(upserted.contains(&three.to_string()));
    assert!(!upserted.contains(&one.to_string()), "nothing new about it");
    // From there on positions only grow.
    let four = hall.press(4, &[at_site("s-1")]).await;
    let mut last = came_at;
    let mut seen = false;
    while !seen {
        let message = page.next().await.unwrap();
        if let ToPage::Changes { position, .. } = &message {
            assert!(*position > last);
            last = *position;
        }
        seen = cards_of(message).iter().any(|c| c.id == four.to_string());
    }
}

#[tokio::test]
async fn a_position_of_another_log_gets_a_snapshot() {
    let hall = Hall::open().await;
    let anna = hall.token("manager").await;
    for position in [0, 1, 1 << 40, u64::MAX] {
        let mut page = hall.page(&anna, "tab-1", Some(position)).await;
        let first = page
            .until(|message| match message {
                ToPage::Snapshot { .. } => Some(true),
                ToPage::Changes { .. } => Some(false),
                _ => None,
            })
            .await;
        assert!(first, "from {position}");
    }
}

#[tokio::test]
async fn a_repeated_command_acts_once() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    let id = Uuid::new_v4();
    let (status, first) = hall.command(&anna, incident, id, None, Act::Accept).await;
    assert_eq!(status, StatusCode::OK);
    let note = Uuid::new_v4();
    let text = || Act::AddNote {
        text: "老人说头晕".to_owned(),
    };
    for _ in 0..2 {
        let (status, _) = hall.command(&anna, incident, note, None, text()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, again) = hall.command(&anna, incident, id, None, Act::Accept).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(again["repeated"], true);
    assert_eq!(again["revision"], first["revision"]);
    // The same id for another act is a fault of the page's, and not a repetition.
    let (status, problem) = hall
        .command(&anna, incident, id, None, Act::StartTalk)
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "command_reused");
    let count = |is: fn(&IncidentEvent) -> bool| {
        let of = move |case: &Case| matches!(case, Case::Incident(h) if is(&h.event));
        let events = hall.events();
        async move { events.await.iter().filter(|c| of(c)).count() }
    };
    let accepted = count(|e| matches!(e, IncidentEvent::Accepted { .. })).await;
    let noted = count(|e| matches!(e, IncidentEvent::NoteAdded { .. })).await;
    assert_eq!((accepted, noted), (1, 1));
    let card = hall.card(&anna, incident).await;
    let line = card.story.iter().find(|l| l.kind == "NoteAdded").unwrap();
    assert_eq!(line.args, ["老人说头晕"]);
    assert_eq!(line.by.as_deref(), Some("anna护理员"));
}

#[tokio::test]
async fn closing_is_refused_while_a_new_press_is_unread() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    let accept = hall.command(&anna, incident, Uuid::new_v4(), None, Act::Accept);
    assert_eq!(accept.await.0, StatusCode::OK);
    let seen = hall.card(&anna, incident).await.revision;
    assert_eq!(hall.alarm(1).await, incident);
    let (status, problem) = hall
        .command(&anna, incident, Uuid::new_v4(), Some(seen), resolve())
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "unread_alarm");
    hall.shown().await;
    let card = hall.card(&anna, incident).await;
    assert_eq!(card.presses, 2);
    let (status, _) = hall
        .command(
            &anna,
            incident,
            Uuid::new_v4(),
            Some(card.revision),
            resolve(),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn an_offer_rings_is_shown_and_worked_to_its_end() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut page = hall.page(&anna, "tab-1", None).await;
    page.snapshot().await;
    page.sign_on("s-1").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    let card = page.card(|c| c.rings_me).await;
    assert_eq!(card.accept_as.as_ref().unwrap().id.as_deref(), Some("s-1"));
    assert!(card.deadline.is_some());
    assert!(card.place.starts_with("道里 "), "{}", card.place);
    assert_eq!(card.can_send[0].responder, "carer-1");
    let (incident_text, revision) = (incident.to_string(), card.revision);
    page.say(&FromPage::Shown {
        incident: incident_text,
        revision,
        sounded: true,
    })
    .await;
    page.card(|c| c.offer.as_ref().is_some_and(|o| o.rung[0].sounded))
        .await;
    let responder = "carer-1".to_owned();
    let steps = [
        (Act::Accept, "accepted"),
        (Act::StartTalk, "talking"),
        (
            Act::SendResponder {
                responder: responder.clone(),
            },
            "underway",
        ),
        (Act::Arrive { responder }, "on_site"),
    ];
    for (act, phase) in steps {
        page.command(incident, act).await;
        let card = page.card(|c| c.phase == phase).await;
        assert!(card.mine && !card.rings_me);
    }
    let id = Uuid::new_v4();
    let seen = Some(hall.card(&anna, incident).await.revision);
    let command = wire::console::CommandIn {
        id: id.to_string(),
        seen,
        at: None,
        act: resolve(),
    };
    let incident_text = incident.to_string();
    page.say(&FromPage::Command {
        incident: incident_text,
        command,
    })
    .await;
    let why = page
        .until(|message| match message {
            ToPage::Changes { changes, .. } => changes.into_iter().find_map(|c| match c {
                Change::Remove { why, .. } => Some(why),
                Change::Upsert { .. } => None,
            }),
            _ => None,
        })
        .await;
    assert_eq!(why, "closed");
    let (_, closed) = hall.get(&anna, "/v1/incidents?state=closed").await;
    assert_eq!(closed["incidents"][0]["id"], incident.to_string());
    assert_eq!(closed["incidents"][0]["closing"]["outcome"], "SAFE");
}

#[tokio::test]
async fn a_console_that_lags_too_far_gets_one_snapshot_instead_of_a_queue() {
    let hall = Hall::open().await;
    let admin = hall.token("admin").await;
    let mut page = hall.page(&admin, "tab-1", None).await;
    let (position, _) = page.snapshot().await;
    drop(page);
    // More incidents change between two frames than one frame may name: opened while the console is away.
    let before = hall.console.metrics().read().collapsed;
    let many = console::COLLAPSE_AFTER * 6;
    for n in 0..many {
        let subject = domain::SubjectId::source(&format!("{n:08x}"));
        let at = hall.book.now();
        let alarm = domain::incident::AlarmRef {
            alarm: domain::AlarmId(Uuid::new_v4()),
            position: 0,
            device: None,
            press: String::new(),
            kind: domain::signal::SignalKind::Sos,
            received_at: at,
            problems: vec![],
            verified: false,
        };
        let opening = casebook::Opening {
            resident: None,
            district: None,
            place_plain: None,
            late_ms: None,
            at,
        };
        hall.book
            .open_or_join(alarm, subject, opening)
            .await
            .unwrap();
    }
    hall.shown().await;
    let mut page = hall.page(&admin, "tab-1", Some(position)).await;
    let mut held = BTreeSet::new();
    let mut snapshots = 0;
    while held.len() < many {
        let message = page.next().await.unwrap();
        if matches!(message, ToPage::Snapshot { .. }) {
            snapshots += 1;
            held.clear();
        }
        held.extend(cards_of(message).into_iter().map(|c| c.id));
    }
    assert!(snapshots > 0);
    assert!(hall.console.metrics().read().collapsed > before);
}

#[tokio::test]
async fn a_console_that_stops_answering_is_dropped_and_the_log_says_so() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut page = hall.page(&anna, "tab-1", None).await;
    page.snapshot().await;
    page.sign_on("s-1").await;
    // The page is held but never read again: no pong ever comes back.
    let silent = page;
    hall.until("the silent console is detached", |case| {
        matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::ConsoleDetached { .. }))
    })
    .await;
    drop(silent);
}

#[tokio::test]
async fn the_same_tab_over_a_new_connection_is_not_detached() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut old = hall.page(&anna, "tab-1", None).await;
    old.snapshot().await;
    old.sign_on("s-1").await;
    hall.shown().await;
    let mut new = hall.page(&anna, "tab-1", None).await;
    let duty = new
        .until(|message| match message {
            ToPage::Duty { duty, .. } => Some(duty),
            _ => None,
        })
        .await;
    assert_eq!(duty.unwrap().id.as_deref(), Some("s-1"), "duty goes on");
    while old.next().await.is_some() {}
    new.say(&FromPage::Sound { proven: true }).await;
    hall.until(
        "sound is proven anew",
        |case| matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::SoundProven { .. })),
    )
    .await;
    let detached = |case: &Case| matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::ConsoleDetached { .. }));
    assert!(!hall.events().await.iter().any(detached));
}

#[tokio::test]
async fn stopping_says_goodbye_and_detaches() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let mut page = hall.page(&anna, "tab-1", None).await;
    page.snapshot().await;
    page.sign_on("s-1").await;
    hall.console.stop().await;
    while page.next().await.is_some() {}
    let detached = |case: &Case| matches!(case, Case::Site(h) if matches!(h.event, SiteEvent::ConsoleDetached { .. }));
    assert!(hall.events().await.iter().any(detached));
}

#[tokio::test]
async fn a_carer_works_a_call_from_the_phone_in_their_own_name() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let phone = hall.phone_of(&anna, "carer-1").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let mut page = hall.page(&phone, "phone-1", None).await;
    let (_, cards) = page.snapshot().await;
    assert_eq!(cards[0].resident.as_ref().unwrap().contacts.len(), 1);
    let responder = "carer-1".to_owned();
    let steps = [
        Act::Accept,
        Act::SendResponder {
            responder: responder.clone(),
        },
        Act::Arrive { responder },
        Act::CallService {
            service: "120".to_owned(),
        },
    ];
    for act in steps {
        page.command(incident, act).await;
        page.result().await.1.unwrap();
    }
    // The desk's own steps are not for a phone, whoever let it in.
    let desk = [
        Act::StartTalk,
        Act::StillOnIt,
        Act::HandOver {
            to: "bo".to_owned(),
        },
        Act::SendResponder {
            responder: "carer-2".to_owned(),
        },
        Act::Reopen {
            cause: "called_again".to_owned(),
        },
    ];
    for act in desk {
        let (status, said) = hall
            .command(&phone, incident, Uuid::new_v4(), None, act)
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
    }
    let looked = |case: &Case| matches!(case, Case::Resident(h) if matches!(h.event, ResidentEvent::RecordViewed { .. }) && matches!(&h.by, Actor::Responder(carer) if carer.as_str() == "carer-1"));
    hall.until("the carer's look is written down", looked).await;
    hall.shown().await;
    let card = hall.card(&anna, incident).await;
    let by = |kind: &str| {
        let line = card.story.iter().find(|l| l.kind == kind).unwrap();
        line.by.clone().unwrap()
    };
    // The carer has accepted, and everybody is told so; the account that let the phone in holds the call.
    assert_eq!(by("Accepted"), "carer-1师傅");
    let owner = card.owner.as_ref().unwrap();
    assert_eq!(owner.operator, "anna");
    assert_eq!(
        (owner.name.as_str(), owner.post.as_str()),
        ("carer-1师傅", "护理员")
    );
    assert_eq!(owner.carer.as_deref(), Some("carer-1"));
    let (_, refused) = hall
        .command(
            &hall.token("bo").await,
            incident,
            Uuid::new_v4(),
            None,
            Act::Accept,
        )
        .await;
    assert_eq!(refused["who"], "carer-1师傅");
    assert!(card.responders[0].set_out_at.is_some());
    assert_eq!(by("ResponderArrived"), "carer-1师傅");
    assert_eq!(by("EmergencyServiceCalled"), "carer-1师傅");
    // Closed, and closed again by a telephone that did not hear the answer: done once, and the record is gone from it.
    let id = Uuid::new_v4();
    for repeated in [false, true] {
        let (status, done) = hall
            .command(&phone, incident, id, Some(card.revision), resolve())
            .await;
        assert_eq!(status, StatusCode::OK, "{done}");
        assert_eq!(done["repeated"], repeated);
    }
    let gone = hall.get(&phone, &format!("/v1/incidents/{incident}")).await;
    assert_eq!(gone.0, StatusCode::NOT_FOUND);
    for act in [
        Act::FollowUp { text: None },
        Act::Reopen {
            cause: "called_again".to_owned(),
        },
    ] {
        let (status, said) = hall
            .command(&phone, incident, Uuid::new_v4(), None, act)
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
    }
    let closed = hall.card(&anna, incident).await;
    assert_eq!(closed.phase, "resolved");
    // By whose hand, not by whose account.
    assert_eq!(closed.closing.unwrap().by.as_deref(), Some("carer-1师傅"));
}

#[tokio::test]
async fn a_call_is_handed_over_only_to_somebody_who_is_there() {
    let hall = Hall::open().await;
    let token = hall.token("anna").await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let (status, _) = hall
        .command(&token, incident, Uuid::new_v4(), None, Act::Accept)
        .await;
    assert_eq!(status, StatusCode::OK);
    let to_chen = || Act::HandOver {
        to: "chen".to_owned(),
    };
    let (status, problem) = hall
        .command(&token, incident, Uuid::new_v4(), None, to_chen())
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (StatusCode::CONFLICT, Some("not_on_duty")),
        "{problem}"
    );

    let mut page = hall.page(&hall.token("chen").await, "chen-1", None).await;
    page.snapshot().await;
    page.sign_on("s-2").await;
    hall.shown().await;
    let (status, body) = hall
        .command(&token, incident, Uuid::new_v4(), None, to_chen())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}
