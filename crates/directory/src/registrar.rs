//! The writers: every change of the directory is an event.
//!
//! For: enrolling residents and devices, opening and closing sites and crossings, keeping accounts and responders, and
//! importing the synthetic city.
//! May not know: whether the asker may (doors check that), read tables.
//!
//! First events have ids made from whom they are about: an import that broke off is sent again whole and nothing
//! happens twice.

use casebook::{Batch, Binding, Casebook, Draft, Keys, Meta, Stored, streams};
use domain::{
    Actor, CommunityId, CrossingId, DeviceId, DistrictId, OperatorId, ResidentId, ResponderId,
    Sealed, SiteId, SubjectId, Timestamp,
    crossing::{CrossingEvent, CrossingRecord},
    device::DeviceEvent,
    operator::{OperatorEvent, ResponderEvent, ResponderKind, Role, Scope},
    record::RecordCommand,
    resident::{Enrolment, Profile, ResidentEvent},
    site::{Hours, SiteEvent, SiteRecord},
};
use eventlog::{Appended, EventId, Expected, Lane, StreamName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::DirectoryError;

/// The sealed field of a resident's events.
pub const PROFILE: &str = "profile";

/// The sealed field of a responder's first event.
pub const PHONE: &str = "phone";

/// Namespace of the ids of first events.
const FIRST_EVENTS: Uuid = Uuid::from_u128(0x5d1a_7c0e_61b4_4f0b_9a55_2f6b_0d3e_84c1);

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct Account {
    pub operator: OperatorId,
    /// Working name, shown to residents and colleagues.
    pub name: String,
    pub post: String,
    pub role: Role,
    pub scope: Scope,
    /// An argon2id PHC string.
    pub password: String,
}

/// Somebody who can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct Sendable {
    pub responder: ResponderId,
    pub name: String,
    pub kind: ResponderKind,
    pub site: Option<SiteId>,
    pub district: DistrictId,
    pub phone: Option<String>,
}

/// A resident to be enrolled or moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct Enrolling {
    pub resident: ResidentId,
    pub district: DistrictId,
    pub community: CommunityId,
    pub grid: u16,
    pub home_station: Option<SiteId>,
    pub profile: Profile,
}

/// The SHA-256 of a device's key, hexadecimal, as the log and the tables hold it.
pub fn key_hash(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// Bytes in hexadecimal, without a text made for each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

/// The name of the key a resident's profile is sealed under.
pub fn resident_key(resident: &ResidentId) -> SubjectId {
    SubjectId::resident(resident)
}

/// The name of the key a responder's telephone is sealed under.
pub fn responder_key(responder: &ResponderId) -> String {
    format!("responder-{responder}")
}

/// The id of a responder's first event, in which the telephone is sealed.
pub fn responder_event(responder: &ResponderId) -> EventId {
    first_event(&streams::responder(responder))
}

/// The id of the first event of a stream that the directory begins.
pub(crate) fn first_event(stream: &StreamName) -> EventId {
    EventId(Uuid::new_v5(&FIRST_EVENTS, stream.as_str().as_bytes()))
}

/// Writes to the directory's streams; clones write to the same log.
///
/// Each method appends one event, durable once it returns, on the urgent lane: a person waits. Beginning what exists
/// already is a [`DirectoryError::Conflict`].
#[derive(Clone)]
pub struct Registrar {
    pub(crate) casebook: Casebook,
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registrar")
    }
}

/// Places.
impl Registrar {
    /// Writes to a casebook.
    pub fn new(casebook: Casebook) -> Self {
        Self { casebook }
    }

    /// Opens a site.
    pub async fn open_site(&self, by: Actor, site: SiteRecord) -> Result<Appended, DirectoryError> {
        let stream = streams::site(&site.site);
        self.begin(by, stream, SiteEvent::SiteOpened(site)).await
    }

    /// Changes when a site is open.
    pub async fn change_hours(
        &self,
        by: Actor,
        site: SiteId,
        hours: Hours,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::site(&site);
        let event = SiteEvent::HoursChanged { site, hours };
        self.go_on(by, stream, event).await
    }

    /// Changes what a site can do and hold.
    pub async fn change_capacity(
        &self,
        by: Actor,
        site: SiteId,
        capacity: u16,
        can_answer: bool,
        can_send: bool,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::site(&site);
        let event = SiteEvent::CapacityChanged {
            site,
            capacity,
            can_answer,
            can_send,
        };
        self.go_on(by, stream, event).await
    }

    /// Closes a site for good.
    pub async fn close_site(&self, by: Actor, site: SiteId) -> Result<Appended, DirectoryError> {
        let stream = streams::site(&site);
        self.go_on(by, stream, SiteEvent::SiteClosed { site }).await
    }

    /// Opens a crossing, for the first time or again.
    pub async fn open_crossing(
        &self,
        by: Actor,
        crossing: CrossingRecord,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::crossing(&crossing.crossing);
        let event = CrossingEvent::CrossingOpened(crossing);
        let draft = self.draft(new_id(), by, event);
        self.one(stream, Expected::Any, draft).await
    }

    /// Closes a crossing: ice, works, an accident.
    pub async fn close_crossing(
        &self,
        by: Actor,
        crossing: CrossingId,
        why: &str,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::crossing(&crossing);
        let why = why.to_owned();
        let event = CrossingEvent::CrossingClosed { crossing, why };
        self.go_on(by, stream, event).await
    }
}

/// People on duty and on the way.
impl Registrar {
    /// Makes an account; the password comes hashed.
    pub async fn add_operator(
        &self,
        by: Actor,
        account: Account,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::operator(&account.operator);
        let draft = self.draft(new_id(), by, OperatorEvent::from(account));
        // An account that was removed may be made again: what stands in the stream then is no hindrance.
        let known = self.casebook.log().stream_head(&stream).await?;
        let expected = match known {
            None => Expected::NoStream,
            Some(last) => {
                let end = self.casebook.log().read_stream(
                    &stream,
                    last,
                    eventlog::Direction::Backward,
                    1,
                );
                let removed = end.await?.iter().any(|e| &*e.kind == "OperatorRemoved");
                if removed {
                    Expected::Exact(last)
                } else {
                    Expected::NoStream
                }
            }
        };
        self.one(stream, expected, draft).await
    }

    /// Changes a password; it comes hashed.
    pub async fn change_password(
        &self,
        by: Actor,
        operator: OperatorId,
        password: String,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::operator(&operator);
        let event = OperatorEvent::PasswordChanged { operator, password };
        self.go_on(by, stream, event).await
    }

    /// Removes an account.
    pub async fn remove_operator(
        &self,
        by: Actor,
        operator: OperatorId,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::operator(&operator);
        let event = OperatorEvent::OperatorRemoved { operator };
        self.go_on(by, stream, event).await
    }

    /// Adds somebody who can be sent.
    pub async fn add_responder(
        &self,
        by: Actor,
        who: Sendable,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::responder(&who.responder);
        let event = self.responder_added(who).await?;
        self.begin(by, stream, event).await
    }

    /// Removes them.
    pub async fn remove_responder(
        &self,
        by: Actor,
        responder: ResponderId,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::responder(&responder);
        let event = ResponderEvent::ResponderRemoved { responder };
        self.go_on(by, stream, event).await
    }
}

/// Residents and devices.
impl Registrar {
    /// Enrols a resident.
    pub async fn enrol_resident(
        &self,
        by: Actor,
        who: Enrolling,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::resident(&who.resident);
        let enrolment = self.enrolment(who, &stream, first_event(&stream)).await?;
        let event = ResidentEvent::ResidentEnrolled(enrolment);
        self.begin(by, stream, event).await
    }

    /// Moves a resident to another home; the whole record is given.
    pub async fn move_resident(
        &self,
        by: Actor,
        who: Enrolling,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::resident(&who.resident);
        let expected = self.changeable(&who.resident).await?;
        let id = new_id();
        let event = ResidentEvent::ResidentMoved(self.enrolment(who, &stream, id).await?);
        let draft = self.draft(id, by, event);
        self.one(stream, expected, draft).await
    }

    /// Replaces a resident's profile.
    pub async fn change_profile(
        &self,
        by: Actor,
        resident: ResidentId,
        profile: &Profile,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::resident(&resident);
        let expected = self.changeable(&resident).await?;
        let id = new_id();
        let key = resident_key(&resident);
        let binding = profile_binding(&stream, id);
        let vault = self.casebook.vault();
        let profile = vault.seal_json(key.as_str(), binding, profile).await?;
        let draft = self.draft(id, by, ResidentEvent::ProfileChanged { resident, profile });
        self.one(stream, expected, draft).await
    }

    /// What a record's stream must be like to be changed: as it stands now, and not erased. To change nobody's is a conflict.
    async fn changeable(&self, resident: &ResidentId) -> Result<Expected, DirectoryError> {
        let (record, Some(head)) = self.record(resident).await? else {
            return Ok(Expected::StreamExists);
        };
        record.decide(&RecordCommand::Change, self.now())?;
        Ok(Expected::Exact(head))
    }

    /// Records that an operator looked at a resident's record, and why.
    pub async fn record_view(
        &self,
        resident: ResidentId,
        operator: OperatorId,
        why: &str,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::resident(&resident);
        let by = Actor::Operator(operator.clone());
        let event = ResidentEvent::RecordViewed {
            resident,
            operator,
            why: why.to_owned(),
        };
        self.go_on(by, stream, event).await
    }

    /// Lets a device speak; only the hash of its key is kept.
    pub async fn enrol_device(
        &self,
        by: Actor,
        device: DeviceId,
        model: &str,
        resident: Option<ResidentId>,
        key: &str,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::device(&device);
        let event = DeviceEvent::DeviceEnrolled {
            device,
            model: model.to_owned(),
            resident,
            key_hash: key_hash(key),
        };
        // A device may be handed on, with a new key: its stream goes on.
        let draft = self.draft(new_id(), by, event);
        self.one(stream, Expected::Any, draft).await
    }

    /// Lets a device speak no more.
    pub async fn retire_device(
        &self,
        by: Actor,
        device: DeviceId,
    ) -> Result<Appended, DirectoryError> {
        let stream = streams::device(&device);
        let event = DeviceEvent::DeviceRetired { device };
        self.go_on(by, stream, event).await
    }
}

/// Helpers.
impl Registrar {
    /// The log it writes to.
    pub fn log(&self) -> &eventlog::Log {
        self.casebook.log()
    }

    /// Begins a stream; one that was begun before is a conflict.
    async fn begin<E: Stored>(
        &self,
        by: Actor,
        stream: StreamName,
        event: E,
    ) -> Result<Appended, DirectoryError> {
        let draft = self.draft(first_event(&stream), by, event);
        let appended = self.one(stream.clone(), Expected::NoStream, draft).await?;
        if appended.duplicate {
            return Err(DirectoryError::Conflict(format!("{stream} exists already")));
        }
        Ok(appended)
    }

    /// Adds to a stream that was begun; one that was not is a conflict.
    async fn go_on<E: Stored>(
        &self,
        by: Actor,
        stream: StreamName,
        event: E,
    ) -> Result<Appended, DirectoryError> {
        let draft = self.draft(new_id(), by, event);
        self.one(stream, Expected::StreamExists, draft).await
    }

    async fn one<E: Stored>(
        &self,
        stream: StreamName,
        expected: Expected,
        draft: Draft<E>,
    ) -> Result<Appended, DirectoryError> {
        let mut batch = Batch::new(Meta::default());
        batch.push(&stream, expected, vec![draft])?;
        Ok(self.casebook.commit(Lane::Urgent, batch).await?)
    }

    pub(crate) fn draft<E>(&self, id: EventId, by: Actor, event: E) -> Draft<E> {
        Draft::new(id, self.casebook.now(), by, event)
    }

    /// Now, by the log's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.casebook.now()
    }

    pub(crate) async fn responder_added(
        &self,
        who: Sendable,
    ) -> Result<ResponderEvent, DirectoryError> {
        let stream = streams::responder(&who.responder);
        let phone = match &who.phone {
            Some(phone) => {
                let key = responder_key(&who.responder);
                let vault = self.casebook.vault();
                let sealed = vault.seal_json(&key, phone_binding(&stream), phone);
                Some(sealed.await?)
            }
            None => None,
        };
        Ok(responder_added(who, phone))
    }

    pub(crate) async fn enrolment(
        &self,
        who: Enrolling,
        stream: &StreamName,
        event: EventId,
    ) -> Result<Enrolment, DirectoryError> {
        let key = resident_key(&who.resident);
        let binding = profile_binding(stream, event);
        let vault = self.casebook.vault();
        let profile = vault.seal_json(key.as_str(), binding, &who.profile).await?;
        Ok(enrolment(who, profile))
    }
}

/// A responder's first event, sealed with a key in hand.
pub(crate) fn responder_added_with(
    keys: &Keys,
    who: Sendable,
) -> Result<ResponderEvent, DirectoryError> {
    let stream = streams::responder(&who.responder);
    let key = responder_key(&who.responder);
    let seal = |phone: &String| keys.seal_json(&key, phone_binding(&stream), phone);
    let phone = who.phone.as_ref().map(seal).transpose()?;
    Ok(responder_added(who, phone))
}

/// An enrolment, sealed with a key in hand.
pub(crate) fn enrolment_with(
    keys: &Keys,
    who: Enrolling,
    stream: &StreamName,
    event: EventId,
) -> Result<Enrolment, DirectoryError> {
    let key = resident_key(&who.resident);
    let binding = profile_binding(stream, event);
    let profile = keys.seal_json(key.as_str(), binding, &who.profile)?;
    Ok(enrolment(who, profile))
}

fn responder_added(who: Sendable, phone: Option<Sealed>) -> ResponderEvent {
    ResponderEvent::ResponderAdded {
        responder: who.responder,
        name: who.name,
        kind: who.kind,
        site: who.site,
        district: who.district,
        phone,
    }
}

fn enrolment(who: Enrolling, profile: Sealed) -> Enrolment {
    Enrolment {
        resident: who.resident,
        district: who.district,
        community: who.community,
        grid: who.grid,
        home_station: who.home_station,
        profile,
    }
}

impl From<Account> for OperatorEvent {
    fn from(account: Account) -> Self {
        Self::OperatorAdded {
            operator: account.operator,
            name: account.name,
            post: account.post,
            role: account.role,
            scope: account.scope,
            password: account.password,
        }
    }
}

/// A telephone is bound to the responder's first event, in whichever it stands.
fn phone_binding(stream: &StreamName) -> Binding<'_> {
    Binding {
        stream,
        event: first_event(stream),
        field: PHONE,
    }
}

fn profile_binding(stream: &StreamName, event: EventId) -> Binding<'_> {
    Binding {
        stream,
        event,
        field: PROFILE,
    }
}

fn new_id() -> EventId {
    EventId(Uuid::new_v4())
}
