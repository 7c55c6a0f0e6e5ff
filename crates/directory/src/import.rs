//! Importing the synthetic city.
//!
//! For: many first events, fast, on the bulk lane, in atomic appends that are safe to send again.
//! May not know: where passwords and progress go.

use casebook::{BookError, Casebook, Keys, Meta, Stored, codec, streams};
use domain::{
    Actor, Happened, Timestamp, crossing::CrossingEvent, device::DeviceEvent,
    operator::OperatorEvent, resident::ResidentEvent, site::SiteEvent,
};
use eventlog::{AppendError, Expected, Lane, Position, StreamAppend, StreamName};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::{
    error::DirectoryError,
    harbin::{self, AccountPlan, Plan, ResidentPlan, ResponderPlan},
    registrar::{
        Account, Enrolling, Registrar, Sendable, enrolment_with, first_event, key_hash,
        resident_key, responder_added_with, responder_key,
    },
};

/// Streams in one atomic append; half of what the log takes.
const APPEND_STREAMS: usize = 32;

/// Appends under way at once: enough to fill the log's group commits, few enough to leave room in its queue.
const APPENDS_AT_ONCE: usize = 16;

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Events, those that stood there before included.
    pub events: u64,
    /// The position of the last; everything is durable up to here.
    pub position: Position,
}

/// A first event and the stream it begins.
pub(crate) enum Item {
    Site(domain::site::SiteRecord),
    Crossing(domain::crossing::CrossingRecord),
    Responder(ResponderPlan),
    Account(AccountPlan, String),
    Resident(Box<ResidentPlan>),
}

impl Registrar {
    /// Writes a whole plan into the log: sites, the crossings in use today, responders, accounts, then residents with
    /// their devices. `password` gives each account's argon2id PHC string; `progress` hears (events done, events in all).
    ///
    /// Durable once this returns. An import that broke off can be run again: what stands there stays as it is.
    pub async fn import_city(
        &self,
        plan: &Plan,
        password: impl Fn(&AccountPlan) -> String + Send,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Imported, DirectoryError> {
        let city = harbin::city(plan);
        let today = day(self.now());
        let mut items: Vec<Item> = Vec::new();
        items.extend(city.sites.into_iter().map(Item::Site));
        let in_use = city.crossings.into_iter().filter(|it| it.in_use(today));
        items.extend(in_use.map(|it| Item::Crossing(it.record)));
        items.extend(city.responders.into_iter().map(Item::Responder));
        items.extend(city.accounts.into_iter().map(|account| {
            let password = password(&account);
            Item::Account(account, password)
        }));
        let total = items.len() as u64 + 2 * u64::from(plan.residents);
        let residents = harbin::residents(plan).map(|it| Item::Resident(Box::new(it)));
        let all = items.into_iter().chain(residents);

        let meta = Meta::about(Uuid::new_v4());
        let appends = stream::iter(Chunks(all))
            .map(|chunk| {
                let (registrar, meta) = (self.clone(), meta.clone());
                async move { registrar.import_chunk(Lane::Bulk, chunk, meta).await }
            })
            .buffered(APPENDS_AT_ONCE);
        let mut done = Imported {
            events: 0,
            position: Position::START,
        };
        let mut appends = std::pin::pin!(appends);
        while let Some((events, position)) = appends.try_next().await? {
            done.events += events;
            done.position = done.position.max(position);
            progress(done.events, total);
        }
        Ok(done)
    }

    /// One append: the keys first, which the log commits together; then everything is sealed, on a thread where it holds
    /// up nobody.
    pub(crate) async fn import_chunk(
        &self,
        lane: Lane,
        chunk: Vec<Item>,
        meta: Meta,
    ) -> Result<(u64, Position), DirectoryError> {
        let name = |item: &Item| match item {
            Item::Resident(plan) => Some(resident_key(&plan.resident).as_str().to_owned()),
            Item::Responder(plan) => Some(responder_key(&plan.responder)),
            _ => None,
        };
        let names: Vec<String> = chunk.iter().filter_map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let keys = self.casebook.vault().keys(lane, &names).await?;
        let mut import = Import {
            meta,
            at: self.now(),
            parts: Vec::with_capacity(APPEND_STREAMS),
        };
        let parts = tokio::task::spawn_blocking(move || {
            let mut items = chunk.into_iter();
            items.try_for_each(|item| import.item(&keys, item))?;
            Ok::<_, DirectoryError>(import.parts)
        });
        let parts = parts.await.map_err(|_| DirectoryError::Stopped)??;
        commit(&self.casebook, lane, parts).await
    }
}

/// One append being put together.
struct Import {
    meta: Meta,
    at: Timestamp,
    parts: Vec<StreamAppend>,
}

impl Import {
    fn item(&mut self, keys: &Keys, item: Item) -> Result<(), DirectoryError> {
        match item {
            Item::Site(record) => {
                let stream = streams::site(&record.site);
                self.first(&stream, SiteEvent::SiteOpened(record))
            }
            Item::Crossing(record) => {
                let stream = streams::crossing(&record.crossing);
                self.first(&stream, CrossingEvent::CrossingOpened(record))
            }
            Item::Responder(plan) => {
                let stream = streams::responder(&plan.responder);
                self.first(&stream, responder_added_with(keys, sendable(plan))?)
            }
            Item::Account(plan, password) => {
                let stream = streams::operator(&plan.operator);
                self.first(&stream, OperatorEvent::from(account(plan, password)))
            }
            Item::Resident(plan) => self.resident(keys, *plan),
        }
    }

    fn resident(&mut self, keys: &Keys, plan: ResidentPlan) -> Result<(), DirectoryError> {
        let device = DeviceEvent::DeviceEnrolled {
            device: plan.device.clone(),
            model: plan.model,
            resident: Some(plan.resident.clone()),
            key_hash: key_hash(&plan.device_key),
        };
        self.first(&streams::device(&plan.device), device)?;
        let stream = streams::resident(&plan.resident);
        let who = Enrolling {
            resident: plan.resident,
            district: plan.district,
            community: plan.community,
            grid: plan.grid,
            home_station: plan.home_station,
            profile: plan.profile,
        };
        let enrolment = enrolment_with(keys, who, &stream, first_event(&stream))?;
        self.first(&stream, ResidentEvent::ResidentEnrolled(enrolment))
    }

    /// Adds the first event of a stream. Where it stands already, with whatever followed, the log says so.
    fn first<E: Stored>(&mut self, stream: &StreamName, event: E) -> Result<(), DirectoryError> {
        let happened = Happened::new(self.at, Actor::Registrar, event);
        let event = codec::new_event(first_event(stream), &happened, &self.meta);
        self.parts.push(StreamAppend {
            stream: stream.clone(),
            expected: Expected::NoStream,
            events: vec![event.map_err(BookError::from)?],
        });
        Ok(())
    }
}

/// All at once; stream by stream when some stand there from an import of fewer residents.
pub(crate) async fn commit(
    casebook: &Casebook,
    lane: Lane,
    parts: Vec<StreamAppend>,
) -> Result<(u64, Position), DirectoryError> {
    let events = parts.len() as u64;
    let log = casebook.log();
    match log.append(lane, parts.clone()).await {
        Ok(appended) => return Ok((events, appended.position)),
        Err(AppendError::WrongRevision { .. }) => {}
        Err(error) => return Err(BookError::from(error).into()),
    }
    let mut position = Position::START;
    for part in parts {
        let appended = log.append(lane, vec![part]).await;
        position = position.max(appended.map_err(BookError::from)?.position);
    }
    Ok((events, position))
}

/// Cuts items into appends of [`APPEND_STREAMS`] streams; a resident brings two.
struct Chunks<I>(I);

impl<I: Iterator<Item = Item>> Iterator for Chunks<I> {
    type Item = Vec<Item>;

    fn next(&mut self) -> Option<Vec<Item>> {
        let mut chunk = Vec::new();
        let mut streams = 0;
        while streams < APPEND_STREAMS - 1 {
            let Some(item) = self.0.next() else { break };
            streams += if matches!(item, Item::Resident(_)) {
                2
            } else {
                1
            };
            chunk.push(item);
        }
        (!chunk.is_empty()).then_some(chunk)
    }
}

fn sendable(plan: ResponderPlan) -> Sendable {
    Sendable {
        responder: plan.responder,
        name: plan.name,
        kind: plan.kind,
        site: plan.site,
        district: plan.district,
        phone: Some(plan.phone),
    }
}

fn account(plan: AccountPlan, password: String) -> Account {
    Account {
        operator: plan.operator,
        name: plan.name,
        post: plan.post,
        role: plan.role,
        scope: plan.scope,
        password,
    }
}

/// The day in Harbin (UTC+8, no summer time), `YYYYMMDD`; 1970 for moments no calendar knows.
fn day(at: Timestamp) -> u32 {
    let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = jiff::tz::offset(8).to_datetime(moment).date();
    let part = |number: i32| u32::try_from(number).unwrap_or(0);
    part(date.year().into()) * 10_000 + part(date.month().into()) * 100 + part(date.day().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_harbin_begins_eight_hours_early() {
        assert_eq!(day(Timestamp(0)), 19700101);
        assert_eq!(day(Timestamp(16 * 3_600_000)), 19700102);
        assert_eq!(day(Timestamp(1_542_672_000_000)), 20181120);
        assert_eq!(day(Timestamp(i64::MAX)), 19700101);
    }
}
