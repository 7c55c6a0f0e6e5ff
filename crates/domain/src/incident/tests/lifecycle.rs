//! The whole life as one committed table: every state, every request, what comes of it.
//!
//! For: the rules of the module of the same name, one sentence a test.
//! May not know: clocks, other crates.

use super::*;
use std::{fmt::Write, fs, path::Path};

fn states() -> Vec<(&'static str, Story)> {
    vec![
        ("unopened", Story::blank()),
        ("waiting", Story::opened(SignalKind::Sos)),
        ("offered", Story::offered().at(5)),
        ("accepted", Story::accepted()),
        ("talking", Story::talking()),
        ("underway", Story::underway()),
        ("on_site", Story::on_site()),
        ("held", Story::held()),
        ("resolved", Story::resolved()),
    ]
}

fn requests(story: &Story) -> Vec<(&'static str, Actor, IncidentCommand)> {
    let now = story.now;
    let machine = Actor::Dispatcher;
    let carer = Actor::Responder(responder("carer"));
    let offer = || match &story.incident {
        Some(_) => story.offer(1, 0, OfferCause::Ring, None),
        None => IncidentCommand::MarkUnseen {
            parties: vec![site(1)],
        },
    };
    let mut closing = resolve(Reason::Fall, Outcome::Lifted);
    if let IncidentCommand::Resolve { machine, .. } = &mut closing {
        *machine = true;
    }
    let contact = IncidentCommand::TryContact {
        callee: Callee::Contact(1),
        result: ContactResult::Reached,
    };
    let answer = IncidentCommand::AnswerProtocol {
        protocol: "fall".into(),
        version: 1,
        step: "bleeding".into(),
        answer: "no".into(),
    };
    let later = Timestamp(now.0 + 300_000);
    let ask = |about| IncidentCommand::AskOverdue { about };
    let tell = |about| IncidentCommand::Escalate { to: desk(), about };
    let phone = IncidentCommand::RingDutyPhone {
        party: site(1),
        attempt: 1,
        cause: DutyPhoneCause::Unanswered,
    };
    let decline = IncidentCommand::Decline {
        party: site(1),
        operator: operator("wang"),
        reason: "out".into(),
    };
    let over = IncidentCommand::HandOver {
        to: operator("li"),
        party: site(2),
    };
    let delay = IncidentCommand::DelayResponder {
        responder: responder("carer"),
        eta: later,
    };
    let back = IncidentCommand::ReturnResponder {
        responder: responder("carer"),
    };
    let call = IncidentCommand::CallEmergencyService {
        service: EmergencyService::Ambulance,
    };
    let unseen = IncidentCommand::MarkUnseen {
        parties: vec![site(1)],
    };
    let on_behalf = Actor::Gateway;
    vec![
        ("open, dispatcher", machine.clone(), open(SignalKind::Sos)),
        (
            "join, a press",
            machine.clone(),
            join(9, SignalKind::Sos, now),
        ),
        (
            "join, a cancel",
            machine.clone(),
            join(9, SignalKind::Cancel, now),
        ),
        ("offer ring 1, dispatcher", machine.clone(), offer()),
        ("show, offered site", by("wang"), shown("wang", site(1))),
        ("mark unseen, dispatcher", machine.clone(), unseen),
        ("ring duty phone, dispatcher", machine.clone(), phone),
        ("decline, offered site", by("wang"), decline),
        ("accept, offered site", by("wang"), accept("wang", site(1))),
        ("accept, by telephone", on_behalf, accept("chen", site(1))),
        (
            "accept, other operator there",
            by("li"),
            accept("li", site(1)),
        ),
        ("accept, site not offered", by("li"), accept("li", site(4))),
        ("accept, district desk", by("zhao"), accept("zhao", desk())),
        (
            "lapse, dispatcher, too early",
            machine.clone(),
            IncidentCommand::LapseAcceptance,
        ),
        ("start talk, owner", by("wang"), IncidentCommand::StartTalk),
        ("start talk, other", by("li"), IncidentCommand::StartTalk),
        ("still on it, owner", by("wang"), IncidentCommand::StillOnIt),
        (
            "ask overdue, dispatcher, too early",
            machine.clone(),
            ask(DeadlineKind::Talk),
        ),
        (
            "escalate, dispatcher, unasked",
            machine.clone(),
            tell(DeadlineKind::Talk),
        ),
        ("escalate, owner", by("wang"), tell(DeadlineKind::Talk)),
        ("hand over, owner", by("wang"), over),
        ("hold, owner", by("wang"), hold(later)),
        ("end hold, owner", by("wang"), IncidentCommand::EndHold),
        (
            "end hold, dispatcher, too early",
            machine.clone(),
            IncidentCommand::EndHold,
        ),
        ("try contact, owner", by("wang"), contact),
        ("send responder, owner", by("wang"), send("nurse", 60)),
        (
            "send responder, themselves",
            carer.clone(),
            send("carer", 60),
        ),
        (
            "set out, the responder",
            carer.clone(),
            IncidentCommand::SetOut {
                responder: responder("carer"),
            },
        ),
        ("delay, the responder", carer.clone(), delay),
        ("arrive, the responder", carer.clone(), arrive("carer")),
        ("return, the responder", carer.clone(), back),
        ("call 120, anybody", by("li"), call),
        (
            "ask support, the responder",
            carer.clone(),
            IncidentCommand::AskSupport,
        ),
        (
            "ask support, owner",
            by("wang"),
            IncidentCommand::AskSupport,
        ),
        (
            "answer support, desk, unasked",
            by("zhao"),
            answer_support("zhao", desk()),
        ),
        (
            "note, anybody",
            by("li"),
            IncidentCommand::AddNote { text: sealed() },
        ),
        ("answer protocol, owner", by("wang"), answer),
        ("transfer, owner", by("wang"), transfer(site(3))),
        (
            "resolve, owner",
            by("wang"),
            resolve(Reason::Fall, Outcome::Lifted),
        ),
        (
            "resolve, other",
            by("li"),
            resolve(Reason::Fall, Outcome::Lifted),
        ),
        (
            "resolve, the responder",
            carer,
            resolve(Reason::Fall, Outcome::Lifted),
        ),
        (
            "resolve as deceased, owner",
            by("wang"),
            resolve(Reason::Unknown, Outcome::Deceased),
        ),
        ("resolve, marked machine", machine.clone(), closing),
        (
            "reopen",
            by("zhao"),
            IncidentCommand::Reopen {
                cause: "again".into(),
            },
        ),
        (
            "follow up",
            by("zhao"),
            IncidentCommand::FollowUp { text: None },
        ),
        (
            "open review",
            by("zhao"),
            IncidentCommand::OpenReview {
                cause: "slow".into(),
            },
        ),
        (
            "close review",
            by("zhao"),
            IncidentCommand::CloseReview { text: None },
        ),
    ]
}

fn table() -> String {
    let mut text = String::from(
        "The incident's life: state, request, what comes of it. Made by a test; see incident/tests/lifecycle.rs.\n\
         A dash means: nothing new. `refused:` is followed by the rule's code.\n",
    );
    for (name, story) in states() {
        writeln!(text, "\n{name}").unwrap();
        for (request, actor, command) in requests(&story) {
            let result = match story.asked(actor, command) {
                Ok(events) if events.is_empty() => "-".to_owned(),
                Ok(events) => {
                    let names: Vec<String> = events.iter().map(name_of).collect();
                    names.join(" + ")
                }
                Err(refusal) => format!("refused: {}", refusal.code()),
            };
            writeln!(text, "  {request:<36} {result}").unwrap();
        }
    }
    text
}

#[test]
fn the_life_is_as_the_committed_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("lifecycle.txt");
    let now = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        now, committed,
        "run with UPDATE_GOLDEN=1 and look at the difference"
    );
}
