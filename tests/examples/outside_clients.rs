//! Lets other languages' clients tell their story to `anling eventstore`, on both stores.
//!
//! For: `tests/run clients`, which installs the clients first: `outside_clients PYTHON` runs `tests/clients/story.py` with that
//! Python and `tests/clients/story.mjs` with Node.
//! May not know: what the stories are. A story that writes `RESTART` has its server killed and started again.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{EventStoreNode, Store};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

/// How long one story may take.
const WITHIN: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let python = std::env::args()
        .nth(1)
        .expect("which Python has the client");
    let stories = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let tellers = [
        (PathBuf::from(python), stories.join("story.py")),
        (PathBuf::from("node"), stories.join("story.mjs")),
    ];
    for store in [Store::Sqlite, Store::postgres()] {
        for (teller, story) in &tellers {
            let told = tokio::time::timeout(WITHIN, tell(&store, teller, story)).await;
            told.unwrap_or_else(|_| panic!("{} took too long", story.display()));
        }
    }
}

async fn tell(store: &Store, teller: &Path, story: &Path) {
    let on = match store {
        Store::Sqlite => "SQLite",
        Store::Postgres(_) => "PostgreSQL",
    };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut node = EventStoreNode::start(store, &data).await;
    let mut child = Command::new(teller)
        .arg(story)
        .arg(&node.address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut answers = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut done = false;
    while let Some(line) = lines.next_line().await.unwrap() {
        if line == "RESTART" {
            node = node.restart(store, &data).await;
            answers.write_all(b"go\n").await.unwrap();
        } else {
            println!("{on:10} {line}");
            done |= line.starts_with("DONE");
        }
    }
    let ended = child.wait().await.unwrap();
    assert!(
        done && ended.success(),
        "{} failed on {on}",
        story.display()
    );
    node.stop().await;
}
