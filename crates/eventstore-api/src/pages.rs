//! How much a read fetches at a time.
//!
//! For: pages of about so many bytes, when only counts can be asked for.
//! May not know: what is read.

use eventlog::Resolved;

use crate::limits::{PAGE_BYTES, PAGE_FIRST, PAGE_MOST};

/// The size of the next page, learnt from the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageSize(usize);

impl Default for PageSize {
    fn default() -> Self {
        Self(PAGE_FIRST)
    }
}

impl PageSize {
    /// Events to ask for, of `left` that are wanted.
    pub(crate) fn of(self, left: u64) -> usize {
        usize::try_from(left).unwrap_or(usize::MAX).min(self.0)
    }

    /// Learns from a page.
    pub(crate) fn learn(&mut self, page: &[Resolved]) {
        if page.is_empty() {
            return;
        }
        let bytes: usize = page.iter().map(size).sum();
        let each = (bytes / page.len()).max(1);
        // Not more than twice as many as before, so that one page of small events is no promise for the next.
        self.0 = (PAGE_BYTES / each).clamp(1, PAGE_MOST).min(self.0 * 2);
    }
}

/// The bytes of what was found at one place.
pub(crate) fn size(found: &Resolved) -> usize {
    let stands = [&found.event, &found.link];
    stands.into_iter().flatten().map(|event| event.size()).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use eventlog::{EventId, Position, Recorded, Revision, StreamName};

    use super::*;

    fn page(count: usize, bytes: usize) -> Vec<Resolved> {
        let event = Arc::new(Recorded {
            position: Position(1),
            stream: StreamName::new("a").unwrap(),
            revision: Revision(0),
            id: EventId(uuid::Uuid::nil()),
            kind: "Kind".into(),
            recorded_at: 0,
            body: Bytes::from(vec![0; bytes]),
            meta: Bytes::new(),
        });
        let found = Resolved {
            event: Some(event),
            link: None,
        };
        vec![found; count]
    }

    #[test]
    fn pages_of_large_events_are_short_and_of_small_ones_grow() {
        let mut size = PageSize::default();
        size.learn(&page(PAGE_FIRST, 100));
        assert_eq!(size.of(u64::MAX), PAGE_FIRST * 2);
        for _ in 0..10 {
            size.learn(&page(10, 100));
        }
        assert_eq!(size.of(u64::MAX), PAGE_MOST);
        assert_eq!(size.of(3), 3);
        size.learn(&page(10, 1024 * 1024));
        assert_eq!(size.of(u64::MAX), 1);
    }
}
