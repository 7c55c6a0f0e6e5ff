//! The one task that writes the read tables and the city.
//!
//! For: turning committed events into rows and snapshots, in order, in batches, again after any trouble.
//! May not know: who reads them.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use casebook::{Case, Casebook, streams, streams::Family};
use domain::{
    DeviceId,
    device::DeviceEvent,
    resident::{Enrolment, ResidentEvent},
};
use eventlog::{
    Delivery, Direction, EventId, Filter, Position, Recorded, SubscribeError, Subscription,
};
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    cache::DeviceCache,
    city::City,
    error::DirectoryError,
    tables::{Change, Cursor, DeviceRow, ResidentRow, Tables},
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
        let mut after = from;
        loop {
            let page = log
                .read_category(category, after, Direction::Forward, FILL_PAGE)
                .await?;
            let meant = page.iter().take_while(|event| event.position <= head);
            let changes: Vec<Change> = meant.filter_map(|event| change(event)).collect();
            tables.write(&changes, None).await?;
            match page.last() {
                Some(last) if last.position < head && page.len() == FILL_PAGE => {
                    after = last.position;
                }
                _ => break,
            }
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

/// Follows the log from where the tables and the city stand, until told to stop or the log closes.
pub(crate) async fn follow(
    casebook: Casebook,
    shared: Arc<Shared>,
    reached: watch::Sender<Position>,
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
        fold_city(&shared, &batch);
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
        written = last.position;
        reached.send_replace(last.position);
    }
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

fn fold_city(shared: &Shared, batch: &[Arc<Recorded>]) {
    let mut city = City::clone(&shared.city.load());
    for event in batch {
        // Both begin at the head found when opening; what the city has seen it has seen.
        if event.position > city.position {
            city.fold(event.position, &case_of_city(event));
        }
    }
    shared.city.store(Arc::new(city));
}

/// The event if it is about the city; others are not even read.
fn case_of_city(event: &Recorded) -> Case {
    match streams::family(&event.stream) {
        Family::Site | Family::Crossing | Family::Operator | Family::Responder => read(event),
        _ => Case::Foreign,
    }
}

fn read(event: &Recorded) -> Case {
    casebook::read(event).unwrap_or_else(|error| {
        tracing::error!(position = event.position.0, %error, "passed over");
        Case::Foreign
    })
}

/// What an event changes in the tables, if anything.
fn change(event: &Recorded) -> Option<Change> {
    // Names first: most events of devices are signals, which change no row.
    let concerns = matches!(
        &*event.kind,
        "DeviceEnrolled"
            | "DeviceRetired"
            | "ResidentEnrolled"
            | "ResidentMoved"
            | "ProfileChanged"
            | "ResidentErased"
    );
    if !concerns {
        return None;
    }
    match (streams::family(&event.stream), read(event)) {
        (Family::Device, Case::Device(happened)) => device_change(happened.event),
        (Family::Resident, Case::Resident(happened)) => resident_change(event.id, happened.event),
        _ => None,
    }
}

fn device_change(event: DeviceEvent) -> Option<Change> {
    match event {
        DeviceEvent::DeviceEnrolled {
            device,
            model,
            resident,
            key_hash,
        } => Some(Change::Device(DeviceRow {
            device,
            model,
            resident,
            key_hash,
            retired: false,
        })),
        DeviceEvent::DeviceRetired { device } => Some(Change::Retired(device)),
        _ => None,
    }
}

fn resident_change(id: EventId, event: ResidentEvent) -> Option<Change> {
    let row = |enrolment: Enrolment| {
        Change::Resident(ResidentRow {
            resident: enrolment.resident,
            district: enrolment.district,
            community: enrolment.community,
            grid: enrolment.grid,
            home_station: enrolment.home_station,
            profile: Some(enrolment.profile),
            sealed_in: id,
        })
    };
    match event {
        ResidentEvent::ResidentEnrolled(enrolment) | ResidentEvent::ResidentMoved(enrolment) => {
            Some(row(enrolment))
        }
        ResidentEvent::ProfileChanged { resident, profile } => {
            Some(Change::Profile(resident, profile, id))
        }
        ResidentEvent::ResidentErased { resident } => Some(Change::Erased(resident)),
        ResidentEvent::ConsentGiven { .. } | ResidentEvent::RecordViewed { .. } => None,
    }
}

fn device_of(change: &Change) -> Option<&DeviceId> {
    match change {
        Change::Device(row) => Some(&row.device),
        Change::Retired(device) => Some(device),
        _ => None,
    }
}
