//! The dispatcher's stories: the real one over a memory log, mostly on a paused clock.
//!
//! For: what must be shown of rings, reach, crashes, two at once, quick starts and telephones.
//! May not know: the dispatcher's inside.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test that finds nothing is a failed test"
)]

mod alarms;
mod crashes;
mod homes;
mod neighbours;
mod phones;
mod reach;
mod rings;
mod starts;
mod support;
mod world;
