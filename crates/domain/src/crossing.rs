//! Crossings of the river.
//!
//! For: the events of `crossing-…` streams: a replay of a past night uses the bridges of that night.
//! May not know: routes.

use crate::{CrossingId, party::Traveller};
use serde::{Deserialize, Serialize};

/// What a crossing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct CrossingRecord {
    pub crossing: CrossingId,
    pub name: String,
    pub name_latin: String,
    pub lon_e6: i32,
    pub lat_e6: i32,
    /// Who may cross.
    pub travellers: Vec<Traveller>,
}

/// What happened to a crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum CrossingEvent {
    CrossingOpened(CrossingRecord),
    CrossingClosed { crossing: CrossingId, why: String },
}
