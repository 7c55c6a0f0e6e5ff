//! After a worked call no file of the data folder, or of the database server, holds the resident's name, telephone number, address or a note in
//! plain bytes, and who looked at whom is in the log.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Page, PostgresServer, Store, binary, on_both_stores};
use std::{collections::BTreeSet, path::Path, process::Command};
use wire::console::Act;

fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    // A running server may remove a folder or file meanwhile.
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if entry.metadata().is_ok_and(|it| it.is_file()) {
            found.push(path);
        }
    }
}

/// Working names of responders and operators, which stand open in the log.
fn staff_names(store: &Store, data: &Path) -> BTreeSet<String> {
    let output = Command::new(binary())
        .args(["log", "read", "--limit", "100000", "--data"])
        .arg(data)
        .envs(store.environment())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.contains("ResponderAdded") || line.contains("OperatorAdded"));
    let names = lines.map(|line| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["data"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    names.collect()
}

fn nothing_plain(store: &Store, data: &Path, secrets: &[String]) {
    let mut found = Vec::new();
    files(data, &mut found);
    match store {
        Store::Sqlite => assert!(found.iter().any(|path| path.ends_with("log.sqlite"))),
        Store::Postgres(_) => {
            let own = found.len();
            files(PostgresServer::shared().folder(), &mut found);
            assert!(found.len() > own + 100, "the server's files are there");
        }
    }
    for path in found {
        let Ok(bytes) = std::fs::read(&path) else {
            assert!(matches!(store, Store::Postgres(_)), "{}", path.display());
            continue;
        };
        // Bytes that are no text part from the text beside them, which stays as it is.
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            if let Some((before, after)) = text.split_once(secret.as_str()) {
                let before: String = before.chars().rev().take(80).collect();
                let before: String = before.chars().rev().collect();
                let after: String = after.chars().take(80).collect();
                let path = path.display();
                panic!("{path} holds {secret:?} in plain bytes: {before}…{after}");
            }
        }
    }
}

on_both_stores!(what_is_personal_is_sealed_and_views_are_written_down);

async fn what_is_personal_is_sealed_and_views_are_written_down(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let node = store.start(&dir.path().join("data"), 30).await;
    let desk = node
        .accounts()
        .into_iter()
        .find(|account| account.scope == "city" && account.role == "operator")
        .unwrap();
    let token = node.sign_in(&desk).await;
    let mut page = Page::open(&node, &token, "reader", None).await;
    page.sign_on("city_desk", None, true).await;
    let device = node.device_list().remove(2);
    node.press_new(&device, "fall").await;
    let card = page
        .until("the incident", |card| card.accept_as.is_some())
        .await;
    page.command(&card, Act::Accept).await.unwrap();
    let card = page.until("mine", |card| card.mine).await;
    let note = "钥匙在门口鞋柜第三格";
    page.command(&card, Act::AddNote { text: note.into() })
        .await
        .unwrap();
    let resident = card.resident.expect("a known resident");
    // The view is written beside the card; it is there once the log has it.
    let seen = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        loop {
            let output = Command::new(binary())
                .args(["log", "read", "--backward", "--limit", "200", "--data"])
                .arg(&node.data)
                .envs(store.environment())
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            if text.lines().any(|line| {
                line.contains("RecordViewed")
                    && line.contains(&desk.name)
                    && line.contains(&resident.id)
            }) {
                return text;
            }
            page.say(&wire::console::FromPage::Ping { n: 1 }).await;
            page.hear().await;
        }
    });
    let text = seen.await.expect("who looked at whom is in the log");

    let mut secrets = vec![
        resident.name.clone(),
        resident.name_latin.clone(),
        resident.phone.clone(),
        resident.compound.clone(),
        resident.access.clone(),
        note.to_owned(),
    ];
    secrets.extend(
        resident
            .contacts
            .iter()
            .flat_map(|contact| [contact.name.clone(), contact.phone.clone()]),
    );
    // Staff carry open working names, and a synthetic city repeats names: what a colleague is called is no leak.
    let staff = staff_names(&store, &node.data);
    secrets.retain(|secret| !secret.is_empty() && !staff.contains(secret));
    assert!(secrets.len() >= 5);
    let data = node.data.clone();
    nothing_plain(&store, &data, &secrets);
    for secret in &secrets {
        assert!(
            !text.contains(secret.as_str()),
            "the log's reader shows a resident's data"
        );
    }
    node.stop().await;
    // Stopping moves everything from the write-ahead file into the main one.
    nothing_plain(&store, &data, &secrets);
}
