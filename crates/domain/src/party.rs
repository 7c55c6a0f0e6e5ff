//! Who can be rung, and by what means.
//!
//! For: the parties of an offer, the means of reaching them, and why a candidate was ruled out.
//! May not know: telephone numbers or sockets.

use crate::{CrossingId, DistrictId, SiteId};
use serde::{Deserialize, Serialize};

/// One that an incident can be offered to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "party", content = "id")]
pub enum Party {
    /// A station or facility.
    Site(SiteId),
    /// The desk of a district's network nursing home.
    DistrictDesk(DistrictId),
    /// Who leads the shift.
    Supervisor,
    /// The last resort, always staffed.
    CityDesk,
    /// The resident's first keyholder, rung by telephone only.
    Keyholder,
}

/// How a party is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Means {
    Screen,
    DutyPhone,
    Sms,
    WorkChat,
}

/// How somebody travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Traveller {
    Car,
    Foot,
}

/// A site weighed for an offer, and what came of it; kept for ever with the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which site.
    pub site: SiteId,
    /// Travel time in whole seconds; `None` when there is no way.
    pub seconds: Option<u32>,
    /// Length of the way in metres, bridges included.
    pub metres: Option<u32>,
    /// The crossing used, if any.
    pub via: Option<CrossingId>,
    /// The resident's own station.
    pub home: bool,
    /// Why it cannot be rung, if so.
    pub ruled_out: Option<RuledOut>,
}

/// Why a site is not eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum RuledOut {
    Closed,
    NobodyOnDuty,
    CannotAnswer,
    Capability,
    Full,
    NoWay,
    Retired,
}

/// Where travel times came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TravelSource {
    /// The domain's own estimate.
    Estimate,
    /// A routing server.
    Router,
}
