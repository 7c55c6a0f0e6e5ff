//! The log is backed up while presses come in, and put back; it goes out as lines and comes in again without a difference.
//!
//! For: what whoever keeps the machine does with the real binary.
//! May not know: tables.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{
    Node, Store,
    command::{done, run, said},
    on_both_stores,
};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, time::Duration};

/// Waits for the first checkpoint.
async fn until_signed(store: &Store, data: &str) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let signed = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            ticks.tick().await;
            let stats = done(store, &["log", "stats", "--data", data]).await;
            let stats: Value = serde_json::from_str(&stats).unwrap();
            if stats["signed"].as_u64() > Some(0) {
                return;
            }
        }
    });
    signed.await.expect("what is committed is signed");
}

/// Whether any file of a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()));
    files
        .flatten()
        .any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

/// Presses until told to stop; gives back what was acknowledged before `stop`.
async fn presses(node: &Node, stop: tokio::sync::oneshot::Receiver<()>) -> u64 {
    let device = node.device_list().remove(0);
    let mut count = 0;
    let mut stop = stop;
    loop {
        node.press_new(&device, "sos").await;
        count += 1;
        if stop.try_recv().is_ok() {
            return count;
        }
    }
}

async fn a_backup_taken_while_presses_come_in_is_whole_and_can_be_put_back(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (data, backup, keys) = (path("data"), path("backup"), path("keys.jsonl"));
    let node = store.start(Path::new(&data), 20).await;
    let key = done(&store, &["log", "public-key", "--data", &data]).await;
    until_signed(&store, &data).await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let backing = async {
        // Twice: the second adds what came since.
        for _ in 0..2 {
            done(&store, &["log", "backup", &backup, "--data", &data]).await;
        }
        stop.send(()).unwrap();
    };
    let (pressed, ()) = tokio::join!(presses(&node, stopped), backing);
    assert!(pressed > 2, "presses came in meanwhile: {pressed}");
    done(&store, &["key", "backup", &keys, "--data", &data]).await;
    node.stop().await;

    // A backup is a log by itself, on SQLite, signed as the first one was, and without anybody's key.
    let verified = done(
        &Store::Sqlite,
        &[
            "log",
            "verify",
            "--data",
            &backup,
            "--public-key",
            key.trim(),
        ],
    )
    .await;
    assert!(
        verified.contains("the log is as it was signed"),
        "{verified}"
    );
    let lines = std::fs::read_to_string(&keys).unwrap();
    let line: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let wrapped = line["wrapped"].as_str().unwrap();
    let name = line["key"].as_str().unwrap();
    assert!(!wrapped.is_empty() && !name.is_empty());
    let before: BTreeSet<String> = exported(&Store::Sqlite, &backup, &path("backup.jsonl")).await;

    let (restored, target) = (path("restored"), fresh(&store));
    done(
        &target,
        &[
            "log", "restore", &backup, "--keys", &keys, "--data", &restored,
        ],
    )
    .await;
    for file in ["master.key", "notary.key"] {
        std::fs::copy(Path::new(&data).join(file), Path::new(&restored).join(file)).unwrap();
    }
    for file in ["demo-accounts.json", "demo-city.json", "demo-devices.csv"] {
        std::fs::copy(Path::new(&data).join(file), Path::new(&restored).join(file)).unwrap();
    }
    done(&target, &["log", "verify", "--data", &restored]).await;
    assert_eq!(
        exported(&target, &restored, &path("restored.jsonl")).await,
        before
    );
    // And it serves: a press is taken, and signed after what was signed before.
    let node = target.start(Path::new(&restored), 20).await;
    let device = node.device_list().remove(0);
    node.press_new(&device, "sos").await;
    node.stop().await;
    done(&target, &["log", "verify", "--data", &restored]).await;
    let other = path("other");
    let words = ["log", "restore", &other, "--data", &restored];
    assert!(said(&run(&target, &words).await).contains("no backup"));
}

on_both_stores!(a_backup_taken_while_presses_come_in_is_whole_and_can_be_put_back);

/// Another empty store of the same kind.
fn fresh(store: &Store) -> Store {
    match store {
        Store::Sqlite => Store::Sqlite,
        Store::Postgres(_) => Store::postgres(),
    }
}

async fn exported(store: &Store, data: &str, file: &str) -> BTreeSet<String> {
    done(store, &["log", "export", file, "--data", data]).await;
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_holds_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (data, backup) = (path("data"), path("backup"));
    let node = Store::Sqlite.start(Path::new(&data), 20).await;
    done(&Store::Sqlite, &["log", "backup", &backup, "--data", &data]).await;
    let keys = path("keys.jsonl");
    done(&Store::Sqlite, &["key", "backup", &keys, "--data", &data]).await;
    node.stop().await;
    let lines = std::fs::read_to_string(&keys).unwrap();
    assert!(lines.lines().count() >= 20, "a key for everybody");
    let backup = Path::new(&backup);
    for line in lines.lines().skip(1).take(5) {
        let line: Value = serde_json::from_str(line).unwrap();
        let wrapped = decoded(line["wrapped"].as_str().unwrap());
        assert!(
            holds(Path::new(&data), &wrapped),
            "it stands in the keys' own file"
        );
        assert!(!holds(backup, &wrapped), "and in no file of the backup");
    }
    for secret in ["master.key", "notary.key"] {
        assert!(!backup.join(secret).exists(), "{secret}");
    }
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

async fn a_log_goes_out_as_lines_and_comes_in_without_a_difference(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (data, file) = (path("data"), path("log.jsonl"));
    let node = store.start(Path::new(&data), 20).await;
    let device = node.device_list().remove(0);
    node.press_new(&device, "sos").await;
    node.stop().await;
    done(&store, &["log", "export", &file, "--data", &data]).await;
    let target = fresh(&store);
    let (there, again) = (path("there"), path("again.jsonl"));
    done(&target, &["log", "import", &file, "--data", &there]).await;
    done(&target, &["log", "export", &again, "--data", &there]).await;
    assert_eq!(
        std::fs::read(&file).unwrap(),
        std::fs::read(&again).unwrap()
    );
    let stats = done(&target, &["log", "stats", "--data", &there]).await;
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let lines = std::fs::read_to_string(&file).unwrap();
    assert_eq!(stats["events"], lines.lines().count() as u64);
    assert_eq!(
        stats["signed"], 0,
        "an import is a log of its own, to be signed anew"
    );
    let twice = run(&target, &["log", "import", &file, "--data", &there]).await;
    assert!(
        !twice.status.success() && said(&twice).contains("already"),
        "{}",
        said(&twice)
    );
}

on_both_stores!(a_log_goes_out_as_lines_and_comes_in_without_a_difference);

#[tokio::test]
async fn a_line_that_cannot_be_imported_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let line = |position: u64, revision: u64| {
        format!(
            "{{\"position\":{position},\"stream\":\"a-1\",\"revision\":{revision},\"id\":\"00000000-0000-0000-0000-00000000000{position}\",\
             \"type\":\"T\",\"recorded_at_us\":5,\"data\":{{\"text\":\"x\"}},\"metadata\":{{\"base64\":\"/w==\"}}}}"
        )
    };
    let cases = [
        (1, "{}".to_owned(), "missing field"),
        (2, line(3, 1), "position 3 stands where 2 should"),
        (2, line(2, 5), "revision 5"),
        (2, line(2, 1).replace("/w==", "?"), "not base64"),
        (2, line(2, 1).replace("a-1", ""), "must not be empty"),
        (2, line(2, 1).replace("\"T\"", "\"\""), "a type of 0 bytes"),
        (2, "nothing".to_owned(), "expected"),
    ];
    for (case, (number, bad, told)) in cases.into_iter().enumerate() {
        let file = dir.path().join("bad.jsonl");
        let good = if number == 1 {
            String::new()
        } else {
            line(1, 0) + "\n"
        };
        std::fs::write(&file, format!("{good}{bad}\n")).unwrap();
        let data = dir.path().join(format!("data-{case}"));
        let words = [
            "log",
            "import",
            file.to_str().unwrap(),
            "--data",
            data.to_str().unwrap(),
        ];
        let refused = run(&Store::Sqlite, &words).await;
        let text = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{text}");
        assert!(text.contains(told), "{text}");
        assert!(
            text.contains(&format!("line {number}")) || told == "revision 5",
            "{text}"
        );
    }
}

#[tokio::test]
async fn every_command_of_the_log_has_an_example() {
    for command in [
        "read",
        "stats",
        "verify",
        "public-key",
        "prove",
        "check-pack",
        "backup",
        "restore",
        "export",
        "import",
    ] {
        let help = done(&Store::Sqlite, &["log", command, "--help"]).await;
        assert!(help.contains(&format!("anling log {command}")), "{help}");
    }
}
