//! Which devices the other processes hear.
//!
//! For: that a device which talks to another process is not called silent by this one.
//! May not know: when a device is silent; that is `liveness`.
//!
//! Heartbeats are no events and no process calls another. Each process puts down now and then, behind the log's doors,
//! which devices it hears; each reads what the others put down. Nothing is put down while there is only one.

use crate::limits::{HEARD_PAGE, HEARING_LIMIT};
use domain::{DeviceId, NodeId, Timestamp};
use eventlog::{DoorError, Log, Position, Snapshot};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A slot whose holder has not come back for so long may be another's.
const SLOT_TTL: Duration = Duration::from_secs(300);

/// Counts the shapes of what is put down.
const CODE_VERSION: u32 = 1;

/// What the others hear, as last read.
#[derive(Debug, Default)]
pub(crate) struct Others(Mutex<Read>);

#[derive(Debug, Default)]
struct Read {
    devices: HashSet<u64>,
    /// Readings in a row that went well.
    readings: u32,
}

impl Others {
    /// Whether another process hears a device; `None`: not known now. After the log was away the others need a moment
    /// to put down what they hear, so the first reading is not believed.
    pub(crate) fn hear(&self, device: &DeviceId) -> Option<bool> {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (read.readings >= 2).then(|| read.devices.contains(&hash(device)))
    }

    fn put(&self, devices: HashSet<u64>) {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.devices = devices;
        read.readings = read.readings.saturating_add(1);
    }

    fn lost(&self) {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.readings = 0;
    }
}

/// Puts down what we hear, and reads what the others do.
pub(crate) struct Exchange {
    log: Log,
    node: NodeId,
    slot: Option<usize>,
    generation: u64,
}

/// The head of what a process has put down.
struct Head {
    at: Timestamp,
    generation: u64,
    pages: u64,
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let at = self.at.0.to_be_bytes();
        let rest = [self.generation.to_be_bytes(), self.pages.to_be_bytes()];
        [at].into_iter().chain(rest).flatten().collect()
    }

    fn read(bytes: &[u8]) -> Option<Head> {
        let (numbers, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let [at, generation, pages] = *numbers else {
            return None;
        };
        Some(Head {
            at: Timestamp(i64::from_be_bytes(at)),
            generation: u64::from_be_bytes(generation),
            pages: u64::from_be_bytes(pages),
        })
    }
}

impl Exchange {
    pub(crate) fn new(log: Log, node: NodeId) -> Self {
        Self {
            log,
            node,
            slot: None,
            generation: 0,
        }
    }

    /// One round. `ours` are the devices we hear; what was put down longer ago than `lasts` counts no more.
    pub(crate) async fn round(
        &mut self,
        ours: impl FnOnce() -> Vec<DeviceId>,
        others: &Others,
        lasts: Duration,
    ) {
        let done = async {
            let alone = !self.take_slot().await?;
            let (heard, company) = self.read_others(lasts).await?;
            if company && !alone {
                self.put_down(&ours()).await?;
            }
            Ok::<_, DoorError>(heard)
        };
        match done.await {
            Ok(heard) => others.put(heard),
            Err(error) => {
                tracing::warn!(%error, "what other processes hear is not known; nobody is called silent meanwhile");
                others.lost();
            }
        }
    }

    /// Holds on to our slot, or takes a free one; `false`: there is none.
    async fn take_slot(&mut self) -> Result<bool, DoorError> {
        let ttl_ms = u64::try_from(SLOT_TTL.as_millis()).unwrap_or(u64::MAX);
        let slots = self.slot.into_iter().chain(0..HEARING_LIMIT);
        for slot in slots {
            let now = self.log.now_micros();
            let (leases, node) = (self.log.leases(), self.node.as_str());
            if let Some(lease) = leases.acquire(&slot_name(slot), node, ttl_ms, now).await? {
                self.slot = Some(slot);
                self.generation = lease.epoch;
                return Ok(true);
            }
        }
        tracing::error!(
            limit = HEARING_LIMIT,
            "too many processes hear devices; what this one hears is not told to the others"
        );
        self.slot = None;
        Ok(false)
    }

    /// What the others hear, and whether there are any.
    async fn read_others(&self, lasts: Duration) -> Result<(HashSet<u64>, bool), DoorError> {
        let mut heard = HashSet::new();
        let mut company = false;
        let now = self.log.now_micros();
        for slot in (0..HEARING_LIMIT).filter(|slot| Some(*slot) != self.slot) {
            let Some(lease) = self.log.leases().get(&slot_name(slot)).await? else {
                continue;
            };
            company |= lease.expires_at > now && lease.holder != self.node.as_str();
            let Some(head) = self.log.snapshots().get(&slot_name(slot)).await? else {
                continue;
            };
            let head = Head::read(&head.bytes).filter(|_| head.code_version == CODE_VERSION);
            let fresh = head.filter(|head| head.at + lasts > Timestamp(now.div_euclid(1_000)));
            for page in fresh.iter().flat_map(|head| 0..head.pages) {
                let generation = fresh.as_ref().map_or(0, |head| head.generation);
                let name = page_name(slot, generation, page);
                let Some(page) = self.log.snapshots().get(&name).await? else {
                    continue;
                };
                let (hashes, _) = page.bytes.as_chunks::<8>();
                heard.extend(hashes.iter().map(|hash| u64::from_be_bytes(*hash)));
            }
        }
        Ok((heard, company))
    }

    /// In pages, so that no alarm waits behind one; under names of two turns, so that nobody reads half of each.
    async fn put_down(&self, ours: &[DeviceId]) -> Result<(), DoorError> {
        let Some(slot) = self.slot else {
            return Ok(());
        };
        let mut pages = 0;
        for page in ours.chunks(HEARD_PAGE) {
            let bytes = page.iter().flat_map(|id| hash(id).to_be_bytes()).collect();
            let name = page_name(slot, self.generation, pages);
            self.log.snapshots().put(&name, saved(bytes)).await?;
            pages += 1;
        }
        let head = Head {
            at: Timestamp(self.log.now_micros().div_euclid(1_000)),
            generation: self.generation,
            pages,
        };
        let name = slot_name(slot);
        self.log.snapshots().put(&name, saved(head.bytes())).await
    }
}

fn slot_name(slot: usize) -> String {
    format!("ingest/heard/{slot}")
}

fn page_name(slot: usize, generation: u64, page: u64) -> String {
    format!("ingest/heard/{slot}/{}/{page}", generation % 2)
}

fn saved(bytes: Vec<u8>) -> Snapshot {
    Snapshot {
        position: Position::START,
        code_version: CODE_VERSION,
        bytes,
    }
}

/// FNV-1a, 64 bits: the same in every process and version.
fn hash(device: &DeviceId) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = device.as_str().as_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::{Clock, TokioClock};
    use std::sync::Arc;

    fn log() -> Log {
        let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
        Log::memory(clock as Arc<dyn Clock>)
    }

    fn devices(from: usize, to: usize) -> Vec<DeviceId> {
        let id = |n| DeviceId::parse(&format!("HRB-{n}")).unwrap();
        (from..to).map(id).collect()
    }

    fn exchange(log: &Log, node: usize) -> Exchange {
        let node = NodeId::parse(&format!("node-{node}")).unwrap();
        Exchange::new(log.clone(), node)
    }

    const LASTS: Duration = Duration::from_secs(198);

    #[tokio::test(start_paused = true)]
    async fn each_knows_what_the_other_hears_over_several_pages() {
        let log = log();
        let (mut a, mut b) = (exchange(&log, 0), exchange(&log, 1));
        let (of_a, of_b) = (
            devices(0, HEARD_PAGE + 10),
            devices(HEARD_PAGE, HEARD_PAGE + 20),
        );
        let (by_a, by_b) = (Others::default(), Others::default());
        assert_eq!(by_a.hear(&of_b[0]), None, "not known yet");
        for _ in 0..3 {
            a.round(|| of_a.clone(), &by_a, LASTS).await;
            b.round(|| of_b.clone(), &by_b, LASTS).await;
        }
        assert!(of_a.iter().all(|id| by_b.hear(id) == Some(true)));
        assert_eq!(by_a.hear(&of_a[0]), Some(false), "only we hear it");
        assert_eq!(by_a.hear(&of_b[19]), Some(true));
        tokio::time::sleep(LASTS).await;
        a.round(Vec::new, &by_a, LASTS).await;
        assert_eq!(by_a.hear(&of_b[19]), Some(false), "too long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn one_alone_puts_nothing_down_and_after_trouble_nothing_is_known() {
        let log = log();
        let mut a = exchange(&log, 0);
        let others = Others::default();
        for _ in 0..3 {
            a.round(|| panic!("not asked for"), &others, LASTS).await;
        }
        let device = &devices(0, 1)[0];
        assert_eq!(others.hear(device), Some(false));
        log.faults().fail_reads(1);
        a.round(Vec::new, &others, LASTS).await;
        assert_eq!(others.hear(device), None);
        a.round(Vec::new, &others, LASTS).await;
        assert_eq!(
            others.hear(device),
            None,
            "the others may not have spoken yet"
        );
        a.round(Vec::new, &others, LASTS).await;
        assert_eq!(others.hear(device), Some(false));
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_hears_the_others_and_is_not_heard() {
        let log = log();
        let mut all: Vec<_> = (0..=HEARING_LIMIT).map(|n| exchange(&log, n)).collect();
        let others: Vec<_> = (0..=HEARING_LIMIT).map(|_| Others::default()).collect();
        for _ in 0..3 {
            for (n, one) in all.iter_mut().enumerate() {
                one.round(|| devices(n, n + 1), &others[n], LASTS).await;
            }
        }
        let last = HEARING_LIMIT;
        assert_eq!(others[last].hear(&devices(0, 1)[0]), Some(true));
        assert_eq!(others[0].hear(&devices(last, last + 1)[0]), Some(false));
    }
}
