//! The handle: starting the dispatcher, and stopping it in order.
//!
//! For: the binary and tests.
//! May not know: rules, configuration files.

use crate::{
    duty_phone::{Phones, Webhooks},
    metrics::{Counters, Metrics},
    ours::Ours,
    places::Places,
    shell::Shell,
    webhook::Sender,
    work::Worker,
};
use casebook::Casebook;
use domain::policy::RingPolicy;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The pause before starting again after a bug. Ours: short beside a ring, long enough to keep the log readable.
const BUG_PAUSE: Duration = Duration::from_secs(1);

/// What may be set.
#[derive(Debug, Clone, Default)]
pub struct DispatcherOptions {
    /// Where duty phones, texts and work chats are reached.
    pub webhooks: Webhooks,
    /// What this dispatcher calls itself in its own log lines; empty is fine where there is one.
    pub name: String,
    /// Other dispatchers may run on this log: a telephone that another one rings is not rung from here too, and
    /// consoles elsewhere are told that this one works.
    pub shared: bool,
}

/// Why the dispatcher did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The ring policy is no policy; what is wrong, in plain words.
    #[error("the ring policy cannot be used: {}", .0.join("; "))]
    Policy(Vec<String>),
    /// The webhooks' client could not be made.
    #[error("webhooks cannot be sent from here: {0}")]
    Webhooks(String),
}

/// A running dispatcher. Dropped, it stops without saving a snapshot.
#[derive(Debug)]
pub struct Dispatcher {
    tasks: JoinSet<()>,
    ready: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    stop: DropGuard,
}

impl Dispatcher {
    /// Starts in the background: loads the last snapshot, folds the rest of the log, then acts on it. Call it within a
    /// runtime. Several may run on one log: each act is done once.
    pub fn start(
        casebook: Casebook,
        places: impl Places,
        policy: RingPolicy,
        options: DispatcherOptions,
    ) -> Result<Self, StartError> {
        let wrong = policy.check();
        if !wrong.is_empty() {
            return Err(StartError::Policy(wrong));
        }
        let policy = Arc::new(policy);
        let casebook = casebook.with_policy(Arc::clone(&policy));
        let places: Arc<dyn Places> = Arc::new(places);
        let metrics = Arc::<Metrics>::default();
        let stop = CancellationToken::new();
        let (ready, watched) = watch::channel(false);
        let ours = Ours::default();
        let shell = Shell {
            policy,
            worker: Arc::new(Worker {
                casebook: casebook.clone(),
                places: Arc::clone(&places),
                metrics: Arc::clone(&metrics),
                ours: ours.clone(),
            }),
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
            ready,
            shared: options.shared,
        };
        let phones = if options.webhooks.any() {
            let sender = Sender::new(Arc::clone(&metrics)).map_err(StartError::Webhooks)?;
            Some(Phones {
                casebook,
                places,
                webhooks: options.webhooks,
                sender,
                others: options.shared.then_some(ours),
                stop: stop.clone(),
            })
        } else {
            None
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(run(shell, phones, options.name));
        Ok(Self {
            tasks,
            ready: watched,
            metrics,
            stop: stop.drop_guard(),
        })
    }

    /// Waits until the whole log is folded and deadlines are being kept. `false`: it stopped before it came so far.
    pub async fn ready(&self) -> bool {
        let mut ready = self.ready.clone();
        ready.wait_for(|ready| *ready).await.is_ok()
    }

    /// Whether it is ready now.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// What it has done since it started.
    pub fn metrics(&self) -> Counters {
        self.metrics.read()
    }

    /// The same, for whoever asks later and does not hold the dispatcher.
    pub fn counters(&self) -> impl Fn() -> Counters + Send + Sync + 'static + use<> {
        let metrics = Arc::clone(&self.metrics);
        move || metrics.read()
    }

    /// Lets what is in hand end, saves a snapshot, and stops.
    pub async fn stop(mut self) {
        drop(self.stop);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the dispatcher ended by a bug");
            }
        }
    }
}

/// The duty phones' place is fixed before the first act, so that no ringing is decided before it is followed.
async fn run(shell: Shell, phones: Option<Phones>, name: String) {
    tracing::info!(name, "the dispatcher starts");
    let stop = shell.stop.clone();
    let mut tasks = JoinSet::new();
    if let Some(phones) = phones {
        phones.start_position().await;
        let stop = stop.clone();
        tasks.spawn(async move {
            let again = || {
                let phones = phones.clone();
                async move { phones.run(phones.start_position().await).await }
            };
            keep_running("duty phones", &stop, again).await;
        });
    }
    tasks.spawn(async move {
        keep_running("dispatcher", &stop, || shell.clone().run()).await;
    });
    while tasks.join_next().await.is_some() {}
}

/// Runs something that may end by a bug, and then starts it again from what the log says: calls go on.
async fn keep_running<F>(what: &'static str, stop: &CancellationToken, start: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let mut task = JoinSet::new();
        task.spawn(start());
        match task.join_next().await {
            Some(Err(error)) if error.is_panic() && !stop.is_cancelled() => {
                tracing::error!(what, %error, "ended by a bug; starting again");
                tokio::time::sleep(BUG_PAUSE).await;
            }
            _ => return,
        }
    }
}
