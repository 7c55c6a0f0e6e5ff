//! Sites: stations and facilities, and who can see and hear there.
//!
//! For: the events of `site-…` streams; what is not recorded cannot be replayed.
//! May not know: incidents.

use crate::{ConsoleId, DistrictId, NodeId, OperatorId, SiteId};
use serde::{Deserialize, Serialize};

/// Station or facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum SiteKind {
    Station,
    Facility,
    DistrictDesk,
    CityDesk,
}

/// When a site is open, in minutes after local midnight (UTC+8); equal ends mean day and night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct Hours {
    pub opens_min: u16,
    pub closes_min: u16,
}

/// What a site is. Sites are public places: their position and duty phone are not personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct SiteRecord {
    pub site: SiteId,
    pub kind: SiteKind,
    pub name: String,
    pub name_latin: String,
    pub district: DistrictId,
    pub lon_e6: i32,
    pub lat_e6: i32,
    pub hours: Hours,
    pub can_answer: bool,
    pub can_send: bool,
    pub duty_phone: String,
    /// Open incidents it can hold at once.
    pub capacity: u16,
    /// Responders travel so.
    pub traveller: crate::party::Traveller,
}

/// What happened at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum SiteEvent {
    SiteOpened(SiteRecord),
    HoursChanged {
        site: SiteId,
        hours: Hours,
    },
    CapacityChanged {
        site: SiteId,
        capacity: u16,
        can_answer: bool,
        can_send: bool,
    },
    OperatorSignedOn {
        site: SiteId,
        operator: OperatorId,
    },
    OperatorSignedOff {
        site: SiteId,
        operator: OperatorId,
    },
    /// A console can be seen; the process that serves it, where there are several. A console that attaches again
    /// belongs to the later process.
    ConsoleAttached {
        site: SiteId,
        operator: OperatorId,
        console: ConsoleId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<NodeId>,
    },
    /// It cannot be seen any more through this process. Where it has attached through another since, nothing changes.
    ConsoleDetached {
        site: SiteId,
        operator: OperatorId,
        console: ConsoleId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<NodeId>,
    },
    SoundProven {
        site: SiteId,
        operator: OperatorId,
        console: ConsoleId,
    },
    SoundLost {
        site: SiteId,
        operator: OperatorId,
        console: ConsoleId,
    },
    SiteClosed {
        site: SiteId,
    },
}
