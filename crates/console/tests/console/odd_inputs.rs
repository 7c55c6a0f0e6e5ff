//! What nobody meant to send: messages, bodies, queries and cookies made up, and good ones changed in a few places.
//!
//! For: that each is done or refused in words by the console itself, that the page which sent it goes on, and that nobody
//! comes in by a session that is nearly one.
//! May not know: which refusals there are; those are told one by one in `bad_inputs`.

use crate::{
    hall::{Hall, PATIENCE, SECRET, at_site},
    odd::{self, Changes, cases, changed},
    page::Page,
};
use domain::IncidentId;
use hmac::{Hmac, KeyInit, Mac};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{TestCaseResult, TestRunner},
};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};
use uuid::Uuid;
use wire::console::{CommandIn, CommandOut, FromPage, ToPage};

/// What may be asked of a call; `NUMBER` is any number, `ID` the command's own.
const ACTS: [&str; 22] = [
    r#"{"act":"accept"}"#,
    r#"{"act":"decline","reason":"busy"}"#,
    r#"{"act":"start_talk"}"#,
    r#"{"act":"still_on_it"}"#,
    r#"{"act":"hold","reason":"call_back","minutes":NUMBER}"#,
    r#"{"act":"end_hold"}"#,
    r#"{"act":"try_contact","order":NUMBER,"result":"reached"}"#,
    r#"{"act":"send_responder","responder":"li"}"#,
    r#"{"act":"set_out","responder":"li"}"#,
    r#"{"act":"delay_responder","responder":"li","minutes":NUMBER}"#,
    r#"{"act":"arrive","responder":"li"}"#,
    r#"{"act":"return_responder","responder":"li"}"#,
    r#"{"act":"call_service","service":"120"}"#,
    r#"{"act":"ask_support"}"#,
    r#"{"act":"answer_support"}"#,
    r#"{"act":"add_note","text":"坐在椅子上"}"#,
    r#"{"act":"transfer","party":"city_desk","id":null,"reason":"nearer"}"#,
    r#"{"act":"hand_over","to":"bo"}"#,
    r#"{"act":"resolve","reason":"FALL","actions":["TALKED"],"outcome":"SAFE","note":null}"#,
    r#"{"act":"reopen","cause":"not_safe"}"#,
    r#"{"act":"follow_up","text":null}"#,
    r#"{"act":"close_review","text":"看过了"}"#,
];

/// What a page says; `COMMAND` is one of a call, `INCIDENT` that call.
const SAID: [&str; 9] = [
    r#"{"t":"resume","console":"tab-1","position":null}"#,
    r#"{"t":"sign_on","party":"site","id":"s-1","sound":true}"#,
    r#"{"t":"sign_off"}"#,
    r#"{"t":"sound","proven":true}"#,
    r#"{"t":"shown","incident":"INCIDENT","revision":NUMBER,"sounded":true}"#,
    r#"{"t":"seek","position":NUMBER}"#,
    r#"{"t":"ping","n":NUMBER}"#,
    r#"{"t":"command","incident":"INCIDENT","command":COMMAND}"#,
    r#"{"t":"command","incident":"INCIDENT","command":COMMAND}"#,
];

/// Every other body there is, but for signing in with a password, of which each try costs what it is meant to cost.
const BODIES: [(&str, &str); 5] = [
    ("/v1/session/phone", r#"{"token":"dGhlIHNhbXBsZSBub25jZQ"}"#),
    ("/v1/phone-links", r#"{"responder":"li"}"#),
    ("/v1/residents/by-phone", r#"{"phone":"+86 138-0000-0001"}"#),
    ("/v1/incidents/INCIDENT/claim", r#"{"reason":"call_back"}"#),
    (
        "/v1/duty-phone/answers",
        r#"{"call":"c-1","incident":"INCIDENT","party":{"party":"site","id":"s-1"},"digit":1}"#,
    ),
];

/// Queries with what they are asked of.
const QUERIES: [&str; 6] = [
    "/v1/incidents?state=open&limit=20&district=230102",
    "/v1/incidents?state=closed&after=17&limit=1",
    "/v1/incidents?state=closed&after=18446744073709551615",
    "/v1/incidents?after=00000000-0000-0000-0000-000000001a11",
    "/v1/console?at=1",
    "/v1/incidents/INCIDENT/events",
];

/// What is written into a good example, beside what troubles any reader of JSON.
const PIECES: [&str; 10] = [
    "0.5",
    "4294967295",
    "9223372036854775807",
    " ",
    "/",
    "%ff",
    "%",
    "&",
    "=",
    ";",
];

fn changes() -> impl Strategy<Value = Changes> {
    odd::changes(&[&odd::JSON[..], &PIECES].concat())
}

fn number() -> impl Strategy<Value = String> {
    let edges = [
        "0",
        "1",
        "5",
        "255",
        "256",
        "4294967295",
        "4294967296",
        "18446744073709551615",
        "-1",
    ];
    select(edges.to_vec()).prop_map(str::to_owned)
}

/// A command with any revision seen and any time said; most often none.
fn command() -> impl Strategy<Value = String> {
    let seen =
        prop_oneof![3 => Just("null".to_owned()), 1 => any::<u64>().prop_map(|it| it.to_string())];
    let at = prop_oneof![
        3 => Just(String::new()),
        1 => any::<i64>().prop_map(|it| format!("\"at\":{it},")),
        1 => select(vec![i64::MIN, i64::MAX, 0, -1]).prop_map(|it| format!("\"at\":{it},")),
    ];
    (select(ACTS.to_vec()), number(), seen, at, any::<u128>()).prop_map(
        |(act, number, seen, at, id)| {
            let (id, act) = (Uuid::from_u128(id), act.replace("NUMBER", &number));
            format!("{{\"id\":\"{id}\",\"seen\":{seen},{at}\"do\":{act}}}")
        },
    )
}

/// A city for all cases of a test: calls that anna has, and calls that nobody has yet, all offered to her site.
struct Stage {
    runtime: Runtime,
    hall: Hall,
    anna: String,
    calls: Vec<IncidentId>,
}

impl Stage {
    fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let (hall, anna, calls) = runtime.block_on(async {
            let hall = Hall::open().await;
            let anna = hall.token("anna").await;
            let mut calls = vec![];
            for resident in 1..=6 {
                let call = hall.press(resident, &[at_site("s-1")]).await;
                hall.shown().await;
                if resident % 2 == 0 {
                    let accepted = hall.command(
                        &anna,
                        call,
                        Uuid::new_v4(),
                        None,
                        wire::console::Act::Accept,
                    );
                    assert!(accepted.await.0.is_success());
                }
                calls.push(call);
            }
            (hall, anna, calls)
        });
        Self {
            runtime,
            hall,
            anna,
            calls,
        }
    }

    fn play<S: Strategy>(
        &self,
        usual: u32,
        cases_of: &S,
        test: impl AsyncFn(S::Value) -> TestCaseResult,
    ) {
        let mut runner = TestRunner::new(cases(usual));
        let played = runner.run(cases_of, |case| self.runtime.block_on(test(case)));
        if let Err(found) = played {
            panic!("{found}");
        }
    }

    fn call(&self, which: &Index) -> String {
        self.calls[which.index(self.calls.len())].to_string()
    }

    /// One request as it stands, and its answer: the status and the body. A panic would be an empty one.
    async fn raw(&self, head: &[u8], body: &[u8]) -> Result<(u16, Vec<u8>), TestCaseError> {
        let mut line = TcpStream::connect(self.hall.address).await.unwrap();
        line.write_all(head).await.unwrap();
        let tail = format!(
            "\r\nhost: here\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        line.write_all(tail.as_bytes()).await.unwrap();
        // A request that is refused by its head may be answered before it is sent.
        let _ = line.write_all(body).await;
        let mut said = Vec::new();
        let read = tokio::time::timeout(PATIENCE, line.read_to_end(&mut said)).await;
        prop_assert!(read.is_ok(), "no answer");
        let end = said.windows(4).position(|it| it == b"\r\n\r\n");
        let status = said
            .get(9..12)
            .and_then(|it| std::str::from_utf8(it).ok()?.parse().ok());
        let (Some(end), Some(status)) = (end, status) else {
            return Err(TestCaseError::fail(format!(
                "no answer: {:?}",
                String::from_utf8_lossy(&said)
            )));
        };
        Ok((status, said[end + 4..].to_vec()))
    }

    async fn post(
        &self,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), TestCaseError> {
        let anna = &self.anna;
        let head = format!(
            "POST {path} HTTP/1.1\r\nauthorization: Bearer {anna}\r\ncontent-type: application/json{headers}"
        );
        self.raw(head.as_bytes(), body).await
    }
}

/// Done, or refused by us: a problem with its status, a code and words. `Some`: which words.
fn refused(status: u16, body: &[u8]) -> Result<Option<String>, TestCaseError> {
    let said = String::from_utf8_lossy(body);
    prop_assert!(status < 500, "{}: {}", status, said);
    if status < 400 {
        return Ok(None);
    }
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    prop_assert_eq!(problem["status"].as_u64(), Some(status.into()), "{}", said);
    for part in ["title", "code"] {
        prop_assert!(
            problem[part].as_str().is_some_and(|it| !it.is_empty()),
            "{}: {}",
            part,
            said
        );
    }
    let detail = problem["detail"].as_str().unwrap_or_default();
    prop_assert!(status != 400 || !detail.is_empty(), "{}", said);
    Ok(Some(detail.to_owned()))
}

#[test]
fn a_changed_command_is_done_or_refused_in_words() {
    let stage = Stage::open();
    let any_case = (
        any::<Index>(),
        command(),
        changes(),
        vec(any::<u8>(), 0..200),
        0..8u8,
    );
    stage.play(
        256,
        &any_case,
        async |(call, command, changes, bytes, how)| {
            let body = match how {
                0 => bytes,
                // Numbers at their edges in a command that reads are asked of the rules.
                1..4 => command.into_bytes(),
                _ => changed(&command, changes),
            };
            let path = format!("/v1/incidents/{}/commands", stage.call(&call));
            let (status, said) = stage.post(&path, "", &body).await?;
            let reads = serde_json::from_slice::<CommandIn>(&body).is_ok();
            match refused(status, &said)? {
                None => {
                    prop_assert!(reads, "a command that does not read was done");
                    prop_assert!(serde_json::from_slice::<CommandOut>(&said).is_ok());
                }
                Some(detail) if !reads => {
                    prop_assert_eq!(status, 400);
                    prop_assert!(
                        detail.contains("line ") && detail.contains("column "),
                        "{}",
                        detail
                    );
                }
                Some(_) => {}
            }
            Ok(())
        },
    );
    stage.runtime.block_on(async {
        // Whatever was asked, every call still folds and is shown.
        stage.hall.shown().await;
        for call in &stage.calls {
            let path = format!("/v1/incidents/{call}/events");
            assert!(stage.hall.get(&stage.anna, &path).await.0.is_success());
        }
    });
}

#[test]
fn a_changed_body_is_done_or_refused_in_words() {
    let stage = Stage::open();
    let any_case = (
        select(BODIES.to_vec()),
        any::<Index>(),
        changes(),
        vec(any::<u8>(), 0..100),
        0..6u8,
    );
    stage.play(
        96,
        &any_case,
        async |((path, body), call, changes, bytes, how)| {
            let call = stage.call(&call);
            let body = match how {
                0 => bytes,
                _ => changed(body.replace("INCIDENT", &call), changes),
            };
            let at = stage.hall.book.now().0 / 1_000;
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
            mac.update(format!("{at}.").as_bytes());
            mac.update(&body);
            let hex: String = mac
                .finalize()
                .into_bytes()
                .iter()
                .map(|it| format!("{it:02x}"))
                .collect();
            let signed = format!("\r\n{}: t={at},v1={hex}", console::SIGNATURE);
            let (status, said) = stage
                .post(&path.replace("INCIDENT", &call), &signed, &body)
                .await?;
            refused(status, &said)?;
            Ok(())
        },
    );
}

#[test]
fn a_page_is_answered_to_everything_it_says_and_goes_on() {
    let stage = Stage::open();
    let page = std::cell::RefCell::new(None::<Page>);
    let asked = std::cell::Cell::new(0);
    let any_case = (
        select(SAID.to_vec()),
        number(),
        any::<Index>(),
        command(),
        changes(),
        ".{0,80}",
        0..8u8,
    );
    stage.play(
        192,
        &any_case,
        async |(said, number, call, command, changes, text, how)| {
            let said = said
                .replace("INCIDENT", &stage.call(&call))
                .replace("COMMAND", &command)
                .replace("NUMBER", &number);
            let said = match how {
                0 => text,
                1..4 => said,
                _ => String::from_utf8_lossy(&changed(&said, changes)).into_owned(),
            };
            let reads = serde_json::from_str::<FromPage>(&said).ok();
            // A page that has a position waits for the board to get there.
            let ahead = matches!(
                &reads,
                Some(FromPage::Resume {
                    position: Some(_),
                    ..
                })
            );
            prop_assume!(!ahead);
            let mut here = match page.take() {
                Some(page) => page,
                None => stage.hall.page(&stage.anna, "tab-1", None).await,
            };
            here.say_text(said.clone()).await;
            // A number of our own, so that the answer to it comes after all others.
            let mark = 3_000_000_000 + asked.replace(asked.get() + 1);
            here.say(&FromPage::Ping { n: mark }).await;
            let mut refusals = 0;
            let went_on = loop {
                match here.next().await {
                    Some(ToPage::Pong { n, .. }) if n == mark => break true,
                    Some(ToPage::Result {
                        refused: Some(problem),
                        ..
                    }) => {
                        prop_assert!((400..500).contains(&problem.status), "{:?}", problem);
                        let malformed = problem.status == 400;
                        prop_assert!(!malformed || problem.detail.is_some_and(|it| !it.is_empty()));
                        refusals += 1;
                    }
                    Some(_) => {}
                    None => break false,
                }
            };
            if reads.is_none() {
                prop_assert!(went_on, "a message that does not read ended the page");
                prop_assert!(refusals >= 1, "nobody answered {:?}", said);
            }
            if went_on {
                page.replace(Some(here));
            } else {
                prop_assert!(
                    matches!(reads, Some(FromPage::Resume { .. })),
                    "{:?} ended the page",
                    said
                );
            }
            Ok(())
        },
    );
}

#[test]
fn a_changed_query_is_answered_or_refused_in_words() {
    let stage = Stage::open();
    let any_case = (
        select(QUERIES.to_vec()),
        any::<Index>(),
        changes(),
        "[!-\"$-~]{0,30}",
        0..6u8,
    );
    stage.play(
        128,
        &any_case,
        async |(query, call, changes, made_up, how)| {
            let query = query.replace("INCIDENT", &stage.call(&call));
            let (path, asked) = query.split_once('?').unwrap_or((&query, ""));
            let asked = match how {
                0 => made_up.into_bytes(),
                _ => changed(asked, changes),
            };
            // What no client writes into an address is the HTTP library's to refuse.
            let asked: Vec<u8> = asked
                .into_iter()
                .filter(|it| it.is_ascii_graphic() && !b"\"<>#".contains(it))
                .collect();
            let position = asked
                .strip_prefix(b"at=")
                .is_some_and(|it| it.len() > 1 && it.iter().all(u8::is_ascii_digit));
            // A position ahead is waited for.
            prop_assume!(!position);
            let anna = &stage.anna;
            let head = [
                b"GET ",
                path.as_bytes(),
                b"?",
                &asked,
                b" HTTP/1.1\r\nauthorization: Bearer ",
                anna.as_bytes(),
            ]
            .concat();
            let (status, said) = stage.raw(&head, b"").await?;
            let refused = refused(status, &said)?;
            if let (Some(detail), 400, "/v1/incidents") = (&refused, status, path) {
                let named = ["state", "limit", "after", "district", "query", "UUID"];
                prop_assert!(named.iter().any(|it| detail.contains(it)), "{}", detail);
            }
            Ok(())
        },
    );
}

#[test]
fn only_the_whole_token_lets_anybody_in() {
    let stage = Stage::open();
    let anna = &stage.anna;
    let bearer = format!("authorization: Bearer {anna}");
    let cookie = format!("cookie: a=b; {}={anna}; c=d", console::COOKIE);
    let good = select(vec![bearer, cookie]);
    let made_up = prop_oneof![
        "authorization: \\PC{0,60}",
        "cookie: anling_session=\\PC{0,60}"
    ];
    let any_case = (good, made_up, changes(), 0..6u8);
    stage.play(128, &any_case, async |(good, made_up, changes, how)| {
        let header = if how == 0 {
            made_up.into_bytes()
        } else {
            changed(&good, changes)
        };
        // Within one line; what ends it is the HTTP library's to refuse.
        let header: Vec<u8> = header
            .into_iter()
            .filter(|it| *it >= b' ' && *it != 127)
            .collect();
        prop_assume!(header.contains(&b':') && header.first().is_some_and(u8::is_ascii_alphabetic));
        let name = header.split(|it| *it == b':').next().unwrap_or_default();
        prop_assume!(
            name.iter()
                .all(|it| it.is_ascii_alphanumeric() || *it == b'-')
        );
        prop_assume!(![b"host".as_slice(), b"connection"].contains(&name));
        let (status, said) = stage
            .raw(
                &[b"GET /v1/session HTTP/1.1\r\n", header.as_slice()].concat(),
                b"",
            )
            .await?;
        refused(status, &said)?;
        let whole = |it: &[u8]| header.windows(it.len()).any(|part| part == it);
        prop_assert!([200, 401].contains(&status), "{}", status);
        prop_assert!(
            status == 401 || whole(anna.as_bytes()),
            "{:?}",
            String::from_utf8_lossy(&header)
        );
        prop_assert!(status == 200 || header != good.as_bytes());
        Ok(())
    });
}
