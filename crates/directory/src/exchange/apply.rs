//! Rows into events.
//!
//! For: writing what a comparison found, on the bulk lane; what is unchanged writes nothing, so the same rows can be sent
//! again after any interruption.
//! May not know: files, lines. Atomic within an append of [`STREAMS_AT_ONCE`] streams, not over a whole file: whoever
//! sends one compares all of it first.

use casebook::{BookError, Casebook, Keys, Meta, Stored, codec, streams};
use domain::{
    Actor, Happened, ResidentId, Timestamp,
    area::{BarrierEvent, CityEvent, CommunityEvent, DistrictEvent, GridEvent},
    crossing::CrossingEvent,
    device::DeviceEvent,
    operator::{OperatorEvent, ResponderEvent},
    resident::ResidentEvent,
    site::{SiteEvent, SiteRecord},
};
use eventlog::{EventId, Expected, Lane, Position, StreamAppend, StreamName};
use uuid::Uuid;

use super::{
    Row, Verdict,
    compare::{Known, compared},
};
use crate::{
    Directory, DirectoryError,
    registrar::{
        Account, enrolment_with, first_event, resident_key, responder_added_with, responder_key,
    },
};

/// Streams in one atomic append: what the log takes.
pub const STREAMS_AT_ONCE: usize = eventlog::APPEND_STREAMS;

/// What came of some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// One for each row, in order. Refused: that row wrote nothing.
    pub verdicts: Vec<Verdict>,
    /// Everything written is durable up to here; the start when nothing was.
    pub position: Position,
}

/// Compares rows once more with the directory as it is now, and writes what differs. Durable once this returns.
/// `import` marks all events of one import.
///
/// [`DirectoryError::Conflict`]: something was written by somebody else meanwhile; send the rows again.
pub async fn apply(
    directory: &Directory,
    import: Uuid,
    rows: Vec<Row>,
) -> Result<Applied, DirectoryError> {
    let casebook = directory.casebook().clone();
    directory.caught_up(casebook.log().head()).await?;
    let (mut verdicts, known) = compared(directory, &rows).await?;
    let mut acts = Vec::new();
    for (row, verdict) in rows.into_iter().zip(&mut verdicts) {
        if let Row::Operator { password: None, .. } = &row
            && *verdict == Verdict::Added
        {
            *verdict = Verdict::refused("新账号没有密码", "a new account has no password");
        }
        if verdict.is_idle() {
            continue;
        }
        let expected = expected(directory, &known, &row, verdict).await?;
        acts.push((row, verdict.clone(), expected));
    }
    let names: Vec<String> = acts.iter().filter_map(|(row, ..)| key_name(row)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let keys = casebook.vault().keys(Lane::Bulk, &names).await?;
    let writing = Writing {
        keys,
        known,
        meta: Meta::about(import),
        at: casebook.now(),
    };
    let parts = tokio::task::spawn_blocking(move || {
        let part = |(row, verdict, expected)| writing.part(row, &verdict, expected);
        acts.into_iter().map(part).collect::<Result<Vec<_>, _>>()
    });
    let parts = parts.await.map_err(|_| DirectoryError::Stopped)??;
    let position = write(&casebook, parts).await?;
    Ok(Applied { verdicts, position })
}

async fn write(casebook: &Casebook, parts: Vec<StreamAppend>) -> Result<Position, DirectoryError> {
    let mut position = Position::START;
    let mut parts = parts.into_iter().peekable();
    while parts.peek().is_some() {
        let some: Vec<StreamAppend> = parts.by_ref().take(STREAMS_AT_ONCE).collect();
        let appended = casebook.log().append(Lane::Bulk, some).await;
        position = position.max(appended.map_err(BookError::from)?.position);
    }
    Ok(position)
}

/// What the row's stream must be like. A record compared with what stands there is written only if nothing was since.
async fn expected(
    directory: &Directory,
    known: &Known,
    row: &Row,
    verdict: &Verdict,
) -> Result<Expected, DirectoryError> {
    let log = directory.casebook().log();
    Ok(match (row, verdict) {
        (Row::Resident(_), Verdict::Added) => Expected::NoStream,
        (Row::Resident(who), _) => {
            let head = log.stream_head(&streams::resident(&who.resident)).await?;
            directory.caught_up(log.head()).await?;
            same(directory, known, &who.resident).await?;
            head.map_or(Expected::NoStream, Expected::Exact)
        }
        // Devices speak meanwhile, which changes nothing about whose they are.
        (Row::Device { .. }, _) => Expected::Any,
        // Sites and accounts are signed on and off meanwhile; the file's word on the rest counts.
        _ => match log.stream_head(&stream(row)).await? {
            None => Expected::NoStream,
            Some(_) => Expected::StreamExists,
        },
    })
}

async fn same(
    directory: &Directory,
    known: &Known,
    resident: &ResidentId,
) -> Result<(), DirectoryError> {
    if directory.resident(resident).await?.as_ref() == known.residents.get(resident) {
        return Ok(());
    }
    let text = format!("the record of {resident} was changed meanwhile");
    Err(DirectoryError::Conflict(text))
}

fn stream(row: &Row) -> StreamName {
    match row {
        Row::City(record) => streams::city(&record.city),
        Row::District { record, .. } => streams::district(&record.district),
        Row::Community { record, .. } => streams::community(&record.community),
        Row::Grid {
            community, number, ..
        } => streams::grid(community, *number),
        Row::Barrier { record, .. } => streams::barrier(&record.barrier),
        Row::Site { record, .. } => streams::site(&record.site),
        Row::Crossing { record, .. } => streams::crossing(&record.crossing),
        Row::Responder { who, .. } => streams::responder(&who.responder),
        Row::Operator { operator, .. } => streams::operator(operator),
        Row::Resident(who) => streams::resident(&who.resident),
        Row::Device { device, .. } => streams::device(device),
    }
}

/// The key that must be there to seal what the row holds.
fn key_name(row: &Row) -> Option<String> {
    match row {
        Row::Resident(who) => Some(resident_key(&who.resident).as_str().to_owned()),
        Row::Responder { who, ended } if !ended && who.phone.is_some() => {
            Some(responder_key(&who.responder))
        }
        _ => None,
    }
}

struct Writing {
    keys: Keys,
    known: Known,
    meta: Meta,
    at: Timestamp,
}

impl Writing {
    fn part(
        &self,
        row: Row,
        verdict: &Verdict,
        expected: Expected,
    ) -> Result<StreamAppend, DirectoryError> {
        let stream = stream(&row);
        // First events have ids made from whom they are about, like everything the registrar begins.
        let first = match expected {
            Expected::NoStream => first_event(&stream),
            Expected::Any if *verdict == Verdict::Added => first_event(&stream),
            _ => EventId(Uuid::new_v4()),
        };
        let events = match row {
            Row::City(record) => self.events(first, [CityEvent::CityDescribed(record)])?,
            Row::District { record, ended } => {
                let district = record.district.clone();
                let event = match ended {
                    true => DistrictEvent::DistrictDissolved { district },
                    false => DistrictEvent::DistrictDescribed(record),
                };
                self.events(first, [event])?
            }
            Row::Community { record, ended } => {
                let community = record.community.clone();
                let event = match ended {
                    true => CommunityEvent::CommunityDissolved { community },
                    false => CommunityEvent::CommunityDescribed(record),
                };
                self.events(first, [event])?
            }
            Row::Grid {
                community,
                number,
                worker,
                ..
            } => {
                let event = GridEvent::GridAssigned {
                    community,
                    number,
                    worker,
                };
                self.events(first, [event])?
            }
            Row::Barrier { record, ended } => {
                let barrier = record.barrier.clone();
                let event = match ended {
                    true => BarrierEvent::BarrierRemoved { barrier },
                    false => BarrierEvent::BarrierDrawn(record),
                };
                self.events(first, [event])?
            }
            Row::Site { record, ended } => {
                let events = site(&self.known, record, ended, verdict).into_iter();
                self.events(first, events)?
            }
            Row::Crossing { record, ended, why } => {
                let crossing = record.crossing.clone();
                let event = match ended {
                    true => CrossingEvent::CrossingClosed { crossing, why },
                    false => CrossingEvent::CrossingOpened(record),
                };
                self.events(first, [event])?
            }
            Row::Responder { who, ended } => {
                let responder = who.responder.clone();
                let event = match ended {
                    true => ResponderEvent::ResponderRemoved { responder },
                    false => responder_added_with(&self.keys, who)?,
                };
                self.events(first, [event])?
            }
            Row::Device {
                device,
                model,
                resident,
                key_hash,
                ended,
            } => {
                let there = self
                    .known
                    .devices
                    .get(&device)
                    .map(|it| it.key_hash.clone());
                let enrolled = DeviceEvent::DeviceEnrolled {
                    device: device.clone(),
                    model,
                    resident,
                    key_hash: key_hash.or(there).unwrap_or_default(),
                };
                let new = (*verdict != Verdict::Ended).then_some(enrolled);
                let over = ended.then_some(DeviceEvent::DeviceRetired { device });
                self.events(first, new.into_iter().chain(over))?
            }
            Row::Resident(who) => {
                let event = match verdict {
                    Verdict::Changed(columns) if !columns.iter().any(|it| moves(it)) => {
                        ResidentEvent::ProfileChanged {
                            resident: who.resident.clone(),
                            profile: enrolment_with(&self.keys, *who, &stream, first)?.profile,
                        }
                    }
                    Verdict::Changed(_) => ResidentEvent::ResidentMoved(enrolment_with(
                        &self.keys, *who, &stream, first,
                    )?),
                    _ => ResidentEvent::ResidentEnrolled(enrolment_with(
                        &self.keys, *who, &stream, first,
                    )?),
                };
                self.events(first, [event])?
            }
            operator => self.events(first, self.operator(operator))?,
        };
        Ok(StreamAppend {
            stream,
            expected,
            events,
        })
    }

    /// The first event gets the id it may be sealed under; others follow from it.
    fn events<E: Stored>(
        &self,
        first: EventId,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Vec<eventlog::NewEvent>, DirectoryError> {
        let event = |(n, event): (usize, E)| {
            let id = match n {
                0 => first,
                n => EventId(Uuid::new_v5(&first.0, &n.to_be_bytes())),
            };
            let happened = Happened::new(self.at, Actor::Registrar, event);
            codec::new_event(id, &happened, &self.meta).map_err(|it| BookError::from(it).into())
        };
        events.into_iter().enumerate().map(event).collect()
    }

    /// An account that stays keeps its password, whatever else changes.
    fn operator(&self, row: Row) -> Option<OperatorEvent> {
        let Row::Operator {
            operator,
            name,
            post,
            role,
            scope,
            password,
            ended,
        } = row
        else {
            return None;
        };
        if ended {
            return Some(OperatorEvent::OperatorRemoved { operator });
        }
        let there = self.known.city.operators.get(&operator);
        let password = there.map(|it| it.password.clone()).or(password)?;
        Some(OperatorEvent::from(Account {
            operator,
            name,
            post,
            role,
            scope,
            password,
        }))
    }
}

/// Another home, or another station answering for it: more than a new profile.
fn moves(column: &str) -> bool {
    matches!(
        column,
        "district" | "community" | "grid" | "home_station" | "lon" | "lat"
    )
}

/// The events that make a site what the row says. What has no event of its own is a site opened anew with the whole record.
fn site(known: &Known, record: SiteRecord, ended: bool, verdict: &Verdict) -> Vec<SiteEvent> {
    let site = record.site.clone();
    let closed = SiteEvent::SiteClosed { site: site.clone() };
    let columns = match verdict {
        Verdict::Ended => return vec![closed],
        Verdict::Changed(columns) if known.city.sites.contains_key(&site) => columns.as_slice(),
        _ if ended => return vec![SiteEvent::SiteOpened(record), closed],
        _ => return vec![SiteEvent::SiteOpened(record)],
    };
    let hours = |it: &String| matches!(it.as_str(), "opens" | "closes");
    let capacity = |it: &String| matches!(it.as_str(), "capacity" | "can_answer" | "can_send");
    if !columns.iter().all(|it| hours(it) || capacity(it)) {
        return vec![SiteEvent::SiteOpened(record)];
    }
    let mut events = Vec::new();
    if columns.iter().any(hours) {
        events.push(SiteEvent::HoursChanged {
            site: site.clone(),
            hours: record.hours,
        });
    }
    if columns.iter().any(capacity) {
        events.push(SiteEvent::CapacityChanged {
            site,
            capacity: record.capacity,
            can_answer: record.can_answer,
            can_send: record.can_send,
        });
    }
    events
}
