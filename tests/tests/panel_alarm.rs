//! An alarm panel over TCP (SIA DC-09): its alarm opens an incident that a console sees, the acknowledgment comes to the
//! byte, and the same frame after Anling was killed and started again is the same press.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Device, Node, Page, binary};
use serde_json::Value;
use std::{path::Path, process::Command, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SOON: Duration = Duration::from_secs(20);

/// A frame around a body, with the checksum of the standard (CRC-16/ARC) computed bit by bit.
fn framed(body: &str) -> String {
    let checksum = body.bytes().fold(0_u16, |value, byte| {
        (0..8).fold(value ^ u16::from(byte), |value, _| {
            (value >> 1) ^ if value & 1 == 1 { 0xA001 } else { 0 }
        })
    });
    format!("\n{checksum:04X}0{:03X}{body}\r", body.len())
}

async fn ask(panel: &mut TcpStream, frame: &str) -> String {
    panel.write_all(frame.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while answer.last() != Some(&b'\r') {
        let byte = tokio::time::timeout(SOON, panel.read_u8()).await;
        answer.push(byte.expect("the door answers").unwrap());
    }
    String::from_utf8(answer).unwrap()
}

/// The panels' signals in the log: stream, position, content.
fn in_log(data: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    for stream in ["device-dc09-1000", "device-dc09-1001"] {
        let output = Command::new(binary())
            .args(["log", "read", "--stream", stream, "--data"])
            .arg(data)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let events = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.extend(events.filter(|event| event["data"]["door"] == "dc09"));
    }
    all
}

#[tokio::test]
async fn an_alarm_of_a_panel_reaches_a_console_and_its_retry_after_a_restart_is_the_same_press() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = Node::start(&data, 60).await;
    let homes: Vec<Device> = node.device_list().into_iter().take(2).collect();
    assert_eq!(
        (homes[0].account.as_str(), homes[1].account.as_str()),
        ("1000", "1001")
    );
    let desk = node.account("city");
    let token = node.sign_in(&desk).await;
    let mut page = Page::open(&node, &token, "panel", None).await;
    page.sign_on("city_desk", None, true).await;

    let mut panel = TcpStream::connect(&node.dc09).await.unwrap();
    let poll = framed("\"NULL\"0000R1L0#1000[]");
    assert_eq!(
        ask(&mut panel, &poll).await,
        framed("\"ACK\"0000R1L0#1000[]")
    );
    let alarm = framed("\"SIA-DCS\"0001R1L0#1000[#1000|Nri1/QA007]");
    let ack = framed("\"ACK\"0001R1L0#1000[]");
    assert_eq!(ask(&mut panel, &alarm).await, ack);
    let resident = homes[0].resident.clone();
    let card = page
        .until("the panel's alarm", |card| card.resident.is_some())
        .await;
    assert_eq!(card.resident.as_ref().unwrap().id, resident);
    assert_eq!((card.kind.as_str(), card.problems.len()), ("sos", 0));
    // The same home's button joins the same incident; another home's panel opens another, in Contact ID.
    node.press_new(&homes[0], "sos").await;
    let fire = framed("\"ADM-CID\"0001L0#1001[#1001|1111 01 003]");
    assert_eq!(ask(&mut panel, &fire).await, framed("\"ACK\"0001L0#1001[]"));
    let second = page.until("the smoke", |card| card.kind == "smoke").await;
    assert_ne!(second.id, card.id);
    // A code nobody knows raises a person as well.
    let odd = framed("\"ADM-CID\"0002L0#1001[#1001|1987 01 003]");
    assert_eq!(ask(&mut panel, &odd).await, framed("\"ACK\"0002L0#1001[]"));
    page.until("the unknown code", |card| {
        card.id == second.id && card.problems.contains(&"unknown_kind".to_owned())
    })
    .await;
    let before = in_log(&data);
    assert_eq!(before.len(), 3);
    node.kill_nine().await;

    let node = Node::start(&data, 60).await;
    let mut panel = TcpStream::connect(&node.dc09).await.unwrap();
    assert_eq!(ask(&mut panel, &alarm).await, ack);
    assert_eq!(ask(&mut panel, &fire).await, framed("\"ACK\"0001L0#1001[]"));
    assert_eq!(in_log(&data), before, "nothing new happened");
    node.stop().await;
}
