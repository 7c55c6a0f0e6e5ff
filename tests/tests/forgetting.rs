//! A resident is held, released and erased: afterwards nobody, no file and no door tells their name, number, address or what was noted; counts,
//! lists and verification are as before; a backup of keys brings nobody back; and another master key opens the rest.
//!
//! For: the commands of `docs/forgetting.md`, over the real binary on both stores.
//! May not know: tables, but for asking PostgreSQL whether a key's row is gone.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{
    Cluster, Node, Page, PostgresServer, Store,
    command::{self, said},
    on_both_stores,
};
use kurrentdb::{Client, ReadAllOptions, StreamPosition};
use serde_json::{Value, json};
use std::{path::Path, process::Output};
use tokio::process::Command;
use wire::{card::ResidentView, console::Act};

const NOTE: &str = "钥匙在门口鞋柜第三格";

async fn run(store: &Store, data: &Path, words: &[&str]) -> Output {
    let words = [words, &["--data", data.to_str().unwrap()]].concat();
    command::run(store, &words).await
}

async fn done(store: &Store, data: &Path, words: &[&str]) -> String {
    let output = run(store, data, words).await;
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    said(&output)
}

async fn refused(store: &Store, data: &Path, words: &[&str], why: &str) {
    let output = run(store, data, words).await;
    let text = said(&output);
    assert!(
        !output.status.success() && text.contains(why),
        "{words:?}: {text}"
    );
}

/// What is known of a resident and nobody else has.
fn secrets(resident: &ResidentView) -> Vec<String> {
    let mut secrets = vec![
        resident.phone.clone(),
        resident.address_line.clone(),
        resident.access.clone(),
        NOTE.to_owned(),
    ];
    secrets.extend(resident.contacts.iter().map(|it| it.phone.clone()));
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

fn holds_none(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{what} tells {secret}");
    }
}

/// Whether any file below holds these bytes.
fn file_with(folder: &Path, bytes: &[u8]) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let found = match path.is_dir() {
            true => file_with(&path, bytes),
            false => std::fs::read(&path)
                .is_ok_and(|held| held.windows(bytes.len()).any(|it| it == bytes))
                .then_some(path),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A resident's wrapped key out of a backup of keys, in base64.
fn wrapped(file: &Path, resident: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut theirs = lines.filter(|line| line["key"] == format!("resident-{resident}"));
    Some(theirs.next()?["wrapped"].as_str().unwrap().to_owned())
}

/// Base64 by hand: these tests know public formats only.
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.chars().filter(|letter| *letter != '=') {
        bits = bits << 6 | LETTERS.find(letter).unwrap() as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}

async fn by_phone(node: &Node, token: &str, phone: &str) -> Value {
    let answer = node
        .client
        .post(format!("{}/v1/residents/by-phone", node.console))
        .bearer_auth(token)
        .json(&json!({ "phone": phone }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Everything the log's own door gives out, as text.
async fn read_outside(node: &Node, who: &str) -> String {
    let url = format!("kurrentdb://{who}@{}?tls=false", node.eventstore);
    let tool = Client::new(url.parse().unwrap()).unwrap();
    let options = ReadAllOptions::default()
        .position(StreamPosition::Start)
        .max_count(10_000);
    let mut read = tool.read_all(&options).await.unwrap();
    let mut text = String::new();
    while let Some(event) = read.next().await.unwrap() {
        let event = event.get_original_event();
        text.push_str(&String::from_utf8_lossy(&event.data));
        text.push_str(&String::from_utf8_lossy(&event.custom_metadata));
    }
    text
}

/// A call of this device's wearer, worked with a note; the page, and the card.
async fn call(node: &Node, page: &mut Page, number: usize) -> wire::card::Card {
    let device = node.device_list().remove(number);
    node.press_new(&device, "fall").await;
    let card = page
        .until("the call", |card| card.accept_as.is_some())
        .await;
    page.command(&card, Act::Accept).await.unwrap();
    let card = page.until("mine", |card| card.mine).await;
    page.command(&card, Act::AddNote { text: NOTE.into() })
        .await
        .unwrap();
    page.until("noted", |card| card.mine && card.revision > 0)
        .await
}

async fn close(page: &mut Page, card: &wire::card::Card) {
    page.command(card, Act::StartTalk).await.unwrap();
    let done = Act::Resolve {
        reason: "UNWELL".into(),
        actions: vec!["STATION-VISIT".into()],
        outcome: "TREATED-HOME".into(),
        note: Some(NOTE.into()),
    };
    page.command(card, done).await.unwrap();
}

async fn who_is_erased_is_gone_from_every_door_and_file(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let keys = dir.path().join("keys.jsonl");
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let node = store.start(&data, 20).await;
    let accounts = node.accounts();
    let desk = accounts
        .iter()
        .find(|it| it.scope == "city" && it.role == "operator")
        .unwrap();
    let token = node.sign_in(desk).await;
    let mut page = Page::open(&node, &token, "tab", None).await;
    page.sign_on("city_desk", None, true).await;
    let card = call(&node, &mut page, 2).await;
    let resident = card.resident.clone().expect("a known resident");
    let id = resident.id.as_str();
    let secrets = secrets(&resident);
    assert!(secrets.len() >= 4);
    let who = ["--operator", desk.name.as_str(), "--why", "家属申请"];
    let words = |first: &[&'static str]| -> Vec<String> {
        let words = first.iter().copied().chain([id]).chain(who);
        words.map(str::to_owned).collect()
    };
    let erase = words(&["resident", "erase", "--yes"]);
    let erase: Vec<&str> = erase.iter().map(String::as_str).collect();

    // Not while help is on its way; not with their name as the reason; not by somebody unknown.
    refused(&store, &data, &erase, "is open").await;
    close(&mut page, &card).await;
    let named = [
        "resident",
        "erase",
        "--yes",
        id,
        "--operator",
        &desk.name,
        "--why",
        &resident.name,
    ];
    refused(&store, &data, &named, "--why holds").await;
    let nobody = [
        "resident",
        "erase",
        "--yes",
        id,
        "--operator",
        "nobody",
        "--why",
        "x",
    ];
    refused(&store, &data, &nobody, "no operator").await;

    // A legal hold stands before it, and is lifted.
    let case = ["--case", "2026-119", "--until", "2099-12-31"];
    let hold: Vec<String> = words(&["resident", "hold"]);
    let hold: Vec<&str> = hold.iter().map(String::as_str).chain(case).collect();
    done(&store, &data, &hold).await;
    let path = format!("/v1/residents/{id}");
    let record = held(&node, &token, &path).await;
    assert_eq!(record["holds"][0]["case"], "2026-119");
    refused(&store, &data, &erase, "2099-12-31").await;
    let release = words(&["resident", "release"]);
    let release: Vec<&str> = release
        .iter()
        .map(String::as_str)
        .chain(["--case", "2026-119"])
        .collect();
    done(&store, &data, &release).await;
    refused(&store, &data, &release, "no hold").await;

    // How everything stands before.
    let found = by_phone(&node, &token, &format!("+86 {}", resident.phone)).await;
    assert_eq!(found["residents"][0]["id"], id, "{found}");
    done(&store, &data, &["key", "backup", keys.to_str().unwrap()]).await;
    let key = decoded(&wrapped(&keys, id).expect("there is a key"));
    if matches!(store, Store::Sqlite) {
        assert!(file_with(&data, &key).is_some(), "it is in a file");
        let log = std::fs::read(data.join("log.sqlite")).unwrap();
        assert!(
            !log.windows(key.len()).any(|it| it == key),
            "not in the log's"
        );
    }
    let closed_before = node.get(&token, "/v1/incidents?state=closed").await;
    let sites_before = node.get(&token, "/v1/sites").await;
    done(&store, &data, &["log", "verify"]).await;

    let told = done(&store, &data, &erase).await;
    assert!(
        told.contains("erased") && !told.contains("was before"),
        "{told}"
    );
    let told = done(&store, &data, &erase).await;
    assert!(told.contains("was before"), "again is harmless: {told}");

    // The console: record, story, lists, search.
    let record = node.get(&token, &path).await;
    assert_eq!(record["erased"], true, "{record}");
    assert_eq!(
        (&record["name"], &record["phone"]),
        (&json!(""), &json!(""))
    );
    let story = node
        .get(&token, &format!("/v1/incidents/{}/events", card.id))
        .await;
    let closed = node.get(&token, "/v1/incidents?state=closed").await;
    let found = by_phone(&node, &token, &resident.phone).await;
    let found = found["residents"].as_array().unwrap();
    assert!(found.iter().all(|it| it["id"] != id), "{found:?}");
    for (door, text) in [
        ("the record", record.to_string()),
        ("the story", story.to_string()),
        ("the list", closed.to_string()),
    ] {
        holds_none(door, &text, &secrets);
        assert!(!text.contains(&resident.name), "{door} tells the name");
    }
    let lines = story["events"].as_array().unwrap();
    assert!(
        lines.iter().any(|it| it["kind"] == "NoteAdded"),
        "the line stays"
    );
    let count = |page: &Value| page["incidents"].as_array().unwrap().len();
    assert_eq!(count(&closed), count(&closed_before));
    assert_eq!(node.get(&token, "/v1/sites").await, sites_before);
    // Nothing more is written about them; their device is nobody's, and still heard.
    let follow_up = Act::FollowUp {
        text: Some(NOTE.into()),
    };
    let noted = page.command(&card, follow_up).await.unwrap_err();
    assert_eq!(noted.code.as_deref(), Some("resident_erased"), "{noted:?}");
    let device = node.device_list().remove(2);
    node.press_new(&device, "sos").await;
    let again = page
        .until("the call", |it| it.id != card.id && it.accept_as.is_some())
        .await;
    assert!(again.resident.is_none(), "{again:?}");

    // Files, exports, backups, the log's own door.
    let admin = accounts
        .iter()
        .find(|it| it.role == "administrator")
        .unwrap();
    let outside = read_outside(&node, &format!("{}:{}", admin.name, admin.password)).await;
    assert!(outside.len() > 10_000);
    holds_none("the log's door", &outside, &secrets);
    let csv = file("residents.csv");
    // On a database a process of its own takes them out, in a folder of its own.
    let (beside, master) = (dir.path().join("beside"), data.join("master.key"));
    let folder = match store {
        Store::Sqlite => &data,
        Store::Postgres(_) => &beside,
    };
    let export = [
        "export",
        "residents",
        "--operator",
        &desk.name,
        "--why",
        "核对",
        "--out",
        &csv,
        "--master-key",
        master.to_str().unwrap(),
    ];
    done(&store, folder, &export).await;
    done(&store, &data, &["log", "export", &file("log.jsonl")]).await;
    done(&store, &data, &["log", "backup", &file("backup")]).await;
    done(&store, &data, &["log", "verify"]).await;
    let text = std::fs::read_to_string(&csv).unwrap();
    holds_none("the export", &text, &secrets[..1]);
    assert!(!text.contains(&format!("{id},")));
    let again = dir.path().join("keys-2.jsonl");
    done(&store, &data, &["key", "backup", again.to_str().unwrap()]).await;
    assert_eq!(wrapped(&again, id), None);
    for secret in secrets.iter().map(String::as_bytes).chain([key.as_slice()]) {
        assert_eq!(file_with(&data, secret), None);
        assert_eq!(file_with(&dir.path().join("backup"), secret), None);
    }
    if let Store::Postgres(url) = &store {
        let rows =
            format!("SELECT count(*) FROM anling_keys.secrets WHERE key_id = 'resident-{id}'");
        assert_eq!(PostgresServer::shared().sql_at(url, &rows), "0");
    }

    // After a kill, and with the keys put back from before: still gone; everybody else is there.
    node.kill_nine().await;
    let late = dir.path().join("keys-late.jsonl");
    std::fs::write(&late, expired(&keys)).unwrap();
    let words = ["key", "restore", late.to_str().unwrap()];
    refused(&store, &data, &words, "expired on 2020-01-31").await;
    let (copy, anew) = (file("backup"), dir.path().join("anew"));
    let words = ["log", "restore", &copy, "--keys", late.to_str().unwrap()];
    refused(&Store::Sqlite, &anew, &words, "expired on 2020-01-31").await;
    assert!(!anew.exists(), "nothing was begun");
    let told = done(&store, &data, &["key", "restore", keys.to_str().unwrap()]).await;
    assert!(told.contains("1 位已抹去"), "{told}");
    let node = store.start(&data, 20).await;
    let record = node.get(&token, &path).await;
    assert_eq!(record["erased"], true);
    assert_eq!(file_with(&data, &key), None);
    let other = node.device_list().remove(5).resident;
    let record = node.get(&token, &format!("/v1/residents/{other}")).await;
    assert_ne!(record["name"], "");
    node.stop().await;
    assert_eq!(file_with(&data, &key), None);
}

/// A backup of keys as one reads whose last day is long over.
fn expired(keys: &Path) -> String {
    let text = std::fs::read_to_string(keys).unwrap();
    let (head, rest) = text.split_once('\n').unwrap();
    let mut head: Value = serde_json::from_str(head).unwrap();
    head["expires_at"] = json!("2020-01-31T00:00:00Z");
    format!("{head}\n{rest}")
}

/// The record, once its hold is shown: the process hears of it from the log.
async fn held(node: &Node, token: &str, path: &str) -> Value {
    let shown = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let record = node.get(token, path).await;
            if record["holds"].as_array().is_some_and(|it| !it.is_empty()) {
                return record;
            }
        }
    });
    shown.await.expect("the hold is shown")
}

on_both_stores!(who_is_erased_is_gone_from_every_door_and_file);

async fn another_master_key_opens_everything_and_the_old_one_nothing(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = store.start(&data, 20).await;
    let desk = node.account("city");
    let token = node.sign_in(&desk).await;
    let resident = node.device_list().remove(3).resident;
    let path = format!("/v1/residents/{resident}");
    let before = node.get(&token, &path).await;
    assert_ne!(before["name"], "");
    let old = std::fs::read(data.join("master.key")).unwrap();
    // While it runs: it goes on with what it has.
    done(&store, &data, &["key", "rotate"]).await;
    assert_ne!(std::fs::read(data.join("master.key")).unwrap(), old);
    assert_eq!(node.get(&token, &path).await["name"], before["name"]);
    let device = node.device_list().remove(4);
    node.press_new(&device, "sos").await;
    node.stop().await;
    let node = store.start(&data, 20).await;
    assert_eq!(node.get(&token, &path).await["name"], before["name"]);
    if matches!(store, Store::Postgres(_)) {
        done(&store, &data, &["key", "rotate", "--finish"]).await;
    }
    assert!(!data.join("master.key.new").exists());
    node.stop().await;
    done(&store, &data, &["log", "verify"]).await;
    // The old one is of no use to anybody.
    std::fs::write(data.join("master.key"), &old).unwrap();
    let words = ["operator", "add", "x", "--name", "x"];
    let mut child = Command::new(journeys::binary());
    child
        .args(words)
        .arg("--data")
        .arg(&data)
        .envs(store.environment());
    child.stdin(std::process::Stdio::piped());
    child
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"a long password\n")
        .await
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    assert!(!output.status.success());
    assert!(said(&output).contains("master key"), "{}", said(&output));
}

on_both_stores!(another_master_key_opens_everything_and_the_old_one_nothing);

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_beside_the_processes_is_gone_from_the_memory_of_each() {
    let cluster = Cluster::found(20).await;
    let a = cluster.start("a", "ingest,dispatcher,console").await;
    let b = cluster.start("b", "console").await;
    let desk = a.account("city");
    let token = a.sign_in(&desk).await;
    let resident = a.device_list().remove(3).resident;
    let path = format!("/v1/residents/{resident}");
    for node in [&a, &b] {
        assert_ne!(node.get(&token, &path).await["name"], "");
    }
    let words = [
        "resident",
        "erase",
        "--yes",
        &resident,
        "--operator",
        &desk.name,
        "--why",
        "家属申请",
    ];
    done(cluster.store(), &cluster.city(), &words).await;
    for node in [&a, &b] {
        let gone = tokio::time::timeout(std::time::Duration::from_secs(10), async {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
            loop {
                ticks.tick().await;
                let record = node.get(&token, &path).await;
                if record["erased"] == true {
                    return record;
                }
            }
        });
        assert_eq!(gone.await.expect("gone soon")["name"], "");
    }
}

#[tokio::test]
async fn every_command_has_an_example() {
    for (group, commands) in [
        ("resident", &["erase", "hold", "release"][..]),
        ("key", &["backup", "restore", "rotate"][..]),
    ] {
        for command in commands {
            let output = Command::new(journeys::binary())
                .args([group, command, "--help"])
                .output()
                .await
                .unwrap();
            let help = said(&output);
            assert!(
                help.contains(&format!("anling {group} {command}")),
                "{help}"
            );
        }
    }
}
