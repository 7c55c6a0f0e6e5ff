//! What is not as it should be, for pages to say.
//!
//! For: looking at the log and for dispatchers now and then, and telling every live page when something changes.
//! May not know: the words; the page has them. How a dispatcher or a database is brought back.

use casebook::Casebook;
use directory::presence::{GONE_AFTER, Stethoscope};
use eventlog::{Degraded, Direction, Log, Position};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::console::Trouble;

/// How often it is looked. Ours: an operator hears of a lost log before a second press has been tried in vain.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the log may take to answer; `/readyz` allows it the same.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What is told: empty when all is well.
#[derive(Debug, Default)]
pub(crate) struct Health(watch::Sender<Vec<Trouble>>);

impl Health {
    /// What it is now.
    pub(crate) fn now(&self) -> Vec<Trouble> {
        self.0.borrow().clone()
    }

    /// Ticks when it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Vec<Trouble>> {
        self.0.subscribe()
    }

    /// Looks until told to stop. `shared`: dispatchers run in processes of their own.
    pub(crate) async fn look(&self, casebook: &Casebook, shared: bool, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut listener = Stethoscope::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            let log = casebook.log();
            let answers = answers(log).await;
            // While the log is away nothing can be said of dispatchers.
            let alone = shared && answers && listener.silent(log).await.unwrap_or(false);
            let found = troubles(answers, log.degraded(), alone);
            let now = casebook.now().0;
            self.0.send_if_modified(|told| {
                let next = dated(told, found, now);
                let changed = next != *told;
                *told = next;
                changed
            });
        }
    }
}

async fn answers(log: &Log) -> bool {
    let last = log.read_all(Position(u64::MAX), Direction::Backward, 1);
    log.reachable() && matches!(tokio::time::timeout(ANSWER_WITHIN, last).await, Ok(Ok(_)))
}

/// The worst first. Of a log that is away the rest is not known.
fn troubles(answers: bool, degraded: Option<Degraded>, alone: bool) -> Vec<Trouble> {
    let trouble = |code: &str, standing: bool, args: Vec<String>| Trouble {
        code: code.to_owned(),
        standing,
        since: None,
        args,
    };
    if !answers {
        return vec![trouble("log_away", false, Vec::new())];
    }
    let alone = alone.then(|| trouble("no_dispatcher", false, Vec::new()));
    let degraded = degraded.map(|why| match why {
        Degraded::OneCopy => trouble("one_copy", true, Vec::new()),
        Degraded::Unsafe(off) => {
            let off = off.into_iter().map(str::to_owned).collect();
            trouble("unsafe_database", true, off)
        }
    });
    alone.into_iter().chain(degraded).collect()
}

/// What was told before keeps its time; what is new gets its own. How the house is set up has none.
fn dated(told: &[Trouble], found: Vec<Trouble>, now: i64) -> Vec<Trouble> {
    let silence = i64::try_from(GONE_AFTER.as_millis()).unwrap_or(0);
    let dated = found.into_iter().map(|mut trouble| {
        let before = told.iter().find(|one| one.code == trouble.code);
        trouble.since = match (before, trouble.code.as_str()) {
            _ if trouble.standing => None,
            (Some(before), _) => before.since,
            // Missed only when it had been silent for so long already.
            (None, "no_dispatcher") => Some(now - silence),
            (None, _) => Some(now),
        };
        trouble
    });
    dated.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::{Clock, TokioClock};
    use std::sync::Arc;

    #[test]
    fn the_worst_comes_first_and_keeps_its_time() {
        let found = troubles(true, Some(Degraded::OneCopy), true);
        let codes: Vec<&str> = found.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["no_dispatcher", "one_copy"]);
        let told = dated(&[], found.clone(), 100_000);
        assert_eq!(told[0].since, Some(88_000));
        assert_eq!(told[1].since, None);
        assert_eq!(dated(&told, found, 200_000), told);
        let away = troubles(false, Some(Degraded::OneCopy), true);
        assert_eq!(away.len(), 1, "of a log that is away nothing else is known");
        assert_eq!(dated(&told, away, 200_000)[0].since, Some(200_000));
        let unsafe_one = troubles(true, Some(Degraded::Unsafe(vec!["fsync"])), false);
        assert_eq!(unsafe_one[0].args, ["fsync"]);
        assert!(troubles(true, None, false).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_answers_again_is_no_trouble_any_more() {
        let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
        let log = Log::memory(clock as Arc<dyn Clock>);
        let key = casebook::MasterKey::from_bytes([7; 32]);
        let vault = casebook::Vault::open(log.clone(), key).await.unwrap();
        let casebook = Casebook::new(log.clone(), vault);
        let health = Arc::new(Health::default());
        let stop = CancellationToken::new();
        let mut told = health.watch();
        let looking = {
            let (health, casebook, stop) = (Arc::clone(&health), casebook.clone(), stop.clone());
            tokio::spawn(async move { health.look(&casebook, true, stop).await })
        };
        log.faults().fail_reads(1);
        told.wait_for(|now| now.iter().any(|one| one.code == "log_away"))
            .await
            .unwrap();
        told.wait_for(Vec::is_empty).await.unwrap();
        // Nobody has ever said that it dispatches.
        told.wait_for(|now| now.iter().any(|one| one.code == "no_dispatcher"))
            .await
            .unwrap();
        let mut heart = directory::presence::Heart::new(log);
        heart.beat();
        told.wait_for(Vec::is_empty).await.unwrap();
        stop.cancel();
        looking.await.unwrap();
    }
}
