//! Moments and spans, as whole milliseconds.
//!
//! For: deadlines and ages that replay to the same value on any machine.
//! May not know: what time it is now.

use serde::{Deserialize, Serialize};
use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, by the log's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The span from `earlier` to this moment; zero when it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// Minutes after local midnight in China (UTC+8, no summer time), 0–1439.
pub fn minute_of_day(at: Timestamp) -> u16 {
    const DAY_MS: i64 = 86_400_000;
    const CHINA_MS: i64 = 8 * 3_600_000;
    let in_day = at.0.rem_euclid(DAY_MS) + CHINA_MS;
    u16::try_from(in_day.rem_euclid(DAY_MS) / 60_000).unwrap_or(0)
}
