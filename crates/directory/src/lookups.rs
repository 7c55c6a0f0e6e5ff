//! Look-ups of one row each, answered together.
//!
//! For: a storm of presses that each ask for one device and one resident: what is asked while a statement runs is asked together by
//! the next one, so that the turns of threads do not grow with the presses.
//! May not know: what the rows are for.

use crate::{
    error::DirectoryError,
    rows::{DeviceRow, ResidentRow},
    tables::Tables,
};
use domain::{DeviceId, ResidentId};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{mpsc, oneshot};

/// Look-ups that wait for their statement. Ours: more than gateways and dispatcher have in hand at once; who finds no room waits.
const WAITING: usize = 1_024;

/// Look-ups answered by one statement. Ours: its answer takes a few milliseconds, which the last one asked waits as well.
const TOGETHER: usize = 128;

type Answer<R> = Result<Option<R>, DirectoryError>;

/// One kind of row by its id.
#[derive(Debug)]
struct Lookups<K, R>(mpsc::Sender<(K, oneshot::Sender<Answer<R>>)>);

/// Devices and residents, one at a time for whoever asks.
#[derive(Debug)]
pub(crate) struct One {
    devices: Lookups<DeviceId, DeviceRow>,
    residents: Lookups<ResidentId, ResidentRow>,
}

impl One {
    /// Starts answering from these tables, until this is dropped.
    pub(crate) fn start(tables: &Tables) -> Self {
        let (ours, theirs) = (tables.clone(), tables.clone());
        Self {
            devices: Lookups::start(
                move |ids| {
                    let tables = ours.clone();
                    async move { tables.devices_among(&ids).await }
                },
                |row| row.device.clone(),
            ),
            residents: Lookups::start(
                move |ids| {
                    let tables = theirs.clone();
                    async move { tables.residents_among(&ids).await }
                },
                |row| row.resident.clone(),
            ),
        }
    }

    pub(crate) async fn device(&self, id: &DeviceId) -> Answer<DeviceRow> {
        self.devices.ask(id.clone()).await
    }

    pub(crate) async fn resident(&self, id: &ResidentId) -> Answer<ResidentRow> {
        self.residents.ask(id.clone()).await
    }
}

impl<K, R> Lookups<K, R>
where
    K: Ord + Clone + Send + Sync + 'static,
    R: Clone + Send + Sync + 'static,
{
    fn start<F>(among: impl Fn(BTreeSet<K>) -> F + Send + Sync + 'static, key: fn(&R) -> K) -> Self
    where
        F: Future<Output = Result<Vec<R>, DirectoryError>> + Send,
    {
        let (asks, mut asked) = mpsc::channel::<(K, oneshot::Sender<Answer<R>>)>(WAITING);
        tokio::spawn(async move {
            let mut waiting = Vec::with_capacity(TOGETHER);
            while asked.recv_many(&mut waiting, TOGETHER).await > 0 {
                let ids = waiting.iter().map(|(id, _)| id.clone()).collect();
                let rows = among(ids).await.map(|rows| {
                    let by_id = rows.into_iter().map(|row| (key(&row), row));
                    by_id.collect::<BTreeMap<_, _>>()
                });
                for (id, answer) in waiting.drain(..) {
                    let row = rows.as_ref().map(|rows| rows.get(&id).cloned());
                    // Who no longer waits has gone.
                    drop(answer.send(row.map_err(Clone::clone)));
                }
            }
        });
        Self(asks)
    }

    async fn ask(&self, id: K) -> Answer<R> {
        let (answer, answered) = oneshot::channel();
        let asked = self.0.send((id, answer)).await;
        asked.map_err(|_| DirectoryError::Stopped)?;
        answered.await.map_err(|_| DirectoryError::Stopped)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use tokio::sync::Semaphore;

    /// What no statement survives.
    const POISON: u32 = u32::MAX;

    /// Rows are their own ids, even ones only; a statement runs when it is let.
    fn lookups(gate: &Arc<Semaphore>, statements: &Arc<AtomicUsize>) -> Lookups<u32, u32> {
        let (gate, statements) = (Arc::clone(gate), Arc::clone(statements));
        let among = move |ids: BTreeSet<u32>| {
            let (gate, statements) = (Arc::clone(&gate), Arc::clone(&statements));
            async move {
                gate.acquire().await.unwrap().forget();
                statements.fetch_add(1, Ordering::Relaxed);
                match ids.contains(&POISON) {
                    true => Err(DirectoryError::Unavailable("poison".to_owned())),
                    false => Ok(ids.into_iter().filter(|id| id % 2 == 0).collect()),
                }
            }
        };
        Lookups::start(among, |row| *row)
    }

    #[tokio::test]
    async fn what_is_asked_while_a_statement_runs_is_asked_together() {
        let (gate, statements) = (Arc::new(Semaphore::new(0)), Arc::default());
        let lookups = lookups(&gate, &statements);
        let asks = (0..100).map(|id| lookups.ask(id));
        let (answers, ()) = tokio::join!(futures_util::future::join_all(asks), async {
            // Everybody has asked by the time this is reached; the first statement may have gone with the first of them.
            gate.add_permits(100);
        });
        for (id, answer) in (0..100).zip(answers) {
            assert_eq!(answer, Ok((id % 2 == 0).then_some(id)));
        }
        assert!(statements.load(Ordering::Relaxed) <= 2, "{statements:?}");
    }

    #[tokio::test]
    async fn more_than_can_wait_wait_for_room_and_all_are_answered() {
        let (gate, statements) = (Arc::new(Semaphore::new(1_000)), Arc::default());
        let lookups = lookups(&gate, &statements);
        let many = 3 * WAITING as u32;
        let asks = (0..many).map(|id| lookups.ask(id));
        for (id, answer) in (0..many).zip(futures_util::future::join_all(asks).await) {
            assert_eq!(answer, Ok((id % 2 == 0).then_some(id)));
        }
    }

    #[tokio::test]
    async fn a_statement_that_fails_fails_for_whoever_asked_in_it_and_no_one_else() {
        let (gate, statements) = (Arc::new(Semaphore::new(9)), Arc::default());
        let lookups = lookups(&gate, &statements);
        assert!(lookups.ask(POISON).await.is_err());
        assert_eq!(lookups.ask(14).await, Ok(Some(14)));
    }
}
