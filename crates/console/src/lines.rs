//! The open consoles of this process.
//!
//! For: bounds per process and operator, ending a session's consoles, and one connection per console (browser tab).
//! May not know: what is said over them.

use crate::{
    options::{CONNECTION_LIMIT, CONNECTIONS_PER_OPERATOR},
    session::Key,
};
use domain::{ConsoleId, OperatorId};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedMutexGuard, watch};

/// Attaching and detaching of one console is done one after the other; consoles share this many gates.
const GATES: usize = 64;

/// Why a console is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// They signed out.
    SignedOut,
    /// The session's time is over, or the account is gone.
    Expired,
    /// The same tab has connected anew.
    Replaced,
    /// The console is being stopped.
    Stopping,
}

/// The open consoles.
#[derive(Debug)]
pub(crate) struct Lines {
    open: Mutex<HashMap<u64, Line>>,
    gates: Vec<Arc<tokio::sync::Mutex<()>>>,
}

#[derive(Debug)]
struct Line {
    operator: OperatorId,
    key: Key,
    console: Option<ConsoleId>,
    end: watch::Sender<Option<Why>>,
}

/// One's place among the open consoles; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    lines: Arc<Lines>,
    id: u64,
    /// Set when this console must end.
    end: watch::Receiver<Option<Why>>,
}

impl Lines {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            gates: (0..GATES).map(|_| Arc::default()).collect(),
        })
    }

    /// A place, unless there are too many.
    pub(crate) fn enter(self: &Arc<Self>, operator: &OperatorId, key: Key) -> Option<Place> {
        let mut open = self.lock();
        let theirs = open.values().filter(|l| &l.operator == operator).count();
        if open.len() >= CONNECTION_LIMIT || theirs >= CONNECTIONS_PER_OPERATOR {
            return None;
        }
        let id = open.keys().max().map_or(0, |last| last + 1);
        let (end, ended) = watch::channel(None);
        let line = Line {
            operator: operator.clone(),
            key,
            console: None,
            end,
        };
        open.insert(id, line);
        Some(Place {
            lines: Arc::clone(self),
            id,
            end: ended,
        })
    }

    /// Ends every console of a session.
    pub(crate) fn end_session(&self, key: &Key, why: Why) {
        for line in self.lock().values().filter(|l| &l.key == key) {
            line.end.send_replace(Some(why));
        }
    }

    /// Ends all.
    pub(crate) fn end_all(&self) {
        for line in self.lock().values() {
            line.end.send_replace(Some(Why::Stopping));
        }
    }

    /// Whether another console of this operator is open.
    pub(crate) fn has_other(&self, operator: &OperatorId, place: &Place) -> bool {
        let open = self.lock();
        open.iter().any(|(id, l)| {
            *id != place.id
                && &l.operator == operator
                && l.console.is_some()
                && l.end.borrow().is_none()
        })
    }

    /// The turn of one console to be attached or detached.
    pub(crate) async fn turn(&self, console: &ConsoleId) -> OwnedMutexGuard<()> {
        let mut hasher = DefaultHasher::new();
        console.hash(&mut hasher);
        let gates = self.gates.len() as u64;
        let at = usize::try_from(hasher.finish() % gates).unwrap_or(0);
        Arc::clone(&self.gates[at]).lock_owned().await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Line>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Takes a console's name; the connection that had it before ends.
    pub(crate) fn name(&self, console: &ConsoleId) {
        let mut open = self.lines.lock();
        let operator = open.get(&self.id).map(|l| l.operator.clone());
        for (id, line) in open.iter_mut() {
            if *id == self.id {
                line.console = Some(console.clone());
            } else if line.console.as_ref() == Some(console)
                && Some(&line.operator) == operator.as_ref()
            {
                line.console = None;
                line.end.send_replace(Some(Why::Replaced));
            }
        }
    }

    /// Waits until this console must end.
    pub(crate) fn over(&self) -> impl Future<Output = Why> + Send + use<> {
        let mut end = self.end.clone();
        async move {
            let why = end.wait_for(Option::is_some).await;
            why.ok().and_then(|why| *why).unwrap_or(Why::Stopping)
        }
    }

    /// Why this console must end, if it must.
    pub(crate) fn ended(&self) -> Option<Why> {
        *self.end.borrow()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lines.lock().remove(&self.id);
    }
}
