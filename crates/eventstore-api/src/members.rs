//! Which processes open this door to one log, and where each is reached.
//!
//! For: one list on every process: each says every [`MEMBER_BEAT`] where it is, in a place of its own among the log's leases.
//! May not know: in which words clients ask for it; that is `gossip`'s.
//!
//! There are [`MEMBERS`] places. A process that finds none is not listed by the others; it serves all the same.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::uri::Authority;
use eventlog::{DoorError, Lease, Log};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::limits::{MEMBER_BEAT, MEMBER_GONE_AFTER, MEMBERS, MEMBERS_FOR};

/// A name or address, and a port, under which clients reach a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Reached {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "write a name or an address, and a port: log-1.example.org:2113";
        let authority: Authority = text.parse().map_err(|_| WRONG)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().filter(|port| *port > 0).ok_or(WRONG)?;
        let plain = !host.is_empty() && !text.contains('@') && host.len() <= 255;
        plain.then_some(Self { host, port }).ok_or(WRONG)
    }
}

/// A process with this door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) instance: Uuid,
    pub(crate) at: Reached,
    /// When it said so last, in microseconds of UTC since 1970, by the log's clock.
    pub(crate) said_at: i64,
}

impl Member {
    /// What stands in its place; none when that has run out, or says what we do not understand.
    fn read(lease: &Lease, now: i64) -> Option<Self> {
        let (instance, at) = lease.holder.split_once(' ')?;
        let gone_after = i64::try_from(MEMBER_GONE_AFTER.as_micros()).unwrap_or(i64::MAX);
        (lease.expires_at > now).then_some(Self {
            instance: instance.parse().ok()?,
            at: at.parse().ok()?,
            said_at: lease.expires_at.saturating_sub(gone_after),
        })
    }
}

fn place(number: usize) -> String {
    format!("eventstore/{number}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// This process's place.
#[derive(Debug, Default)]
struct Place(Option<(String, u64)>);

impl Place {
    /// Says once more where we are; takes a place if we have none.
    async fn say(&mut self, log: &Log, holder: &str) -> Result<(), DoorError> {
        let (leases, ttl) = (log.leases(), millis(MEMBER_GONE_AFTER));
        if let Some((name, epoch)) = self.0.take() {
            let renewed = leases.renew(&name, holder, epoch, ttl, log.now_micros());
            if renewed.await?.is_some() {
                self.0 = Some((name, epoch));
                return Ok(());
            }
        }
        for name in (0..MEMBERS).map(place) {
            let taken = leases.get(&name).await?;
            if taken.is_some_and(|lease| lease.expires_at > log.now_micros()) {
                continue;
            }
            let acquired = leases.acquire(&name, holder, ttl, log.now_micros());
            if let Some(lease) = acquired.await? {
                self.0 = Some((name, lease.epoch));
                return Ok(());
            }
        }
        tracing::warn!(
            members = MEMBERS,
            "more processes open this door than are listed as members; clients do not hear of this one from others"
        );
        Ok(())
    }
}

/// Says where this process is until it is told to stop, and then that it is no longer there.
pub(crate) async fn show(log: Log, instance: Uuid, at: Reached, stop: CancellationToken) {
    let holder = format!("{instance} {at}");
    let mut place = Place::default();
    let mut beats = tokio::time::interval(MEMBER_BEAT);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beats.tick() => {}
        }
        if let Err(error) = place.say(&log, &holder).await {
            tracing::warn!(%error, "could not say where this door is reached; trying again");
        }
    }
    if let Some((name, epoch)) = place.0
        && let Err(error) = log.leases().release(&name, &holder, epoch).await
    {
        tracing::warn!(%error, "other processes name this one until its place runs out");
    }
}

/// The list, asked of the log at most once every [`MEMBERS_FOR`].
#[derive(Debug, Default)]
pub(crate) struct Members(Mutex<Option<(Instant, Vec<Member>)>>);

impl Members {
    /// Everybody who has said something lately, in order of their places.
    pub(crate) async fn list(&self, log: &Log) -> Result<Vec<Member>, DoorError> {
        // Held while the log is asked: whoever comes meanwhile gets the same answer.
        let mut kept = self.0.lock().await;
        if let Some((asked_at, members)) = &*kept
            && asked_at.elapsed() < MEMBERS_FOR
        {
            return Ok(members.clone());
        }
        let (leases, now) = (log.leases(), log.now_micros());
        let mut members: Vec<Member> = Vec::new();
        for name in (0..MEMBERS).map(place) {
            let lease = leases.get(&name).await?;
            let Some(member) = lease.and_then(|lease| Member::read(&lease, now)) else {
                continue;
            };
            // Killed and started again within the time of a place: the later life is the one that is reached.
            match members.iter_mut().find(|other| other.at == member.at) {
                Some(other) if other.said_at >= member.said_at => {}
                Some(other) => *other = member,
                None => members.push(member),
            }
        }
        *kept = Some((Instant::now(), members.clone()));
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventlog::{Clock, TokioClock};

    use super::*;

    fn log() -> Log {
        let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
        Log::memory(clock as Arc<dyn Clock>)
    }

    async fn ports(log: &Log) -> Vec<u16> {
        let members = Members::default().list(log).await.unwrap();
        members.into_iter().map(|member| member.at.port).collect()
    }

    fn process(log: &Log, port: u16) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let stop = CancellationToken::new();
        let at = format!("log.example.org:{port}").parse().unwrap();
        let task = tokio::spawn(show(log.clone(), Uuid::new_v4(), at, stop.clone()));
        (stop, task)
    }

    #[tokio::test(start_paused = true)]
    async fn each_process_is_listed_from_its_first_word_until_it_stops_or_falls_silent() {
        let log = log();
        let (one, two) = (process(&log, 1), process(&log, 2));
        tokio::time::sleep(MEMBER_GONE_AFTER * 3).await;
        assert_eq!(ports(&log).await, [1, 2]);
        one.0.cancel();
        one.1.await.unwrap();
        assert_eq!(ports(&log).await, [2], "it said that it goes");
        two.1.abort();
        tokio::time::sleep(MEMBER_GONE_AFTER).await;
        assert!(ports(&log).await.is_empty(), "it said nothing any more");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_killed_and_is_there_again_is_listed_once() {
        let log = log();
        let (before, now) = (process(&log, 1), Uuid::new_v4());
        tokio::time::sleep(MEMBER_BEAT).await;
        before.1.abort();
        tokio::time::sleep(MEMBER_BEAT).await;
        let at = "log.example.org:1".parse().unwrap();
        tokio::spawn(show(log.clone(), now, at, CancellationToken::new()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        let members = Members::default().list(&log).await.unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].instance, now);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_so_many_places_and_the_next_gets_one_when_it_is_free() {
        let log = log();
        let mut all = Vec::new();
        for port in 1..=MEMBERS + 1 {
            all.push(process(&log, u16::try_from(port).unwrap()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ports(&log).await.len(), MEMBERS);
        let first = all.remove(0);
        first.0.cancel();
        first.1.await.unwrap();
        tokio::time::sleep(MEMBER_BEAT * 2).await;
        let last = u16::try_from(MEMBERS + 1).unwrap();
        assert_eq!(ports(&log).await.first(), Some(&last));
    }

    #[test]
    fn a_place_to_be_reached_is_a_name_and_a_port() {
        for text in ["log-1:2113", "10.0.0.1:2113", "[::1]:2113"] {
            let reached: Reached = text.parse().unwrap();
            assert_eq!(reached.to_string(), text);
        }
        for text in [
            "",
            "log-1",
            "log-1:0",
            ":2113",
            "a b:1",
            "li@log-1:2113",
            "log-1:99999",
        ] {
            assert!(text.parse::<Reached>().is_err(), "{text}");
        }
    }
}
