//! The console: HTTP and WebSocket for operators and managers, and the page itself.
//!
//! For: showing each person the calls that are theirs, and doing what they ask; live, listed and replayed.
//! May not know: devices, how offers are planned, configuration files. It meets its neighbours in the log only.
//!
//! Modules in reading order:
//!
//! - `options`: settings and every bound; `app`: what handlers share; `metrics`.
//! - `board`: the fold all consoles look at; `follow`: kept up to date, and as of a past position; `shared`: what changed on it.
//! - `viewer`: who may see what; `names`, `people`, `ways`, `story`, `card`, `counts`: what they see.
//! - `records`: residents' records opened, and the note of who did; `residents`: asked for over HTTP.
//! - `orders`: commands; `duty`: signing on, attaching, sound; `duty_phone`: answers by telephone.
//! - `feed`: what a console must be sent; `socket`, `lines`, `hear`, `live`, `replay`: the WebSocket.
//! - `health`: what is not as it should be, told to every page.
//! - `password`, `attempts`, `session`, `sign_in`: getting in; `proof`: into the log's door; `http`, `problem`, `api`, `assets`: the rest of HTTP.
//! - `manual`: all of it described, as OpenAPI and JSON Schema.

mod api;
mod app;
mod assets;
mod attempts;
mod beside;
mod board;
mod card;
mod counts;
mod duty;
mod duty_phone;
mod feed;
mod follow;
mod framed;
mod health;
mod hear;
mod http;
mod lines;
mod live;
mod manual;
mod metrics;
mod names;
mod options;
mod orders;
mod password;
mod people;
mod problem;
mod proof;
mod records;
mod replay;
mod residents;
mod session;
mod shared;
mod sign_in;
mod socket;
mod story;
mod support;
mod viewer;
mod ways;

pub use attempts::{
    NAME_FAILURES, NAME_GAP_MS, NAME_WAIT_MS, PAIR_FAILURES, REMEMBERED, SOURCE_FAILURES, WINDOW_MS,
};
pub use duty_phone::{SIGNATURE, TOLERANCE_S};
pub use metrics::ConsoleMetrics;
pub use options::*;
pub use orders::NOTE_CHARS;
pub use password::{CHECK_WAIT, CHECKS_AT_ONCE, PASSWORD_BYTES, PasswordError, hash_password};
pub use proof::Proof;
pub use session::{COOKIE, LINK_MS, SESSION_MS};

use app::App;
use axum::{
    Router, middleware,
    routing::{any, get, post},
};
use casebook::{BookError, Casebook};
use directory::Directory;
use domain::policy::RingPolicy;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often ended sessions are removed from the store.
const PURGE_EVERY: Duration = Duration::from_secs(600);

/// How long stopping waits for consoles to be told and detached.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// The running console.
#[derive(Clone)]
pub struct Console(Arc<Running>);

struct Running {
    app: Arc<App>,
    /// Stops what writes views down, after everything else.
    last: CancellationToken,
    tasks: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

impl Console {
    /// Folds the board and follows the log from there; returns once the board has reached the log's present end.
    /// Errors: the log did not answer; try again.
    pub async fn start(
        casebook: Casebook,
        directory: Directory,
        policy: RingPolicy,
        options: ConsoleOptions,
    ) -> Result<Self, BookError> {
        if assets::PLACEHOLDER {
            tracing::warn!("this binary was built without the console's page (CONSOLE_DIST=none)");
        }
        let last = CancellationToken::new();
        let stop = CancellationToken::new();
        duty::end_left_behind(&casebook, &directory.city(), options.node.as_ref()).await?;
        let board = follow::board_now(&casebook).await?;
        directory.index_phones();
        let (records, views) = records::Records::start(casebook.clone(), directory, last.clone());
        let app = Arc::new(App {
            cards: card::Cards {
                casebook: casebook.clone(),
                records: Arc::clone(&records),
                policy,
                ways: ways::Ways::default(),
            },
            shared: Arc::new(shared::Shared::new(board)),
            records: Arc::clone(&records),
            options,
            orders: tokio::runtime::Handle::current(),
            attempts: attempts::Attempts::default(),
            checker: password::Checker::new(),
            lines: lines::Lines::new(),
            metrics: metrics::Counters::default(),
            health: health::Health::default(),
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            casebook: casebook.clone(),
        });
        let following = follow::run(
            casebook.clone(),
            records,
            Arc::clone(&app.shared),
            stop.clone(),
        );
        let pages = app.options.pages.clone();
        let pages = pages.unwrap_or_else(|| app.orders.clone());
        let mut tasks = vec![
            views,
            pages.spawn(following),
            tokio::spawn(purge(casebook.clone(), stop.clone())),
        ];
        let looking = (Arc::clone(&app), stop.clone());
        tasks.push(tokio::spawn(async move {
            let (app, stop) = looking;
            let shared = app.options.node.is_some();
            app.health.look(&app.casebook, shared, stop).await;
        }));
        if let Some(node) = app.options.node.clone() {
            let log = casebook.log().clone();
            tasks.push(tokio::spawn(directory::presence::show(log, node, stop)));
        }
        Ok(Self(Arc::new(Running {
            app,
            last,
            tasks: std::sync::Mutex::new(tasks),
        })))
    }

    /// Every route of the console, the page included. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`
    /// so that sign-ins can be limited by address. It has a fallback; merge routes of your own without one.
    pub fn router(&self) -> Router {
        let timed = Router::new()
            .route("/v1/about", get(api::about))
            .route(
                "/v1/session",
                post(sign_in::sign_in)
                    .get(sign_in::who)
                    .delete(sign_in::sign_out),
            )
            .route("/v1/session/phone", post(sign_in::phone_sign_in))
            .route("/v1/phone-links", post(sign_in::phone_link))
            .route("/v1/incidents", get(api::incidents))
            .route("/v1/incidents/{id}", get(api::incident))
            .route("/v1/incidents/{id}/events", get(api::events))
            .route("/v1/incidents/{id}/commands", post(api::command))
            .route("/v1/incidents/{id}/targets", get(beside::targets))
            .route("/v1/incidents/{id}/claim", post(beside::claim))
            .route("/v1/sites", get(api::sites))
            .route("/v1/map", get(api::map))
            .route("/v1/residents/by-phone", post(residents::by_phone))
            .route("/v1/residents/{id}", get(residents::one))
            .route("/v1/duty-phone/answers", post(duty_phone::answers))
            .route("/v1/console", get(live::console))
            .merge(manual::manual(&self.0.app.options.version).routes())
            .method_not_allowed_fallback(async || problem::Failure::method())
            .layer(middleware::from_fn(http::in_time));
        timed
            .fallback_service(any(assets::serve))
            .layer(middleware::from_fn(http::guard))
            .with_state(Arc::clone(&self.0.app))
    }

    /// A handle on what is counted; it stays good while the console runs.
    pub fn metrics(&self) -> Metrics {
        Metrics(Arc::clone(&self.0.app))
    }

    /// Whether the board has reached a position; for `/readyz`.
    pub fn has_shown(&self, position: eventlog::Position) -> bool {
        self.0.app.shared.board().position >= position
    }

    /// Tells every page, detaches every console in the log, writes the last views down. Stop the directory and the log
    /// after this. Stopping twice is harmless.
    pub async fn stop(&self) {
        let app = &self.0.app;
        app.stop.cancel();
        app.lines.end_all();
        app.tasks.close();
        if tokio::time::timeout(STOP_WAIT, app.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some consoles did not end in time");
        }
        self.0.last.cancel();
        let tasks = {
            let mut tasks = self.0.tasks.lock();
            let tasks = tasks.as_deref_mut().map(std::mem::take);
            tasks.unwrap_or_default()
        };
        for task in tasks {
            let _ = tokio::time::timeout(STOP_WAIT, task).await;
        }
    }
}

/// What the console counts.
#[derive(Clone)]
pub struct Metrics(Arc<App>);

impl Metrics {
    /// The counters now.
    pub fn read(&self) -> ConsoleMetrics {
        self.0.metrics.read(self.0.shared.board().position.0)
    }

    /// Whether no dispatcher has been heard of, where they run in processes of their own.
    pub fn misses_dispatcher(&self) -> bool {
        let troubles = self.0.health.now();
        troubles.iter().any(|one| one.code == "no_dispatcher")
    }

    /// Each as (name, help, value), for a metrics page.
    pub fn figures(&self) -> [(&'static str, &'static str, u64); 12] {
        self.read().figures()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.read().fmt(f)
    }
}

async fn purge(casebook: Casebook, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PURGE_EVERY) => {}
        }
        let now = casebook.now().0;
        if let Err(error) = casebook.log().sessions().purge(now).await {
            tracing::warn!(%error, "ended sessions were not removed");
        }
    }
}
