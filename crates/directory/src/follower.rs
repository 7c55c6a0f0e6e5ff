//! The one task that writes the read tables and the city.
//!
//! For: turning committed events into rows and snapshots, in order, in batches, again after any trouble.
//! May not know: who reads them.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use casebook::{Case, Casebook, codec::read_fields, streams, streams::Family};
use domain::{
    CommunityId, DeviceId, DistrictId, ResidentId, SiteId, SubjectId, Timestamp, record::Hold,
};
use eventlog::{
    Delivery, Direction, EventId, Filter, Position, Recorded, SubscribeError, Subscription,
};
use futures_util::FutureExt;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    cache::DeviceCache,
    city::{City, SNAPSHOT_EVERY},
    error::DirectoryError,
    lookups::One,
    rows::{DeviceRow, ResidentRow},
    tables::{Change, Cursor, Tables},
};

/// Most events taken together: one transaction of a few milliseconds.
pub const BATCH_EVENTS: usize = 512;

/// Events read at once while filling the tables from the log.
const FILL_PAGE: usize = 1_000;

/// Events after which the tables' cursor is written although no row has changed. Ours: at a start so many are read again at
/// most, a fraction of a second; nearly all events of a running city change no row, and a write for each would stand
/// between every alarm and its offer.
const CURSOR_EVERY: u64 = 10_000;

/// Pause before trying again when the log or the file did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What the follower writes and the handle reads.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tables: Tables,
    pub(crate) city: ArcSwap<City>,
    pub(crate) devices: DeviceCache,
    pub(crate) one: One,
}

/// Brings the tables up to the log's head, and tells that head. Tables of another log are emptied first.
///
/// Goes category by category: rows of residents and of devices do not depend on each other. The cursor moves at the
/// end; after a crash on the way the same changes are made again, with the same outcome.
pub(crate) async fn fill(casebook: &Casebook, tables: &Tables) -> Result<Position, DirectoryError> {
    let log = casebook.log();
    let mut from = Position::START;
    if let Some(cursor) = tables.cursor().await? {
        if cursor_at(casebook, cursor.position).await?.as_ref() == Some(&cursor) {
            from = cursor.position;
        } else {
            tracing::warn!("the read tables belong to another log; filling them anew");
            tables.clear().await?;
        }
    }
    let head = log.head();
    for category in [streams::RESIDENT, streams::DEVICE] {
        let read = |after| log.read_category(category, after, Direction::Forward, FILL_PAGE);
        let mut page = read(from).await?;
        while let Some(last) = page.last() {
            let more = last.position < head && page.len() == FILL_PAGE;
            let meant = page.iter().take_while(|event| event.position <= head);
            let changes: Vec<Change> = meant.filter_map(|event| change(event)).collect();
            // The next page is read while this one is written: the two take about as long.
            let next = async {
                match more {
                    true => read(last.position).await,
                    false => Ok(Vec::new()),
                }
            };
            let (written, next) = tokio::join!(tables.write(&changes, None), next);
            written?;
            page = next?;
        }
    }
    if let Some(cursor) = cursor_at(casebook, head).await? {
        tables.write(&[], Some(cursor)).await?;
    }
    Ok(head)
}

/// What the cursor is when it stands at a position of this log.
async fn cursor_at(
    casebook: &Casebook,
    position: Position,
) -> Result<Option<Cursor>, DirectoryError> {
    let log = casebook.log();
    let found = log.read_all(position, Direction::Backward, 1).await?;
    let there = found.first().filter(|event| event.position == position);
    Ok(there.map(|event| Cursor::at(event)))
}

/// Follows the log from where the tables and the city stand, until told to stop or the log closes. `unsaved` events
/// about the city were folded since it was last saved.
pub(crate) async fn follow(
    casebook: Casebook,
    shared: Arc<Shared>,
    reached: watch::Sender<Position>,
    mut unsaved: u64,
    stop: CancellationToken,
) {
    let after = *reached.borrow();
    let mut subscription = casebook.log().subscribe(Filter::All, after);
    let mut written = after;
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            batch = next_batch(&mut subscription) => batch,
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(SubscribeError::Unavailable(error)) => {
                tracing::warn!(error, "the directory cannot follow the log; trying again");
                if pause(&stop).await.is_err() {
                    return;
                }
                continue;
            }
            Err(error) => {
                tracing::info!(%error, "the directory stops following");
                return;
            }
        };
        let Some(last) = batch.last() else { continue };
        unsaved += fold_city(&shared, &batch);
        if unsaved >= SNAPSHOT_EVERY {
            unsaved = 0;
            save_city(&casebook, &shared);
        }
        let changes: Vec<Change> = batch.iter().filter_map(|event| change(event)).collect();
        if changes.is_empty() && last.position.0.saturating_sub(written.0) < CURSOR_EVERY {
            reached.send_replace(last.position);
            continue;
        }
        let cursor = Cursor::at(last);
        while let Err(error) = shared.tables.write(&changes, Some(cursor.clone())).await {
            tracing::error!(%error, "the read tables cannot be written; trying again");
            if pause(&stop).await.is_err() {
                return;
            }
        }
        shared
            .devices
            .drop_all(changes.iter().filter_map(device_of));
        while let Err(error) = forget(&casebook, &shared, &changes).await {
            tracing::error!(%error, "an erased resident's key is not destroyed yet; trying again");
            if pause(&stop).await.is_err() {
                return;
            }
        }
        written = last.position;
        reached.send_replace(last.position);
    }
}

/// Destroys the keys of those who were erased, here and in this process's memory; another process may have done the
/// first. Their devices are nobody's from now on. After a crash before this, `forgetting::settle` does it.
async fn forget(
    casebook: &Casebook,
    shared: &Shared,
    changes: &[Change],
) -> Result<(), DirectoryError> {
    let erased = changes.iter().filter_map(|change| match change {
        Change::Erased(resident) => Some(resident),
        _ => None,
    });
    let mut any = false;
    for resident in erased {
        any = true;
        let key = SubjectId::resident(resident);
        casebook.vault().forget(key.as_str()).await?;
        let devices = shared.tables.devices_of(resident).await?;
        shared.devices.drop_all(devices.iter().map(|it| &it.device));
    }
    if any {
        shared.tables.overwrite().await?;
    }
    Ok(())
}

/// Waits for an event, then takes what else is there already, up to [`BATCH_EVENTS`].
async fn next_batch(subscription: &mut Subscription) -> Result<Vec<Arc<Recorded>>, SubscribeError> {
    let mut batch = Vec::new();
    while batch.is_empty() {
        if let Delivery::Event(event) = subscription.next().await? {
            batch.push(event);
        }
    }
    while batch.len() < BATCH_EVENTS {
        match subscription.next().now_or_never() {
            Some(Ok(Delivery::Event(event))) => batch.push(event),
            // Trouble comes again when it is waited for.
            Some(Err(_)) | None => break,
            Some(Ok(Delivery::CaughtUp(_))) => {}
        }
    }
    Ok(batch)
}

async fn pause(stop: &CancellationToken) -> Result<(), ()> {
    tokio::select! {
        () = stop.cancelled() => Err(()),
        () = tokio::time::sleep(PAUSE) => Ok(()),
    }
}

/// Folds what is about the city; tells how much that was.
fn fold_city(shared: &Shared, batch: &[Arc<Recorded>]) -> u64 {
    let mut city = City::clone(&shared.city.load());
    let mut folded = 0;
    for event in batch {
        // Both begin at the head found when opening; what the city has seen it has seen.
        if event.position > city.position {
            let case = case_of_city(event);
            folded += u64::from(case != Case::Foreign);
            city.fold(event.position, &case);
        }
    }
    shared.city.store(Arc::new(city));
    folded
}

/// Saves the city beside the work.
fn save_city(casebook: &Casebook, shared: &Shared) {
    let (casebook, city) = (casebook.clone(), shared.city.load_full());
    tokio::spawn(async move { city.save(&casebook).await });
}

/// The event if it is about the city; others are not even read.
fn case_of_city(event: &Recorded) -> Case {
    match streams::family(&event.stream) {
        Family::Site
        | Family::Crossing
        | Family::Operator
        | Family::Responder
        | Family::City
        | Family::District
        | Family::Community
        | Family::Grid
        | Family::Barrier => read(event),
        _ => Case::Foreign,
    }
}

fn read(event: &Recorded) -> Case {
    casebook::read(event).unwrap_or_else(|error| {
        tracing::error!(position = event.position.0, %error, "passed over");
        Case::Foreign
    })
}

/// What an event changes in the tables, if anything. Only the fields a row has are read: a million of these are read
/// when a city is imported.
fn change(event: &Recorded) -> Option<Change> {
    // Names first: most events of devices are signals, which change no row.
    let read = match (streams::family(&event.stream), &*event.kind) {
        (Family::Device, "DeviceEnrolled") => read_fields(event).map(Enrolled::change),
        (Family::Device, "DeviceRetired") => read_fields(event).map(|it: Device| it.retired()),
        (Family::Resident, "ResidentEnrolled" | "ResidentMoved") => {
            read_fields(event).map(|it: Home| it.change(event.id))
        }
        (Family::Resident, "ProfileChanged") => {
            read_fields(event).map(|it: Resident| Change::Profile(it.resident, event.id))
        }
        (Family::Resident, "ResidentErased") => {
            read_fields(event).map(|it: Resident| Change::Erased(it.resident))
        }
        (Family::Resident, "LegalHoldPlaced") => read_fields(event).map(Held::change),
        (Family::Resident, "LegalHoldLifted") => {
            read_fields(event).map(|it: Lifted| Change::Released(it.resident, it.case))
        }
        _ => return None,
    };
    read.inspect_err(|error| {
        tracing::error!(position = event.position.0, %error, "passed over");
    })
    .ok()
}

#[derive(Deserialize)]
struct Device {
    device: DeviceId,
}

#[derive(Deserialize)]
struct Resident {
    resident: ResidentId,
}

/// A [`domain::resident::ResidentEvent::LegalHoldPlaced`].
#[derive(Deserialize)]
struct Held {
    resident: ResidentId,
    case: String,
    why: String,
    until: Timestamp,
}

/// A [`domain::resident::ResidentEvent::LegalHoldLifted`].
#[derive(Deserialize)]
struct Lifted {
    resident: ResidentId,
    case: String,
}

impl Held {
    fn change(self) -> Change {
        let hold = Hold {
            why: self.why,
            until: self.until,
        };
        Change::Held {
            resident: self.resident,
            case: self.case,
            hold,
        }
    }
}

/// A [`domain::device::DeviceEvent::DeviceEnrolled`].
#[derive(Deserialize)]
struct Enrolled {
    device: DeviceId,
    model: String,
    resident: Option<ResidentId>,
    key_hash: String,
}

/// A [`domain::resident::Enrolment`], as far as it stands open.
#[derive(Deserialize)]
struct Home {
    resident: ResidentId,
    district: DistrictId,
    community: CommunityId,
    grid: u16,
    home_station: Option<SiteId>,
}

impl Device {
    fn retired(self) -> Change {
        Change::Retired(self.device)
    }
}

impl Enrolled {
    fn change(self) -> Change {
        Change::Device(DeviceRow {
            device: self.device,
            model: self.model,
            resident: self.resident,
            key_hash: self.key_hash,
            retired: false,
        })
    }
}

impl Home {
    fn change(self, sealed_in: EventId) -> Change {
        Change::Resident(ResidentRow {
            resident: self.resident,
            district: self.district,
            community: self.community,
            grid: self.grid,
            home_station: self.home_station,
            erased: false,
            sealed_in,
        })
    }
}

fn device_of(change: &Change) -> Option<&DeviceId> {
    match change {
        Change::Device(row) => Some(&row.device),
        Change::Retired(device) => Some(device),
        _ => None,
    }
}
