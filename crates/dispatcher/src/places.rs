//! Where an alarm comes from: what the dispatcher must ask of whoever knows the residents.
//!
//! For: a narrow door to the directory, which a simulation can stand in for.
//! May not know: how residents and devices are kept.

use async_trait::async_trait;
use domain::{DeviceId, DistrictId, ResidentId, SiteId, geography::Place, party::Party};
use eventlog::Position;

/// Nothing could be looked up now; try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not look it up: {0}")]
pub struct Unanswered(pub String);

/// Looks up devices, residents and telephone numbers.
#[async_trait]
pub trait Places: Send + Sync + 'static {
    /// Waits until everything up to this position is known here.
    async fn reached(&self, position: Position) -> Result<(), Unanswered>;

    /// Whose device it is; the outer `None`: it was never enrolled.
    async fn wearer(&self, device: &DeviceId) -> Result<Option<Option<ResidentId>>, Unanswered>;

    /// Where a resident lives; `None`: nobody of that name.
    async fn home(&self, resident: &ResidentId) -> Result<Option<Home>, Unanswered>;

    /// The number under which a party is telephoned; for a keyholder, the resident's first contact with a key.
    async fn number(
        &self,
        party: &Party,
        resident: Option<&ResidentId>,
    ) -> Result<Option<String>, Unanswered>;

    /// A district's Chinese name.
    fn district_name(&self, district: &DistrictId) -> Option<String>;
}

/// A resident's home, as far as an offer needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The district.
    pub district: DistrictId,
    /// Where; an erased resident's is the community's centre.
    pub place: Option<Place>,
    /// 签约服务站.
    pub station: Option<SiteId>,
    /// Somebody with a key can be telephoned.
    pub keyholder: bool,
}

/// What an offer needs to know about where an incident is. Not stored: it says where somebody lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Located {
    /// Where; `None`: nobody knows, and a desk is rung.
    pub place: Option<Place>,
    /// The resident's home station.
    pub station: Option<SiteId>,
    /// Somebody with a key can be telephoned.
    pub keyholder: bool,
    /// It was looked up, and need not be again.
    pub sure: bool,
}
