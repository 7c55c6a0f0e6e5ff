//! Residents' records, opened for those who may see them, and the note of who did.
//!
//! For: a bounded, short-lived memory of opened records, and `RecordViewed` in the log.
//! May not know: who may see what; whoever asks here has asked `viewer` first.

use crate::{
    options::{PROFILE_LIFE, PROFILES_KEPT, VIEWS_QUEUE},
    people::InEnglish,
    viewer::Viewer,
};
use casebook::{BookError, Case, Casebook, Draft, Meta, streams};
use directory::{Directory, ProfileError, ResidentRow};
use domain::{
    Actor, DeviceId, IncidentId, OperatorId, ResidentId, SubjectId, Timestamp,
    care::CareEvent,
    record::Hold,
    resident::{Profile, ResidentEvent},
};
use eventlog::{Direction, EventId, Expected, Lane, Position, Revision};
use futures_util::FutureExt;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OnceCell, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::card::EarlierView;

/// Earlier incidents shown (the contract's figure), and one more for the present one.
const EARLIER: usize = 6;

/// Care events looked at for them.
const CARE_EVENTS: usize = 64;

/// How long opening a record waits for the directory to have read as far as the board.
const DIRECTORY_WAIT: Duration = Duration::from_secs(1);

/// Views appended at once.
const VIEWS_AT_ONCE: usize = 256;

/// Views of this hour that are known to be noted, 16 bytes each; beyond them begins anew, and a view noted before is found in the
/// log by its id.
const VIEWS_NOTED: usize = 256 * 1024;

/// How long views are gathered before they are appended: they are for later, and each by itself would be one more commit
/// beside those that a call waits for.
const GATHER: Duration = Duration::from_millis(100);

/// How long the log is left alone after it did not take a view.
const AGAIN: Duration = Duration::from_secs(1);

/// Names the ids of views: the same person, record, incident and hour is one view.
const VIEW: Uuid = Uuid::from_u128(0x5d0f_3b86_9d1a_4c57_8a61_0e7c_52f4_9b3d);

const HOUR_MS: i64 = 3_600_000;

/// What is known of a resident.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) row: ResidentRow,
    /// `None`: the key is destroyed.
    pub(crate) profile: Option<Profile>,
    /// Home, or the community's centre; millionths of a degree.
    pub(crate) home: Option<(i32, i32)>,
    /// Newest first; the present incident may be among them.
    pub(crate) earlier: Vec<EarlierView>,
    /// Legal holds, by case.
    pub(crate) holds: Vec<(String, Hold)>,
    /// Made when it is first shown.
    pub(crate) english: OnceLock<InEnglish>,
}

impl Known {
    /// How many contacts can be called; none once the key is destroyed.
    pub(crate) fn contacts(&self) -> usize {
        self.profile.as_ref().map_or(0, |p| p.contacts.len())
    }
}

/// Why there is no record to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unknown {
    NotFound,
    Unavailable(String),
}

/// Somebody looked at somebody's record.
#[derive(Debug)]
struct View {
    id: EventId,
    at: Timestamp,
    /// Who looked: the carer, on a phone that this operator let in.
    by: Actor,
    operator: OperatorId,
    resident: ResidentId,
    why: String,
}

/// Opened records, and the queue of views.
pub(crate) struct Records {
    directory: Directory,
    casebook: Casebook,
    kept: Mutex<Kept>,
    views: mpsc::Sender<View>,
    noted: Mutex<(i64, HashSet<EventId>)>,
}

#[derive(Debug, Default)]
struct Kept {
    known: HashMap<ResidentId, (Instant, Opened)>,
    /// How far the directory must have read before a changed record is opened again.
    not_before: HashMap<ResidentId, Position>,
}

/// A record, or the place where the first who asked will put it. What was forgotten is no longer found here; those who
/// asked before still get it.
type Opened = Arc<OnceCell<Arc<Known>>>;

impl Kept {
    fn opened(&mut self, resident: &ResidentId) -> Opened {
        let fresh = |since: &Instant| since.elapsed() < PROFILE_LIFE;
        if let Some((since, opened)) = self.known.get(resident)
            && fresh(since)
        {
            return Arc::clone(opened);
        }
        if self.known.len() >= PROFILES_KEPT {
            self.known.retain(|_, (since, _)| fresh(since));
        }
        if self.known.len() >= PROFILES_KEPT {
            self.known.clear();
        }
        let opened = Opened::default();
        self.known
            .insert(resident.clone(), (Instant::now(), Arc::clone(&opened)));
        opened
    }
}

impl Records {
    /// Records, and the task that writes views down until `stop`, the waiting ones included.
    pub(crate) fn start(
        casebook: Casebook,
        directory: Directory,
        stop: CancellationToken,
    ) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let (views, waiting) = mpsc::channel(VIEWS_QUEUE);
        let writer = tokio::spawn(write_views(casebook.clone(), waiting, stop));
        let records = Self {
            directory,
            casebook,
            kept: Mutex::default(),
            views,
            noted: Mutex::default(),
        };
        (Arc::new(records), writer)
    }

    /// The directory below.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// A resident's record, opened; once for all who ask at the same moment.
    pub(crate) async fn open(&self, resident: &ResidentId) -> Result<Arc<Known>, Unknown> {
        let (opened, not_before) = {
            let mut kept = self.kept();
            let opened = kept.opened(resident);
            (opened, kept.not_before.get(resident).copied())
        };
        let known = opened.get_or_try_init(|| self.read_after(resident, not_before));
        let known = known.await.map(Arc::clone)?;
        let mut kept = self.kept();
        // Changed meanwhile: whoever asks next waits for the directory again.
        if kept.not_before.get(resident).copied() == not_before {
            kept.not_before.remove(resident);
        }
        Ok(known)
    }

    /// Opens the record of a device's resident before somebody asks: a call of theirs is about to open.
    pub(crate) async fn warm(&self, device: &DeviceId) {
        if let Ok(Some(row)) = self.directory.device(device).await
            && let Some(resident) = &row.resident
        {
            // Whoever needs it and does not find it here says what went wrong.
            let _ = self.open(resident).await;
        }
    }

    async fn read_after(
        &self,
        resident: &ResidentId,
        not_before: Option<Position>,
    ) -> Result<Arc<Known>, Unknown> {
        if let Some(position) = not_before {
            let reached =
                tokio::time::timeout(DIRECTORY_WAIT, self.directory.caught_up(position)).await;
            if !matches!(reached, Ok(Ok(()))) {
                return Err(Unknown::Unavailable("the directory is behind".to_owned()));
            }
        }
        self.read(resident).await.map(Arc::new)
    }

    /// Drops an opened record: it has changed at this position, or was erased.
    pub(crate) fn forget(&self, resident: &ResidentId, position: Position) {
        let mut kept = self.kept();
        kept.known.remove(resident);
        if kept.not_before.len() >= PROFILES_KEPT {
            kept.not_before.clear();
        }
        kept.not_before.insert(resident.clone(), position);
    }

    /// Drops what is kept of a resident, whose incidents have changed.
    pub(crate) fn refresh(&self, resident: &ResidentId) {
        self.kept().known.remove(resident);
    }

    async fn read(&self, resident: &ResidentId) -> Result<Known, Unknown> {
        let unavailable =
            |error: directory::DirectoryError| Unknown::Unavailable(error.to_string());
        let row = self.directory.resident(resident).await;
        let row = row.map_err(unavailable)?.ok_or(Unknown::NotFound)?;
        let profile = match self.directory.profile_of(&row).await {
            Ok(profile) => Some(profile),
            Err(ProfileError::Erased) => None,
            Err(ProfileError::NotFound) => return Err(Unknown::NotFound),
            Err(ProfileError::Unavailable(why)) => return Err(Unknown::Unavailable(why)),
        };
        let home = self.directory.home_of(&row, profile.as_ref());
        let home = home.map(|place| (place.lon_e6, place.lat_e6));
        let earlier = self.earlier(resident).await.unwrap_or_default();
        let now = self.casebook.now();
        let holds = self.directory.holds(resident, now).await;
        let holds = holds.map_err(unavailable)?;
        Ok(Known {
            holds,
            row,
            profile,
            home,
            earlier,
            english: OnceLock::new(),
        })
    }

    async fn earlier(&self, resident: &ResidentId) -> Result<Vec<EarlierView>, BookError> {
        let stream = streams::care(&SubjectId::resident(resident));
        let log = self.casebook.log();
        let events = log
            .read_stream(&stream, Revision::END, Direction::Backward, CARE_EVENTS)
            .await?;
        let mut ids: Vec<IncidentId> = Vec::new();
        for recorded in &events {
            if let Ok(Case::Care(happened)) = casebook::read(recorded)
                && let CareEvent::CareOpened { incident, .. } = happened.event
                && !ids.contains(&incident)
            {
                ids.push(incident);
            }
        }
        let mut earlier = Vec::new();
        for id in ids.into_iter().take(EARLIER) {
            if let Some(incident) = self.casebook.fold_incident(id).await? {
                earlier.push(EarlierView {
                    id: id.to_string(),
                    at: incident.opened_at.0,
                    kind: crate::card::kind_of(&incident),
                    reason: incident
                        .closing
                        .as_ref()
                        .map(|c| c.reason.as_str().to_owned()),
                    outcome: incident
                        .closing
                        .as_ref()
                        .map(|c| c.outcome.as_str().to_owned()),
                });
            }
        }
        Ok(earlier)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that somebody was given a record; once per person, record, incident and hour. Written down soon after.
    pub(crate) async fn viewed(&self, viewer: &Viewer, resident: &ResidentId, why: String) {
        let view = self.view(viewer, resident, why);
        let is_new = self.noted(view.at).1.insert(view.id);
        if is_new && self.views.send(view).await.is_err() {
            tracing::warn!("a view of a record came after the console was stopped");
        }
    }

    /// The same, durable once this returns.
    pub(crate) async fn viewed_durably(
        &self,
        viewer: &Viewer,
        resident: &ResidentId,
        why: String,
    ) -> Result<(), BookError> {
        let view = self.view(viewer, resident, why);
        // Noted when it is written: whoever asks at the same moment, or again after a failure, writes it under the same id.
        if self.noted(view.at).1.contains(&view.id) {
            return Ok(());
        }
        append(&self.casebook, &view).await?;
        self.noted(view.at).1.insert(view.id);
        Ok(())
    }

    fn view(&self, viewer: &Viewer, resident: &ResidentId, why: String) -> View {
        let at = self.casebook.now();
        let operator = &viewer.operator;
        let mut name = format!("{operator}\n{resident}\n{why}\n{}", hour(at));
        let by = match &viewer.responder {
            None => Actor::Operator(operator.clone()),
            Some(carer) => {
                name += &format!("\n{carer}");
                Actor::Responder(carer.clone())
            }
        };
        View {
            id: EventId(Uuid::new_v5(&VIEW, name.as_bytes())),
            at,
            by,
            operator: operator.clone(),
            resident: resident.clone(),
            why,
        }
    }

    /// The views noted in the hour of `at`.
    fn noted(&self, at: Timestamp) -> std::sync::MutexGuard<'_, (i64, HashSet<EventId>)> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.0 != hour(at) || noted.1.len() >= VIEWS_NOTED {
            *noted = (hour(at), HashSet::new());
        }
        noted
    }
}

fn hour(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

async fn write_views(
    casebook: Casebook,
    mut waiting: mpsc::Receiver<View>,
    stop: CancellationToken,
) {
    let mut views = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = waiting.recv_many(&mut views, VIEWS_AT_ONCE) => if count == 0 { return },
            () = stop.cancelled() => {
                waiting.close();
                while waiting.recv_many(&mut views, VIEWS_AT_ONCE).await > 0 {}
                let _ = append_all(&casebook, &views).await;
                return;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(GATHER) => {}
        }
        while views.len() < VIEWS_AT_ONCE
            && let Ok(view) = waiting.try_recv()
        {
            views.push(view);
        }
        while let Err(error) = append_all(&casebook, &views).await {
            tracing::error!(%error, "views of records could not be written down");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
        views.clear();
    }
}

/// Each is an append of its own: some may stand in the log already, others not. The log groups them into one commit.
async fn append_all(casebook: &Casebook, views: &[View]) -> Result<(), BookError> {
    let mut appends = Vec::with_capacity(views.len());
    for view in views {
        appends.push(append(casebook, view).boxed());
    }
    futures_util::future::try_join_all(appends).await.map(drop)
}

async fn append(casebook: &Casebook, view: &View) -> Result<(), BookError> {
    let event = ResidentEvent::RecordViewed {
        resident: view.resident.clone(),
        operator: view.operator.clone(),
        why: view.why.clone(),
    };
    let draft = Draft::new(view.id, view.at, view.by.clone(), event);
    let stream = streams::resident(&view.resident);
    let done = casebook
        .append(
            Lane::Urgent,
            &stream,
            Expected::Any,
            vec![draft],
            Meta::default(),
        )
        .await;
    done.map(drop)
}
