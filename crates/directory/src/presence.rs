//! Which processes that serve consoles are alive.
//!
//! For: ending the consoles of a process that was killed and does not come back, where others go on.
//! May not know: what a console shows; who is offered what.
//!
//! Each such process takes its own lease again every [`BEAT`], and the lease's epoch grows with it. Whoever watches
//! looks at that number only, by its own steady clock, so that clocks that differ end nobody's consoles.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::NodeId;
use eventlog::{DoorError, Log};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a process says that it lives.
pub const BEAT: Duration = Duration::from_secs(3);

/// A process that has said nothing for so long is gone. Ours: as long as a console may be silent (9 s), and one beat.
pub const GONE_AFTER: Duration = Duration::from_secs(12);

fn lease(node: &NodeId) -> String {
    format!("console/{node}")
}

/// Says that this process lives, until told to stop. What the log does not take now is said again at the next beat.
pub async fn show(log: Log, node: NodeId, stop: CancellationToken) {
    let ttl_ms = u64::try_from(GONE_AFTER.as_millis()).unwrap_or(u64::MAX);
    let mut beats = tokio::time::interval(BEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beats.tick() => {}
        }
        let (leases, name) = (log.leases(), lease(&node));
        let now = log.now_micros();
        if let Err(error) = leases.acquire(&name, node.as_str(), ttl_ms, now).await {
            tracing::warn!(%error, "could not say that this process lives; trying again");
        }
    }
}

/// Who has been heard of, and when last.
#[derive(Debug, Default)]
pub struct Watch(BTreeMap<NodeId, (u64, Instant)>);

impl Watch {
    /// Which of these are gone, each with the last number it said. One that is looked at for the first time has
    /// [`GONE_AFTER`] to say something; so has everybody after the log did not answer.
    pub async fn gone(
        &mut self,
        log: &Log,
        nodes: &BTreeSet<NodeId>,
    ) -> Result<Vec<(NodeId, u64)>, DoorError> {
        self.0.retain(|node, _| nodes.contains(node));
        let mut gone = Vec::new();
        for node in nodes {
            let lease = match log.leases().get(&lease(node)).await {
                Ok(lease) => lease,
                Err(error) => {
                    self.0.clear();
                    return Err(error);
                }
            };
            let epoch = lease.map_or(0, |lease| lease.epoch);
            let now = Instant::now();
            let known = self.0.entry(node.clone()).or_insert((epoch, now));
            if known.0 != epoch {
                *known = (epoch, now);
            }
            if now.duration_since(known.1) >= GONE_AFTER {
                gone.push((node.clone(), epoch));
            }
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventlog::{Clock, TokioClock};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_stops_saying_so_is_gone_and_who_goes_on_is_not() {
        let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
        let log = Log::memory(clock as Arc<dyn Clock>);
        let node = |name: &str| NodeId::parse(name).unwrap();
        let nodes = BTreeSet::from([node("a"), node("b"), node("never")]);
        let stops = [CancellationToken::new(), CancellationToken::new()];
        for (name, stop) in ["a", "b"].iter().zip(&stops) {
            tokio::spawn(show(log.clone(), node(name), stop.clone()));
        }
        let mut watch = Watch::default();
        let mut told = Vec::new();
        for second in 0..40 {
            if second == 10 {
                stops[0].cancel();
            }
            let gone = watch.gone(&log, &nodes).await.unwrap();
            told.push(gone.into_iter().map(|(node, _)| node).collect::<Vec<_>>());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(told[11], Vec::<NodeId>::new());
        assert_eq!(told[12], [node("never")]);
        assert_eq!(told[30], [node("a"), node("never")], "b says so still");
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_log_was_away_everybody_has_time_to_speak() {
        let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
        let log = Log::memory(clock as Arc<dyn Clock>);
        let nodes = BTreeSet::from([NodeId::parse("a").unwrap()]);
        let mut watch = Watch::default();
        assert!(watch.gone(&log, &nodes).await.unwrap().is_empty());
        tokio::time::sleep(GONE_AFTER).await;
        log.faults().fail_reads(1);
        watch.gone(&log, &nodes).await.unwrap_err();
        assert!(watch.gone(&log, &nodes).await.unwrap().is_empty());
        tokio::time::sleep(GONE_AFTER).await;
        assert_eq!(watch.gone(&log, &nodes).await.unwrap().len(), 1);
    }
}
