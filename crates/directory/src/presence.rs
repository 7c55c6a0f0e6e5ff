//! Which processes that serve consoles are alive, and whether any dispatcher is.
//!
//! For: ending the consoles of a process that was killed and does not come back, where others go on; telling operators
//! that nobody plans their calls.
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
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// How often a process says that it lives.
pub const BEAT: Duration = Duration::from_secs(3);

/// A process that has said nothing for so long is gone. Ours: as long as a console may be silent (9 s), and one beat.
pub const GONE_AFTER: Duration = Duration::from_secs(12);

/// The one lease that every dispatcher takes again and again, all under this name: whose it is does not matter.
const DISPATCHER: &str = "dispatcher";

fn lease(node: &NodeId) -> String {
    format!("console/{node}")
}

async fn say(log: &Log, name: &str, holder: &str) {
    let ttl_ms = u64::try_from(GONE_AFTER.as_millis()).unwrap_or(u64::MAX);
    let now = log.now_micros();
    if let Err(error) = log.leases().acquire(name, holder, ttl_ms, now).await {
        tracing::warn!(%error, "could not say that this process lives; trying again");
    }
}

/// Says that this process lives, until told to stop. What the log does not take now is said again at the next beat.
pub async fn show(log: Log, node: NodeId, stop: CancellationToken) {
    let mut beats = tokio::time::interval(BEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = beats.tick() => {}
        }
        say(&log, &lease(&node), node.as_str()).await;
    }
}

/// A dispatcher's heart: it beats as long as whoever holds it goes round.
#[derive(Debug)]
pub struct Heart {
    log: Log,
    beaten_at: Option<Instant>,
    beating: JoinSet<()>,
}

impl Heart {
    /// Has not beaten yet.
    pub fn new(log: Log) -> Self {
        Self {
            log,
            beaten_at: None,
            beating: JoinSet::new(),
        }
    }

    /// Beats when it is time to, in the background, one beat at a time.
    pub fn beat(&mut self) {
        while self.beating.try_join_next().is_some() {}
        let lately = self.beaten_at.is_some_and(|at| at.elapsed() < BEAT);
        if lately || !self.beating.is_empty() {
            return;
        }
        self.beaten_at = Some(Instant::now());
        let log = self.log.clone();
        self.beating
            .spawn(async move { say(&log, DISPATCHER, DISPATCHER).await });
    }
}

/// Listens for any dispatcher's heart.
#[derive(Debug, Default)]
pub struct Stethoscope(Option<(u64, Instant)>);

impl Stethoscope {
    /// Whether no dispatcher has been heard for [`GONE_AFTER`], which whoever begins to listen waits too; so it is after
    /// the log did not answer.
    pub async fn silent(&mut self, log: &Log) -> Result<bool, DoorError> {
        let lease = match log.leases().get(DISPATCHER).await {
            Ok(lease) => lease,
            Err(error) => {
                self.0 = None;
                return Err(error);
            }
        };
        let (epoch, now) = (lease.map_or(0, |lease| lease.epoch), Instant::now());
        let heard = self.0.get_or_insert((epoch, now));
        if heard.0 != epoch {
            *heard = (epoch, now);
        }
        Ok(now.duration_since(heard.1) >= GONE_AFTER)
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
    async fn one_dispatcher_that_goes_round_is_enough() {
        let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
        let log = Log::memory(clock as Arc<dyn Clock>);
        let mut hearts = [Heart::new(log.clone()), Heart::new(log.clone())];
        let mut listener = Stethoscope::default();
        let mut told = Vec::new();
        for second in 0..60 {
            for (n, heart) in hearts.iter_mut().enumerate() {
                // The first stops after ten seconds, the second after thirty and comes back after fifty.
                if second < 10 || (n == 1 && !(30..50).contains(&second)) {
                    heart.beat();
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            told.push(listener.silent(&log).await.unwrap());
        }
        assert!(told[..38].iter().all(|silent| !silent), "{told:?}");
        assert!(told[45], "{told:?}");
        assert!(!told[52], "{told:?}");
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
