//! The command itself, for a few seconds at a low rate, against the real binary.
//!
//! For: that it starts a city on either store, presses, works the calls, finds nothing lost or doubled, and writes what it
//! found.
//! May not know: how fast anything is; figures are for release builds on a quiet machine.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

use serde_json::Value;
use std::{path::PathBuf, process::Command};

/// A console at the desk of each district: a call of a district without one would wait for ever.
const CONSOLES: &str = "8";

/// Presses a second, and for how long.
const RATE: u64 = 8;
const SECONDS: u64 = 3;

/// A program built with the workspace, in the same target folder as this test.
fn built(program: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).unwrap();
    let program = folder.join(program);
    let shown = program.display();
    assert!(
        program.exists(),
        "build it first: cargo build --workspace ({shown})"
    );
    program
}

/// Runs the command with these words, and gives back its report: JSON, page and terminal.
fn run(words: &[&str]) -> (Value, String, String) {
    let out = tempfile::tempdir().unwrap();
    let done = Command::new(built("anling-loadtest"))
        .arg("press")
        .args([
            "--rate",
            &RATE.to_string(),
            "--seconds",
            &SECONDS.to_string(),
        ])
        .args([
            "--consoles",
            CONSOLES,
            "--residents",
            "200",
            "--floor-seconds",
            "1",
        ])
        .arg("--binary")
        .arg(built("anling"))
        .arg("--out")
        .arg(out.path())
        .args(words)
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{}\n{said}\n{complained}",
        done.status
    );
    let read = |name| std::fs::read_to_string(out.path().join(name)).unwrap();
    let json = serde_json::from_str(&read("result.json")).unwrap();
    (json, read("result.html"), said)
}

/// Nothing lost, doubled or unowned; every figure there; and what the processes counted is what was pressed.
fn holds((json, page, said): &(Value, String, String)) {
    let presses = RATE * SECONDS;
    let at = |pointer: &str| {
        json.pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer}: {json:#}"))
    };
    assert_eq!(at("/holds"), true);
    for nothing in [
        "lost_presses",
        "lost_incidents",
        "doubled",
        "unowned",
        "reopened",
        "unanswered",
    ] {
        assert_eq!(at(&format!("/verdict/{nothing}")), 0, "{nothing}: {json:#}");
    }
    for all in [
        "/verdict/looked_up",
        "/verdict/incidents",
        "/verdict/closed",
        "/generator/presses",
        "/generator/acknowledged",
        "/generator/accepted",
        "/generator/resolved",
    ] {
        assert_eq!(at(all).as_u64(), Some(presses), "{all}: {json:#}");
    }
    assert_eq!(at("/generator/drained"), true);
    let counted = |name: &str| at(&format!("/service/{name}")).as_f64().unwrap();
    assert_eq!(counted("anling_incidents_opened_total"), presses as f64);
    assert!(counted("anling_offers_total") >= presses as f64);
    assert!(counted("anling_log_events_total") > 4.0 * presses as f64);
    assert!(counted("anling_console_frames_total") >= presses as f64);
    let figures = at("/figures").as_array().unwrap();
    assert_eq!(figures.len(), 3, "answer, frame and offer: {figures:?}");
    for figure in figures {
        assert_eq!(
            figure["latency"]["count"].as_u64(),
            Some(presses),
            "{figure}"
        );
    }
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg"));
    assert!(
        said.contains(&format!("{presses} incidents opened")),
        "{said}"
    );
}

#[test]
fn one_process_on_sqlite_keeps_what_it_acknowledged() {
    let result = run(&["--store", "sqlite"]);
    holds(&result);
    assert_eq!(
        result.0["used"].as_array().unwrap().len(),
        2,
        "the service and the generator"
    );
}

/// Of several processes the report once counted the first alone, and showed no incident opened.
#[test]
fn a_process_for_each_role_on_postgresql_keeps_what_it_acknowledged() {
    let result = run(&["--store", "postgres", "--processes", "roles"]);
    holds(&result);
    let used = result.0["used"].as_array().unwrap();
    let names: Vec<&str> = used.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["postgres", "ingest", "dispatcher", "console", "loadtest"]
    );
}
