//! How streams are named, and what a name says.
//!
//! For: one page where every stream's name is made, and read back.
//! May not know: what stands in the streams.
//!
//! A name that is long, or holds characters outside plain ASCII, is replaced by `~` and a hash; `~` never stands in a
//! plain one, so no device can choose a name that stands for another's.

use domain::{
    BarrierId, CityId, CommunityId, CrossingId, DeviceId, DistrictId, IncidentId, OperatorId,
    ResidentId, ResponderId, SiteId, SubjectId,
};
use eventlog::StreamName;
use sha2::{Digest, Sha256};

/// Category of `device-<id>`.
pub const DEVICE: &str = "device";
/// Category of `unverified-<hash>`.
pub const UNVERIFIED: &str = "unverified";
/// Category of `care-<subject>`.
pub const CARE: &str = "care";
/// Category of `incident-<id>`.
pub const INCIDENT: &str = "incident";
/// Category of `resident-<id>`.
pub const RESIDENT: &str = "resident";
/// Category of `site-<id>`.
pub const SITE: &str = "site";
/// Category of `operator-<id>`.
pub const OPERATOR: &str = "operator";
/// Category of `responder-<id>`.
pub const RESPONDER: &str = "responder";
/// Category of `crossing-<id>`.
pub const CROSSING: &str = "crossing";
/// Category of `city-<id>`.
pub const CITY: &str = "city";
/// Category of `district-<id>`.
pub const DISTRICT: &str = "district";
/// Category of `community-<id>`.
pub const COMMUNITY: &str = "community";
/// Category of `grid-<community>-<number>`.
pub const GRID: &str = "grid";
/// Category of `barrier-<id>`.
pub const BARRIER: &str = "barrier";
/// Name and category of the policy's stream.
pub const POLICY: &str = "policy";

/// Longest identifier kept as it is in a stream's name, in bytes. Ours: a subject's prefix and the longest identifier
/// a device protocol allows.
pub const PLAIN_LIMIT: usize = 80;

/// What a stream is about, by its category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A device's own story.
    Device,
    /// Signals whose sender could not be verified; events are those of devices.
    Unverified,
    /// Which incident is open for a subject.
    Care,
    /// One incident.
    Incident,
    /// A resident's record.
    Resident,
    /// A site.
    Site,
    /// An operator.
    Operator,
    /// A responder.
    Responder,
    /// A crossing.
    Crossing,
    /// The city itself.
    City,
    /// A district.
    District,
    /// An urban community.
    Community,
    /// A grid of a community.
    Grid,
    /// A river, or what else is crossed at crossings only.
    Barrier,
    /// The policy.
    Policy,
    /// Not one of ours.
    Foreign,
}

/// The stream of a device's signals and life.
pub fn device(id: &DeviceId) -> StreamName {
    named(DEVICE, id.as_str())
}

/// The stream of what could not be verified. `claim` is whatever tells such senders apart (what the sender says it is,
/// where it came from); it is always hashed, so a forged press never stands in a true one's place.
pub fn unverified(claim: &str) -> StreamName {
    made(format!("{UNVERIFIED}-{}", short_hash(claim)))
}

/// The stream of a subject's care.
pub fn care(subject: &SubjectId) -> StreamName {
    named(CARE, subject.as_str())
}

/// The stream of an incident.
pub fn incident(id: IncidentId) -> StreamName {
    made(format!("{INCIDENT}-{id}"))
}

/// The stream of a resident's record.
pub fn resident(id: &ResidentId) -> StreamName {
    named(RESIDENT, id.as_str())
}

/// The stream of a site.
pub fn site(id: &SiteId) -> StreamName {
    named(SITE, id.as_str())
}

/// The stream of an operator.
pub fn operator(id: &OperatorId) -> StreamName {
    named(OPERATOR, id.as_str())
}

/// The stream of a responder.
pub fn responder(id: &ResponderId) -> StreamName {
    named(RESPONDER, id.as_str())
}

/// The stream of a crossing.
pub fn crossing(id: &CrossingId) -> StreamName {
    named(CROSSING, id.as_str())
}

/// The stream of a city.
pub fn city(id: &CityId) -> StreamName {
    named(CITY, id.as_str())
}

/// The stream of a district.
pub fn district(id: &DistrictId) -> StreamName {
    named(DISTRICT, id.as_str())
}

/// The stream of a community.
pub fn community(id: &CommunityId) -> StreamName {
    named(COMMUNITY, id.as_str())
}

/// The stream of a community's grid.
pub fn grid(community: &CommunityId, number: u16) -> StreamName {
    named(GRID, &format!("{community}-{number}"))
}

/// The stream of a barrier.
pub fn barrier(id: &BarrierId) -> StreamName {
    named(BARRIER, id.as_str())
}

/// The stream of the policy.
pub fn policy() -> StreamName {
    made(POLICY.to_owned())
}

/// What a stream is about.
pub fn family(stream: &StreamName) -> Family {
    match stream.category() {
        DEVICE => Family::Device,
        UNVERIFIED => Family::Unverified,
        CARE => Family::Care,
        INCIDENT => Family::Incident,
        RESIDENT => Family::Resident,
        SITE => Family::Site,
        OPERATOR => Family::Operator,
        RESPONDER => Family::Responder,
        CROSSING => Family::Crossing,
        CITY => Family::City,
        DISTRICT => Family::District,
        COMMUNITY => Family::Community,
        GRID => Family::Grid,
        BARRIER => Family::Barrier,
        POLICY => Family::Policy,
        _ => Family::Foreign,
    }
}

/// The incident an `incident-…` stream is about; `None` for other streams and odd names.
pub fn incident_of(stream: &StreamName) -> Option<IncidentId> {
    let (category, id) = stream.as_str().split_once('-')?;
    if category != INCIDENT {
        return None;
    }
    uuid::Uuid::try_parse(id).ok().map(IncidentId)
}

/// The subject a `care-…` stream is about; `None` for other streams and for names that were hashed.
pub fn subject_of(stream: &StreamName) -> Option<SubjectId> {
    let (category, subject) = stream.as_str().split_once('-')?;
    if category != CARE || subject.starts_with('~') {
        return None;
    }
    SubjectId::parse(subject).ok()
}

fn named(category: &str, id: &str) -> StreamName {
    if is_plain(id) {
        return made(format!("{category}-{id}"));
    }
    made(format!("{category}-~{}", short_hash(id)))
}

fn is_plain(id: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'@');
    !id.is_empty() && id.len() <= PLAIN_LIMIT && id.bytes().all(allowed)
}

/// The first 16 bytes of the SHA-256 of a text, in hexadecimal: long enough that nobody finds two alike.
pub fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..16])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn made(name: String) -> StreamName {
    StreamName::new(name).expect("made of a category and a short plain text above")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_stay_readable() {
        let id = DeviceId::parse("HRB-000123").unwrap();
        assert_eq!(device(&id).as_str(), "device-HRB-000123");
        let resident = ResidentId::parse("r-7").unwrap();
        let subject = SubjectId::resident(&resident);
        assert_eq!(care(&subject).as_str(), "care-resident-r-7");
        assert_eq!(subject_of(&care(&subject)), Some(subject));
        assert_eq!(policy().as_str(), "policy");
    }

    #[test]
    fn odd_names_are_hashed_and_never_meet_a_plain_one() {
        let odd = DeviceId::parse("手环~1").unwrap();
        let name = device(&odd);
        assert!(name.as_str().starts_with("device-~"), "{name}");
        let forged = DeviceId::parse(name.as_str().trim_start_matches("device-")).unwrap();
        assert_ne!(device(&forged), name);
        let subject = SubjectId::device(&odd);
        assert_eq!(subject_of(&care(&subject)), None);
    }

    #[test]
    fn an_incident_is_read_back_from_its_stream() {
        let id = IncidentId(uuid::Uuid::from_u128(7));
        assert_eq!(incident_of(&incident(id)), Some(id));
        assert_eq!(incident_of(&StreamName::new("incident-x").unwrap()), None);
        assert_eq!(incident_of(&policy()), None);
    }

    #[test]
    fn a_category_tells_the_family() {
        let of = |name: &str| family(&StreamName::new(name).unwrap());
        assert_eq!(of("unverified-0a"), Family::Unverified);
        assert_eq!(of("crossing-songhua"), Family::Crossing);
        assert_eq!(of("city-harbin"), Family::City);
        assert_eq!(of("grid-230102-001-2"), Family::Grid);
        assert_eq!(of("orders-1"), Family::Foreign);
        assert_eq!(family(&unverified("anything")), Family::Unverified);
    }

    proptest! {
        #[test]
        fn any_identifier_names_a_stream_of_its_own(one in ".{1,64}", other in ".{1,64}") {
            if let (Ok(one), Ok(other)) = (DeviceId::parse(&one), DeviceId::parse(&other)) {
                prop_assert_eq!(family(&device(&one)), Family::Device);
                prop_assert_eq!(device(&one) == device(&other), one == other);
            }
        }
    }
}
