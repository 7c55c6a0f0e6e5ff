//! Health and figures for whoever watches the machine.
//!
//! For: `/healthz`, `/readyz`, `/metrics` (Prometheus text format, version 0.0.4).
//! May not know: residents, incidents; counts only.

use crate::{ground::Ground, notarize};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use dispatcher::metrics::LATENESS_BOUNDS_MS;
use ingest::{Ingest, IngestMetrics};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use wire::watch::Readiness;

/// How long the log may take to answer before we say that we are not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// How far the directory may be behind the log and still count as ready, in events.
const BEHIND_LIMIT: u64 = 10_000;

/// Tells what the dispatcher has counted.
pub(crate) type Counted = Arc<dyn Fn() -> dispatcher::Counters + Send + Sync>;

/// What is watched: the log, and the parts of this process's roles.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) ground: Ground,
    pub(crate) notary: notarize::Told,
    pub(crate) dispatcher: Option<Counted>,
    pub(crate) console: Option<console::Metrics>,
    pub(crate) ingest: Option<Arc<Ingest>>,
}

/// The three routes.
pub(crate) fn router(watched: Watched) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(watched)
}

/// Whether this process can do its work now.
async fn ready(State(watched): State<Watched>) -> Response {
    let why = fault(&watched.ground).await;
    let status = match &why {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let said = Readiness {
        ready: why.is_none(),
        why,
        degraded: degraded(&watched),
    };
    (status, axum::Json(said)).into_response()
}

/// Everything that makes it less safe than it should be, in plain words.
fn degraded(watched: &Watched) -> Option<String> {
    let log = watched.ground.log.degraded();
    let alone = misses_dispatcher(watched)
        .then(|| "no dispatcher is running: presses are stored and not offered".to_owned());
    let all: Vec<String> = log
        .map(|why| why.to_string())
        .into_iter()
        .chain(alone)
        .chain((watched.notary)().degraded())
        .collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn misses_dispatcher(watched: &Watched) -> bool {
    let console = watched.console.as_ref();
    console.is_some_and(console::Metrics::misses_dispatcher)
}

async fn fault(ground: &Ground) -> Option<String> {
    if let Some(why) = ground.log.refused() {
        return Some(format!("the log takes nothing: {why}"));
    }
    if !ground.log.reachable() {
        return Some("the database does not answer".to_owned());
    }
    let last = ground.log.read_all(
        eventlog::Position(u64::MAX),
        eventlog::Direction::Backward,
        1,
    );
    let head = ground.log.head().0;
    let behind = head.saturating_sub(ground.directory.position().0);
    match tokio::time::timeout(READY_WITHIN, last).await {
        Err(_) => Some("the log does not answer".to_owned()),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok(_)) if behind > BEHIND_LIMIT => {
            Some(format!("the directory is {behind} events behind"))
        }
        Ok(Ok(_)) => None,
    }
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let mut page = Page::default();
    let log = watched.ground.log.metrics();
    page.counter(
        "anling_log_events_total",
        "events appended",
        log.events_appended,
    );
    page.counter("anling_log_commits_total", "commits", log.batches);
    page.counter(
        "anling_log_commit_us_total",
        "microseconds spent in commits",
        log.commit_us_sum,
    );
    page.gauge(
        "anling_log_commit_us_max",
        "longest commit in microseconds",
        log.commit_us_max,
    );
    page.counter(
        "anling_log_failed_commits_total",
        "commits that failed",
        log.failed_batches,
    );
    page.counter(
        "anling_log_turned_away_total",
        "appends turned away because a queue was full",
        log.turned_away,
    );
    page.gauge(
        "anling_log_urgent_queued",
        "appends waiting in the urgent queue",
        log.urgent_queued,
    );
    page.gauge(
        "anling_log_bulk_queued",
        "appends waiting in the bulk queue",
        log.bulk_queued,
    );
    page.notary(&(watched.notary)());
    let degraded = watched.ground.log.degraded().is_some();
    page.gauge(
        "anling_log_degraded",
        "1 when confirmed events are less safe than they could be",
        degraded.into(),
    );
    page.gauge(
        "anling_log_reachable",
        "1 while the log's store answers",
        watched.ground.log.reachable().into(),
    );
    page.gauge(
        "anling_dispatcher_missing",
        "1 while a console hears of no dispatcher in any process",
        misses_dispatcher(&watched).into(),
    );
    page.gauge("anling_log_position", "last position", log.head);
    page.gauge(
        "anling_directory_position",
        "what the read tables have reached",
        watched.ground.directory.position().0,
    );

    if let Some(counted) = &watched.dispatcher {
        page.dispatcher(&counted());
    }
    if let Some(ingest) = &watched.ingest {
        page.ingest(&ingest.metrics());
    }
    if let Some(console) = &watched.console {
        page.console(console);
    }
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        page.0,
    )
        .into_response()
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.line("counter", name, help, value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.line("gauge", name, help, value);
    }

    fn notary(&mut self, figures: &notary::Figures) {
        use notary::Status;
        let is = |yes: bool| u64::from(yes);
        self.gauge(
            "anling_notary_signing",
            "1 while this process is the notary",
            is(figures.status == Status::Signing),
        );
        self.gauge(
            "anling_notary_refusing",
            "1 while the log does not extend what was signed",
            is(matches!(figures.status, Status::Refusing(_))),
        );
        self.gauge(
            "anling_notary_position",
            "last position under a checkpoint that this process knows",
            figures.size,
        );
        self.counter(
            "anling_notary_checkpoints_total",
            "checkpoints signed",
            figures.signed,
        );
        self.gauge(
            "anling_notary_published_position",
            "last position under a checkpoint that left the house",
            figures.published,
        );
    }

    fn dispatcher(&mut self, dispatcher: &dispatcher::Counters) {
        self.gauge(
            "anling_incidents_open",
            "incidents open now",
            dispatcher.open,
        );
        self.gauge(
            "anling_alarms_waiting",
            "alarms nobody has handled yet",
            dispatcher.waiting_alarms,
        );
        self.counter(
            "anling_incidents_opened_total",
            "incidents opened",
            dispatcher.opened,
        );
        self.counter(
            "anling_alarms_joined_total",
            "alarms that joined an open incident",
            dispatcher.joined,
        );
        self.counter("anling_offers_total", "offers appended", dispatcher.offers);
        self.counter(
            "anling_offers_widened_total",
            "offers that widened an earlier one",
            dispatcher.widened,
        );
        self.counter(
            "anling_duty_phones_rung_total",
            "times a duty phone was told to ring",
            dispatcher.phones_rung,
        );
        self.counter(
            "anling_acceptances_lapsed_total",
            "acceptances without a first step",
            dispatcher.lapsed,
        );
        self.counter(
            "anling_webhooks_failed_total",
            "webhooks given up",
            dispatcher.webhooks_failed,
        );
        self.counter(
            "anling_dispatcher_unavailable_total",
            "times the log or directory did not answer",
            dispatcher.unavailable,
        );
        self.lateness(dispatcher);
    }

    fn ingest(&mut self, ingest: &IngestMetrics) {
        self.counter(
            "anling_alarms_total",
            "alarms stored, cancels included",
            ingest.alarms,
        );
        self.counter(
            "anling_reports_total",
            "tests and troubles stored",
            ingest.reports,
        );
        self.counter(
            "anling_signals_unverified_total",
            "signals stored unverified",
            ingest.unverified,
        );
        self.counter(
            "anling_signals_duplicate_total",
            "signals that were sent again",
            ingest.duplicates,
        );
        self.counter(
            "anling_signals_unavailable_total",
            "signals not accepted because the log did not take them",
            ingest.unavailable,
        );
        self.counter(
            "anling_heartbeats_total",
            "heartbeats heard",
            ingest.heartbeats,
        );
        self.gauge(
            "anling_channels_open",
            "device channels open now",
            ingest.channels_open,
        );
        self.gauge(
            "anling_panels_open",
            "connections of alarm panels open now",
            ingest.panels_open,
        );
        self.counter(
            "anling_panel_frames_total",
            "frames of alarm panels",
            ingest.panel_frames,
        );
        self.counter(
            "anling_panel_frames_broken_total",
            "frames of alarm panels with a wrong checksum, torn or too long",
            ingest.panel_frames_broken,
        );
        self.counter(
            "anling_panel_odd_lengths_total",
            "frames of alarm panels whose length counts otherwise than the standard",
            ingest.panel_odd_lengths,
        );
        self.counter(
            "anling_panel_polls_passed_over_total",
            "polls of alarm panels not answered because too many waited",
            ingest.panel_polls_passed_over,
        );
        self.counter(
            "anling_panels_ended_total",
            "connections of alarm panels ended for half a frame or junk",
            ingest.panels_ended,
        );
    }

    fn console(&mut self, console: &console::Metrics) {
        for (name, help, value) in console.figures() {
            let kind = if name.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            };
            self.line(kind, name, help, value);
        }
    }

    /// A histogram: how late acts on deadlines were.
    fn lateness(&mut self, counters: &dispatcher::Counters) {
        const NAME: &str = "anling_deadline_lateness_ms";
        let _ = writeln!(
            self.0,
            "# HELP {NAME} how late acts on deadlines were\n# TYPE {NAME} histogram"
        );
        let mut total = 0;
        for (count, bound) in counters.lateness.iter().zip(
            LATENESS_BOUNDS_MS
                .map(|bound| bound.to_string())
                .into_iter()
                .chain(["+Inf".to_owned()]),
        ) {
            total += count;
            let _ = writeln!(self.0, "{NAME}_bucket{{le=\"{bound}\"}} {total}");
        }
        let _ = writeln!(
            self.0,
            "{NAME}_sum {}\n{NAME}_count {total}",
            counters.lateness_sum_ms
        );
    }

    fn line(&mut self, kind: &str, name: &str, help: &str, value: u64) {
        let _ = writeln!(
            self.0,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
        );
    }
}
