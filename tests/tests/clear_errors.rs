//! A folder that is not Anling's, a taken port, a second process, a broken configuration, a full disk: a clear error
//! that says what to do.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Node, binary};
use std::{path::Path, process::Command};

fn fails(args: &[&str]) -> (i32, String) {
    let output = Command::new(binary()).args(args).output().unwrap();
    assert!(!output.status.success(), "{args:?} should fail");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    (output.status.code().unwrap(), text)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const PORTS: [&str; 6] = [
    "--console-listen",
    "127.0.0.1:0",
    "--devices-listen",
    "127.0.0.1:0",
    "--dc09-listen",
    "127.0.0.1:0",
];

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.doc"), "years of work").unwrap();
    for fresh in [
        &["demo", "--data", text(dir.path())][..],
        &["demo", "--fresh", "--data", text(dir.path())],
    ] {
        let (_, said) = fails(&[fresh, &PORTS].concat());
        assert!(
            said.contains("thesis.doc") && said.contains("--data"),
            "{said}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(dir.path().join("thesis.doc")).unwrap(),
        "years of work"
    );
}

#[test]
fn a_taken_port_names_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = dir.path().join("data");
    for (flag, setting) in [
        ("--console-listen", "ANLING_CONSOLE_LISTEN"),
        ("--devices-listen", "ANLING_DEVICES_LISTEN"),
        ("--dc09-listen", "ANLING_DC09_LISTEN"),
    ] {
        let mut ports = PORTS;
        let at = ports.iter().position(|part| *part == flag).unwrap();
        ports[at + 1] = &address;
        let (_, said) = fails(&[&["demo", "--data", text(&data)][..], &ports].concat());
        assert!(said.contains(&address) && said.contains(setting), "{said}");
    }
}

#[tokio::test]
async fn a_second_process_is_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = Node::start(&data, 5).await;
    let (_, said) = fails(&[&["demo", "--data", text(&data)][..], &PORTS].concat());
    assert!(said.contains("pid") && said.contains("--data"), "{said}");
    let (_, said) = fails(&[&["demo", "--fresh", "--data", text(&data)][..], &PORTS].concat());
    assert!(said.contains("pid"), "{said}");
    node.stop().await;
}

#[test]
fn a_broken_configuration_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anling.toml");
    for (content, hint) in [
        ("consol_listen = \"127.0.0.1:1\"", "consol_listen"),
        ("console_listen = \"nowhere\"", "console_listen"),
        ("heartbeat_s = 1", "heartbeat_s"),
        ("policy = \"missing.toml\"", "missing.toml"),
        (
            "[webhooks]\nduty_phone = \"http://example.org/\"",
            "https://",
        ),
        ("data = [1", "line 1"),
        ("\u{0}\u{1}", "anling.toml"),
    ] {
        std::fs::write(&path, content).unwrap();
        let (code, said) = fails(&["check", "--config", text(&path)]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(hint), "{content:?}: {said}");
    }
    let (_, said) = fails(&["check", "--config", text(&dir.path().join("none.toml"))]);
    assert!(said.contains("none.toml"), "{said}");
}

#[test]
fn fewer_than_all_roles_on_sqlite_are_refused() {
    let (_, said) = fails(&["serve", "--roles", "ingest"]);
    assert!(said.contains("SQLite"), "{said}");
}

#[test]
fn a_damaged_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("anling.json"),
        "{\"purpose\":\"demo\",\"format\":1}",
    )
    .unwrap();
    std::fs::write(dir.path().join("log.sqlite"), vec![7_u8; 8192]).unwrap();
    let (_, said) = fails(&[&["demo", "--data", text(dir.path())][..], &PORTS].concat());
    assert!(
        said.contains("log.sqlite") && said.contains("--data"),
        "{said}"
    );
}

#[test]
fn every_command_helps_with_an_example() {
    for args in [
        &["demo"][..],
        &["serve"],
        &["press"],
        &["operator", "add"],
        &["log", "read"],
        &["log", "stats"],
        &["check"],
    ] {
        let output = Command::new(binary())
            .args(args)
            .arg("--help")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("Example"), "{args:?}: {said}");
    }
    let version = Command::new(binary()).arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("anling "));
}
