//! The devices looked up last, in memory.
//!
//! For: answering a gateway in microseconds who a device belongs to.
//! May not know: where rows come from. The follower drops what changed; a row read before such a drop is not kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::DeviceId;

use crate::rows::DeviceRow;

/// Devices kept, in each of two generations: at some 300 bytes each under 40 MB, and more than speak within minutes
/// in a storm.
pub const DEVICE_CACHE: usize = 65_536;

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<DeviceId, Arc<DeviceRow>>,
    old: HashMap<DeviceId, Arc<DeviceRow>>,
    /// Counts drops.
    drops: u64,
}

#[derive(Debug, Default)]
pub(crate) struct DeviceCache(Mutex<Generations>);

impl DeviceCache {
    /// The row, or the count of drops to hand to [`DeviceCache::keep`] after reading it.
    pub(crate) fn get(&self, id: &DeviceId) -> Result<Arc<DeviceRow>, u64> {
        let mut it = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = it.young.get(id) {
            return Ok(Arc::clone(row));
        }
        let Some((id, row)) = it.old.remove_entry(id) else {
            return Err(it.drops);
        };
        it.put(id, Arc::clone(&row));
        Ok(row)
    }

    /// Keeps a row read after `drops` drops, unless there were more meanwhile.
    pub(crate) fn keep(&self, drops: u64, row: &Arc<DeviceRow>) {
        let mut it = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if it.drops == drops {
            it.put(row.device.clone(), Arc::clone(row));
        }
    }

    /// Drops rows that changed.
    pub(crate) fn drop_all<'a>(&self, changed: impl Iterator<Item = &'a DeviceId>) {
        let mut it = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in changed {
            it.young.remove(id);
            it.old.remove(id);
            it.drops += 1;
        }
    }
}

impl Generations {
    fn put(&mut self, id: DeviceId, row: Arc<DeviceRow>) {
        if self.young.len() >= DEVICE_CACHE {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> Arc<DeviceRow> {
        Arc::new(DeviceRow {
            device: DeviceId::parse(&format!("d-{n}")).unwrap(),
            model: "pendant".to_owned(),
            resident: None,
            key_hash: String::new(),
            retired: false,
        })
    }

    #[test]
    fn a_row_read_before_it_changed_is_not_kept() {
        let cache = DeviceCache::default();
        let drops = cache.get(&row(1).device).unwrap_err();
        cache.drop_all([&row(1).device].into_iter());
        cache.keep(drops, &row(1));
        assert!(cache.get(&row(1).device).is_err());
    }

    #[test]
    fn a_full_cache_forgets_what_was_not_asked_for() {
        let cache = DeviceCache::default();
        let drops = cache.get(&row(0).device).unwrap_err();
        for n in 0..2 * DEVICE_CACHE {
            cache.keep(drops, &row(n));
            assert!(cache.get(&row(0).device).is_ok(), "asked for all the time");
        }
        assert!(cache.get(&row(1).device).is_err());
        let it = cache.0.lock().unwrap();
        assert!(it.young.len() <= DEVICE_CACHE && it.old.len() <= DEVICE_CACHE);
    }
}
