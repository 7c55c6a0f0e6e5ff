//! Events as stored bytes, and back.
//!
//! For: the one shape in which our events stand in the log: a body `{"at", "by", …fields}` and metadata.
//! May not know: rules, sealing; the stored names stand in `families`.

use crate::{
    streams::{self, Family},
    upcast,
};
use domain::{
    Actor, Happened, Timestamp,
    area::{BarrierEvent, CityEvent, CommunityEvent, DistrictEvent, GridEvent},
    care::CareEvent,
    crossing::CrossingEvent,
    device::DeviceEvent,
    incident::IncidentEvent,
    operator::OperatorEvent,
    operator::ResponderEvent,
    resident::ResidentEvent,
    site::SiteEvent,
};
use eventlog::{EventId, NewEvent, Recorded};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Version of the stored shapes written now; older ones are lifted when read.
pub const SCHEMA: u32 = 1;

/// An event type that is stored. Implemented in `families` from lists of variants and their names.
pub trait Stored: Serialize + DeserializeOwned {
    /// Every name an event of this family is stored under; names are for ever.
    const NAMES: &'static [&'static str];

    /// The name this event is stored under; a literal, so that renaming the variant does not change it.
    fn stored_name(&self) -> &'static str;

    /// The variant's own name for a stored one; `None` when it is not of this family.
    fn variant_of(stored_name: &str) -> Option<&'static str>;
}

/// About an event: which chain of cause it belongs to, by which command, in which shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meta {
    /// What the whole chain is about, e.g. an incident or an import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// The event that caused this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// The command that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Uuid>,
    /// What the command asked, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// Version of the body's shape.
    pub schema: u32,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            correlation: None,
            causation: None,
            command: None,
            act: None,
            schema: SCHEMA,
        }
    }
}

impl Meta {
    /// Metadata of a chain about `correlation`.
    pub fn about(correlation: Uuid) -> Self {
        Self {
            correlation: Some(correlation),
            ..Self::default()
        }
    }

    /// The same, caused by an event.
    pub fn caused_by(mut self, event: EventId) -> Self {
        self.causation = Some(event.0);
        self
    }

    /// Reads stored metadata, whatever it is: what is missing or odd is left out, and a missing schema is the first.
    pub fn read(bytes: &[u8]) -> Self {
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        let id = |name: &str| value.get(name)?.as_str()?.parse().ok();
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        Self {
            correlation: id("correlation"),
            causation: id("causation"),
            command: id("command"),
            act: value
                .get("act")
                .and_then(|it| it.as_str())
                .map(str::to_owned),
            schema: schema.and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
        }
    }
}

/// An event of ours as it was read, by family.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its family")]
pub enum Case {
    Incident(Happened<IncidentEvent>),
    Care(Happened<CareEvent>),
    Device(Happened<DeviceEvent>),
    Resident(Happened<ResidentEvent>),
    Site(Happened<SiteEvent>),
    Operator(Happened<OperatorEvent>),
    Responder(Happened<ResponderEvent>),
    Crossing(Happened<CrossingEvent>),
    City(Happened<CityEvent>),
    District(Happened<DistrictEvent>),
    Community(Happened<CommunityEvent>),
    Grid(Happened<GridEvent>),
    Barrier(Happened<BarrierEvent>),
    /// Not ours, or written by a newer version of us under a name we do not know: pass over it.
    Foreign,
}

/// An event with one of our names whose body does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {id} ({kind}) in {stream} does not read: {detail}")]
pub struct Unreadable {
    /// Which event.
    pub id: EventId,
    /// Its stored name.
    pub kind: String,
    /// Its stream.
    pub stream: String,
    /// What was wrong; never a value from the body.
    pub detail: String,
}

/// An event that does not become JSON: our bug, never the data's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} does not encode: {detail}")]
pub struct Unencodable {
    /// The stored name.
    pub name: &'static str,
    /// What was wrong.
    pub detail: String,
}

/// The part of every body that is not the event's own.
#[derive(Serialize, Deserialize)]
struct Stamp {
    at: Timestamp,
    by: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said_at: Option<Timestamp>,
}

/// The bytes of a body: `at`, `by`, `said_at` when it was told later than it happened, then the event's fields in the order they are declared.
pub fn encode<E: Stored>(happened: &Happened<E>) -> Result<Vec<u8>, Unencodable> {
    let name = happened.event.stored_name();
    let failed = |detail: String| Unencodable { name, detail };
    let json = |error: serde_json::Error| failed(error.to_string());
    let stamp = Stamp {
        at: happened.at,
        by: happened.by.clone(),
        said_at: happened.said_at,
    };
    let mut body = serde_json::to_vec(&stamp).map_err(json)?;
    let tagged = serde_json::to_vec(&happened.event).map_err(json)?;
    let fields = fields_of(&tagged, E::variant_of(name))
        .ok_or_else(|| failed("not an object of fields".to_owned()))?;
    // `{"at":…}` and `{…}` become one object.
    body.pop();
    if fields.len() > 1 {
        body.push(b',');
    }
    body.extend_from_slice(fields);
    Ok(body)
}

/// What stands between the braces of `{"Variant":{…}}`, the last brace included.
fn fields_of<'a>(tagged: &'a [u8], variant: Option<&str>) -> Option<&'a [u8]> {
    tagged
        .strip_prefix(b"{\"")?
        .strip_prefix(variant?.as_bytes())?
        .strip_prefix(b"\":{")?
        .strip_suffix(b"}")
}

/// Reads a body under its stored name. `Ok(None)`: the name is not of this family.
pub fn decode<E: Stored>(
    stored_name: &str,
    schema: u32,
    body: &[u8],
) -> Result<Option<Happened<E>>, serde_json::Error> {
    let Some(variant) = E::variant_of(stored_name) else {
        return Ok(None);
    };
    let body = upcast::lift(upcast::STEPS, stored_name, schema, body)?;
    let stamp: Stamp = serde_json::from_slice(&body)?;
    let mut tagged = Vec::with_capacity(body.len() + variant.len() + 5);
    tagged.extend_from_slice(b"{\"");
    tagged.extend_from_slice(variant.as_bytes());
    tagged.extend_from_slice(b"\":");
    tagged.extend_from_slice(&body);
    tagged.push(b'}');
    let event = serde_json::from_slice(&tagged)?;
    Ok(Some(
        Happened::new(stamp.at, stamp.by, event).said(stamp.said_at),
    ))
}

/// An event ready to be appended.
pub fn new_event<E: Stored>(
    id: EventId,
    happened: &Happened<E>,
    meta: &Meta,
) -> Result<NewEvent, Unencodable> {
    let name = happened.event.stored_name();
    let meta = serde_json::to_vec(meta).map_err(|error| Unencodable {
        name,
        detail: error.to_string(),
    })?;
    Ok(NewEvent {
        id,
        kind: name.to_owned(),
        body: encode(happened)?.into(),
        meta: meta.into(),
    })
}

/// Reads a recorded event of one family. `Ok(None)`: a name that is not of this family.
pub fn read_as<E: Stored>(recorded: &Recorded) -> Result<Option<Happened<E>>, Unreadable> {
    let read = decode(&recorded.kind, schema_of(recorded), &recorded.body);
    read.map_err(|error| unreadable(recorded, &error))
}

fn schema_of(recorded: &Recorded) -> u32 {
    if upcast::concerns(&recorded.kind) {
        Meta::read(&recorded.meta).schema
    } else {
        SCHEMA
    }
}

fn unreadable(recorded: &Recorded, error: &serde_json::Error) -> Unreadable {
    Unreadable {
        id: recorded.id,
        kind: recorded.kind.as_ref().to_owned(),
        stream: recorded.stream.as_str().to_owned(),
        detail: without_values(error),
    }
}

/// Reads some fields of a body, in today's shape, and passes over the rest: what a list needs of a long record.
pub fn read_fields<T: DeserializeOwned>(recorded: &Recorded) -> Result<T, Unreadable> {
    let schema = schema_of(recorded);
    let fields = upcast::lift(upcast::STEPS, &recorded.kind, schema, &recorded.body)
        .and_then(|body| serde_json::from_slice(&body));
    fields.map_err(|error| unreadable(recorded, &error))
}

/// Reads a recorded event of any family. What is not ours, or has a name we do not know, is [`Case::Foreign`].
pub fn read(recorded: &Recorded) -> Result<Case, Unreadable> {
    let case = match streams::family(&recorded.stream) {
        Family::Incident => read_as(recorded)?.map(Case::Incident),
        Family::Care => read_as(recorded)?.map(Case::Care),
        Family::Device | Family::Unverified => read_as(recorded)?.map(Case::Device),
        Family::Resident => read_as(recorded)?.map(Case::Resident),
        Family::Site => read_as(recorded)?.map(Case::Site),
        Family::Operator => read_as(recorded)?.map(Case::Operator),
        Family::Responder => read_as(recorded)?.map(Case::Responder),
        Family::Crossing => read_as(recorded)?.map(Case::Crossing),
        Family::City => read_as(recorded)?.map(Case::City),
        Family::District => read_as(recorded)?.map(Case::District),
        Family::Community => read_as(recorded)?.map(Case::Community),
        Family::Grid => read_as(recorded)?.map(Case::Grid),
        Family::Barrier => read_as(recorded)?.map(Case::Barrier),
        Family::Policy | Family::Foreign => None,
    };
    Ok(case.unwrap_or(Case::Foreign))
}

/// Where a body went wrong, without what stood there: it may have been written by anybody.
fn without_values(error: &serde_json::Error) -> String {
    format!(
        "{:?} error at line {} column {}",
        error.classify(),
        error.line(),
        error.column()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{IncidentId, SiteId};
    use eventlog::{Position, Revision, StreamName};

    fn recorded(stream: &str, kind: &str, body: &str, meta: &str) -> Recorded {
        Recorded {
            position: Position(1),
            stream: StreamName::new(stream).unwrap(),
            revision: Revision(0),
            id: EventId(Uuid::from_u128(1)),
            kind: kind.into(),
            recorded_at: 0,
            body: body.to_owned().into_bytes().into(),
            meta: meta.to_owned().into_bytes().into(),
        }
    }

    #[test]
    fn a_body_is_one_object_with_the_stamp_first() {
        let event = CareEvent::CareClosed {
            incident: IncidentId(Uuid::from_u128(7)),
        };
        let body = encode(&Happened::new(Timestamp(5), Actor::Dispatcher, event)).unwrap();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"at":5,"by":{"role":"dispatcher"},"incident":"00000000-0000-0000-0000-000000000007"}"#
        );
    }

    #[test]
    fn what_was_told_later_than_it_happened_has_both_times() {
        let event = CareEvent::CareClosed {
            incident: IncidentId(Uuid::from_u128(7)),
        };
        let told = Happened::new(Timestamp(5), Actor::Dispatcher, event).said(Some(Timestamp(3)));
        let body = encode(&told).unwrap();
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(
            text.starts_with(r#"{"at":5,"by":{"role":"dispatcher"},"said_at":3,"#),
            "{text}"
        );
        assert_eq!(decode("CareClosed", SCHEMA, &body).unwrap(), Some(told));
    }

    #[test]
    fn unknown_names_streams_and_fields_stop_nobody() {
        let body = r#"{"at":5,"by":{"role":"gateway"},"site":"s-1","new_field":1}"#;
        assert_eq!(
            read(&recorded("orders-1", "SiteClosed", body, "")),
            Ok(Case::Foreign)
        );
        assert_eq!(
            read(&recorded("site-s-1", "SiteSold", body, "")),
            Ok(Case::Foreign)
        );
        let site = SiteId::parse("s-1").unwrap();
        assert_eq!(
            read(&recorded("site-s-1", "SiteClosed", body, "not json")),
            Ok(Case::Site(Happened::new(
                Timestamp(5),
                Actor::Gateway,
                SiteEvent::SiteClosed { site }
            )))
        );
    }

    #[test]
    fn a_broken_body_says_where_and_not_what() {
        let body = r#"{"at":5,"by":{"role":"gateway"},"site":"a secret that is no id"}"#;
        let error = read(&recorded("site-s-1", "SiteClosed", body, "")).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn odd_metadata_reads_as_far_as_it_goes() {
        let id = Uuid::from_u128(9);
        let text = format!(r#"{{"correlation":"{id}","causation":7,"schema":"x","else":[]}}"#);
        assert_eq!(Meta::read(text.as_bytes()), Meta::about(id));
        assert_eq!(Meta::read(b"\xff"), Meta::default());
    }
}
