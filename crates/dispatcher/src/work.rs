//! Doing what the core wants: looking up, appending, and saying how it went.
//!
//! For: one want at a time, each safe to repeat after a crash anywhere in it.
//! May not know: when something is due, what is wanted next.

use crate::{
    core::Want,
    metrics::{Metrics, count},
    ours::Ours,
    places::{Home, Located, Places, Unanswered},
    state::{OpenIncident, WaitingAlarm},
};
use casebook::{
    ActError, Acted, Binding, BookError, Casebook, Draft, Handled, HandledAs, Meta, Opening,
    Unopened, command_event, streams,
};
use domain::{
    Actor, CommandId, DistrictId, IncidentId, OperatorId, ResidentId, SubjectId, Timestamp,
    geography::Place,
    incident::{Asked, Incident, IncidentCommand, IncidentEvent, OfferCause, late_ms},
    operator::OperatorEvent,
    signal::Problem,
};
use eventlog::{EventId, Expected, Lane, Position};
use serde::Deserialize;
use std::{future::Future, sync::Arc, time::Duration};

/// How long an alarm waits for the directory to have read as far as the alarm. Ours: it follows within milliseconds;
/// when it does not, ringing the desk now is better than the right station later.
pub(crate) const REACH_PATIENCE: Duration = Duration::from_secs(1);

/// How long looking up a device or a home may take, tries included, before we go on without. Ours, as above.
pub(crate) const LOOK_UP_PATIENCE: Duration = Duration::from_secs(2);

/// The pause between two tries to look something up.
const LOOK_UP_PAUSE: Duration = Duration::from_millis(50);

/// How a want went.
pub(crate) enum Done {
    Alarm(
        Arc<WaitingAlarm>,
        Result<Option<(IncidentId, Located)>, Trouble>,
    ),
    Located(IncidentId, Located),
    Read(IncidentId, Result<Option<Incident>, Trouble>),
    Acted {
        incident: IncidentId,
        decided_on: u64,
        result: Result<Steps, Trouble>,
    },
    Operator(OperatorId, Result<Position, Trouble>),
}

/// What came of asking.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// The last position that must be folded to see it all.
    pub(crate) position: Position,
    /// Something new happened.
    pub(crate) changed: bool,
}

/// Why it did not go, sorted by what to do.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Somebody wrote first, again and again: decide again.
    Conflict,
    /// Ours: pause, then try again.
    Unavailable(String),
    /// The log does not know the incident.
    Lost,
}

impl From<BookError> for Trouble {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Conflict { .. } => Self::Conflict,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What a worker works with.
pub(crate) struct Worker {
    pub(crate) casebook: Casebook,
    pub(crate) places: Arc<dyn Places>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ours: Ours,
}

impl Worker {
    pub(crate) async fn perform(&self, want: Want) -> Done {
        match want {
            Want::HandleAlarm(waiting) => {
                let result = self.handle(&waiting).await;
                Done::Alarm(waiting, result)
            }
            Want::Locate { incident } => {
                Done::Located(incident.incident.id, self.locate(&incident).await)
            }
            Want::Read(id) => {
                let read = self.casebook.fold_incident(id).await;
                Done::Read(id, read.map_err(Trouble::from))
            }
            Want::Act {
                incident,
                revision,
                commands,
                deadline,
            } => Done::Acted {
                incident,
                decided_on: revision,
                result: self.act(incident, commands, deadline).await,
            },
            Want::OperatorUnreachable(operator, id) => {
                let to = operator.clone();
                let event = OperatorEvent::OperatorUnreachable { operator };
                Done::Operator(to.clone(), self.record(&to, id, event).await)
            }
            Want::OperatorBack(operator, id) => {
                let to = operator.clone();
                let event = OperatorEvent::OperatorBack { operator };
                Done::Operator(to.clone(), self.record(&to, id, event).await)
            }
        }
    }

    async fn act(
        &self,
        incident: IncidentId,
        commands: Vec<(CommandId, IncidentCommand)>,
        deadline: Timestamp,
    ) -> Result<Steps, Trouble> {
        let mut steps = Steps::default();
        for (id, command) in commands {
            let asked = Asked {
                at: self.casebook.now(),
                by: Actor::Dispatcher,
                seen: None,
                said_at: None,
                command,
            };
            let acted = match self.casebook.act(incident, id, asked).await {
                Ok(acted) => acted,
                Err(ActError::Refused(refusal)) => {
                    // It became so after we had looked: the fold will show it.
                    tracing::debug!(%incident, code = refusal.code(), "an act was refused");
                    count(&self.metrics.idle);
                    continue;
                }
                // Nothing of ours opens or closes a care; another process's act stands under this id, and the fold will
                // show it.
                Err(ActError::CareRefused(_) | ActError::Reused) => continue,
                Err(ActError::Conflict) => return Err(Trouble::Conflict),
                Err(ActError::NotFound) => return Err(Trouble::Lost),
                Err(ActError::Unavailable(why)) => return Err(Trouble::Unavailable(why)),
            };
            steps.position = steps.position.max(acted.position);
            if acted.repeated || acted.events.is_empty() {
                count(&self.metrics.idle);
                continue;
            }
            self.note(id, &acted);
            if !steps.changed {
                self.metrics.late(self.casebook.now().since(deadline));
            }
            steps.changed = true;
        }
        Ok(steps)
    }

    fn note(&self, command: CommandId, acted: &Acted) {
        for (index, happened) in acted.events.iter().enumerate() {
            match &happened.event {
                IncidentEvent::Offered {
                    ring, round, cause, ..
                } => {
                    count(&self.metrics.offers);
                    if (*ring, *round) > (0, 0) || *cause != OfferCause::Ring {
                        count(&self.metrics.widened);
                    }
                }
                IncidentEvent::DutyPhoneRung { .. } => {
                    self.ours.add(command_event(command, index));
                    count(&self.metrics.phones_rung);
                }
                IncidentEvent::AcceptanceLapsed { .. } => count(&self.metrics.lapsed),
                _ => {}
            }
        }
    }

    async fn record(
        &self,
        operator: &OperatorId,
        id: EventId,
        event: OperatorEvent,
    ) -> Result<Position, Trouble> {
        let draft = Draft::new(id, self.casebook.now(), Actor::Dispatcher, event);
        let stream = streams::operator(operator);
        let appended = self
            .casebook
            .append(
                Lane::Urgent,
                &stream,
                Expected::Any,
                vec![draft],
                Meta::default(),
            )
            .await?;
        Ok(appended.position)
    }
}

/// Alarms.
impl Worker {
    /// Opens an incident for an alarm, or lets it join one. Safe to repeat: the casebook knows what was handled.
    async fn handle(
        &self,
        waiting: &WaitingAlarm,
    ) -> Result<Option<(IncidentId, Located)>, Trouble> {
        let origin = self.origin(waiting).await;
        let handled = match self.open_or_join(waiting, &origin).await {
            Err(error @ (BookError::Malformed(_) | BookError::Unreadable(_))) => {
                // A bug in one subject's records must not keep an alarm from people: it gets an incident of its own.
                let position = waiting.alarm.position;
                tracing::error!(position, %error, "an alarm is opened apart from its subject");
                let alone = streams::short_hash(&waiting.alarm.alarm.to_string());
                let apart = Origin {
                    subject: SubjectId::source(&alone),
                    ..origin.clone()
                };
                self.open_or_join(waiting, &apart).await?
            }
            handled => handled?,
        };
        match handled.what {
            HandledAs::Opened => count(&self.metrics.opened),
            HandledAs::Joined => count(&self.metrics.joined),
            HandledAs::Already | HandledAs::Nothing => count(&self.metrics.idle),
        }
        // Where a later alarm comes from is not where the incident is.
        let located = (handled.what == HandledAs::Opened).then_some(origin.located);
        Ok(handled.incident.zip(located))
    }

    async fn open_or_join(
        &self,
        waiting: &WaitingAlarm,
        origin: &Origin,
    ) -> Result<Handled, BookError> {
        let now = self.casebook.now();
        let opening = Opening {
            resident: origin.resident.clone(),
            district: origin.district.clone(),
            place_plain: origin.located.place.map(|it| (it.lon_e6, it.lat_e6)),
            late_ms: late_ms(waiting.alarm.received_at, now),
            at: now,
        };
        let (alarm, subject) = (waiting.alarm.clone(), origin.subject.clone());
        self.casebook.open_or_join(alarm, subject, opening).await
    }

    /// Whose alarm it is and where they are.
    async fn origin(&self, waiting: &WaitingAlarm) -> Origin {
        let position = Position(waiting.alarm.position);
        let reached = tokio::time::timeout(REACH_PATIENCE, self.places.reached(position)).await;
        if !matches!(reached, Ok(Ok(()))) {
            tracing::warn!(position = position.0, "the directory is behind; going on");
        }
        let wearer = self.wearer(waiting).await;
        let resident = wearer.resident.clone();
        let home = match &resident {
            Some(resident) => self.patient(|| self.places.home(resident)).await.flatten(),
            None => None,
        };
        let district = home.as_ref().map(|home| home.district.clone());
        if !waiting.alarm.verified || waiting.alarm.problems.contains(&Problem::Flood) {
            // Whoever it says it is: the district's desk looks at it, and no one's record is opened on its word.
            return Origin {
                subject: unverified(waiting),
                resident: None,
                district,
                located: Located {
                    sure: true,
                    ..Located::default()
                },
            };
        }
        let subject = match (&resident, &waiting.alarm.device) {
            (Some(resident), _) => fitting(SubjectId::resident(resident)),
            (None, Some(device)) => fitting(SubjectId::device(device)),
            (None, None) => unverified(waiting),
        };
        let said = self.location(waiting).await;
        let mut located = located(home);
        located.place = said.or(located.place);
        located.sure &= wearer.sure;
        Origin {
            subject,
            resident,
            district,
            located,
        }
    }

    async fn wearer(&self, waiting: &WaitingAlarm) -> Wearer {
        let Some(device) = &waiting.alarm.device else {
            return Wearer::default();
        };
        let found = self.patient(|| self.places.wearer(device)).await;
        Wearer {
            sure: found.is_some(),
            resident: found.flatten().flatten(),
        }
    }

    /// Where the device says it is.
    async fn location(&self, waiting: &WaitingAlarm) -> Option<Place> {
        let binding = Binding {
            stream: &waiting.stream,
            event: EventId(waiting.alarm.alarm.0),
            field: "location",
        };
        let sealed = waiting.location.as_ref()?;
        let opened = self
            .casebook
            .vault()
            .open_json::<Coordinates>(sealed, binding);
        match opened.await {
            Ok(it) => Some(it.place()),
            Err(error) => {
                tracing::warn!(position = waiting.alarm.position, %error, "a location does not open");
                None
            }
        }
    }

    /// Where an incident is, as far as anybody can say now.
    async fn locate(&self, open: &OpenIncident) -> Located {
        let incident = &open.incident;
        let (home, known) = match &incident.resident {
            None => (None, true),
            Some(resident) => {
                let found = self.patient(|| self.places.home(resident)).await;
                (found.clone().flatten(), found.is_some())
            }
        };
        let mut located = located(home);
        located.sure = known;
        match self.casebook.open_place(incident).await {
            Ok(Some((lon_e6, lat_e6))) => located.place = Some(Place { lon_e6, lat_e6 }),
            // An incident that began without a place stays one of the desks'.
            Ok(None) if incident.resident.is_none() => located.place = None,
            Ok(None) | Err(Unopened::Erased | Unopened::Tampered) => {}
            Err(Unopened::Unavailable(why)) => {
                tracing::warn!(incident = %incident.id, why, "a place does not open now");
                located.sure = false;
            }
        }
        located
    }

    /// Tries to look something up for [`LOOK_UP_PATIENCE`]; `None`: there was no answer.
    async fn patient<T, F>(&self, look_up: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Unanswered>>,
    {
        let tries = async {
            loop {
                match look_up().await {
                    Ok(found) => return found,
                    Err(error) => tracing::warn!(%error, "trying again"),
                }
                count(&self.metrics.unavailable);
                tokio::time::sleep(LOOK_UP_PAUSE).await;
            }
        };
        tokio::time::timeout(LOOK_UP_PATIENCE, tries).await.ok()
    }
}

/// What is known about where an alarm comes from.
#[derive(Clone)]
struct Origin {
    subject: SubjectId,
    resident: Option<ResidentId>,
    district: Option<DistrictId>,
    located: Located,
}

#[derive(Default)]
struct Wearer {
    resident: Option<ResidentId>,
    /// There was an answer.
    sure: bool,
}

#[derive(Deserialize)]
struct Coordinates {
    lon_e6: i32,
    lat_e6: i32,
}

impl Coordinates {
    fn place(&self) -> Place {
        Place {
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
        }
    }
}

fn located(home: Option<Home>) -> Located {
    let sure = true;
    match home {
        Some(home) => Located {
            place: home.place,
            station: home.station,
            keyholder: home.keyholder,
            sure,
        },
        None => Located {
            sure,
            ..Located::default()
        },
    }
}

/// Above the flood limit: one incident per source. Below: one per claim, which is what names the stream, and never the
/// one a verified press of the same device opens.
fn unverified(waiting: &WaitingAlarm) -> SubjectId {
    let flood = waiting.alarm.problems.contains(&Problem::Flood);
    match &waiting.source {
        Some(source) if flood => SubjectId::source(&streams::short_hash(source)),
        _ => SubjectId::source(&streams::short_hash(waiting.stream.as_str())),
    }
}

/// A subject must read back as it was written: one that is longer than an identifier may be is named by its hash.
fn fitting(subject: SubjectId) -> SubjectId {
    match SubjectId::parse(subject.as_str()) {
        Ok(subject) => subject,
        Err(_) => SubjectId::source(&streams::short_hash(subject.as_str())),
    }
}
