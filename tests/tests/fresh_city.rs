//! `anling demo --fresh`: a new city in place of the old one, and nothing else is ever taken away.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Node, Store, binary};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};
use tokio::process::Command;

/// A refusal comes before anything is made.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_fresh_start_says_that_the_old_city_is_gone_and_nothing_of_it_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = Node::start(&data, 20).await;
    let device = node.device_list().remove(0);
    let (press, _) = node.press_new(&device, "sos").await;
    let old = node.account("city");
    node.stop().await;

    // What is not the demo's would go with it: first it has to be moved.
    let settings = data.join("anling.toml");
    fs::write(&settings, "heartbeat_s = 600\n").unwrap();
    let said = refused(&data).await;
    assert!(
        said.contains("anling.toml") && said.contains("--data"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(&settings).unwrap(),
        "heartbeat_s = 600\n"
    );
    fs::remove_file(&settings).unwrap();
    let node = Node::start(&data, 20).await;
    assert!(node.said.contains("continued from"), "{}", node.said);
    node.until_told(&device, &press, "the old press", |stage| {
        stage["stage"].is_string()
    })
    .await;
    node.stop().await;

    let words = ["demo", "--no-cast", "--fresh", "--residents", "10"];
    let node = Store::Sqlite.start_with(&data, &words).await;
    for said in ["the old city was removed", "a new city of 10 residents"] {
        assert!(node.said.contains(said), "{said}: {}", node.said);
    }
    assert!(!node.said.contains("continued"), "{}", node.said);
    assert_eq!(node.device_list().len(), 10);
    assert_eq!(node.try_sign_in(&old).await, None, "passwords are new");
    let token = node.sign_in(&node.account("city")).await;
    let open = node.get(&token, "/v1/incidents?state=open").await;
    assert_eq!(open["incidents"].as_array().unwrap().len(), 0, "{open}");
    let stage = node.stage(&device, &press).await;
    assert_eq!(stage["status"], 404, "{stage}");
    node.stop().await;
}

#[tokio::test]
async fn a_fresh_start_leaves_the_log_of_a_real_service_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Store::Sqlite.serve(&data).await.stop().await;
    let before = files(&data);
    assert!(before.contains_key("log.sqlite"), "{:?}", before.keys());
    let said = refused(&data).await;
    assert!(said.contains("does not hold a demo city"), "{said}");
    assert!(files(&data) == before, "every file is as it was");
}

/// What `--fresh` says on this folder; panics unless it refuses.
async fn refused(data: &Path) -> String {
    let ports = ["console", "devices", "dc09", "eventstore"];
    let ports = ports.map(|door| format!("--{door}-listen=127.0.0.1:0"));
    let mut command = Command::new(binary());
    command.args(["demo", "--no-cast", "--fresh", "--data"]);
    command.arg(data).args(ports).kill_on_drop(true);
    let output = tokio::time::timeout(REFUSED_WITHIN, command.output()).await;
    let output = output.expect("it ends by itself").unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(data).unwrap().flatten();
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read(entry.path()).unwrap_or_default())
    };
    entries.map(file).collect()
}
