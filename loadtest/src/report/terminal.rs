//! A result as a table of text.
//!
//! For: whoever started the run.
//! May not know: HTML.

use super::{Measured, Ratio, ms};
use crate::figures::{Latencies, Summary};
use std::fmt::Write as _;

/// The whole result, to be printed.
pub fn terminal(measured: &Measured) -> String {
    let mut out = String::new();
    head(measured, &mut out);
    latencies(measured, &mut out);
    counts(measured, &mut out);
    used(measured, &mut out);
    verdict(measured, &mut out);
    out
}

fn head(measured: &Measured, out: &mut String) {
    let s = &measured.settings;
    let _ = writeln!(
        out,
        "\n{} presses a second for {} s ({:?} arrivals), {} residents, {} consoles, {:?}, {:?}, {} cores{}",
        s.rate,
        s.seconds,
        s.arrival,
        s.residents,
        s.consoles,
        s.store,
        s.processes,
        s.cores,
        if s.debug_build { ", DEBUG BUILD" } else { "" }
    );
    let _ = writeln!(
        out,
        "every latency is counted from the moment the press was due, not from when it was sent; the schedule waits for no answer\n"
    );
}

fn latencies(measured: &Measured, out: &mut String) {
    let _ = writeln!(
        out,
        "{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}{:>9}   over the floor's trip",
        "", "p50", "p90", "p99", "p99.9", "max", "count"
    );
    for (name, figure) in measured.figures() {
        row(out, name, &figure.summary(), Some(measured.ratio(figure)));
    }
    let floor = &measured.floor;
    let rows: [(&str, &Latencies); 5] = [
        ("generator's own lateness", &measured.lateness),
        ("floor: one durable commit", &floor.commit),
        ("floor: two durable commits", &floor.commits),
        ("floor: WebSocket echo alone", &floor.echo),
        ("floor: two commits + echo (trip)", &floor.trip),
    ];
    for (name, figure) in rows {
        row(out, name, &figure.summary(), None);
    }
    for (name, floor) in [
        ("  trip, before the load", &measured.before),
        ("  trip, after the load", &measured.after),
    ] {
        row(out, name, &floor.trip.summary(), None);
    }
    if let Some(late) = measured.late() {
        let _ = writeln!(out, "WARNING: {late}");
    }
}

fn row(out: &mut String, name: &str, of: &Summary, ratio: Option<Ratio>) {
    let ratio = ratio
        .map(|r| format!("   p50 × {:.1}, p99 × {:.1}", r.p50, r.p99))
        .unwrap_or_default();
    // Arrows count as one column.
    let _ = writeln!(
        out,
        "{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}{:>9}{ratio}",
        name,
        ms(of.p50_us),
        ms(of.p90_us),
        ms(of.p99_us),
        ms(of.p999_us),
        ms(of.max_us),
        of.count
    );
}

fn counts(measured: &Measured, out: &mut String) {
    let g = &measured.ledgered;
    let counted = |name: &str| measured.counted.get(name).copied().unwrap_or(0.0);
    let _ = writeln!(
        out,
        "\npresses {}  acknowledged {}  by status {:?}  repeats {}  connections {}  queued {}  sent again {}",
        g.presses, g.acknowledged, g.statuses, g.repeats, g.connections, g.queued, g.resent
    );
    let _ = writeln!(
        out,
        "calls: on a screen {}  offered {}  accepted {} ({} within 5 s)  resolved {} ({} within 10 s)  {}",
        g.framed,
        g.offered,
        g.accepted,
        g.accepted_in_time,
        g.resolved,
        g.resolved_in_time,
        if g.drained {
            "all done"
        } else {
            "NOT ALL DONE in time"
        }
    );
    let _ = writeln!(
        out,
        "taken after p50 {} p99 {}  ended after p50 {} p99 {}",
        ms(g.accept.p50_us),
        ms(g.accept.p99_us),
        ms(g.resolve.p50_us),
        ms(g.resolve.p99_us)
    );
    let _ = writeln!(
        out,
        "consoles: {} messages ({} snapshots, {:.0} MB)  {} commands  refused {:?}  left ringing {}  broken {}  unread {}",
        g.frames,
        g.snapshots,
        g.frame_bytes as f64 / 1e6,
        g.commands,
        g.refused,
        g.overflowed,
        g.consoles_broken,
        g.unread_frames
    );
    let _ = writeln!(
        out,
        "service: {} incidents opened  {} events appended in {} commits  {} frames sent  {} offers  {} duty phones rung",
        counted("anling_incidents_opened_total"),
        counted("anling_log_events_total"),
        counted("anling_log_commits_total"),
        counted("anling_console_frames_total"),
        counted("anling_offers_total"),
        counted("anling_duty_phones_rung_total")
    );
}

fn used(measured: &Measured, out: &mut String) {
    for used in &measured.used {
        let _ = writeln!(
            out,
            "{:<12} {:>6.0} % of a core  {:>6.0} MiB resident at most",
            used.name,
            used.cpu_pct,
            used.rss_max_kib as f64 / 1024.0
        );
    }
}

fn verdict(measured: &Measured, out: &mut String) {
    let v = &measured.verdict;
    let _ = writeln!(
        out,
        "\nlooked up {} presses, {} incidents ({} closed): lost presses {}  lost incidents {}  doubled {}  unowned {}  \
         closed and open again {}  not answered {}",
        v.looked_up,
        v.incidents,
        v.closed,
        v.lost_presses,
        v.lost_incidents,
        v.doubled,
        v.unowned,
        v.reopened,
        v.unanswered
    );
    for example in &v.examples {
        let _ = writeln!(out, "  {example}");
    }
    let _ = writeln!(
        out,
        "{}",
        if v.holds() {
            "NOTHING LOST, NOTHING DOUBLED"
        } else {
            "THE PROMISES WERE BROKEN"
        }
    );
}
