//! The synthetic Harbin (合成数据): real places, invented stations, people, telephone numbers and devices.
//!
//! For: a believable city, the same bytes for the same seed on every machine; integers only.
//! May not know: the log, the clock, tables. Telephone numbers are of the form 0451-0nnn-nnnn: a local number never
//! begins with 0, so none of them can be anybody's.

mod dice;
mod english;
mod ground;
mod people;
mod places;
mod subdistricts;
mod tables;
mod words;

use domain::{
    CommunityId, DeviceId, DistrictId, OperatorId, ResidentId, ResponderId, SiteId,
    area::CommunityRecord,
    crossing::CrossingRecord,
    geography::Place,
    operator::{ResponderKind, Role, Scope},
    resident::Profile,
    site::SiteRecord,
};
use serde::Serialize;

pub use english::in_english;
pub use places::{city_desk, communities, district_desk, grid_worker};
pub use subdistricts::Subdistrict;
pub use tables::{COMMUNITIES, CROSSINGS, Crossing, DISTRICTS, District};

/// What every synthetic record is marked with.
pub const LABEL: &str = "合成数据 synthetic data";

/// The year ages are counted from.
pub const REFERENCE_YEAR: i32 = 2026;

/// What to invent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Where every draw comes from.
    pub seed: u64,
    /// How many residents, each with one device.
    pub residents: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 2011,
            residents: 2_000,
        }
    }
}

/// An urban community; its centre stands in for the homes of those who were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Community {
    /// District code and number: `230102-001`.
    pub id: CommunityId,
    /// Its district.
    pub district: DistrictId,
    /// With its subdistrict: 兆麟街道安康社区.
    pub name: String,
    /// Without: 安康社区.
    pub name_short: String,
    /// Its centre, WGS-84, millionths of a degree.
    pub lon_e6: i32,
    /// See `lon_e6`.
    pub lat_e6: i32,
    /// How many grids, 2 to 5, numbered from 1; each has a worker, see [`grid_worker`].
    pub grids: u16,
    /// 3 to 5.
    pub stars: u8,
}

impl Community {
    /// Its centre.
    pub fn centre(&self) -> Place {
        Place {
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
        }
    }

    /// As it would be described.
    pub fn record(&self) -> CommunityRecord {
        CommunityRecord {
            community: self.id.clone(),
            district: self.district.clone(),
            name: self.name.clone(),
            name_short: self.name_short.clone(),
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
            grids: self.grids,
            stars: self.stars,
        }
    }
}

/// Everything but the residents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CityPlan {
    /// [`LABEL`].
    pub label: &'static str,
    /// Where it came from.
    pub plan: Plan,
    /// 106 stations, 60 facilities, 8 district desks, the city desk.
    pub sites: Vec<SiteRecord>,
    /// All crossings, upstream first, in use or not.
    pub crossings: Vec<CrossingPlan>,
    /// The 648 communities.
    pub communities: &'static [Community],
    /// Carers, nurses, volunteers, grid workers.
    pub responders: Vec<ResponderPlan>,
    /// Accounts, without passwords.
    pub accounts: Vec<AccountPlan>,
}

/// A crossing and its first day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrossingPlan {
    /// What is recorded when it opens.
    pub record: CrossingRecord,
    /// `YYYYMMDD`.
    pub opened: u32,
}

impl CrossingPlan {
    /// Whether anybody but a train may cross on that day (`YYYYMMDD`).
    pub fn in_use(&self, day: u32) -> bool {
        self.opened <= day && !self.record.travellers.is_empty()
    }
}

/// Somebody who can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct ResponderPlan {
    pub responder: ResponderId,
    pub name: String,
    pub kind: ResponderKind,
    pub site: Option<SiteId>,
    pub district: DistrictId,
    pub phone: String,
}

/// An account. A supervisor is an operator for the whole city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct AccountPlan {
    pub operator: OperatorId,
    pub name: String,
    pub post: String,
    pub role: Role,
    pub scope: Scope,
}

/// A resident with one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct ResidentPlan {
    pub resident: ResidentId,
    pub district: DistrictId,
    pub community: CommunityId,
    pub grid: u16,
    pub home_station: Option<SiteId>,
    pub profile: Profile,
    pub device: DeviceId,
    /// `pendant`, `watch`, `wall_button`, `panel` or `phone`.
    pub model: String,
    /// 32 hexadecimal digits; the log gets only its SHA-256.
    pub device_key: String,
}

/// The districts, by code.
pub fn districts() -> &'static [District] {
    &DISTRICTS
}

/// The city of a plan, without its residents.
pub fn city(plan: &Plan) -> CityPlan {
    let sites = places::sites(plan.seed);
    CityPlan {
        label: LABEL,
        plan: plan.clone(),
        crossings: places::crossings(),
        communities: communities(),
        responders: places::responders(plan.seed, &sites),
        accounts: places::accounts(plan.seed, &sites),
        sites,
    }
}

/// The residents of a plan, one after another; the n-th is the same whatever their number. Holds none of them.
pub fn residents(plan: &Plan) -> impl Iterator<Item = ResidentPlan> + Send + 'static {
    let residents = Residents::new(plan);
    (1..=plan.residents).map(move |n| residents.nth(n))
}

/// The residents of a seed, each invented when asked for, on any thread.
pub struct Residents(people::Streets);

impl Residents {
    /// Those of a plan's seed.
    pub fn new(plan: &Plan) -> Self {
        Self(people::Streets::new(plan))
    }

    /// The `n`-th, from 1; the same whatever their number.
    pub fn nth(&self, n: u32) -> ResidentPlan {
        people::resident(&self.0, n)
    }
}

impl std::fmt::Debug for Residents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Residents(…)")
    }
}
