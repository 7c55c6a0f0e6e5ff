//! What the doors say of themselves is what they do: every documented path is there, every path that is there is
//! documented, and every answer and message of a call's whole story fits its schema, with unnamed fields forbidden.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

mod console;
mod devices;
mod document;
mod line;

use document::{Door, Messages};
use journeys::{Node, Store};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

/// The secret that duty phones' answers are signed with in these stories.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn start(dir: &Path) -> Node {
    let config = dir.join("anling.toml");
    // Nobody listens there: a ring that is not taken is rung again, which is no part of these stories.
    let text =
        format!("[webhooks]\nduty_phone = \"http://127.0.0.1:9/ring\"\nsecret = \"{SECRET}\"\n");
    fs::write(&config, text).unwrap();
    let flags = [
        "demo",
        "--no-cast",
        "--residents",
        "60",
        "--config",
        config.to_str().unwrap(),
    ];
    Store::Sqlite.start_with(&dir.join("data"), &flags).await
}

async fn schema(door: &Door, path: &str) -> Messages {
    let answer = door.request("get", path).send().await.unwrap();
    let document: Value = answer.json().await.unwrap();
    assert_eq!(document["$id"], path);
    Messages::of(&document)
}

#[tokio::test]
async fn a_calls_whole_story_at_the_console_fits_what_is_documented() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    let mut door = Door::read(&node.console, &node.client).await;
    let messages = schema(&door, "/v1/console.schema.json").await;
    assert!(door.check_examples() >= 40 && messages.check_examples() >= 15);

    read_what_is_open(
        &mut door,
        &["/", "/v1/about", "/healthz", "/readyz", "/metrics"],
    )
    .await;
    console::a_call(&node, &mut door, &messages).await;
    console::whoever_is_not_let_in(&node, &mut door).await;
    no_other_method(&door).await;

    // Only what needs a log that does not answer, or a built page, was not seen.
    let unseen: Vec<_> = door
        .unseen()
        .into_iter()
        .filter(|(_, _, status)| status != "503")
        .collect();
    let no_page = ("get".to_owned(), "/".to_owned(), "304".to_owned());
    assert!(
        unseen.iter().all(|one| *one == no_page),
        "documented and never seen: {unseen:#?}"
    );
    node.stop().await;
}

#[tokio::test]
async fn a_devices_whole_story_fits_what_is_documented() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    let mut door = Door::read(&node.devices, &node.client).await;
    let messages = schema(&door, "/v1/devices/channel.schema.json").await;
    assert!(door.check_examples() >= 20 && messages.check_examples() >= 6);

    read_what_is_open(&mut door, &["/healthz", "/sos"]).await;
    for file in [
        "sos.css",
        "sos.js",
        "sw.js",
        "icon.svg",
        "manifest.webmanifest",
        "none",
    ] {
        door.ask(door.request("get", &format!("/sos/{file}"))).await;
    }
    devices::a_press(&node, &mut door, &messages).await;
    devices::what_is_not_understood(&node, &mut door).await;
    no_other_method(&door).await;

    let unseen: Vec<_> = door
        .unseen()
        .into_iter()
        .filter(|(_, _, status)| status != "503")
        .collect();
    assert!(unseen.is_empty(), "documented and never seen: {unseen:#?}");
    node.stop().await;
}

/// What everybody may read, the manual's own paths with it.
async fn read_what_is_open(door: &mut Door, paths: &[&str]) {
    let schemas = door.operations().into_iter().map(|(_, path, _)| path);
    let schemas: Vec<_> = schemas.filter(|path| path.ends_with(".json")).collect();
    let of_manual = [
        "/docs",
        "/docs/docs.js",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
    ];
    for path in schemas
        .iter()
        .map(String::as_str)
        .chain(of_manual)
        .chain(paths.iter().copied())
    {
        let (status, _) = door.ask(door.request("get", path)).await;
        assert_eq!(status, 200, "{path}");
    }
    let (status, _) = door.ask(door.request("get", "/docs/none.js")).await;
    assert_eq!(status, 404);
}

/// A documented path does nothing under a method that is not documented.
async fn no_other_method(door: &Door) {
    let operations = door.operations();
    let paths: BTreeSet<_> = operations.iter().map(|(_, path, _)| path).collect();
    for path in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            if operations
                .iter()
                .any(|(m, p, _)| (m.as_str(), p) == (method, path))
            {
                continue;
            }
            let real = path.replace(['{', '}'], "");
            let answer = door.request(method, &real).send().await.unwrap();
            assert_eq!(answer.status(), 405, "{method} {path}");
        }
    }
}

/// Paths that a crate's sources route, read out of `.route("…"` and `.messages("…"`.
fn routed(folder: &str, found: &mut BTreeSet<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for word in [".route(", ".messages("] {
                for rest in text.split(word).skip(1) {
                    let literal = rest
                        .trim_start()
                        .strip_prefix('"')
                        .and_then(|rest| rest.split('"').next());
                    found.extend(literal.map(str::to_owned));
                }
            }
        }
    }
}

#[tokio::test]
async fn every_routed_path_is_documented_and_every_documented_path_is_routed() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    for (base, folders) in [
        (
            &node.console,
            [
                "crates/console/src",
                "crates/anling/src",
                "crates/manual/src",
            ],
        ),
        (
            &node.devices,
            [
                "crates/ingest/src",
                "crates/ingest/src/http",
                "crates/manual/src",
            ],
        ),
    ] {
        let door = Door::read(base, &node.client).await;
        let documented: BTreeSet<_> = door
            .operations()
            .into_iter()
            .map(|(_, path, _)| path)
            .collect();
        let mut there = BTreeSet::new();
        for folder in folders
            .iter()
            .filter(|folder| Path::new("..").join(folder).is_dir())
        {
            routed(folder, &mut there);
        }
        // The demo's play telephone is a toy of one machine, no door of the service.
        there.retain(|path| !path.starts_with("/demo/"));
        // The page is what is left over: no route of its own.
        if base == &node.console {
            there.insert("/".to_owned());
        }
        assert_eq!(documented, there, "{base}");
    }
    node.stop().await;
}
