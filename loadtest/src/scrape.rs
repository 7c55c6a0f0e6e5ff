//! `/metrics` of the processes, before and after.
//!
//! For: what the service itself counted during a run.
//! May not know: what the figures mean.

use std::collections::BTreeMap;

/// Name → value, summed over the doors.
pub type Metrics = BTreeMap<String, f64>;

/// Reads the metrics of every door that has them; a door without is passed over.
pub async fn metrics(client: &reqwest::Client, doors: &[String]) -> Metrics {
    let mut all = Metrics::new();
    for door in doors {
        let Ok(answer) = client.get(format!("{door}/metrics")).send().await else {
            continue;
        };
        for (name, value) in read(&answer.text().await.unwrap_or_default()) {
            *all.entry(name).or_default() += value;
        }
    }
    all
}

/// What was counted between two readings.
pub fn since(before: &Metrics, after: &Metrics) -> Metrics {
    after
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                value - before.get(name).copied().unwrap_or(0.0),
            )
        })
        .collect()
}

/// Lines `name value` of the Prometheus text format; those with labels are left out.
fn read(text: &str) -> Metrics {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains('{'));
    lines
        .filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_and_subtracted() {
        let before = read("# HELP a x\na 3\nb{le=\"1\"} 4\n");
        let after = read("a 10\nc 1\n");
        let since = since(&before, &after);
        assert_eq!(since["a"], 7.0);
        assert_eq!(since["c"], 1.0);
        assert!(!before.contains_key("b"));
    }
}
