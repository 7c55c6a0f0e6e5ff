//! Cells, and ratios of them held against targets.
//!
//! For: what is printed and written down.
//! May not know: what was measured, how it is shown.

use loadtest::figures::Latencies;
use serde::{Deserialize, Serialize};
use tokio::time::Duration;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
}

impl Cell {
    /// So many in that time, each with its own latency.
    pub(crate) fn of(latencies: &Latencies, took: Duration) -> Self {
        Self::counted(latencies.summary().count, latencies, took)
    }

    /// As [`Cell::of`], where a latency is that of several.
    pub(crate) fn counted(count: u64, latencies: &Latencies, took: Duration) -> Self {
        let summary = latencies.summary();
        Self {
            count,
            seconds: took.as_secs_f64(),
            p50_us: summary.p50_us,
            p99_us: summary.p99_us,
        }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

/// The same measurement in every round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) rounds: Vec<Cell>,
}

/// What a ratio must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// For comparison only.
    None,
}

/// A figure that a target may be set for: of two cells of one round, or a number by itself.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    /// One per round.
    pub(crate) rounds: Vec<f64>,
    pub(crate) target: Target,
}

impl Figure {
    pub(crate) fn value(&self) -> f64 {
        median(self.rounds.iter().copied())
    }

    pub(crate) fn holds(&self) -> bool {
        match self.target {
            Target::AtLeast(least) => self.value() >= least,
            Target::AtMost(most) => self.value() <= most,
            Target::None => true,
        }
    }
}

/// One part of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) series: Vec<Series>,
    pub(crate) figures: Vec<Figure>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

impl Section {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            series: Vec::new(),
            figures: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds this round's cell to the series of that name.
    pub(crate) fn cell(&mut self, name: impl Into<String>, cell: Cell) {
        let name = name.into();
        match self.series.iter_mut().find(|series| series.name == name) {
            Some(series) => series.rounds.push(cell),
            None => self.series.push(Series {
                name,
                rounds: vec![cell],
            }),
        }
    }

    /// Adds this round's figure to those of that name.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: f64, target: Target) {
        let name = name.into();
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.rounds.push(value),
            None => self.figures.push(Figure {
                name,
                rounds: vec![value],
                target,
            }),
        }
    }
}

/// The middle one; of an even number the mean of the two in the middle; 0 of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_rounds_is_held_against_the_target() {
        let mut section = Section::new("test");
        for value in [0.2, 0.9, 0.6] {
            section.figure("of raw", value, Target::AtLeast(0.5));
        }
        let figure = &section.figures[0];
        assert_eq!((figure.value(), figure.holds()), (0.6, true));
        assert_eq!(median([1.0, 2.0].into_iter()), 1.5);
        assert_eq!(median([].into_iter()), 0.0);
    }
}
