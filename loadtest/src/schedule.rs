//! When each press is due, fixed before the first is sent.
//!
//! For: open-loop load; a slow answer never moves a later press, so waiting is measured and not left out.
//! May not know: what is sent, or whether it was answered.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;
use tokio::time::Instant;

/// How arrivals lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// As independent people press: a Poisson process, given how many there are.
    Poisson,
    /// One every 1/rate seconds.
    Uniform,
}

/// The due times of a run, ascending, counted from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    due: Vec<Duration>,
}

impl Schedule {
    /// `rate` a second for `seconds`. The same seed gives the same schedule.
    pub fn new(arrival: Arrival, rate: u32, seconds: u32, seed: u64) -> Self {
        let count = u64::from(rate) * u64::from(seconds);
        let whole = f64::from(seconds);
        let at = |share: f64| Duration::from_secs_f64(whole * share);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut due: Vec<Duration> = match arrival {
            Arrival::Uniform => (0..count).map(|n| at(n as f64 / count as f64)).collect(),
            // Given their number, the arrivals of a Poisson process are independent and uniform over the time.
            Arrival::Poisson => (0..count).map(|_| at(rng.random::<f64>())).collect(),
        };
        due.sort_unstable();
        Self { due }
    }

    /// The due times.
    pub fn due(&self) -> &[Duration] {
        &self.due
    }

    /// The same, ended early.
    #[must_use]
    pub fn first(&self, time: Duration) -> Self {
        let kept = self.due.partition_point(|due| *due < time);
        Self {
            due: self.due[..kept].to_vec(),
        }
    }

    /// Calls `send` with each number when it is due, on this thread, and never waits for what `send` started.
    ///
    /// A timer of the runtime is right to a millisecond; parking a thread is right to the kernel's timer slack (50 µs).
    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured is real time, and no runtime's timer is as exact"
    )]
    pub fn keep(&self, start: Instant, mut send: impl FnMut(usize)) {
        for (number, due) in self.due.iter().enumerate() {
            let due = start + *due;
            loop {
                let left = due.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                std::thread::park_timeout(left);
            }
            send(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_has_rate_times_seconds_presses_in_order_within_the_time() {
        for arrival in [Arrival::Uniform, Arrival::Poisson] {
            let schedule = Schedule::new(arrival, 250, 4, 7);
            assert_eq!(schedule.due().len(), 1_000);
            assert!(schedule.due().is_sorted());
            assert!(schedule.due()[999] < Duration::from_secs(4));
            assert_eq!(schedule, Schedule::new(arrival, 250, 4, 7));
        }
    }

    #[test]
    fn uniform_arrivals_are_evenly_apart() {
        let schedule = Schedule::new(Arrival::Uniform, 100, 2, 0);
        assert_eq!(schedule.due()[0], Duration::ZERO);
        assert_eq!(schedule.due()[150], Duration::from_millis(1_500));
    }

    #[test]
    fn poisson_gaps_are_as_spread_as_their_mean() {
        let schedule = Schedule::new(Arrival::Poisson, 1_000, 20, 1);
        let gaps: Vec<f64> = schedule
            .due()
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let spread = variance.sqrt() / mean;
        assert!((0.95..1.05).contains(&spread), "{spread}");
    }

    #[test]
    fn nothing_is_sent_before_it_is_due() {
        let schedule =
            Schedule::new(Arrival::Uniform, 1_000, 1, 0).first(Duration::from_millis(30));
        let start = Instant::now();
        let mut sent = Vec::new();
        schedule.keep(start, |number| sent.push((number, start.elapsed())));
        assert_eq!(sent.len(), 30);
        assert!(
            sent.iter()
                .all(|(number, at)| *at >= schedule.due()[*number])
        );
    }
}
