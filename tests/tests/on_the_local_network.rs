//! `anling demo --lan`: a real phone presses over the local network, by an address and a QR code that were printed, under a
//! certificate that was printed too.

use journeys::{Node, Store};
use serde_json::{Value, json};
use std::path::Path;
use tokio::process::Command;

#[tokio::test]
async fn whoever_trusts_the_printed_certificate_presses_over_the_open_door() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = start(&data).await;
    let said = node.said.clone();
    let printed = after(&said, "证书 certificate").split(" (").next().unwrap();
    let certificate = std::fs::read(printed.trim()).expect("where the greeting says");
    let trusted = reqwest::Certificate::from_pem(&certificate).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusted]);
    let client = client.build().unwrap();

    // On this machine, by the line that was printed.
    let (_, from) = said.split_once("    curl ").unwrap();
    let (line, _) = from.split_once("\n\n").unwrap();
    let line = format!("curl -sS {line}");
    let answer = Command::new("sh").args(["-c", &line]).output();
    let answer = answer.await.unwrap();
    let pressed: Value =
        serde_json::from_slice(&answer.stdout).unwrap_or_else(|_| panic!("{line}: {answer:?}"));
    assert_eq!(pressed["verified"], true, "{pressed}");

    // From the network, by the address in the QR code; a machine without a network says that it has none.
    let button = after(&said, "按钮页 button").to_owned();
    let mut lines = said
        .lines()
        .skip_while(|line| !line.starts_with("  https://"));
    let button = match lines.next() {
        Some(url) => {
            drawn(
                &lines
                    .take_while(|line| !line.trim_end_matches('\n').is_empty())
                    .collect::<Vec<_>>(),
            );
            url.trim().to_owned()
        }
        None => {
            assert!(said.contains("no local network was found"), "{said}");
            button
        }
    };
    let (door, device) = button.split_once("/sos?device=").unwrap();
    let (device, key) = device.split_once("#key=").unwrap();
    assert!(door.starts_with("https://"), "{door}");
    let body = json!({ "device": device, "press": "from a phone", "kind": "sos" });
    let press = |client: &reqwest::Client| {
        let asked = client.post(format!("{door}/v1/signals")).bearer_auth(key);
        asked.json(&body).send()
    };
    assert_eq!(press(&client).await.unwrap().status(), 201);
    let page = client.get(&button).send().await.unwrap();
    assert_eq!(page.status(), 200, "the button page itself");
    assert!(press(&node.client).await.is_err(), "nobody vouches for it");

    let desk = after(&said, "控制台 console").trim_end_matches('/');
    let about = client.get(format!("{desk}/v1/about")).send().await.unwrap();
    let about: Value = about.json().await.unwrap();
    assert_eq!(about["demo"], true, "{about}");
    node.stop().await;

    // Whoever trusted it goes on trusting it.
    start(&data).await.stop().await;
    assert!(std::fs::read(printed.trim()).unwrap() == certificate);
}

async fn start(data: &Path) -> Node {
    let words = ["demo", "--no-cast", "--lan", "--residents", "20"];
    Store::Sqlite.start_with(data, &words).await
}

/// What stands behind these words in the greeting.
fn after<'a>(said: &'a str, words: &str) -> &'a str {
    let line = said.lines().find(|line| line.contains(words));
    let (_, rest) = line.and_then(|line| line.split_once(words)).expect(words);
    rest.trim()
}

/// A QR code: square, two modules to a line, with its three eyes.
fn drawn(lines: &[&str]) {
    let width = lines[0].chars().count();
    assert!(
        lines.iter().all(|line| line.chars().count() == width),
        "{lines:#?}"
    );
    assert_eq!(lines.len(), width.div_ceil(2), "{lines:#?}");
    let eyes = lines.iter().map(|line| line.matches("█▀▀▀▀▀█").count());
    assert!(eyes.sum::<usize>() >= 3, "{lines:#?}");
}
