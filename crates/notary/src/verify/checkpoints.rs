//! Checkpoints under verification: each by itself, then against the tree.
//!
//! For: signatures, numbers without gaps, and which side of a doubt was signed.
//! May not know: records.

use super::{Found, Judgement, Run, VerifyError};
use crate::checkpoint::Checkpoint;
use crate::store::{LedgerError, StoredCheckpoint};
use crate::tree::Hash;

/// Checkpoints read at a time.
const CHECKPOINT_PAGE: usize = 256;

impl Run<'_> {
    /// The notary's own row, and the checkpoint it points to.
    pub(super) fn look_at_the_end(&mut self) {
        if self.state.verifier != self.what.verifier.to_string() {
            self.add(
                None,
                "the notary's own row names another key than the one used here",
            );
        }
        let Some(last) = &self.last else {
            if self.state.checkpoints > 0 {
                let text = format!(
                    "checkpoint {}, the last one, is missing",
                    self.state.checkpoints
                );
                self.add(Some(self.state.size), text);
            }
            return;
        };
        let (row, size) = (self.state.size, last.size);
        if size != row {
            // What is signed decides; where the signature does not hold either, the smaller is surely there.
            let signed = Checkpoint::open(&last.note, self.what.verifier);
            let signed = signed.map_or(row.min(size), |it| it.size);
            let text =
                format!("the notary's own row says {row} records, its last checkpoint {size}");
            self.add(Some(row.min(size) + 1), text);
            self.state.size = signed;
            self.report.signed = signed;
        }
    }

    pub(super) async fn look_at_checkpoints(&mut self) -> Result<(), VerifyError> {
        while let Some((number, next)) = self.ahead.front()
            && next.size <= self.kept.size()
        {
            let (number, root, size, at) = (*number, next.root, next.size, next.signed_at);
            if !self.broken && self.judge(root, number) {
                self.report.checkpoints += 1;
                self.report.signed_at = Some(at);
            }
            self.held_at = size;
            self.ahead.pop_front();
            if self.ahead.is_empty() {
                self.refill().await?;
            }
        }
        if let Some(outer) = &self.what.against
            && outer.size == self.kept.size()
            && self.report.against.is_none()
        {
            let outer = outer.clone();
            self.look_at_outer(&outer);
        }
        Ok(())
    }

    /// Reads on, and looks at each checkpoint by itself; those that hold wait for their place in the tree.
    pub(super) async fn refill(&mut self) -> Result<(), VerifyError> {
        let Some(ledger) = self.what.ledger else {
            return Ok(());
        };
        while self.ahead.is_empty() && self.read_to < self.state.checkpoints {
            let page = match ledger.checkpoints(self.read_to, CHECKPOINT_PAGE).await {
                Ok(page) => page,
                Err(LedgerError::Damaged(why)) => {
                    self.add(None, format!("the checkpoints: {why}"));
                    self.read_to = self.state.checkpoints;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let whole = page.len() == CHECKPOINT_PAGE;
            for stored in page {
                // The last one was read with the notary's own row; a newer one may stand in its place since.
                let last = self.last.as_ref().filter(|it| it.number == stored.number);
                let stored = last.cloned().unwrap_or(stored);
                if stored.number <= self.state.checkpoints {
                    self.numbers(stored.number);
                    self.look_at_checkpoint(&stored);
                }
            }
            if !whole && self.read_to < self.state.checkpoints {
                // The very last one is told of by the notary's own row.
                if self.state.checkpoints > self.read_to + 1 {
                    self.numbers(self.state.checkpoints);
                }
                self.read_to = self.state.checkpoints;
            }
        }
        Ok(())
    }

    /// The size up to which checkpoints were found in order.
    fn reached(&self) -> u64 {
        self.ahead.back().map_or(self.held_at, |(_, it)| it.size)
    }

    /// Notes a checkpoint's number, and those that are missing before it.
    fn numbers(&mut self, number: u64) {
        let (next, reached) = (self.read_to + 1, self.reached());
        if number > next {
            let which = match number - 1 == next {
                true => format!("checkpoint {next} is missing"),
                false => format!("checkpoints {next} to {} are missing", number - 1),
            };
            let text = format!("{which}, after the one at size {reached}");
            self.add(Some(reached + 1), text);
        }
        self.read_to = number;
    }

    /// Its signature, and that its row says the same.
    fn look_at_checkpoint(&mut self, stored: &StoredCheckpoint) {
        let StoredCheckpoint { number, note, .. } = stored;
        let from = self.reached();
        let checkpoint = match Checkpoint::open(note, self.what.verifier) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                let text = format!("checkpoint {number} does not hold: {error}");
                return self.add(Some(from + 1), text);
            }
        };
        if (checkpoint.size, checkpoint.signed_at) != (stored.size, stored.signed_at) {
            let text = format!("checkpoint {number} says another size or time than its row");
            return self.add(Some(from + 1), text);
        }
        if checkpoint.size <= from && from > 0 {
            let text =
                format!("checkpoint {number} is over no more records than the one before it");
            return self.add(Some(from + 1), text);
        }
        self.ahead.push_back((*number, checkpoint));
    }

    /// Whether a signed root is the tree's; explains the doubts that were open.
    fn judge(&mut self, root: Hash, number: u64) -> bool {
        if self.kept.root() == root {
            self.explain(Judgement::KeptHolds);
            self.found = Found::Same;
            return true;
        }
        if let Found::Other(found) = &self.found
            && found.root() == root
        {
            self.kept = (**found).clone();
            self.explain(Judgement::FoundHolds);
            self.found = Found::Same;
            return true;
        }
        if self.doubts.is_empty() {
            let (first, last) = (self.held_at + 1, self.kept.size());
            self.add(
                Some(first),
                format!(
                    "checkpoint {number} does not fit: records between positions {first} and {last} were changed together with their kept hashes"
                ),
            );
        }
        self.explain(Judgement::Open);
        self.broken = true;
        false
    }

    pub(super) fn look_at_outer(&mut self, outer: &Checkpoint) {
        let found = match &self.found {
            Found::Same => Some(self.kept.root()),
            Found::Other(tree) => Some(tree.root()),
            Found::None => None,
        };
        if found == Some(outer.root) {
            self.report.against = Some(outer.size);
            return;
        }
        // With what differs inside placed already, the outer one adds nothing but itself.
        let first = self.report.first().into_iter();
        let first = first.chain(self.doubts.first().map(|run| run.first)).min();
        let size = outer.size;
        self.add(
            Some(first.unwrap_or(1)),
            format!("the checkpoint kept outside does not fit: the first {size} records are not those it was signed over"),
        );
    }
}
