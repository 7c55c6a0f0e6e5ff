//! Settings that nobody meant to write, asked of the binary itself: file, environment and flags.
//!
//! For: that `anling check` takes a configuration or says what is wrong by line or by setting, ends with the code of
//! wrong settings, and tells no secret.
//! May not know: how settings are read; it sees exit codes and words.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

#[path = "../../../tests/odd/mod.rs"]
mod odd;

use odd::{Changes, cases, changed};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};
use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::Path,
    process::{Command, Output},
};

/// Every entry there is, each door at a port that is free.
const WHOLE: &str = r#"# 一台机器一个进程
data = "kept"
allow_unsafe_database = false
console_listen = "127.0.0.1:0"
devices_listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
dc09_listen = "127.0.0.1:0"
eventstore_listen = "127.0.0.1:0"
eventstore_prefix = "external-"
eventstore_advertised = "log.example.org:2113"
eventstore_certificate = "cert.pem"
eventstore_certificate_key = "key.pem"
roles = ["ingest", "dispatcher", "console"]
node = "n-1"
public_url = "https://console.example.org"
master_key = "master.key"
duty_phone = "12349"
heartbeat_s = 600
trusted_proxies = ["127.0.0.1", "::1"]
panel_poll_s = 1_800

[webhooks]
duty_phone = "https://exchange.example.org/ring"
sms = "https://exchange.example.org/sms"
secret = "hush-hush-0123456789abcdef0123456789abcdef"

[notary]
file = "checkpoints.txt"
publish_every_s = 60
"#;

/// What may be said in the environment or as a flag, with something good to say.
const SAID: [(&str, &str); 8] = [
    ("console_listen", "127.0.0.1:0"),
    ("devices_listen", "127.0.0.1:0"),
    ("ops_listen", "127.0.0.1:0"),
    ("dc09_listen", "127.0.0.1:0"),
    ("eventstore_listen", "127.0.0.1:0"),
    ("roles", "ingest,dispatcher,console"),
    ("node", "n-1"),
    (
        "database_url",
        "postgres://anling:hush-hush@db.example:5432/anling",
    ),
];

/// Stands in no message.
const HUSH: &str = "hush-hush";

fn check(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anling"));
    command
        .env_clear()
        .current_dir(folder)
        .args(["check", "--data", "none-yet"]);
    command
}

/// With a file of these bytes.
fn of_file(bytes: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("anling.toml"), bytes).unwrap();
    check(folder.path())
        .args(["--config", "anling.toml"])
        .output()
        .unwrap()
}

/// Taken, or refused as wrong settings are; `Some`: what was said.
fn refused(output: &Output) -> Result<Option<String>, TestCaseError> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    prop_assert!(!said.contains(HUSH), "{}", said);
    match output.status.code() {
        Some(0) => Ok(None),
        Some(2) => Ok(Some(said)),
        code => Err(TestCaseError::fail(format!("ended with {code:?}: {said}"))),
    }
}

/// Each thing wrong is told on a line of its own that names a line of the file or a setting.
fn are_placed(said: &str, lines: usize) -> Result<(), TestCaseError> {
    let mut told = said.lines();
    let first = told.next().unwrap_or_default();
    prop_assert_eq!(first, "anling: the settings need mending:", "{}", said);
    // What was written may have been written over several lines, and is told so.
    let faults: Vec<&str> = told.filter(|it| it.starts_with("  - ")).collect();
    prop_assert!(!faults.is_empty(), "{}", said);
    for fault in faults {
        let place = fault.strip_prefix("  - anling.toml, line ");
        let line = place.and_then(|it| it.split_once(": ")?.0.parse::<usize>().ok());
        let names = || settings().any(|name| fault.contains(name));
        let more = fault.starts_with("  - anling.toml, and ");
        let placed = line.is_some_and(|line| (1..=lines).contains(&line));
        prop_assert!(placed || more || names(), "{}", said);
    }
    Ok(())
}

/// The names of [`WHOLE`].
fn settings() -> impl Iterator<Item = &'static str> {
    WHOLE
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0))
}

/// What is written into a good example.
const PIECES: [&str; 32] = [
    "",
    "\n",
    "\r",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "#",
    "true",
    "-1",
    "0x",
    "1e999",
    "4294967296",
    "99999999999999999999",
    "nan",
    "1979-05-27",
    "\\u0000",
    "\\uD800",
    "\u{0}",
    "\u{feff}",
    "铃",
    "a.b.c",
    "[webhooks]",
    "[[notary]]",
    ":99999",
];

fn changes() -> impl Strategy<Value = Changes> {
    odd::changes(&PIECES)
}

#[test]
fn the_whole_file_is_taken_before_it_is_changed_with_and_without_a_mark() {
    for text in [
        WHOLE.to_owned(),
        format!("\u{feff}{WHOLE}"),
        WHOLE.replace('\n', "\r\n"),
    ] {
        let output = of_file(text.as_bytes());
        assert_eq!(refused(&output).unwrap(), None, "{text}");
    }
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn any_bytes_are_a_settings_file_or_told_by_line(bytes in vec(any::<u8>(), 0..200)) {
        let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
        if let Some(said) = refused(&of_file(&bytes))? {
            are_placed(&said, lines)?;
        }
    }

    /// Whatever is said for a setting outside the file, the setting is named and nothing else is found wrong.
    #[test]
    fn a_setting_said_outside_the_file_is_taken_or_named(
        (name, good) in select(SAID.to_vec()), change in (any::<Index>(), 0usize..12, odd::piece(&PIECES)), flag in any::<bool>(),
    ) {
        let (from, long, put) = change;
        let mut said = good.as_bytes().to_vec();
        let from = from.index(said.len() + 1);
        let to = said.len().min(from + long);
        said.splice(from..to, put.into_iter().filter(|byte| *byte != 0));
        let said = OsString::from_vec(said);
        let folder = tempfile::tempdir().unwrap();
        let mut command = check(folder.path());
        if flag {
            let mut flag = OsString::from(format!("--{}=", name.replace('_', "-")));
            flag.push(&said);
            command.arg(flag);
        } else {
            command.env(format!("ANLING_{}", name.to_uppercase()), &said);
        }
        for door in ["console_listen", "devices_listen", "dc09_listen", "eventstore_listen"] {
            if door != name {
                command.arg(format!("--{}=127.0.0.1:0", door.replace('_', "-")));
            }
        }
        if let Some(words) = refused(&command.output().unwrap())? {
            let names = [name.to_owned(), name.replace('_', "-"), "UTF-8".to_owned()];
            prop_assert!(names.iter().any(|it| words.contains(it)), "{:?}: {}", said, words);
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_file_changed_in_a_few_places_is_taken_or_told_by_line_or_setting(changes in changes()) {
        let bytes = changed(WHOLE, changes);
        let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
        if let Some(said) = refused(&of_file(&bytes))? {
            are_placed(&said, lines)?;
        }
    }
}
