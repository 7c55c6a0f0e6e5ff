//! Checkpoints leave the house, so that a rewrite by whoever holds the key can still be seen from outside.
//!
//! For: appending the newest checkpoint to a file, and posting it to an address, each as soon as it is due.
//! May not know: how checkpoints come about. Told at least once; the same checkpoint twice means nothing.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::status::Board;

/// How long an address may take to answer. Ours: it is tried again with the next checkpoint.
const POST_WITHIN: Duration = Duration::from_secs(10);

/// Where checkpoints go.
#[derive(Clone, Debug)]
pub struct Outlets {
    /// A file they are appended to, one after the other, a line of `-` between them; best on another machine's disk.
    pub file: Option<PathBuf>,
    /// An address they are posted to, as `text/plain`.
    pub webhook: Option<String>,
    /// How often the newest one leaves, when there is a newer one.
    pub every: Duration,
}

impl Default for Outlets {
    fn default() -> Self {
        Self {
            file: None,
            webhook: None,
            every: Duration::from_secs(60),
        }
    }
}

/// The newest checkpoint: its size and note.
pub(crate) type Newest = Option<(u64, Arc<str>)>;

/// Publishes until `stop`, and once more then.
pub(crate) async fn run(
    outlets: Outlets,
    newest: watch::Receiver<Newest>,
    board: Arc<Board>,
    stop: CancellationToken,
) {
    if outlets.file.is_none() && outlets.webhook.is_none() {
        return;
    }
    let client = reqwest::Client::builder().timeout(POST_WITHIN).build();
    let Ok(client) = client else {
        board.change(|it| it.unpublished = Some("the TLS back end is missing".to_owned()));
        return;
    };
    let mut ticks = tokio::time::interval(outlets.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        let last = tokio::select! {
            _ = ticks.tick() => false,
            () = stop.cancelled() => true,
        };
        let due = newest.borrow().clone();
        if let Some((size, note)) = due.filter(|(size, _)| Some(*size) != told) {
            match publish(&outlets, &client, &note).await {
                Ok(()) => {
                    told = Some(size);
                    board.change(|it| (it.published, it.unpublished) = (size, None));
                }
                Err(why) => {
                    tracing::warn!(why, "a checkpoint did not leave the house; trying again");
                    board.change(|it| it.unpublished = Some(why));
                }
            }
        }
        if last {
            return;
        }
    }
}

async fn publish(outlets: &Outlets, client: &reqwest::Client, note: &str) -> Result<(), String> {
    if let Some(path) = &outlets.file {
        append(path, note).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(url) = &outlets.webhook {
        let posted = client
            .post(url)
            .header("content-type", "text/plain; charset=utf-8")
            .body(note.to_owned())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        // The address may hold a secret, which the error would repeat.
        posted.map_err(|error| format!("the webhook: {}", error.without_url()))?;
    }
    Ok(())
}

fn append(path: &PathBuf, note: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    // In one piece, so that readers meet whole checkpoints.
    file.write_all(format!("{note}-\n").as_bytes())?;
    file.sync_data()
}
