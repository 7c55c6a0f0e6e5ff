//! Erasing a resident, and what keeps them: legal holds (证据保全).
//!
//! For: the event that says so, decided on the whole record, and the key destroyed after it, whatever was interrupted.
//! May not know: who may ask for it (doors check that), how keys are kept.
//!
//! The event comes first, durable, then the key goes: here at every start, in each process when its follower reads the
//! event. The log's word and the keys' word are both final: where one knows of an erasure and the other does not, as
//! after a restore, the other learns it before anybody is served.

use casebook::{Batch, Binding, Case, Casebook, Meta, RETRY_LIMIT, Stored, Unopened, streams};
use domain::{
    Actor, ResidentId, SubjectId,
    record::{Hold, Record, RecordCommand, RecordRefusal},
    resident::{Profile, ResidentEvent},
};
use eventlog::{Appended, Direction, EventId, Expected, Lane, Log, Position, Revision};
use std::collections::BTreeSet;
use uuid::Uuid;

use crate::{
    error::DirectoryError,
    handle::sealed_profile,
    registrar::{PROFILE, Registrar, resident_key},
};

/// Events, or names, read at a time.
const PAGE: usize = 1_000;

/// The stored name of the event that says so.
const ERASED: &str = "ResidentErased";

/// Names the events by which residents are erased: once each.
const ERASURES: Uuid = Uuid::from_u128(0x0c4a_91d7_5e2f_4c3b_8f6d_7a10_b2e9_55c8);

/// Written where only the keys knew of it.
const KNOWN_FROM_KEYS: &str = "密钥库中已抹去 / known from the keys";

/// Asking for it.
impl Registrar {
    /// A record as it stands, and its stream's last revision.
    pub async fn record(
        &self,
        resident: &ResidentId,
    ) -> Result<(Record, Option<Revision>), DirectoryError> {
        let stream = streams::resident(resident);
        let (mut record, mut head) = (Record::default(), None);
        loop {
            let from = head.map_or(Revision(0), |Revision(last)| Revision(last + 1));
            let log = self.casebook.log();
            let page = log.read_stream(&stream, from, Direction::Forward, PAGE);
            let page = page.await?;
            let Some(last) = page.last() else {
                return Ok((record, head));
            };
            head = Some(last.revision);
            for recorded in &page {
                if let Ok(Case::Resident(happened)) = casebook::read(recorded) {
                    record = record.evolve(&happened.event);
                }
            }
        }
    }

    /// What is written down of a person now, read from the log itself; `None`: nobody, or erased.
    pub async fn sealed_profile(
        &self,
        resident: &ResidentId,
    ) -> Result<Option<Profile>, DirectoryError> {
        let stream = streams::resident(resident);
        let mut from = Revision::END;
        loop {
            let log = self.casebook.log();
            let page = log.read_stream(&stream, from, Direction::Backward, PAGE);
            let page = page.await?;
            for recorded in &page {
                let Some(sealed) = sealed_profile(recorded) else {
                    continue;
                };
                let binding = Binding {
                    stream: &stream,
                    event: recorded.id,
                    field: PROFILE,
                };
                return match self.casebook.vault().open_json(&sealed, binding).await {
                    Ok(profile) => Ok(Some(profile)),
                    Err(Unopened::Erased | Unopened::Tampered) => Ok(None),
                    Err(Unopened::Unavailable(why)) => Err(DirectoryError::Unavailable(why)),
                };
            }
            match page.last() {
                Some(first) if first.revision > Revision(0) => {
                    from = Revision(first.revision.0 - 1);
                }
                _ => return Ok(None),
            }
        }
    }

    /// Writes down that a resident is erased; for ever. Every process then destroys the key, and [`settle`] does where
    /// none runs. Not while an incident of theirs is open, or a hold stands.
    ///
    /// [`RecordRefusal::Erased`]: it was written down before.
    pub async fn erase_resident(
        &self,
        by: Actor,
        resident: ResidentId,
        why: &str,
    ) -> Result<Appended, DirectoryError> {
        let id = EventId(Uuid::new_v5(&ERASURES, resident.as_str().as_bytes()));
        let subject = SubjectId::resident(&resident);
        let mut attempt = 0;
        loop {
            let (care, care_head) = self.casebook.fold_care(&subject).await?;
            let asked = RecordCommand::Erase {
                why: why.to_owned(),
                in_need: care.open.is_some(),
            };
            let event = ResidentEvent::ResidentErased {
                resident: resident.clone(),
                why: why.to_owned(),
            };
            // An alarm that opens an incident in this moment counts.
            let mut batch = Batch::new(Meta::default());
            let untouched = care_head.map_or(Expected::NoStream, Expected::Exact);
            batch.push::<ResidentEvent>(&streams::care(&subject), untouched, Vec::new())?;
            match self.decided(&by, &resident, &asked, id, event, batch).await {
                Err(DirectoryError::Conflict(_)) if attempt < RETRY_LIMIT => attempt += 1,
                done => return done,
            }
            tokio::task::yield_now().await;
        }
    }

    /// Keeps a record as evidence; a hold of the same case is replaced.
    pub async fn hold_record(
        &self,
        by: Actor,
        resident: ResidentId,
        case: &str,
        hold: Hold,
    ) -> Result<Appended, DirectoryError> {
        let event = ResidentEvent::LegalHoldPlaced {
            resident: resident.clone(),
            case: case.to_owned(),
            why: hold.why.clone(),
            until: hold.until,
        };
        let case = case.to_owned();
        let asked = RecordCommand::Hold { case, hold };
        self.recorded(by, resident, asked, event).await
    }

    /// Ends a hold before its day.
    pub async fn lift_hold(
        &self,
        by: Actor,
        resident: ResidentId,
        case: &str,
        why: &str,
    ) -> Result<Appended, DirectoryError> {
        let event = ResidentEvent::LegalHoldLifted {
            resident: resident.clone(),
            case: case.to_owned(),
            why: why.to_owned(),
        };
        let asked = RecordCommand::Lift {
            case: case.to_owned(),
            why: why.to_owned(),
        };
        self.recorded(by, resident, asked, event).await
    }

    /// Decides on the record as it stands, and appends at exactly that.
    async fn recorded(
        &self,
        by: Actor,
        resident: ResidentId,
        asked: RecordCommand,
        event: ResidentEvent,
    ) -> Result<Appended, DirectoryError> {
        let id = EventId(Uuid::new_v4());
        let mut attempt = 0;
        loop {
            let batch = Batch::new(Meta::default());
            let done = self.decided(&by, &resident, &asked, id, event.clone(), batch);
            match done.await {
                Err(DirectoryError::Conflict(_)) if attempt < RETRY_LIMIT => attempt += 1,
                done => return done,
            }
            tokio::task::yield_now().await;
        }
    }

    async fn decided(
        &self,
        by: &Actor,
        resident: &ResidentId,
        asked: &RecordCommand,
        id: EventId,
        event: ResidentEvent,
        mut batch: Batch,
    ) -> Result<Appended, DirectoryError> {
        let (record, head) = self.record(resident).await?;
        record.decide(asked, self.now())?;
        let expected = head.map_or(Expected::NoStream, Expected::Exact);
        let draft = self.draft(id, by.clone(), event);
        batch.push(&streams::resident(resident), expected, vec![draft])?;
        Ok(self.casebook.commit(Lane::Urgent, batch).await?)
    }
}

/// The first text of a person's that stands in a reason, which stays in the log for ever.
pub fn named_in(profile: &Profile, why: &str) -> Option<&'static str> {
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    let why = bare(why);
    let address = &profile.address;
    let contacts = &profile.contacts;
    let mut texts = vec![
        ("name", &profile.name),
        ("name", &profile.name_latin),
        ("phone", &profile.phone),
        ("address", &address.compound),
    ];
    texts.extend(contacts.iter().map(|it| ("contact's name", &it.name)));
    texts.extend(contacts.iter().map(|it| ("contact's phone", &it.phone)));
    let found = texts.into_iter().find(|(_, text)| {
        let text = bare(text);
        !text.is_empty() && why.contains(&text)
    });
    found.map(|(what, _)| what)
}

/// What [`settle`] found to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Keys destroyed now of residents whom the log knew as erased.
    pub destroyed: usize,
    /// Residents erased in the log now, whose key was known as destroyed.
    pub written: usize,
}

/// Makes log and keys agree about who was erased; each one's word holds. Durable once this returns, and nothing is done
/// the second time.
pub async fn settle(casebook: &Casebook) -> Result<Settled, DirectoryError> {
    let destroyed = destroyed(casebook).await?;
    let erased = erased(casebook.log()).await?;
    let mut settled = Settled::default();
    for resident in &erased {
        let key = resident_key(resident);
        if !destroyed.contains(key.as_str()) {
            casebook.vault().forget(key.as_str()).await?;
            settled.destroyed += 1;
        }
    }
    for name in destroyed {
        let resident = name.strip_prefix(RESIDENT_KEY).map(ResidentId::parse);
        if let Some(Ok(resident)) = resident
            && !erased.contains(&resident)
        {
            settled.written += usize::from(write_down(casebook, resident).await?);
        }
    }
    if settled != Settled::default() {
        tracing::warn!(
            keys = settled.destroyed,
            records = settled.written,
            "erasures were made good that only the log or only the keys knew of"
        );
    }
    Ok(settled)
}

/// What a resident's key name begins with; see [`SubjectId::resident`].
const RESIDENT_KEY: &str = "resident-";

/// Everybody whom the log knows as erased.
pub async fn erased(log: &Log) -> Result<BTreeSet<ResidentId>, DirectoryError> {
    let mut erased = BTreeSet::new();
    let mut after = Position::START;
    loop {
        let page = log.read_kind(ERASED, after, Direction::Forward, PAGE);
        let page = page.await?;
        let Some(last) = page.last() else {
            return Ok(erased);
        };
        after = last.position;
        for recorded in &page {
            if let Ok(Case::Resident(happened)) = casebook::read(recorded)
                && let ResidentEvent::ResidentErased { resident, .. } = happened.event
            {
                erased.insert(resident);
            }
        }
    }
}

async fn destroyed(casebook: &Casebook) -> Result<BTreeSet<String>, DirectoryError> {
    let mut names = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = casebook.vault().forgotten(&after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(names);
        };
        after.clone_from(last);
        names.extend(page);
    }
}

/// False: the log, put back from before, does not know them.
async fn write_down(casebook: &Casebook, resident: ResidentId) -> Result<bool, DirectoryError> {
    let stream = streams::resident(&resident);
    if casebook.log().stream_head(&stream).await?.is_none() {
        return Ok(false);
    }
    let id = EventId(Uuid::new_v5(&ERASURES, resident.as_str().as_bytes()));
    let why = KNOWN_FROM_KEYS.to_owned();
    let event = ResidentEvent::ResidentErased { resident, why };
    debug_assert_eq!(event.stored_name(), ERASED);
    let draft = Registrar::new(casebook.clone()).draft(id, Actor::Registrar, event);
    let mut batch = Batch::new(Meta::default());
    batch.push(&stream, Expected::StreamExists, vec![draft])?;
    let done = casebook.commit(Lane::Urgent, batch).await;
    done.map(|_| true).map_err(DirectoryError::from)
}

impl From<RecordRefusal> for DirectoryError {
    fn from(refusal: RecordRefusal) -> Self {
        Self::Refused(refusal)
    }
}
