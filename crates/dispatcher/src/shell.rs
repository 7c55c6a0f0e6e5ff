//! The shell: follows the log, keeps time, and does what the core wants.
//!
//! For: turning a sans-IO core into something that acts on a real log within a quarter of a second.
//! May not know: rules; residents, beyond the narrow door of `places`.

use crate::{
    agenda::Turn,
    core::Core,
    deserted::Deserted,
    metrics::{Metrics, count},
    snapshot,
    state::State,
    work::{Done, Trouble, Worker},
};
use directory::presence::Heart;
use domain::Timestamp;
use eventlog::{Delivery, Filter, Log, Recorded, SubscribeError, Subscription};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{self, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Wants in hand at once. Ours: enough to fill the log's group commits in a storm, few enough that the most urgent
/// never stands behind many.
pub(crate) const ACTS_AT_ONCE: usize = 64;

/// The longest sleep. Ours: sleeping is by the monotonic clock and deadlines are by the log's, so it looks again often
/// enough that a corrected clock costs no more than the promised quarter of a second.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(200);

/// How long what lost to other writers rests before it is decided again.
pub(crate) const CONFLICT_PAUSE: Duration = Duration::from_millis(20);

/// The first pause after the log did not answer; it doubles with each time in a row.
pub(crate) const TROUBLE_PAUSE: Duration = Duration::from_millis(50);

/// The longest such pause. Ours: an alarm waits for no more than this after the log is well again.
pub(crate) const TROUBLE_PAUSE_MAX: Duration = Duration::from_secs(2);

/// How long stopping waits for what is in hand; what is cut off is repeated after the next start.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// The running dispatcher.
#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) policy: Arc<domain::policy::RingPolicy>,
    pub(crate) worker: Arc<Worker>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: CancellationToken,
    pub(crate) ready: watch::Sender<bool>,
    /// Other processes wish to know that a dispatcher works.
    pub(crate) shared: bool,
}

impl Shell {
    /// Starts from the last snapshot, catches up, and works until it is stopped or the log is closed. Saves a snapshot
    /// at the end.
    pub(crate) async fn run(self) {
        self.ready.send_replace(false);
        let log = self.worker.casebook.log().clone();
        let state = snapshot::load(&self.worker.casebook).await;
        let caught = snapshot::catch_up(&log, state, &self.metrics, &self.stop).await;
        let Some(mut state) = caught else { return };
        state.forget_old_cancels(self.worker.casebook.now());
        let mut running = Running {
            subscription: log.subscribe(Filter::All, state.position),
            core: Core::new(Arc::clone(&self.policy), state),
            saver: Saver::new(log.clone()),
            deserted: Deserted::new(self.worker.casebook.clone()),
            heart: self.shared.then(|| Heart::new(log.clone())),
            in_hand: JoinSet::new(),
            turns: HashMap::new(),
            trouble: 0,
            resume_at: None,
            shell: &self,
            log,
        };
        self.ready.send_replace(true);
        running.work().await;
        running.finish().await;
    }
}

struct Running<'a> {
    shell: &'a Shell,
    log: Log,
    core: Core,
    subscription: Subscription,
    in_hand: JoinSet<Done>,
    /// Whose turn each task is.
    turns: HashMap<task::Id, Turn>,
    saver: Saver,
    deserted: Deserted,
    heart: Option<Heart>,
    /// Times in a row that the log did not answer.
    trouble: u32,
    /// The subscription rests until then.
    resume_at: Option<Instant>,
}

impl Running<'_> {
    async fn work(&mut self) {
        loop {
            self.take_up();
            self.core.measure(&self.shell.metrics);
            self.saver.look(self.core.state());
            self.deserted.look(&self.core.state().city);
            if let Some(heart) = &mut self.heart {
                heart.beat();
            }
            let wake = Instant::now() + self.until_wake();
            let resume_at = self.resume_at;
            let next = async {
                if let Some(at) = resume_at {
                    tokio::time::sleep_until(at).await;
                }
                self.subscription.next().await
            };
            tokio::select! {
                () = self.shell.stop.cancelled() => return,
                delivery = next => match delivery {
                    Ok(delivery) => self.delivered(delivery),
                    Err(SubscribeError::Unavailable(why)) => {
                        let pause = self.stumbled(&why);
                        self.resume_at = Some(Instant::now() + pause);
                    }
                    Err(error) => return tracing::info!(%error, "the dispatcher follows no more"),
                },
                Some(done) = self.in_hand.join_next_with_id() => self.done(done),
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Starts on what is wanted now.
    fn take_up(&mut self) {
        let room = ACTS_AT_ONCE.saturating_sub(self.in_hand.len());
        if room == 0 {
            return;
        }
        let now = self.now();
        for want in self.core.wants(now, room) {
            let worker = Arc::clone(&self.shell.worker);
            let turn = want.turn();
            let task = self
                .in_hand
                .spawn(async move { worker.perform(want).await });
            self.turns.insert(task.id(), turn);
        }
    }

    fn delivered(&mut self, delivery: Delivery) {
        self.resume_at = None;
        match delivery {
            Delivery::Event(recorded) => self.fold(&recorded),
            Delivery::CaughtUp(position) => self.core.pass(position),
        }
    }

    fn fold(&mut self, recorded: &Recorded) {
        if !State::concerns(&recorded.stream, &recorded.kind) {
            return self.core.pass(recorded.position);
        }
        match casebook::read(recorded) {
            Ok(case) => self.core.apply(recorded, Some(&case)),
            Err(error) => {
                tracing::error!(position = recorded.position.0, %error, "passed over");
                count(&self.shell.metrics.unreadable);
                self.core.apply(recorded, None);
            }
        }
    }

    fn done(&mut self, done: Result<(task::Id, Done), JoinError>) {
        let done = match done {
            Ok((id, done)) => {
                self.turns.remove(&id);
                done
            }
            Err(error) => {
                // A bug stops this act only, and somebody may be waiting for it: it is tried again, slowly.
                tracing::error!(%error, "a bug stopped one act");
                if let Some(turn) = self.turns.remove(&error.id()) {
                    self.core.rest(&turn, self.now() + TROUBLE_PAUSE_MAX);
                }
                return;
            }
        };
        let now = self.now();
        match done {
            Done::Alarm(waiting, Ok(to)) => {
                self.trouble = 0;
                self.core.alarm_done(&waiting, to);
            }
            Done::Alarm(waiting, Err(trouble)) => {
                self.rest(&Turn::Alarms(waiting.stream.clone()), &trouble);
            }
            Done::Located(incident, located) => {
                let sure = located.sure;
                self.core.locate_done(incident, located, sure);
            }
            Done::Read(id, Ok(incident)) => self.core.read_done(id, incident),
            Done::Acted {
                incident,
                decided_on,
                result: Ok(steps),
            } => {
                self.trouble = 0;
                let (position, changed) = (steps.position, steps.changed);
                self.core
                    .act_done(incident, decided_on, position, changed, now);
            }
            Done::Acted {
                incident,
                result: Err(Trouble::Lost),
                ..
            } => {
                tracing::error!(%incident, "an open incident is not in the log");
                self.core.lost(incident);
            }
            Done::Read(incident, Err(trouble))
            | Done::Acted {
                incident,
                result: Err(trouble),
                ..
            } => self.rest(&Turn::Incident(incident), &trouble),
            Done::Operator(operator, Ok(position)) => self.core.operator_done(&operator, position),
            Done::Operator(operator, Err(trouble)) => {
                self.rest(&Turn::Operator(operator), &trouble);
            }
        }
    }

    fn rest(&mut self, turn: &Turn, trouble: &Trouble) {
        let pause = match trouble {
            Trouble::Conflict => {
                count(&self.shell.metrics.conflicts);
                CONFLICT_PAUSE
            }
            Trouble::Unavailable(why) => self.stumbled(why),
            Trouble::Lost => TROUBLE_PAUSE_MAX,
        };
        self.core.rest(turn, self.now() + pause);
    }

    /// The log did not answer: how long to wait before asking again.
    fn stumbled(&mut self, why: &str) -> Duration {
        count(&self.shell.metrics.unavailable);
        if self.trouble == 0 {
            tracing::warn!(why, "the log does not answer; trying again");
        }
        let pause = TROUBLE_PAUSE * 2u32.saturating_pow(self.trouble.min(10));
        self.trouble = self.trouble.saturating_add(1);
        pause.min(TROUBLE_PAUSE_MAX)
    }

    /// How long nothing is due, by the log's clock; capped, see [`LONGEST_SLEEP`].
    fn until_wake(&self) -> Duration {
        if self.in_hand.len() >= ACTS_AT_ONCE {
            return LONGEST_SLEEP;
        }
        let Some(at) = self.core.next_wake() else {
            return LONGEST_SLEEP;
        };
        let micros =
            at.0.saturating_mul(1_000)
                .saturating_sub(self.log.now_micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(LONGEST_SLEEP)
    }

    fn now(&self) -> Timestamp {
        self.shell.worker.casebook.now()
    }

    /// Lets what is in hand end, folds what it appended, and saves.
    async fn finish(mut self) {
        let ending = async { while self.in_hand.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_PATIENCE, ending).await.is_err() {
            tracing::warn!("stopping in the middle of work; it is repeated after the next start");
        }
        let state = self.core.state().clone();
        snapshot::save(self.log, state).await;
    }
}

/// Saves the fold now and then, one at a time.
struct Saver {
    log: Log,
    saving: JoinSet<()>,
    saved_position: Option<eventlog::Position>,
    saved_at: Instant,
}

impl Saver {
    fn new(log: Log) -> Self {
        Self {
            log,
            saving: JoinSet::new(),
            saved_position: None,
            saved_at: Instant::now(),
        }
    }

    fn look(&mut self, state: &State) {
        while self.saving.try_join_next().is_some() {}
        let before = *self.saved_position.get_or_insert(state.position);
        let events = state.position.0.saturating_sub(before.0);
        let waited = events > 0 && self.saved_at.elapsed() >= snapshot::EVERY;
        if !self.saving.is_empty() || (events < snapshot::EVERY_EVENTS && !waited) {
            return;
        }
        self.saved_position = Some(state.position);
        self.saved_at = Instant::now();
        self.saving
            .spawn(snapshot::save(self.log.clone(), state.clone()));
    }
}
