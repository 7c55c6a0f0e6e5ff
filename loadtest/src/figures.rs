//! Histograms: latencies counted from the moment a press was meant to be sent.
//!
//! For: p50 to max of each figure, and how they went over time.
//! May not know: what was measured, how it is shown.
//!
//! A generator that waits for an answer before it sends the next press leaves out the waiting of the presses it did not
//! send (coordinated omission). Here every press is sent when it is due or is counted from when it was due, so that
//! waiting is in the figures by construction and nothing is corrected afterwards.

use crate::ledger::{Ledger, Moment, Row};
use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time kept, in microseconds: ten minutes; longer ones count as this.
const LONGEST_US: u64 = 600_000_000;

/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;

/// The quantiles of every table.
pub const QUANTILES: [(&str, f64); 4] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// One figure's latencies in microseconds.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are in order"))
    }
}

/// A figure as it is written down; times in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Summary {
    pub count: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
    pub mean_us: u64,
}

impl Latencies {
    /// From any number of times in microseconds.
    pub fn of(times: impl IntoIterator<Item = u64>) -> Self {
        let mut all = Self::default();
        times.into_iter().for_each(|us| all.add(us));
        all
    }

    /// Of every press to which it happened, from its due time to the moment.
    pub fn until(ledger: &Ledger, moment: impl Fn(&Row) -> &Moment) -> Self {
        let rows = ledger.rows().iter();
        Self::of(rows.filter_map(|row| Some(moment(row).get()?.saturating_sub(row.due))))
    }

    /// Adds one time.
    pub fn add(&mut self, us: u64) {
        self.0.saturating_record(us.max(1));
    }

    /// Puts both together.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The time that this share of all stayed within, in microseconds.
    pub fn at(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// As it is written down.
    pub fn summary(&self) -> Summary {
        Summary {
            count: self.0.len(),
            p50_us: self.at(0.5),
            p90_us: self.at(0.9),
            p99_us: self.at(0.99),
            p999_us: self.at(0.999),
            max_us: self.0.max(),
            mean_us: self.0.mean() as u64,
        }
    }

    /// Points of the percentile curve: how many nines (0 to 4) and the time, in microseconds.
    pub fn curve(&self) -> Vec<(f64, u64)> {
        (0..=80)
            .map(|step| f64::from(step) / 20.0)
            .map(|nines| (nines, self.at(1.0 - 10f64.powf(-nines))))
            .collect()
    }
}

/// One second of a run, by due time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it; times in microseconds")]
pub struct Second {
    pub due: u64,
    pub answered: u64,
    pub framed: u64,
    pub answer_p50_us: u64,
    pub answer_p99_us: u64,
    pub frame_p50_us: u64,
    pub frame_p99_us: u64,
}

/// The run second by second.
pub fn seconds(ledger: &Ledger) -> Vec<Second> {
    let last = ledger.rows().last().map_or(0, |row| row.due / 1_000_000);
    let mut seconds: Vec<(Second, Latencies, Latencies)> =
        vec![Default::default(); last as usize + 1];
    for row in ledger.rows() {
        let (second, answers, frames) = &mut seconds[(row.due / 1_000_000) as usize];
        second.due += 1;
        if let Some(at) = row.answered.get() {
            answers.add(at.saturating_sub(row.due));
        }
        if let Some(at) = row.framed.get() {
            frames.add(at.saturating_sub(row.due));
        }
    }
    seconds
        .into_iter()
        .map(|(second, answers, frames)| Second {
            answered: answers.0.len(),
            framed: frames.0.len(),
            answer_p50_us: answers.at(0.5),
            answer_p99_us: answers.at(0.99),
            frame_p50_us: frames.at(0.5),
            frame_p99_us: frames.at(0.99),
            ..second
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Arrival, Schedule};
    use tokio::time::Instant;

    /// 100 presses a second for 10 s against a door that answers in 1 ms but stands still for the whole second 4 to 5.
    fn stalled() -> Ledger {
        let schedule = Schedule::new(Arrival::Uniform, 100, 10, 0);
        let devices = (0..1_000).map(|n| format!("d{n}"));
        let ledger = Ledger::new(Instant::now(), &schedule, devices);
        for row in ledger.rows() {
            let stands = (4_000_000..5_000_000).contains(&row.due);
            let served = if stands { 5_000_000 } else { row.due };
            row.sent.tell(served);
            row.answered.tell(served + 1_000);
        }
        ledger
    }

    #[test]
    fn waiting_to_be_sent_is_part_of_the_latency() {
        let ledger = stalled();
        let figure = Latencies::until(&ledger, |row| &row.answered);
        // A tenth of all presses waited, half a second each on the mean.
        assert!(figure.at(0.5) <= 1_001, "{}", figure.at(0.5));
        assert!(figure.at(0.99) > 850_000, "{}", figure.at(0.99));
        let own: Vec<u64> = ledger
            .rows()
            .iter()
            .filter_map(|row| Some(row.answered.get()? - row.sent.get()?))
            .collect();
        // Counted from the sending, as a waiting generator counts, the stall would not show at all.
        assert!(Latencies::of(own).at(0.999) <= 1_001);
    }

    #[test]
    fn the_stall_stands_in_its_second() {
        let seconds = seconds(&stalled());
        assert_eq!(seconds.len(), 10);
        assert!(seconds.iter().all(|second| second.answered == 100));
        assert!(seconds[4].answer_p99_us > 900_000);
        assert!(seconds[3].answer_p99_us <= 1_001);
    }

    #[test]
    fn what_never_happened_is_in_no_figure() {
        let schedule = Schedule::new(Arrival::Uniform, 1, 3, 0);
        let ledger = Ledger::new(Instant::now(), &schedule, (0..3).map(|n| n.to_string()));
        ledger.row(1).framed.tell(1_250_000);
        let figure = Latencies::until(&ledger, |row| &row.framed).summary();
        assert_eq!(figure.count, 1);
        assert!((249_000..=251_000).contains(&figure.p50_us));
    }
}
