//! The device door: presses sent when they are due, each over a connection that is free.
//!
//! For: open-loop load over kept connections; more are opened when all are waiting for answers.
//! May not know: what happens to a press after its answer.

use crate::{http::Connection, ledger::Ledger, schedule::Schedule};
use serde::Deserialize;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::{runtime::Handle, sync::mpsc};

/// Connections at once. Ours: far above rate × latency of a healthy server; beyond it presses wait for one, which
/// counts as their latency.
pub const CONNECTIONS: usize = 2_000;

/// Times one press is sent. A kept connection may be closed just when it is used again; devices send again, and so do we.
const TRIES: usize = 3;

/// Presses, built.
#[derive(Debug)]
pub struct Presses {
    /// `host:port` of each device door; connections take turns.
    pub doors: Vec<String>,
    /// The request of each row of the ledger.
    pub requests: Vec<Vec<u8>>,
}

/// What the pool counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections opened.
    pub opened: AtomicU64,
    /// Presses that had to wait because [`CONNECTIONS`] were busy.
    pub queued: AtomicU64,
    /// Presses sent again because a connection broke.
    pub resent: AtomicU64,
    /// Presses without any answer.
    pub unanswered: AtomicU64,
}

/// The answer to a press, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Stored {
    position: u64,
    #[serde(default)]
    duplicate: bool,
}

struct Pool {
    presses: Presses,
    ledger: Arc<Ledger>,
    counts: Arc<Counts>,
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    idle: Vec<mpsc::UnboundedSender<usize>>,
    open: usize,
    waiting: VecDeque<usize>,
}

/// Sends every press of the schedule when it is due, from this thread; returns when the last was handed over.
/// Answers come in on `runtime` and go to the ledger.
pub fn press(
    runtime: &Handle,
    schedule: &Schedule,
    presses: Presses,
    ledger: &Arc<Ledger>,
    counts: &Arc<Counts>,
) {
    let pool = Arc::new(Pool {
        presses,
        ledger: Arc::clone(ledger),
        counts: Arc::clone(counts),
        free: Mutex::default(),
    });
    schedule.keep(ledger.start(), |number| pool.hand_out(runtime, number));
}

impl Pool {
    fn free(&self) -> std::sync::MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To an idle connection, or a new one, or into the queue.
    fn hand_out(self: &Arc<Self>, runtime: &Handle, number: usize) {
        let mut free = self.free();
        if let Some(idle) = free.idle.pop() {
            // A connection's task ends only with the run.
            let _ = idle.send(number);
        } else if free.open < CONNECTIONS {
            free.open += 1;
            let turn = free.open;
            runtime.spawn(Arc::clone(self).serve(turn, number));
        } else {
            self.counts.queued.fetch_add(1, Relaxed);
            free.waiting.push_back(number);
        }
    }

    /// One connection's work: a press after the other.
    async fn serve(self: Arc<Self>, turn: usize, first: usize) {
        let door = &self.presses.doors[turn % self.presses.doors.len()];
        let (own, mut handed) = mpsc::unbounded_channel();
        let mut connection = None;
        let mut number = first;
        loop {
            self.one(door, &mut connection, number).await;
            let waiting = {
                let mut free = self.free();
                let waiting = free.waiting.pop_front();
                if waiting.is_none() {
                    free.idle.push(own.clone());
                }
                waiting
            };
            number = match waiting {
                Some(waiting) => waiting,
                None => match handed.recv().await {
                    Some(next) => next,
                    None => return,
                },
            };
        }
    }

    async fn one(&self, door: &str, connection: &mut Option<Connection>, number: usize) {
        for attempt in 0..TRIES {
            if attempt > 0 {
                self.counts.resent.fetch_add(1, Relaxed);
            }
            match self.attempt(door, connection, number).await {
                Ok(()) => return,
                Err(_) => *connection = None,
            }
        }
        self.counts.unanswered.fetch_add(1, Relaxed);
    }

    async fn attempt(
        &self,
        door: &str,
        connection: &mut Option<Connection>,
        number: usize,
    ) -> std::io::Result<()> {
        if connection.is_none() {
            self.counts.opened.fetch_add(1, Relaxed);
            *connection = Some(Connection::open(door).await?);
        }
        let Some(line) = connection else {
            return Ok(());
        };
        let row = self.ledger.row(number);
        line.send(&self.presses.requests[number]).await?;
        row.sent.tell(self.ledger.now());
        let status = line.answer().await?;
        let now = self.ledger.now();
        row.status.store(u64::from(status), Relaxed);
        if let Ok(stored) = serde_json::from_slice::<Stored>(line.body()) {
            row.position.store(stored.position, Relaxed);
            row.repeat.store(u64::from(stored.duplicate), Relaxed);
        }
        row.answered.tell(now);
        Ok(())
    }
}
