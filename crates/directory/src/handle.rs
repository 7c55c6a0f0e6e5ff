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
    CommunityId, DeviceId, ResidentId, ResponderId, Sealed,
    geography::Place,
    resident::{Profile, ResidentEvent},
};
use eventlog::{Position, Recorded};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    cache::DeviceCache,
    city::City,
    error::{DirectoryError, ProfileError},
    follower::{self, Shared},
    registrar::{PHONE, PROFILE, Registrar, responder_event},
    tables::{DeviceRow, ResidentFilter, ResidentRow, Tables},
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
    stop: CancellationToken,
    follower: Mutex<Option<JoinHandle<()>>>,
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
        let head = follower::fill(&casebook, &tables).await?;
        let saved = City::saved(&casebook).await.unwrap_or_default();
        let (city, unsaved) = saved.forward(&casebook, head).await?;
        let shared = Arc::new(Shared {
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
            follower: Mutex::new(Some(follower)),
            _stop_with_us: stop.clone().drop_guard(),
            stop,
        })))
    }

    /// Stops following, after the batch in hand, and closes the tables' file. Lookups fail afterwards; the last city
    /// stays.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        let follower = {
            let mut held = self
                .0
                .follower
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            held.take()
        };
        if let Some(follower) = follower
            && let Err(error) = follower.await
        {
            tracing::error!(%error, "the directory's follower ended badly");
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
        self.0.shared.tables.resident(id).await
    }

    /// A resident's profile, opened. Whoever shows it to a person records that they looked.
    pub async fn profile(&self, id: &ResidentId) -> Result<Profile, ProfileError> {
        let row = self.resident(id).await?.ok_or(ProfileError::NotFound)?;
        self.profile_of(&row).await
    }

    /// The profile of a row at hand, opened.
    pub async fn profile_of(&self, row: &ResidentRow) -> Result<Profile, ProfileError> {
        if row.erased {
            return Err(ProfileError::Erased);
        }
        let stream = row.stream();
        let found = self.0.casebook.log().find(&stream, row.sealed_in).await;
        let recorded = found.map_err(DirectoryError::from)?;
        let sealed = recorded.as_deref().and_then(sealed_profile);
        let lost = || ProfileError::Unavailable("the log does not hold the record".to_owned());
        let sealed = sealed.ok_or_else(lost)?;
        let binding = Binding {
            stream: &stream,
            event: row.sealed_in,
            field: PROFILE,
        };
        Ok(self.0.casebook.vault().open_json(&sealed, binding).await?)
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
        let row = self.0.shared.tables.device(id).await?.map(Arc::new);
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

/// The profile an event holds, if it is one that does.
fn sealed_profile(recorded: &Recorded) -> Option<Sealed> {
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
