//! A result as one page that needs nothing else.
//!
//! For: percentile curves, latency over time, rates, processor and memory.
//! May not know: how lines are drawn.

use super::{
    Measured,
    plot::{Line, Plot},
    terminal,
};
use crate::figures::{Latencies, Second};
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
pre{overflow-x:auto;background:#f5f5f5;padding:1rem;font-size:12px}svg{width:100%}text{font-size:12px;fill:#444}\
.g{stroke:#ddd;fill:none}.l{fill:none;stroke-width:1.8}.legend{color:#444;font-size:13px}\
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#222}text{fill:#bbb}.g{stroke:#333}.legend{color:#bbb}}";

/// The page.
pub(crate) fn page(measured: &Measured) -> String {
    let s = &measured.settings;
    let title = format!(
        "Anling load test: {} presses a second for {} s",
        s.rate, s.seconds
    );
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><pre>{}</pre>",
        escape(&terminal(measured))
    );
    for (heading, plot) in [
        ("Latency by share of presses", percentiles(measured)),
        ("Latency over time", over_time(measured)),
        ("Presses each second", rates(measured)),
        ("Processor", processor(measured)),
        ("Memory", memory(measured)),
    ] {
        let _ = write!(page, "<h2>{heading}</h2>{}", plot.svg());
    }
    page + "</html>\n"
}

fn percentiles(measured: &Measured) -> Plot {
    let mut figures: Vec<(&str, &Latencies)> = measured.figures().into();
    figures.push(("floor: two commits + echo", &measured.floor.trip));
    figures.push(("floor: one commit", &measured.floor.commit));
    figures.push(("generator's lateness", &measured.lateness));
    let lines = figures.into_iter().map(|(name, figure)| Line {
        name: name.to_owned(),
        points: figure
            .curve()
            .into_iter()
            .map(|(nines, us)| (nines, us as f64 / 1000.0))
            .collect(),
    });
    Plot {
        x: "share of presses at most as slow",
        y: "ms",
        log_y: true,
        x_marks: vec![
            (0.0, "0"),
            (0.301, "50 %"),
            (1.0, "90 %"),
            (2.0, "99 %"),
            (3.0, "99.9 %"),
            (4.0, "99.99 %"),
        ],
        lines: lines.collect(),
    }
}

/// A line's name and its value in a second.
type Drawn = (&'static str, fn(&Second) -> f64);

fn over(measured: &Measured, log_y: bool, y: &'static str, lines: &[Drawn]) -> Plot {
    let line = |(name, value): &Drawn| Line {
        name: (*name).to_owned(),
        points: measured
            .seconds
            .iter()
            .enumerate()
            .map(|(n, second)| (n as f64, value(second)))
            .collect(),
    };
    Plot {
        x: "second in which the press was due",
        y,
        log_y,
        x_marks: vec![],
        lines: lines.iter().map(line).collect(),
    }
}

fn over_time(measured: &Measured) -> Plot {
    over(
        measured,
        true,
        "ms",
        &[
            ("answer p50", |s| s.answer_p50_us as f64 / 1000.0),
            ("answer p99", |s| s.answer_p99_us as f64 / 1000.0),
            ("frame p50", |s| s.frame_p50_us as f64 / 1000.0),
            ("frame p99", |s| s.frame_p99_us as f64 / 1000.0),
        ],
    )
}

fn rates(measured: &Measured) -> Plot {
    over(
        measured,
        false,
        "presses",
        &[
            ("due", |s| s.due as f64),
            ("of them, answered", |s| s.answered as f64),
            ("of them, seen at a console", |s| s.framed as f64),
        ],
    )
}

fn processes(
    measured: &Measured,
    y: &'static str,
    value: fn(&crate::watch::Sample) -> f64,
) -> Plot {
    let lines = measured.used.iter().map(|used| Line {
        name: used.name.clone(),
        points: used
            .samples
            .iter()
            .map(|sample| (sample.at_ms as f64 / 1000.0, value(sample)))
            .collect(),
    });
    Plot {
        x: "seconds since the first press",
        y,
        log_y: false,
        x_marks: vec![],
        lines: lines.collect(),
    }
}

fn processor(measured: &Measured) -> Plot {
    processes(measured, "% of a core", |sample| sample.cpu_pct)
}

fn memory(measured: &Measured) -> Plot {
    processes(measured, "MiB", |sample| sample.rss_kib as f64 / 1024.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
