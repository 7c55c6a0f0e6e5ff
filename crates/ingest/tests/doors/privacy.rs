//! What must not leave the door: nothing plain in the files, nothing foreign in the page.

use crate::common::{DEVICE, House, KEY, clock};
use serde_json::{Value, json};

#[tokio::test]
async fn no_file_holds_a_key_a_text_or_a_place() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::sqlite(dir.path(), clock(), true).await;
    let words = "PlainWordsOfTheResident";
    let whole = json!({"device": DEVICE, "press": "1", "kind": "sos", "text": words,
        "location": {"lat": 45.123456, "lon": 126.654321}, "at": "2026-01-15T00:00:00Z"});
    assert_eq!(house.press(&whole).await.status, 201);
    let broken =
        format!(r#"{{"device":"{DEVICE}","press":"2","kind":"{words} fell","text":"{words}"#);
    assert_eq!(house.send(Some(KEY), broken.as_bytes()).await.status, 201);
    assert_eq!(
        house
            .send(Some("AnotherSecretKey"), words.as_bytes())
            .await
            .status,
        202
    );
    let opened = house.opened_text().await;
    assert_eq!(opened, words, "whoever may can read it");
    house.stop().await;
    let mut files = 0;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for secret in [
            words,
            KEY,
            "AnotherSecretKey",
            "45123456",
            "126654321",
            "45.123456",
            "127.0.0.1",
        ] {
            let found = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!found, "{secret} stands in {}", path.display());
        }
    }
    assert!(files >= 2, "the log and the directory");
}

impl House {
    async fn opened_text(&self) -> String {
        let events = self.events().await;
        let (event, text) = events
            .iter()
            .find_map(|event| {
                let casebook::Case::Device(happened) = casebook::read(event).unwrap() else {
                    return None;
                };
                match happened.event {
                    domain::device::DeviceEvent::AlarmReceived(it) => {
                        Some((event.clone(), it.text?))
                    }
                    _ => None,
                }
            })
            .unwrap();
        assert_eq!(text.key, "resident-r-7");
        let opened = self
            .casebook
            .open_text(&text, &event.stream, event.id, "text");
        opened.await.unwrap()
    }
}

#[tokio::test]
async fn the_phone_page_and_its_files_come_under_a_strict_policy() {
    let house = House::memory().await;
    let files = [
        "/sos?device=TEST-000123",
        "/sos/sos.css",
        "/sos/sos.js",
        "/sos/sw.js",
        "/sos/icon.svg",
        "/sos/manifest.webmanifest",
    ];
    for path in files {
        let answer = house.get(path, None).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let page = house.get("/sos", None).await.body;
    for id in ["sos-button", "sos-words", "sos-state", "sos-cancel"] {
        assert!(page.contains(&format!("data-testid=\"{id}\"")), "{id}");
    }
    assert!(
        !page.contains("style=") && !page.contains("onclick"),
        "nothing inline"
    );
    let _: Value = house.get("/sos/manifest.webmanifest", None).await.json();
    house.stop().await;
}
