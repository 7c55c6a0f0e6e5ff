//! Events of an append that is not complete yet.
//!
//! For: refusing what is too large as soon as it is, and a bound on what all clients together hold open.
//! May not know: how the messages come.

use std::sync::Arc;

use eventlog::{APPEND_BYTES, EVENT_BYTES, NewEvent};
use tokio::sync::OwnedSemaphorePermit;

use crate::door::Door;
use crate::fault::Fault;

/// Events gathered so far; gives its room back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) events: Vec<NewEvent>,
    bytes: usize,
    room: Option<OwnedSemaphorePermit>,
}

impl Gathered {
    /// Takes one more event.
    pub(crate) fn add(&mut self, door: &Door, event: NewEvent) -> Result<(), Fault> {
        let size = event.size();
        if size > EVENT_BYTES {
            let limit = EVENT_BYTES;
            return Err(Fault::TooLarge { size, limit });
        }
        self.bytes += size;
        if self.bytes > APPEND_BYTES {
            let (size, limit) = (self.bytes, APPEND_BYTES);
            return Err(Fault::TooLarge { size, limit });
        }
        let most = door.keeper.append_events();
        if self.events.len() == most {
            let text = format!("an append has at most {most} events here");
            return Err(Fault::invalid(text));
        }
        // An event without a body takes room too.
        let room =
            u32::try_from(size + event.kind.len() + size_of::<NewEvent>()).unwrap_or(u32::MAX);
        let held = Arc::clone(&door.held).try_acquire_many_owned(room);
        let held = held.map_err(|_| Fault::Busy)?;
        match &mut self.room {
            Some(room) => room.merge(held),
            None => self.room = Some(held),
        }
        self.events.push(event);
        Ok(())
    }
}
