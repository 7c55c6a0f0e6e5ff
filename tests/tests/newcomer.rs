//! What the demo prints is true, and its lines work as they stand: the first minute of a newcomer.

use journeys::{Node, Store, command::done};
use serde_json::Value;
use tokio::process::Command;

#[tokio::test]
async fn the_greeting_says_where_everything_is_and_its_curl_line_presses() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let folder = data.to_str().unwrap();
    let node = Node::start(&data, 20).await;
    for said in [
        "新城市,20 位老人 / a new city of 20 residents".to_owned(),
        format!("控制台 console     {}/", node.console),
        format!("设备 devices       {}", node.devices),
        format!("数据 data          {folder}"),
    ] {
        assert!(node.said.contains(&said), "{said}: {}", node.said);
    }

    let (_, from) = node.said.split_once("    curl ").unwrap();
    let (line, _) = from.split_once("\n\n").unwrap();
    let line = format!("curl -sS {line}");
    let answer = Command::new("sh").args(["-c", &line]).output();
    let answer = answer.await.unwrap();
    assert!(answer.status.success(), "{line}: {answer:?}");
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert!(answer["position"].as_u64() > Some(0), "{answer}");
    assert_eq!(answer["verified"], true, "{answer}");
    assert_eq!(answer["duplicate"], false, "{answer}");
    assert!(
        line.contains("$(date +%s)"),
        "each press is a new one: {line}"
    );

    let pressed = done(&Store::Sqlite, &["press", "--data", folder]).await;
    assert!(pressed.starts_with("201"), "{pressed}");
    node.stop().await;
    let node = Node::start(&data, 20).await;
    assert!(node.said.contains("继续"), "{}", node.said);
    assert!(node.said.contains("continued from 2"), "{}", node.said);
    node.stop().await;
}
