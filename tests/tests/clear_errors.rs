//! A folder that is not Anling's, a taken port, a second process, a broken configuration, a full disk: a clear error
//! that says what to do.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Cluster, Node, PostgresServer, Store, binary};
use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

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

const PORTS: [&str; 8] = [
    "--console-listen",
    "127.0.0.1:0",
    "--devices-listen",
    "127.0.0.1:0",
    "--dc09-listen",
    "127.0.0.1:0",
    "--eventstore-listen",
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

/// Cargo asks the compiler for its version first of all; that is when Node is looked for.
#[test]
fn a_missing_or_too_old_node_is_told_in_the_first_second_with_the_line_that_installs_one() {
    let dir = tempfile::tempdir().unwrap();
    let wrapper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cargo/rustc");
    let asked = |node: Option<&str>, page: Option<&str>| {
        let fake = dir.path().join("node");
        let _ = std::fs::remove_file(&fake);
        if let Some(version) = node {
            std::fs::write(&fake, format!("#!/bin/sh\necho {version}\n")).unwrap();
            std::fs::set_permissions(&fake, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let mut command = Command::new("/bin/sh");
        command.arg(&wrapper).args(["/bin/echo", "-vV"]);
        command.env_clear().env("PATH", dir.path());
        command.envs(page.map(|page| ("CONSOLE_DIST", page)));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    for (node, found) in [(None, "none"), (Some("v18.20.4"), "v18.20.4")] {
        let (went_on, said) = asked(node, None);
        assert!(!went_on, "{said}");
        assert!(said.contains(found), "{said}");
        assert!(said.contains("npm install --global node@22"), "{said}");
    }
    assert!(asked(Some("v20.19.1"), None).0);
    assert!(asked(Some("v22.3.0"), None).0);
    assert!(asked(None, Some("none")).0, "the page may be left out");
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
        ("--eventstore-listen", "ANLING_EVENTSTORE_LISTEN"),
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

#[tokio::test]
async fn a_demo_whose_own_files_are_gone_makes_no_second_city_over_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Node::start(&data, 5).await.stop().await;
    for file in ["demo-city.json", "demo-accounts.json"] {
        let kept = std::fs::read(data.join(file)).unwrap();
        std::fs::remove_file(data.join(file)).unwrap();
        let (_, said) = fails(&[&["demo", "--data", text(&data)][..], &PORTS].concat());
        assert!(said.contains(file) && said.contains("--fresh"), "{said}");
        std::fs::write(data.join(file), kept).unwrap();
    }
    // With its files it goes on, and what an earlier run left half made is made whole with the same passwords.
    let city = std::fs::read_to_string(data.join("demo-city.json")).unwrap();
    std::fs::write(
        data.join("demo-city.json"),
        city.replace("\"whole\":true", "\"whole\":false"),
    )
    .unwrap();
    let node = Node::start(&data, 5).await;
    node.sign_in(&node.accounts()[0]).await;
    node.stop().await;
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

/// The same with a database given in the environment, as it should be.
fn fails_on(url: &str, args: &[&str]) -> String {
    let mut command = Command::new(binary());
    let output = command.args(args).env("ANLING_DATABASE_URL", url).output();
    let output = output.unwrap();
    assert!(!output.status.success(), "{args:?} should fail");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !text.contains("panicked") && !text.contains("s3cret"),
        "{text}"
    );
    text
}

#[test]
fn a_database_url_is_told_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let said = fails_on("mysql://anling:s3cret@127.0.0.1/anling", &["check"]);
    assert!(
        said.contains("database_url") && said.contains("postgres://"),
        "{said}"
    );
    let output = Command::new(binary())
        .args([
            "check",
            "--roles",
            "ingest",
            "--devices-listen",
            "127.0.0.1:0",
        ])
        .args(["--ops-listen", "127.0.0.1:0", "--data", text(&data)])
        .env(
            "ANLING_DATABASE_URL",
            "postgres://anling:s3cret@127.0.0.1:1/anling",
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(
        !said.contains("s3cret") && !said.contains("console"),
        "{said}"
    );
    assert!(
        said.contains("postgres://anling@127.0.0.1:1/anling"),
        "{said}"
    );
    let help = Command::new(binary())
        .args(["serve", "--help"])
        .env(
            "ANLING_DATABASE_URL",
            "postgres://anling:s3cret@127.0.0.1:1/anling",
        )
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_belong_to_the_log_says_so() {
    let cluster = Cluster::found(5).await;
    let (_, url) = cluster.store().environment().unwrap();
    let key = cluster.city().join("master.key");
    let serve = |data: &Path, key: &Path, url: &str| {
        let roles = [
            "serve",
            "--roles",
            "dispatcher",
            "--ops-listen",
            "127.0.0.1:0",
        ];
        let more = ["--data", text(data), "--master-key", text(key)];
        fails_on(url, &[&roles[..], &more].concat())
    };
    // No key, and a wrong one.
    let said = serve(&cluster.folder("new"), &cluster.folder("no.key"), url);
    assert!(
        said.contains("master_key") && said.contains("copy"),
        "{said}"
    );
    let wrong = cluster.folder("wrong.key");
    std::fs::write(&wrong, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n").unwrap();
    let said = serve(&cluster.folder("new"), &wrong, url);
    assert!(
        said.contains("wrong.key") && said.contains("every process"),
        "{said}"
    );
    // A folder in use.
    let running = cluster.start("running", "dispatcher").await;
    let said = serve(&cluster.folder("running"), &key, url);
    assert!(said.contains("pid") && said.contains("--data"), "{said}");
    running.stop().await;
    // A folder that has worked on this log, and a database that is empty or holds another log.
    let Store::Postgres(empty) = Store::postgres() else {
        unreachable!("asked for one");
    };
    let said = serve(&cluster.folder("running"), &key, &empty);
    assert!(
        said.contains("is gone") && said.contains("backup"),
        "{said}"
    );
    let other = Cluster::found(5).await;
    let (_, url) = other.store().environment().unwrap();
    let said = serve(&cluster.folder("running"), &key, url);
    assert!(said.contains("another log"), "{said}");
    // A folder with a log of its own.
    let alone = cluster.folder("alone");
    let own = Node::start(&alone, 5).await;
    own.stop().await;
    let said = fails_on(
        url,
        &[&["demo", "--data", text(&alone)][..], &PORTS].concat(),
    );
    assert!(said.contains("a log of its own"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_may_lose_what_it_confirmed_is_refused_until_a_setting_allows_it() {
    let server = PostgresServer::start("fsync = off\n");
    let store = Store::on(&server);
    let (_, url) = store.environment().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let serve = ["serve", "--data", text(&data)];
    let said = fails_on(url, &[&serve[..], &PORTS].concat());
    assert!(
        said.contains("fsync") && said.contains("allow_unsafe_database"),
        "{said}"
    );
    let allowed = [
        "demo",
        "--no-cast",
        "--residents",
        "5",
        "--allow-unsafe-database",
    ];
    let node = store
        .start_with(&dir.path().join("allowed"), &allowed)
        .await;
    let answer = node.client.get(format!("{}/readyz", node.ops)).send().await;
    let said: serde_json::Value = answer.unwrap().json().await.unwrap();
    assert_eq!(said["ready"], true);
    assert!(
        said["degraded"].as_str().unwrap().contains("fsync"),
        "{said}"
    );
    let answer = node
        .client
        .get(format!("{}/metrics", node.ops))
        .send()
        .await;
    let figures = answer.unwrap().text().await.unwrap();
    assert!(figures.contains("anling_log_degraded 1"), "{figures}");
    node.stop().await;
}
