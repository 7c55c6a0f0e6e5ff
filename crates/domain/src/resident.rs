//! A resident's record.
//!
//! For: the events of `resident-…` streams and the profile they carry sealed.
//! May not know: incidents.

use crate::{CommunityId, DistrictId, ResidentId, Sealed, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

/// What stands open in a resident's record; everything else is in [`Profile`], sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct Enrolment {
    pub resident: ResidentId,
    pub district: DistrictId,
    pub community: CommunityId,
    /// Number of the grid within the community, from 1.
    pub grid: u16,
    /// 签约服务站.
    pub home_station: Option<SiteId>,
    /// The [`Profile`] as JSON.
    pub profile: Sealed,
}

/// What happened to a resident's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum ResidentEvent {
    ResidentEnrolled(Enrolment),
    /// The whole new profile.
    ProfileChanged {
        resident: ResidentId,
        profile: Sealed,
    },
    /// Another home.
    ResidentMoved(Enrolment),
    ConsentGiven {
        resident: ResidentId,
        to: String,
    },
    /// The person's key is destroyed after this.
    ResidentErased {
        resident: ResidentId,
        /// Empty in old logs.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// 证据保全: for this case the record may not be erased before `until`.
    LegalHoldPlaced {
        resident: ResidentId,
        /// The authority's number.
        case: String,
        why: String,
        until: Timestamp,
    },
    /// The case needs it no more.
    LegalHoldLifted {
        resident: ResidentId,
        case: String,
        why: String,
    },
    /// Who looked at the record and why.
    RecordViewed {
        resident: ResidentId,
        operator: crate::OperatorId,
        why: String,
    },
}

/// Everything personal. Opened only at the edges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Family and given name, in Chinese.
    pub name: String,
    /// The same in Latin letters.
    pub name_latin: String,
    /// Year of birth.
    pub born: u16,
    /// `f`, `m` or empty.
    pub sex: String,
    /// To call back.
    pub phone: String,
    /// Home.
    pub address: Address,
    /// WGS-84, millionths of a degree.
    pub lon_e6: i32,
    /// WGS-84, millionths of a degree.
    pub lat_e6: i32,
    /// `normal`, `hard`, `deaf`.
    pub hearing: String,
    /// Dialect or language, e.g. 东北话.
    pub dialect: String,
    /// Illnesses and limits.
    pub conditions: Vec<String>,
    /// Medicines and allergies.
    pub medicines: Vec<String>,
    /// Preferred hospital.
    pub hospital: String,
    /// In the order to call.
    pub contacts: Vec<Contact>,
    /// Who else lives there.
    pub household: Vec<String>,
    /// Anything else a responder should know.
    pub notes: String,
}

/// A structured address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// 小区.
    pub compound: String,
    /// 楼栋.
    pub building: String,
    /// 单元.
    pub unit: String,
    /// 楼层.
    pub floor: String,
    /// 门牌.
    pub door: String,
    /// How to get in: codes, key safe, dog.
    pub access: String,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Name.
    pub name: String,
    /// 女儿, 邻居 …
    pub relation: String,
    /// Telephone.
    pub phone: String,
    /// Has a key.
    pub has_key: bool,
    /// How many minutes away, if told.
    pub minutes_away: Option<u16>,
}
