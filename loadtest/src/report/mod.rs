//! What was measured, and its three forms: the terminal, JSON, a page.
//!
//! For: the shape of a result.
//! May not know: how it was measured.

mod page;
mod plot;
mod terminal;

use crate::{
    Doing, Failure,
    cli::{Press, Processes, Store},
    crew::{Ended, Heard},
    figures::{Latencies, Second, Summary},
    floor::Floor,
    ledger::{Ledger, Row},
    presser::Counts,
    schedule::Arrival,
    scrape::Metrics,
    verify::Verdict,
    watch::Used,
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path, sync::atomic::Ordering::Relaxed};

pub use terminal::terminal;

/// An operator takes a call within, in microseconds.
const ACCEPT_WITHIN_US: u64 = 5_000_000;
/// An operator ends a call within, after taking it, in microseconds.
const RESOLVE_WITHIN_US: u64 = 10_000_000;
/// Above this the generator's own lateness is part of what is shown, in microseconds.
pub const LATE_US: u64 = 1_000;

/// How it was measured.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Settings {
    pub version: &'static str,
    pub rate: u32,
    pub seconds: u32,
    pub arrival: Arrival,
    pub seed: u64,
    pub residents: u32,
    pub consoles: u32,
    pub store: Store,
    pub processes: Processes,
    pub cores: usize,
    pub floor_seconds: u32,
    /// Built without optimisation: the figures say nothing.
    pub debug_build: bool,
}

impl Settings {
    /// From the flags.
    pub fn of(args: &Press, _watched: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            rate: args.rate,
            seconds: args.seconds,
            arrival: args.arrival,
            seed: args.seed,
            residents: args.residents,
            consoles: args.consoles,
            store: args.store,
            processes: args.processes,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            floor_seconds: args.floor_seconds,
            debug_build: cfg!(debug_assertions),
        }
    }
}

/// What the generator counted.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Ledgered {
    pub presses: usize,
    pub acknowledged: usize,
    /// Answers by status; 0 is none.
    pub statuses: BTreeMap<u64, usize>,
    pub repeats: usize,
    pub connections: u64,
    pub queued: u64,
    pub resent: u64,
    pub framed: usize,
    pub offered: usize,
    pub accepted: usize,
    pub resolved: usize,
    pub accepted_in_time: usize,
    pub resolved_in_time: usize,
    /// Every press was answered and every call closed before the time was over.
    pub drained: bool,
    pub frames: u64,
    pub snapshots: u64,
    pub frame_bytes: u64,
    pub commands: u64,
    pub consoles_broken: u64,
    pub unread_frames: u64,
    pub refused: BTreeMap<String, u64>,
    pub overflowed: u64,
    /// From the first frame to a taken call, and from there to its end.
    pub accept: Summary,
    pub resolve: Summary,
}

impl Ledgered {
    /// Counts everything up.
    pub fn of(
        ledger: &Ledger,
        counts: &Counts,
        heard: &Heard,
        ended: &[Ended],
        drained: bool,
    ) -> Self {
        let mut statuses = BTreeMap::new();
        for row in ledger.rows() {
            *statuses.entry(row.status.load(Relaxed)).or_default() += 1;
        }
        let mut refused = BTreeMap::new();
        for (code, count) in ended.iter().flat_map(|ended| &ended.refused) {
            *refused.entry(code.clone()).or_default() += count;
        }
        let taken = |row: &Row| Some(row.accepted.get()?.saturating_sub(row.framed.get()?));
        let done = |row: &Row| Some(row.resolved.get()?.saturating_sub(row.accepted.get()?));
        Self {
            presses: ledger.rows().len(),
            acknowledged: ledger.count(Row::acknowledged),
            statuses,
            repeats: ledger.count(|row| row.repeat.load(Relaxed) > 0),
            connections: counts.opened.load(Relaxed),
            queued: counts.queued.load(Relaxed),
            resent: counts.resent.load(Relaxed),
            framed: ledger.count(|row| row.framed.get().is_some()),
            offered: ledger.count(|row| row.offered.get().is_some()),
            accepted: ledger.count(|row| row.accepted.get().is_some()),
            resolved: ledger.count(|row| row.resolved.get().is_some()),
            accepted_in_time: ledger
                .count(|row| taken(row).is_some_and(|us| us <= ACCEPT_WITHIN_US)),
            resolved_in_time: ledger
                .count(|row| done(row).is_some_and(|us| us <= RESOLVE_WITHIN_US)),
            drained,
            frames: heard.frames.load(Relaxed),
            snapshots: heard.snapshots.load(Relaxed),
            frame_bytes: heard.bytes.load(Relaxed),
            commands: heard.commands.load(Relaxed),
            consoles_broken: heard.broken.load(Relaxed),
            unread_frames: heard.unread.load(Relaxed),
            refused,
            overflowed: ended.iter().map(|ended| ended.overflowed).sum(),
            accept: Latencies::of(ledger.rows().iter().filter_map(taken)).summary(),
            resolve: Latencies::of(ledger.rows().iter().filter_map(done)).summary(),
        }
    }
}

/// One measurement.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Measured {
    pub settings: Settings,
    pub lateness: Latencies,
    pub answer: Latencies,
    pub frame: Latencies,
    pub offer: Latencies,
    /// Before and after together.
    pub floor: Floor,
    pub before: Floor,
    pub after: Floor,
    pub seconds: Vec<Second>,
    pub ledgered: Ledgered,
    pub counted: Metrics,
    pub used: Vec<Used>,
    pub verdict: Verdict,
}

/// A figure divided by the floor's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Ratio {
    pub p50: f64,
    pub p99: f64,
}

impl Measured {
    /// The three figures, by name.
    pub fn figures(&self) -> [(&'static str, &Latencies); 3] {
        [
            ("press → durable answer", &self.answer),
            ("press → frame at a console", &self.frame),
            ("press → offer at a console", &self.offer),
        ]
    }

    /// A figure against the floor's whole trip: two commits and an echo.
    pub fn ratio(&self, figure: &Latencies) -> Ratio {
        let over =
            |quantile| figure.at(quantile) as f64 / self.floor.trip.at(quantile).max(1) as f64;
        Ratio {
            p50: over(0.5),
            p99: over(0.99),
        }
    }

    /// The warning about the generator's own lateness, when there is one.
    pub fn late(&self) -> Option<String> {
        let p99 = self.lateness.at(0.99);
        (p99 > LATE_US).then(|| {
            let share = |figure: &Latencies| 100.0 * p99 as f64 / figure.at(0.99).max(1) as f64;
            format!(
                "the generator was late itself: p99 {}, which is {:.0} % of the answer's p99 and {:.0} % of the frame's",
                ms(p99),
                share(&self.answer),
                share(&self.frame)
            )
        })
    }

    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        let figures = self.figures().map(|(name, figure)| {
            serde_json::json!({ "name": name, "latency": figure.summary(), "ratio": self.ratio(figure) })
        });
        let floor = |floor: &Floor| {
            serde_json::json!({ "commit": floor.commit.summary(), "two_commits": floor.commits.summary(),
                "echo": floor.echo.summary(), "trip": floor.trip.summary() })
        };
        serde_json::json!({
            "settings": self.settings, "figures": figures, "lateness": self.lateness.summary(), "late": self.late(),
            "floor": floor(&self.floor), "floor_before": floor(&self.before), "floor_after": floor(&self.after),
            "generator": self.ledgered, "service": self.counted, "used": self.used, "seconds": self.seconds,
            "verdict": self.verdict, "holds": self.verdict.holds(),
        })
    }
}

/// Writes `result.json` and `result.html`.
pub fn write(measured: &Measured, out: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(out).doing(&format!("make {}", out.display()))?;
    let json = serde_json::to_string_pretty(&measured.json()).expect("a result is plain data");
    std::fs::write(out.join("result.json"), json).doing("write result.json")?;
    std::fs::write(out.join("result.html"), page::page(measured)).doing("write result.html")
}

/// Microseconds as milliseconds, with as many digits as say something.
pub(crate) fn ms(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    match us {
        0..10_000 => format!("{ms:.2} ms"),
        10_000..100_000 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}
