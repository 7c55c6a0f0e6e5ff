//! Anling's own commands, as a person types them.
//!
//! For: journeys that look after a log from beside it, on either store.
//! May not know: what a command does.

use crate::{Store, binary};
use std::process::Output;
use tokio::process::Command;

/// The binary with these words, on `store`.
pub async fn run(store: &Store, words: &[&str]) -> Output {
    Command::new(binary())
        .args(words)
        .envs(store.environment())
        .output()
        .await
        .expect("the binary is built")
}

/// Everything it printed, in both streams.
pub fn said(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(error)
    )
}

/// What it printed as its answer; panics unless it succeeds.
pub async fn done(store: &Store, words: &[&str]) -> String {
    let output = run(store, words).await;
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
