//! Evidence about one call: everything is signed within a second, verified beside the running process, proved in one
//! file, and no part of that file can be changed.
//!
//! For: what an auditor and a court do with the real binary.
//! May not know: hashes, signatures.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{
    Store,
    command::{run as anling, said},
    on_both_stores,
};
use serde_json::Value;
use std::{path::Path, time::Duration};

/// The incident's stream, as the log tells it.
async fn incident(store: &Store, data: &str) -> String {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            ticks.tick().await;
            let words = ["log", "read", "--backward", "--limit", "50", "--data", data];
            let read = anling(store, &words).await;
            let lines = String::from_utf8(read.stdout).unwrap();
            let events = lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let mut streams =
                events.filter_map(|event| event["stream"].as_str().map(str::to_owned));
            if let Some(stream) = streams.find(|stream| stream.starts_with("incident-")) {
                return stream;
            }
        }
    });
    found.await.expect("a press opens an incident")
}

async fn one_call_is_signed_verified_and_proved(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let folder = data.to_str().unwrap();
    let node = store.start(&data, 20).await;
    let device = node.device_list().remove(0);
    node.press_new(&device, "sos").await;
    let stream = incident(&store, folder).await;
    let pack = dir.path().join("pack.json");
    let file = pack.to_str().unwrap();
    let key = anling(&store, &["log", "public-key", "--data", folder]).await;
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();

    let proved = anling(
        &store,
        &[
            "log", "prove", "--stream", &stream, "--out", file, "--data", folder,
        ],
    )
    .await;
    assert!(proved.status.success(), "{}", said(&proved));
    let verified = anling(
        &store,
        &["log", "verify", "--data", folder, "--public-key", &key],
    )
    .await;
    assert!(verified.status.success(), "{}", said(&verified));
    assert!(said(&verified).contains("the log is as it was signed"));
    node.stop().await;

    // Without any log, in an empty folder.
    let words = ["log", "check-pack", file, "--public-key", &key];
    let checked = anling(&store, &words).await;
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(
        said(&checked).contains("求助事件开始"),
        "{}",
        said(&checked)
    );
    every_changed_part_is_noticed(&store, &pack, &key).await;
}

on_both_stores!(one_call_is_signed_verified_and_proved);

#[tokio::test]
async fn one_changed_byte_of_the_file_is_found_and_placed_and_a_checkpoint_kept_outside_holds_the_rest()
 {
    let store = Store::Sqlite;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let folder = data.to_str().unwrap();
    let node = store.start(&data, 20).await;
    let device = node.device_list().remove(0);
    let (_, pressed) = node.press_new(&device, "sos").await;
    let position = pressed["position"].as_u64().unwrap();
    let stream = incident(&store, folder).await;
    let pack = dir.path().join("pack.json");
    let file = pack.to_str().unwrap();
    let prove = [
        "log", "prove", "--stream", &stream, "--out", file, "--data", folder,
    ];
    let proved = anling(&store, &prove).await;
    assert!(proved.status.success(), "{}", said(&proved));
    node.stop().await;
    // What somebody keeps outside: earlier checkpoints and this one, as the notary appends them.
    let pack: Value = serde_json::from_slice(&std::fs::read(&pack).unwrap()).unwrap();
    let note = pack["checkpoint"].as_str().unwrap();
    let kept = dir.path().join("checkpoints");
    std::fs::write(&kept, format!("{note}\n-\n{note}\n-\n")).unwrap();
    let verify = ["log", "verify", "--data", folder];
    let against = [&verify[..], &["--against", kept.to_str().unwrap()]].concat();
    let whole = anling(&store, &against).await;
    assert!(whole.status.success(), "{}", said(&whole));
    assert!(said(&whole).contains("kept outside"), "{}", said(&whole));

    let log = data.join("log.sqlite");
    let mut bytes = std::fs::read(&log).unwrap();
    let press = br#""kind":"sos""#;
    let at = bytes
        .windows(press.len())
        .position(|it| it == press)
        .unwrap();
    bytes[at + 8] = b'S';
    std::fs::write(&log, bytes).unwrap();
    for words in [&verify[..], &against] {
        let found = anling(&store, words).await;
        assert_eq!(found.status.code(), Some(1), "{}", said(&found));
        let said = said(&found);
        let (_, place) = said.split_once("the first at position ").unwrap();
        let place: u64 = place.trim().parse().unwrap();
        // The press, or what the dispatcher wrote of it: whichever stands first in the file.
        assert!((position..position + 10).contains(&place), "{said}");
        assert!(said.contains("changed after it was signed"), "{said}");
    }
}

/// Changes each value of the pack, and leaves out each element of its lists, one at a time.
async fn every_changed_part_is_noticed(store: &Store, pack: &Path, key: &str) {
    let whole: Value = serde_json::from_slice(&std::fs::read(pack).unwrap()).unwrap();
    let mut places = Vec::new();
    places_in(&whole, String::new(), &mut places);
    assert!(places.len() > 50, "{}", places.len());
    for place in places {
        let mut changed = whole.clone();
        change(&mut changed, &place);
        std::fs::write(pack, serde_json::to_vec(&changed).unwrap()).unwrap();
        let words = [
            "log",
            "check-pack",
            pack.to_str().unwrap(),
            "--public-key",
            key,
        ];
        let checked = anling(store, &words).await;
        assert_eq!(
            checked.status.code(),
            Some(1),
            "{place}: {}",
            said(&checked)
        );
    }
}

/// The pointers of every value that is no list or map, and of every element of a list.
fn places_in(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                places_in(value, format!("{at}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                // Proofs are long and alike: their first and last hash stand for all.
                if !at.ends_with("/proof") || index == 0 || index + 1 == items.len() {
                    places.push(format!("-{at}/{index}"));
                    places_in(item, format!("{at}/{index}"), places);
                }
            }
        }
        _ => places.push(at),
    }
}

fn change(pack: &mut Value, place: &str) {
    if let Some(element) = place.strip_prefix('-') {
        let (list, index) = element.rsplit_once('/').unwrap();
        let list = pack.pointer_mut(list).unwrap().as_array_mut().unwrap();
        list.remove(index.parse().unwrap());
        return;
    }
    let value = pack.pointer_mut(place).unwrap();
    *value = match &*value {
        Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
        Value::String(text) => {
            let mut letters: Vec<char> = text.chars().collect();
            let middle = letters.len() / 2;
            match letters.get_mut(middle) {
                Some(letter) => *letter = if *letter == '7' { '8' } else { '7' },
                None => letters.push('7'),
            }
            letters.into_iter().collect::<String>().into()
        }
        other => panic!("{place} is {other}"),
    };
}
