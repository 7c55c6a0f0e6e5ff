//! Connections that read, kept apart by the runtime that asks.
//!
//! For: a connection held by a task that waits for a processor keeps nobody waiting but those of the same urgency; where it has a
//! thread or a reactor of its own, that is as urgent as they are.
//! May not know: which database, how a connection is made and ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::READ_CONNECTIONS;

/// Those of all runtimes; `None` once closed.
pub(crate) struct Shelves<C>(Mutex<Option<HashMap<Id, Arc<Shelf<C>>>>>);

/// Those of one runtime: at most [`READ_CONNECTIONS`] in use.
struct Shelf<C> {
    idle: Mutex<Vec<C>>,
    places: Arc<Semaphore>,
}

/// The right to use one connection of this runtime.
pub(crate) struct Place<C> {
    shelf: Arc<Shelf<C>>,
    _permit: OwnedSemaphorePermit,
}

impl<C> Shelves<C> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }

    /// Waits for a place; `None` when closed.
    pub(crate) async fn place(&self) -> Option<Place<C>> {
        let shelf = {
            let mut all = lock(&self.0);
            let ours = all.as_mut()?.entry(Handle::current().id());
            Arc::clone(ours.or_insert_with(|| Arc::new(Shelf::new())))
        };
        let permit = Arc::clone(&shelf.places).acquire_owned().await.ok()?;
        Some(Place {
            shelf,
            _permit: permit,
        })
    }

    /// Waits until no place is taken, and gives out no more; the connections, to be ended.
    pub(crate) async fn close(&self) -> Vec<C> {
        let all = lock(&self.0).take().unwrap_or_default();
        let mut connections = Vec::new();
        for shelf in all.into_values() {
            let everybody = u32::try_from(READ_CONNECTIONS).unwrap_or(u32::MAX);
            let places = shelf.places.acquire_many(everybody).await;
            shelf.places.close();
            drop(places);
            connections.append(&mut lock(&shelf.idle));
        }
        connections
    }
}

impl<C> Shelf<C> {
    fn new() -> Self {
        Self {
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(READ_CONNECTIONS)),
        }
    }
}

impl<C> Place<C> {
    /// A connection that lay idle.
    pub(crate) fn take(&self) -> Option<C> {
        lock(&self.shelf.idle).pop()
    }

    /// Keeps a connection that is well; one that is not given back is dropped.
    pub(crate) fn give_back(&self, connection: C) {
        lock(&self.shelf.idle).push(connection);
    }

    /// Drops those that lie idle.
    pub(crate) fn clear(&self) {
        lock(&self.shelf.idle).clear();
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn those_of_one_runtime_are_bounded_and_none_of_anothers() {
        let shelves = Arc::new(Shelves::new());
        let mut taken = Vec::new();
        for number in 0..READ_CONNECTIONS {
            let place = shelves.place().await.unwrap();
            assert_eq!(place.take(), None);
            taken.push((place, number));
        }
        assert!(shelves.place().now_or_never().is_none(), "all are taken");
        taken[0].0.give_back(usize::MAX);
        let theirs = Arc::clone(&shelves);
        let other = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async { theirs.place().await.unwrap().take() })
        });
        assert_eq!(
            other.join().unwrap(),
            None,
            "another runtime waits for nobody here"
        );
        for (place, number) in taken {
            place.give_back(number);
        }
        assert!(shelves.place().await.unwrap().take().is_some());
    }

    #[tokio::test]
    async fn closing_waits_for_what_is_in_use_and_gives_out_no_more() {
        let shelves = Shelves::new();
        let place = shelves.place().await.unwrap();
        let mut closing = std::pin::pin!(shelves.close());
        assert!(closing.as_mut().now_or_never().is_none());
        assert!(shelves.place().await.is_none());
        place.give_back('x');
        drop(place);
        assert_eq!(closing.await, ['x']);
    }
}
