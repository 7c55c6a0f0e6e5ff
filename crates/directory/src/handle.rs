//! The directory everybody holds.
//!
//! For: asking who and where; opening and stopping.
//! May not know: how tables and city are written (that is `follower`), who asks and whether they may.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use casebook::{Binding, Case, Casebook, streams};
use domain::{
    CommunityId, DeviceId, ResidentId, ResponderId, Sealed, Timestamp,
    geography::Place,
    record::Hold,
    resident::{Profile, ResidentEvent},
};
use eventlog::{Position, Recorded, StreamName};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    cache::DeviceCache,
    city::City,
    error::{DirectoryError, ProfileError},
    follower::{self, Shared},
    forgetting,
    lookups::One,
    phones::{self, Found},
    registrar::{PHONE, PROFILE, Registrar, responder_event},
    rows::{DeviceRow, ResidentFilter, ResidentRow},
    tables::Tables,
};

/// Most rows in one page; more than a screen shows, little enough to hold no connection for long.
pub const PAGE_LIMIT: u32 = 1_000;

/// The directory; clones are the same. The follower ends with the last clone, or with [`Directory::stop`].
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    casebook: Casebook,
    shared: Arc<Shared>,
    reached: watch::Receiver<Position>,
    /// Where this was opened.
    home: Handle,
    stop: CancellationToken,
    follower: Mutex<Option<JoinHandle<()>>>,
    indexer: Mutex<Option<JoinHandle<()>>>,
    _stop_with_us: DropGuard,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Directory({})", self.position())
    }
}

/// Opening and stopping.
impl Directory {
    /// Opens the directory of a log, with its read tables in `dir`, or in memory. City and tables have reached the head
    /// the log had when this was called; missing, foreign or damaged tables were filled anew.
    pub async fn open(casebook: Casebook, dir: Option<&Path>) -> Result<Self, DirectoryError> {
        let tables = Tables::open(dir).await?;
        forgetting::settle(&casebook).await?;
        let head = follower::fill(&casebook, &tables).await?;
        let saved = City::saved(&casebook).await.unwrap_or_default();
        let (city, unsaved) = saved.forward(&casebook, head).await?;
        let shared = Arc::new(Shared {
            one: One::start(&tables),
            tables,
            city: ArcSwap::from_pointee(city),
            devices: DeviceCache::default(),
        });
        let (sender, reached) = watch::channel(head);
        let stop = CancellationToken::new();
        let follower = tokio::spawn(follower::follow(
            casebook.clone(),
            Arc::clone(&shared),
            sender,
            unsaved,
            stop.clone(),
        ));
        Ok(Self(Arc::new(Inner {
            casebook,
            shared,
            reached,
            home: Handle::current(),
            follower: Mutex::new(Some(follower)),
            indexer: Mutex::default(),
            _stop_with_us: stop.clone().drop_guard(),
            stop,
        })))
    }

    /// Indexes telephone numbers from now on, for [`Directory::by_phone`]; asked again, nothing more.
    pub fn index_phones(&self) {
        let mut indexer = (self.0.indexer.lock()).unwrap_or_else(PoisonError::into_inner);
        indexer.get_or_insert_with(|| {
            // Where the tables were opened: it holds their file's lock now and then, for which nobody waits behind less urgent work.
            self.0.home.spawn(phones::index(
                self.0.casebook.clone(),
                Arc::clone(&self.0.shared),
                self.0.reached.clone(),
                self.0.stop.clone(),
            ))
        });
    }

    /// Stops following, after the batch in hand, and closes the tables' file. Lookups fail afterwards; the last city
    /// stays.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        for task in [&self.0.follower, &self.0.indexer] {
            let task = {
                let mut held = task.lock().unwrap_or_else(PoisonError::into_inner);
                held.take()
            };
            if let Some(task) = task
                && let Err(error) = task.await
            {
                tracing::error!(%error, "a task of the directory ended badly");
            }
        }
        self.0.shared.tables.close().await;
    }

    /// What all of this stands on.
    pub(crate) fn casebook(&self) -> &Casebook {
        &self.0.casebook
    }

    /// The writers, on the same casebook.
    pub fn registrar(&self) -> Registrar {
        Registrar::new(self.0.casebook.clone())
    }
}

/// The small city, and how far we are.
impl Directory {
    /// Sites, duty, crossings, accounts and responders, as of [`City::position`].
    pub fn city(&self) -> Arc<City> {
        self.0.shared.city.load_full()
    }

    /// The position that both city and tables have reached.
    pub fn position(&self) -> Position {
        *self.0.reached.borrow()
    }

    /// Tells each position reached.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.0.reached.clone()
    }

    /// Waits until city and tables have reached a position; bound it with a timeout. Errors: [`DirectoryError::Stopped`].
    pub async fn caught_up(&self, position: Position) -> Result<(), DirectoryError> {
        let mut reached = self.0.reached.clone();
        let there = reached.wait_for(|reached| *reached >= position).await;
        there.map(|_| ()).map_err(|_| DirectoryError::Stopped)
    }
}

/// Residents and devices.
impl Directory {
    /// A resident's open fields.
    pub async fn resident(&self, id: &ResidentId) -> Result<Option<ResidentRow>, DirectoryError> {
        self.0.shared.one.resident(id).await
    }

    /// A resident's profile, opened. Whoever shows it to a person records that they looked.
    pub async fn profile(&self, id: &ResidentId) -> Result<Profile, ProfileError> {
        let row = self.resident(id).await?.ok_or(ProfileError::NotFound)?;
        self.profile_of(&row).await
    }

    /// The profile of a row at hand, opened.
    pub async fn profile_of(&self, row: &ResidentRow) -> Result<Profile, ProfileError> {
        let (stream, sealed) = sealed_in(&self.0.casebook, row).await?;
        let vault = self.0.casebook.vault();
        Ok(vault.open_json(&sealed, binding(&stream, row)).await?)
    }

    /// Residents who have this number, or a contact who has it; found by its hash, as far as [`Directory::index_phones`]
    /// has come. `None`: it is no telephone number.
    pub async fn by_phone(&self, written: &str) -> Result<Option<Found>, DirectoryError> {
        let city = self.city();
        match phones::hash(self.0.casebook.vault(), written, &city.area.city.area_code) {
            Some(hash) => self.0.shared.tables.by_phone(&hash).await.map(Some),
            None => Ok(None),
        }
    }

    /// The legal holds on a resident's record that have not ended, by case; those that end last first.
    pub async fn holds(
        &self,
        resident: &ResidentId,
        now: Timestamp,
    ) -> Result<Vec<(String, Hold)>, DirectoryError> {
        let (tables, resident) = (self.0.shared.tables.clone(), resident.clone());
        // Whoever makes cards waits for a processor often; a connection does not wait with them.
        let asked = self
            .0
            .home
            .spawn(async move { tables.holds(&resident, now).await });
        asked.await.map_err(|_| DirectoryError::Stopped)?
    }

    /// Where a resident lives; the community's centre once they were erased. `None`: not enrolled, or erased from a
    /// community we do not know.
    pub async fn home(&self, id: &ResidentId) -> Result<Option<Place>, DirectoryError> {
        let Some(row) = self.resident(id).await? else {
            return Ok(None);
        };
        match self.profile_of(&row).await {
            Ok(profile) => Ok(self.home_of(&row, Some(&profile))),
            Err(ProfileError::Erased | ProfileError::NotFound) => Ok(self.home_of(&row, None)),
            Err(ProfileError::Unavailable(why)) => Err(DirectoryError::Unavailable(why)),
        }
    }

    /// The same of a row and a profile at hand; `None` for the profile when it was erased.
    pub fn home_of(&self, row: &ResidentRow, profile: Option<&Profile>) -> Option<Place> {
        let known = profile.map(|profile| Place {
            lon_e6: profile.lon_e6,
            lat_e6: profile.lat_e6,
        });
        known.or_else(|| self.city().area.centre(&row.community))
    }

    /// A device; from memory when it was asked for lately.
    pub async fn device(&self, id: &DeviceId) -> Result<Option<Arc<DeviceRow>>, DirectoryError> {
        let drops = match self.0.shared.devices.get(id) {
            Ok(row) => return Ok(Some(row)),
            Err(drops) => drops,
        };
        let row = self.0.shared.one.device(id).await?.map(Arc::new);
        if let Some(row) = &row {
            self.0.shared.devices.keep(drops, row);
        }
        Ok(row)
    }

    /// A resident's devices, by id; retired ones too.
    pub async fn devices_of(
        &self,
        resident: &ResidentId,
    ) -> Result<Vec<DeviceRow>, DirectoryError> {
        self.0.shared.tables.devices_of(resident).await
    }

    /// Residents by id, those after `after`, at most `limit` and [`PAGE_LIMIT`].
    pub async fn residents_page(
        &self,
        filter: &ResidentFilter,
        after: Option<&ResidentId>,
        limit: u32,
    ) -> Result<Vec<ResidentRow>, DirectoryError> {
        let after = after.map_or("", ResidentId::as_str);
        let tables = &self.0.shared.tables;
        tables
            .residents_page(filter, after, limit.min(PAGE_LIMIT))
            .await
    }

    /// The residents among these, in no order; erased ones too.
    pub(crate) async fn residents_among(
        &self,
        ids: &BTreeSet<ResidentId>,
    ) -> Result<Vec<ResidentRow>, DirectoryError> {
        self.0.shared.tables.residents_among(ids).await
    }

    /// The devices among these, in no order; retired ones too.
    pub(crate) async fn devices_among(
        &self,
        ids: &BTreeSet<DeviceId>,
    ) -> Result<Vec<DeviceRow>, DirectoryError> {
        self.0.shared.tables.devices_among(ids).await
    }

    /// Devices by id, those after `after`, at most `limit` and [`PAGE_LIMIT`]; retired ones too.
    pub async fn devices_page(
        &self,
        after: Option<&DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeviceRow>, DirectoryError> {
        let after = after.map_or("", DeviceId::as_str);
        let tables = &self.0.shared.tables;
        tables.devices_page(after, limit.min(PAGE_LIMIT)).await
    }

    /// Whether anybody who was not erased lives in a community. Looks through the whole table.
    pub(crate) async fn is_inhabited(
        &self,
        community: &CommunityId,
    ) -> Result<bool, DirectoryError> {
        self.0.shared.tables.is_inhabited(community).await
    }

    /// How many residents and devices are enrolled, erased and retired ones included.
    pub async fn counts(&self) -> Result<(u64, u64), DirectoryError> {
        self.0.shared.tables.counts().await
    }

    /// A responder's telephone, opened; `None` when there is none.
    pub async fn responder_phone(&self, id: &ResponderId) -> Result<Option<String>, ProfileError> {
        let city = self.city();
        let row = city.responders.get(id).ok_or(ProfileError::NotFound)?;
        let Some(sealed) = &row.phone else {
            return Ok(None);
        };
        let stream = streams::responder(id);
        let binding = Binding {
            stream: &stream,
            event: responder_event(id),
            field: PHONE,
        };
        let vault = self.0.casebook.vault();
        Ok(Some(vault.open_json(sealed, binding).await?))
    }
}

/// A row's profile, opened without its key being kept in memory: for whoever goes through a whole city.
pub(crate) async fn read_profile(
    casebook: &Casebook,
    row: &ResidentRow,
) -> Result<Profile, ProfileError> {
    let (stream, sealed) = sealed_in(casebook, row).await?;
    let vault = casebook.vault();
    Ok(vault.open_json_once(&sealed, binding(&stream, row)).await?)
}

async fn sealed_in(
    casebook: &Casebook,
    row: &ResidentRow,
) -> Result<(StreamName, Sealed), ProfileError> {
    if row.erased {
        return Err(ProfileError::Erased);
    }
    let stream = row.stream();
    let found = casebook.log().find(&stream, row.sealed_in).await;
    let recorded = found.map_err(DirectoryError::from)?;
    let sealed = recorded.as_deref().and_then(sealed_profile);
    let lost = || ProfileError::Unavailable("the log does not hold the record".to_owned());
    Ok((stream, sealed.ok_or_else(lost)?))
}

fn binding<'a>(stream: &'a StreamName, row: &ResidentRow) -> Binding<'a> {
    Binding {
        stream,
        event: row.sealed_in,
        field: PROFILE,
    }
}

/// The profile an event holds, if it is one that does.
pub(crate) fn sealed_profile(recorded: &Recorded) -> Option<Sealed> {
    match casebook::read(recorded) {
        Ok(Case::Resident(happened)) => match happened.event {
            ResidentEvent::ResidentEnrolled(enrolment)
            | ResidentEvent::ResidentMoved(enrolment) => Some(enrolment.profile),
            ResidentEvent::ProfileChanged { profile, .. } => Some(profile),
            _ => None,
        },
        _ => None,
    }
}
