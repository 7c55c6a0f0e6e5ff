//! Verification: every record against the tree, the tree against every checkpoint, every checkpoint's signature.
//!
//! For: finding what was changed since it was signed, saying where, and saying what is not signed yet.
//! May not know: SQL; what a record means. Memory does not grow with the log.
//!
//! Records and their kept hashes are two witnesses. Where they differ, the tree is continued both ways, and the next
//! checkpoint, which is signed, says which of them was changed.

mod checkpoints;
mod tiles;

use std::collections::VecDeque;

use eventlog::{Direction, Log, Position, ReadError, Recorded};

use crate::canonical::leaf_hash;
use crate::checkpoint::Checkpoint;
use crate::note::Verifier;
use crate::store::{Ledger, LedgerError, State, StoredCheckpoint};
use crate::tree::{Hash, Tree};
use tiles::Leaves;

/// Records read at a time.
const PAGE: usize = 4_096;

/// Findings after which verification stops. Ours: who has so many has to look at the store, not at a longer list.
pub const FINDINGS: usize = 100;

/// Something that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The first position it is about; `None` when it is about none.
    pub position: Option<u64>,
    /// What it is, in plain words.
    pub text: String,
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything that is not as it should be, in order of position.
    pub findings: Vec<Finding>,
    /// Verification stopped early, at [`FINDINGS`].
    pub cut: bool,
    /// Records read.
    pub records: u64,
    /// Records under the last checkpoint.
    pub signed: u64,
    /// When it was signed, in microseconds of UTC since 1970.
    pub signed_at: Option<i64>,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Records after the last checkpoint, of which nothing is proved.
    pub unsigned: u64,
    /// The outer checkpoint that was compared holds: its size.
    pub against: Option<u64>,
}

impl Report {
    /// The first changed position.
    pub fn first(&self) -> Option<u64> {
        self.findings.iter().find_map(|finding| finding.position)
    }
}

/// What is verified.
pub struct Verification<'a> {
    /// The log.
    pub log: &'a Log,
    /// The notary's tables; `None` when there are none.
    pub ledger: Option<&'a Ledger>,
    /// The key that everything must be signed with.
    pub verifier: &'a Verifier,
    /// A checkpoint kept outside.
    pub against: Option<Checkpoint>,
}

/// Why verification could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The notary's tables did not.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Verification<'_> {
    /// Looks at everything; `progress` hears how many records were read.
    pub async fn run(self, progress: impl Fn(u64)) -> Result<Report, VerifyError> {
        let mut run = Run::begin(self).await?;
        run.records(progress).await?;
        run.finish().await
    }
}

/// The tree as it was found in the records, where it differs from the kept one.
enum Found {
    Same,
    Other(Box<Tree>),
    /// A record is missing: there is no such tree.
    None,
}

struct Run<'a> {
    what: Verification<'a>,
    state: State,
    last: Option<StoredCheckpoint>,
    report: Report,
    /// The tree over the kept hashes; over the records where there are none.
    kept: Tree,
    found: Found,
    /// Differences that the next checkpoint will explain.
    doubts: Vec<Doubts>,
    /// A checkpoint did not hold: later ones would only repeat it.
    broken: bool,
    /// Leaves from the kept tiles, from the position after the tree's size on.
    leaves: Leaves,
    /// Checkpoints to come, and the size of the last one that held.
    ahead: VecDeque<(u64, Checkpoint)>,
    read_to: u64,
    held_at: u64,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Differs,
    RecordMissing,
    HashMissing,
}

/// Neighbouring positions, both ends inclusive, that differ in the same way.
#[derive(Clone, Copy)]
struct Doubts {
    first: u64,
    last: u64,
    doubt: Doubt,
}

impl<'a> Run<'a> {
    async fn begin(what: Verification<'a>) -> Result<Self, VerifyError> {
        let end = match what.ledger {
            Some(ledger) => ledger.end().await,
            None => Ok(None),
        };
        let mut report = Report::default();
        let (state, last) = match end {
            Ok(Some(end)) => end,
            Ok(None) => (empty(what.verifier), None),
            Err(LedgerError::Damaged(why)) => {
                add(
                    &mut report,
                    None,
                    format!("the notary's tables are damaged: {why}"),
                );
                (empty(what.verifier), None)
            }
            Err(error) => return Err(error.into()),
        };
        report.signed = state.size;
        let mut run = Self {
            what,
            state,
            last,
            report,
            kept: Tree::default(),
            found: Found::Same,
            doubts: Vec::new(),
            broken: false,
            leaves: Leaves::default(),
            ahead: VecDeque::new(),
            read_to: 0,
            held_at: 0,
            bytes: Vec::new(),
        };
        run.look_at_the_end();
        run.refill().await?;
        Ok(run)
    }

    async fn records(&mut self, progress: impl Fn(u64)) -> Result<(), VerifyError> {
        let mut at = 0;
        let mut limit = PAGE;
        loop {
            let page = match self.what.log.read_filed(Position(at), limit).await {
                Ok(page) => page,
                // Something on the page cannot be read: found by looking at ever fewer.
                Err(_) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                Err(error) => {
                    self.add(Some(at + 1), format!("cannot be read: {error}"));
                    if self.report.cut || at >= self.what.log.head().0 {
                        return Ok(());
                    }
                    self.missing(at + 1, at + 1).await?;
                    at += 1;
                    continue;
                }
            };
            limit = PAGE;
            for record in &page {
                let expected = at + 1;
                if record.position.0 != expected {
                    self.gap(expected, record.position.0 - 1).await?;
                }
                at = record.position.0;
                self.record(record).await?;
                if self.report.cut {
                    return Ok(());
                }
            }
            progress(at);
            if page.is_empty() {
                break;
            }
        }
        self.report.records = at;
        if at < self.state.size {
            let signed = self.state.size;
            self.add(
                Some(at + 1),
                format!("the log ends here, and {signed} records were signed"),
            );
            self.missing(at + 1, signed).await?;
        }
        self.look_at_the_head(at).await
    }

    /// What the store says its last position is, where it says so in a place of its own.
    async fn look_at_the_head(&mut self, at: u64) -> Result<(), VerifyError> {
        let says = self.what.log.stored_head().await?.0;
        let last = self
            .what
            .log
            .read_all(Position(u64::MAX), Direction::Backward, 1)
            .await?;
        let last = last.first().map_or(0, |record| record.position.0);
        // Between the two looks more may have been written, never less.
        if says > last || says < at {
            self.add(
                Some(last.min(says) + 1),
                format!("the log's head row says {says} records, the last one stands at {last}"),
            );
        }
        Ok(())
    }

    /// Positions without a record that can be read.
    async fn gap(&mut self, first: u64, last: u64) -> Result<(), VerifyError> {
        let which = match first == last {
            true => format!("the record at position {first} is missing"),
            false => format!("the records at positions {first} to {last} are missing"),
        };
        let signed = match first > self.state.size {
            true => " (after the last checkpoint)",
            false => "",
        };
        self.add(
            Some(first),
            format!("{which}: deleted, moved to another position, or its stream or category changed{signed}"),
        );
        self.missing(first, last).await
    }

    async fn missing(&mut self, first: u64, last: u64) -> Result<(), VerifyError> {
        // A position changed to an enormous one makes an enormous gap; beyond what was signed nothing is to be checked.
        for position in first..=last.min(self.state.size) {
            self.leaf(position, None).await?;
        }
        if last > self.state.size {
            self.broken = true;
        }
        Ok(())
    }

    async fn record(&mut self, record: &Recorded) -> Result<(), VerifyError> {
        let leaf = leaf_hash(record, &mut self.bytes);
        let position = record.position.0;
        if position > self.state.size {
            self.report.unsigned += 1;
            let outer = self.what.against.as_ref();
            if outer.is_none_or(|outer| outer.size < position) {
                return Ok(());
            }
        }
        self.leaf(position, Some(leaf)).await
    }

    /// Adds a leaf to the trees, and looks at the checkpoints that stand there.
    async fn leaf(&mut self, position: u64, record: Option<Hash>) -> Result<(), VerifyError> {
        let kept = match position <= self.state.size {
            true => self.kept_leaf(position).await?,
            false => record,
        };
        match (kept, record) {
            (Some(kept), Some(record)) if kept == record => self.push(kept, Some(record)),
            (Some(kept), Some(record)) => {
                self.doubt(position, Doubt::Differs);
                self.part();
                self.push(kept, Some(record));
            }
            (Some(kept), None) => {
                self.doubt(position, Doubt::RecordMissing);
                self.found = Found::None;
                self.push(kept, None);
            }
            (None, Some(record)) => {
                self.doubt(position, Doubt::HashMissing);
                self.push(record, Some(record));
            }
            (None, None) => {
                self.found = Found::None;
                self.broken = true;
                self.push(Hash::empty(), None);
            }
        }
        if self.doubts.len() >= FINDINGS {
            self.explain(Judgement::Open);
        }
        self.look_at_tiles().await?;
        self.look_at_checkpoints().await
    }

    fn doubt(&mut self, position: u64, doubt: Doubt) {
        match self.doubts.last_mut() {
            Some(run) if run.doubt == doubt && run.last + 1 == position => run.last = position,
            _ => self.doubts.push(Doubts {
                first: position,
                last: position,
                doubt,
            }),
        }
    }

    fn part(&mut self) {
        if matches!(self.found, Found::Same) {
            self.found = Found::Other(Box::new(self.kept.clone()));
        }
    }

    fn push(&mut self, kept: Hash, record: Option<Hash>) {
        self.kept.push(kept);
        if let (Found::Other(tree), Some(record)) = (&mut self.found, record) {
            tree.push(record);
            tree.take_done();
        }
    }

    fn explain(&mut self, judgement: Judgement) {
        for Doubts { first, last, doubt } in std::mem::take(&mut self.doubts) {
            let text = match (doubt, judgement) {
                (Doubt::Differs, Judgement::KeptHolds) => "changed after it was signed",
                (Doubt::Differs, Judgement::FoundHolds) => {
                    "the record is as it was signed; its kept hash was changed"
                }
                (Doubt::Differs, Judgement::Open) => "not the record its kept hash was made of",
                // Told of when the gap was met.
                (Doubt::RecordMissing, _) => continue,
                (Doubt::HashMissing, Judgement::Open) => "its kept hash is missing",
                (Doubt::HashMissing, _) => {
                    "the record is as it was signed; its kept hash is missing"
                }
            };
            let which = match first == last {
                true => format!("position {first}"),
                false => format!("positions {first} to {last}"),
            };
            self.add(Some(first), format!("{which}: {text}"));
        }
    }

    async fn finish(mut self) -> Result<Report, VerifyError> {
        if let Some(outer) = &self.what.against
            && outer.size > self.kept.size()
            && !self.report.cut
        {
            let (size, records) = (outer.size, self.report.records);
            self.add(
                Some(records + 1),
                format!("the checkpoint kept outside is of {size} records, the log has {records}"),
            );
        }
        self.explain(Judgement::Open);
        self.edges().await?;
        if self.state.size == 0 && self.report.against.is_none() && self.report.records > 0 {
            self.add(
                None,
                "nothing is signed: there is no checkpoint of this log",
            );
        }
        self.report
            .findings
            .sort_by_key(|it| it.position.unwrap_or(0));
        Ok(self.report)
    }

    fn add(&mut self, position: Option<u64>, text: impl Into<String>) {
        add(&mut self.report, position, text.into());
    }
}

#[derive(Clone, Copy)]
enum Judgement {
    /// The kept hashes are what was signed.
    KeptHolds,
    /// The records are.
    FoundHolds,
    /// Neither, or no checkpoint says.
    Open,
}

fn add(report: &mut Report, position: Option<u64>, text: String) {
    if report.findings.len() >= FINDINGS {
        report.cut = true;
        return;
    }
    report.findings.push(Finding { position, text });
}

fn empty(verifier: &Verifier) -> State {
    State {
        verifier: verifier.to_string(),
        size: 0,
        checkpoints: 0,
    }
}
