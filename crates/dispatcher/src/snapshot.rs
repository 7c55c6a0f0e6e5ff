//! A quick start: the fold saved now and then, and the rest of the log folded on top.
//!
//! For: being ready within seconds on a log of any length; going without a snapshot is always right, only slower.
//! May not know: what the fold is used for.

use crate::{
    metrics::{Metrics, count},
    state::State,
};
use casebook::Casebook;
use eventlog::{Direction, Log, Position, Recorded, Snapshot};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Under this name the fold is saved. Every dispatcher on a log folds the same, so they share it.
pub const NAME: &str = "dispatcher";

/// Counts the shapes of [`State`]; raised whenever the same events would fold to something else.
pub const CODE_VERSION: u32 = 5;

/// Events between two snapshots. Ours: folding as many takes well under a second; in a storm a snapshot holds thousands of
/// calls, and writing tens of megabytes every two seconds would stand before every alarm.
pub const EVERY_EVENTS: u64 = 200_000;

/// Time between two snapshots, when anything happened. Ours: a quiet night is not folded again in the morning.
pub const EVERY: Duration = Duration::from_mins(1);

/// Events read at a time while catching up: large pages, for nobody waits for the first.
const PAGE: usize = 2_000;

/// The pause after the log did not answer.
const PAUSE: Duration = Duration::from_millis(200);

/// The saved fold, or an empty one.
pub async fn load(casebook: &Casebook) -> State {
    let saved = casebook.load_snapshot::<State>(NAME, CODE_VERSION).await;
    match saved {
        Some((position, state)) if state.position == position => state,
        _ => State::empty(),
    }
}

/// Folds what stands after the fold's position, up to the end of the log. `None`: stopped before.
pub async fn catch_up(
    log: &Log,
    mut state: State,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Option<State> {
    let mut page = read(log, state.position, metrics, stop).await?;
    loop {
        // The next page is read while this one is folded: the two take about as long.
        let last = page.last().map_or(state.position, |last| last.position);
        let full = page.len() == PAGE;
        let ahead = async {
            match full {
                true => read(log, last, metrics, stop).await.map(Some),
                false => Some(None),
            }
        };
        let (next, folded) = tokio::join!(ahead, fold(state, page));
        let (after, unreadable) = folded?;
        state = after;
        for _ in 0..unreadable {
            count(&metrics.unreadable);
        }
        page = match next? {
            Some(next) => next,
            None => return Some(state),
        };
    }
}

type Page = Vec<Arc<Recorded>>;

async fn read(
    log: &Log,
    after: Position,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Option<Page> {
    while !stop.is_cancelled() {
        match log.read_all(after, Direction::Forward, PAGE).await {
            Ok(page) => return Some(page),
            Err(error) => tracing::warn!(%error, "cannot catch up; trying again"),
        }
        count(&metrics.unavailable);
        tokio::time::sleep(PAUSE).await;
    }
    None
}

/// Folds a page on a thread of its own; gives back how many events did not read. `None`: the runtime is ending.
async fn fold(mut state: State, page: Page) -> Option<(State, usize)> {
    let folding = tokio::task::spawn_blocking(move || {
        let mut unreadable = 0;
        for recorded in &page {
            if !State::concerns(&recorded.stream, &recorded.kind) {
                state.position = recorded.position;
                continue;
            }
            match casebook::read(recorded) {
                Ok(case) => drop(state.apply(recorded, &case)),
                Err(error) => {
                    tracing::error!(position = recorded.position.0, %error, "passed over");
                    unreadable += 1;
                    drop(state.pass_over(recorded));
                }
            }
        }
        (state, unreadable)
    });
    match folding.await {
        Ok(folded) => Some(folded),
        // Handed on to whoever watches over this task and starts it again.
        Err(error) => match error.try_into_panic() {
            Ok(bug) => std::panic::resume_unwind(bug),
            Err(_) => None,
        },
    }
}

/// Saves a fold. Losing one costs time at the next start, nothing else.
pub async fn save(log: Log, state: State) {
    let position = state.position;
    // A full city's fold takes tens of milliseconds to write down: not on a thread that timers wait for.
    let bytes = tokio::task::spawn_blocking(move || serde_json::to_vec(&state)).await;
    let bytes = match bytes {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return tracing::error!(%error, "the fold does not encode"),
        Err(error) => return tracing::error!(%error, "the fold was not written down"),
    };
    let snapshot = Snapshot {
        position,
        code_version: CODE_VERSION,
        bytes,
    };
    if let Err(error) = log.snapshots().put(NAME, snapshot).await {
        tracing::warn!(%error, "no snapshot saved");
    }
}
