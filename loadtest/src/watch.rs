//! Processor time and memory of processes, as the kernel counts them.
//!
//! For: sampling `/proc` beside a run.
//! May not know: what the processes do.

use serde::Serialize;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// How often it looks. Ours: a hundredth of a core is seen, and looking costs nothing.
const EVERY: Duration = Duration::from_millis(500);

/// Clock ticks a second in `/proc/PID/stat`: fixed at 100 for programs (proc(5), `USER_HZ`).
const TICKS: f64 = 100.0;

/// A process to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Watched {
    pub name: String,
    pub pid: u32,
    /// Its children count with it, as PostgreSQL's do.
    pub family: bool,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Sample {
    pub at_ms: u64,
    /// Since the look before; 100 is one core.
    pub cpu_pct: f64,
    pub rss_kib: u64,
}

/// What one process used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Used {
    pub name: String,
    /// Over the whole time; 100 is one core.
    pub cpu_pct: f64,
    pub rss_max_kib: u64,
    pub samples: Vec<Sample>,
}

/// Looks until told to stop.
pub async fn sample(
    watched: Vec<Watched>,
    start: Instant,
    mut stop: watch::Receiver<bool>,
) -> Vec<Used> {
    let mut used: Vec<Used> = watched
        .iter()
        .map(|one| Used {
            name: one.name.clone(),
            cpu_pct: 0.0,
            rss_max_kib: 0,
            samples: Vec::new(),
        })
        .collect();
    let first: Vec<f64> = watched.iter().map(|one| look(one).0).collect();
    let began = Instant::now();
    let mut before = (began, first.clone());
    let mut ticks = tokio::time::interval_at(began + EVERY, EVERY);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            _ = ticks.tick() => {}
        }
        let now = Instant::now();
        let passed = (now - before.0).as_secs_f64();
        before.0 = now;
        for (n, one) in watched.iter().enumerate() {
            let (cpu, rss_kib) = look(one);
            let cpu_pct = 100.0 * (cpu - before.1[n]).max(0.0) / passed;
            before.1[n] = cpu;
            let at_ms =
                u64::try_from(now.saturating_duration_since(start).as_millis()).unwrap_or(0);
            used[n].samples.push(Sample {
                at_ms,
                cpu_pct,
                rss_kib,
            });
            used[n].rss_max_kib = used[n].rss_max_kib.max(rss_kib);
        }
    }
    let whole = began.elapsed().as_secs_f64();
    for (n, one) in used.iter_mut().enumerate() {
        one.cpu_pct = 100.0 * (before.1[n] - first[n]).max(0.0) / whole;
    }
    used
}

/// Seconds of processor time, and resident memory in KiB; zeros when the process is gone.
fn look(one: &Watched) -> (f64, u64) {
    let mut pids = vec![one.pid];
    if one.family {
        let children = format!("/proc/{0}/task/{0}/children", one.pid);
        let children = std::fs::read_to_string(children).unwrap_or_default();
        pids.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    pids.iter().fold((0.0, 0), |(cpu, rss), pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        (cpu + cpu_seconds(&stat), rss + rss_kib(&status))
    })
}

/// `utime` and `stime`, fields 14 and 15 of proc(5); the name in field 2 may hold spaces and brackets.
fn cpu_seconds(stat: &str) -> f64 {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = after.split_whitespace().skip(11).take(2);
    ticks.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn rss_kib(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 4 0 100 1000 50";
        assert!((cpu_seconds(stat) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn resident_memory_is_read_in_kib() {
        assert_eq!(rss_kib("Name:\tx\nVmRSS:\t  1234 kB\n"), 1234);
        assert_eq!(rss_kib(""), 0);
    }

    #[test]
    fn this_process_uses_memory() {
        let own = Watched {
            name: "own".into(),
            pid: std::process::id(),
            family: false,
        };
        assert!(look(&own).1 > 0);
    }
}
