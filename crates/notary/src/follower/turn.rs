//! A turn as the notary: taking what was committed, signing it, keeping the lease.
//!
//! For: a signature soon after each commit, and none over a log that no longer holds what was signed.
//! May not know: how a turn is come by; what is done when it ends.

use std::time::Duration;

use eventlog::{Delivery, Direction, Filter, Position, Recorded, SubscribeError};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::{Ended, LEASE, LEASE_TTL_MS, RENEW_EVERY, Turn};
use crate::canonical::leaf_hash;
use crate::checkpoint::Checkpoint;
use crate::status::Status;
use crate::store::StoredCheckpoint;

/// How long after the first record that is not signed yet the next checkpoint is signed. Ours: half of the second that
/// is promised, the other half being for the disk.
const SIGN_AFTER: Duration = Duration::from_millis(500);

/// Most records under one signature: bounds the memory and the work of one commit while catching up.
const SIGN_RECORDS: u64 = 8_192;

/// A kept checkpoint is followed by another kept one after this long, in microseconds; those between are replaced by
/// their successor. Ours: a year of busy seconds would be 31 million rows, a year of minutes is half a million.
const KEEP_EVERY_US: i64 = 60_000_000;

impl Turn<'_> {
    pub(super) async fn follow(mut self) -> Ended {
        let mut records = self
            .desk
            .log
            .subscribe(Filter::All, Position(self.tree.size()));
        let mut renew = tokio::time::interval(RENEW_EVERY);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due: Option<Instant> = None;
        loop {
            let sign_at = due.unwrap_or_else(Instant::now);
            let done = tokio::select! {
                biased;
                () = self.desk.stop.cancelled() => return self.finish().await,
                _ = renew.tick() => self.renew().await,
                () = sleep_until(sign_at), if due.is_some() => {
                    due = None;
                    self.sign().await
                }
                next = records.next() => match next {
                    Ok(Delivery::Event(record)) => {
                        due.get_or_insert_with(|| Instant::now() + SIGN_AFTER);
                        self.take(&record)
                    }
                    Ok(Delivery::CaughtUp(_)) => Ok(()),
                    Err(SubscribeError::Closed) => return Ended::Stopped,
                    Err(error) => Err(Ended::Trouble(error.to_string())),
                },
            };
            if let Err(ended) = done {
                return ended;
            }
            if self.tree.size() - self.state.size >= SIGN_RECORDS {
                due = None;
                if let Err(ended) = self.sign().await {
                    return ended;
                }
            }
        }
    }

    fn take(&mut self, record: &Recorded) -> Result<(), Ended> {
        let next = self.tree.size() + 1;
        if record.position.0 != next {
            let found = record.position;
            return Err(Ended::Refusal(format!(
                "position {next} is missing; the next record stands at {found}"
            )));
        }
        let leaf = leaf_hash(record, &mut self.bytes);
        self.tree.push(leaf);
        self.newest_leaf = Some(leaf);
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), Ended> {
        let (leases, now) = (self.desk.log.leases(), self.desk.log.now_micros());
        let renewed = leases
            .renew(
                LEASE,
                &self.desk.holder,
                self.lease.epoch,
                LEASE_TTL_MS,
                now,
            )
            .await;
        match renewed {
            Ok(Some(lease)) => self.lease = lease,
            Ok(None) => return Err(Ended::Waiting),
            Err(error) => return Err(Ended::Trouble(error.to_string())),
        }
        Ok(())
    }

    /// Signs what the tree holds, if the log still holds what was signed last.
    async fn sign(&mut self) -> Result<(), Ended> {
        if self.tree.size() == self.state.size {
            return Ok(());
        }
        self.still_there().await?;
        let log = &self.desk.log;
        let now = log.now_micros();
        let follows =
            self.state.checkpoints > 0 && now.saturating_sub(self.begun_at) < KEEP_EVERY_US;
        let checkpoint = Checkpoint {
            origin: self.signer.verifier().name().to_owned(),
            size: self.tree.size(),
            root: self.tree.root(),
            signed_at: now,
        };
        let stored = StoredCheckpoint {
            // For a minute the newest stands in place of the one before it; then another is begun.
            number: self.state.checkpoints + u64::from(!follows),
            size: checkpoint.size,
            signed_at: now,
            note: checkpoint.sign(self.signer),
        };
        let tiles = self.tree.take_tiles();
        let ledger = &self.desk.ledger;
        ledger.commit(&self.state, &tiles, &stored).await?;
        if stored.number > self.state.checkpoints {
            self.begun_at = now;
        }
        self.state.size = stored.size;
        self.state.checkpoints = stored.number;
        self.last_leaf = self.newest_leaf;
        self.desk
            .newest
            .send_replace(Some((stored.size, stored.note.into())));
        self.desk.board.change(|it| {
            it.size = stored.size;
            it.signed += 1;
        });
        Ok(())
    }

    /// A database that was put back to an earlier state takes positions a second time; signing over that would vouch
    /// for records that are gone.
    async fn still_there(&mut self) -> Result<(), Ended> {
        let Some(signed) = self.last_leaf else {
            return Ok(());
        };
        let at = Position(self.state.size);
        let read = self.desk.log.read_all(at, Direction::Backward, 1).await;
        let found = read.map_err(|error| Ended::Trouble(error.to_string()))?;
        let found = found.first().filter(|record| record.position == at);
        match found.map(|record| leaf_hash(record, &mut self.bytes)) {
            Some(leaf) if leaf == signed => Ok(()),
            _ => Err(Ended::Refusal(format!(
                "the record at position {at} is not the one that was signed"
            ))),
        }
    }

    /// Takes and signs what was committed before the stop.
    async fn finish(mut self) -> Ended {
        let head = self.desk.log.head();
        while self.tree.size() < head.0 {
            let from = Position(self.tree.size());
            let read = self
                .desk
                .log
                .read_all(from, Direction::Forward, 1_024)
                .await;
            let Ok(page) = read else { break };
            if page.is_empty() || page.iter().any(|record| self.take(record).is_err()) {
                break;
            }
            if self.tree.size() - self.state.size >= SIGN_RECORDS && self.sign().await.is_err() {
                break;
            }
        }
        match self.sign().await {
            Ok(()) => {}
            Err(Ended::Refusal(why)) => self.desk.board.now(Status::Refusing(why)),
            Err(_) => tracing::info!("the last records are signed at the next start"),
        }
        Ended::Stopped
    }
}
