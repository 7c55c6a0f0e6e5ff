//! The follower: one at a time by lease, it hashes what was committed and signs.
//!
//! For: a checkpoint at most a second after a commit, over a tree that extends the last signed one, or none at all.
//! May not know: SQL; what a record means.

mod turn;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{Direction, Lease, Log, Position};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::canonical::leaf_hash;
use crate::checkpoint::Checkpoint;
use crate::note::Signer;
use crate::prove::Prover;
use crate::publish::{self, Newest, Outlets};
use crate::status::{Board, Figures, Status};
use crate::store::{Ledger, LedgerError, State, StoredCheckpoint};
use crate::tiles::{edge_length, edge_place, levels};
use crate::tree::{Hash, Tree};

/// The lease's name behind the log's door.
const LEASE: &str = "notary";

/// How long a dead notary's lease lasts before another process takes over, in milliseconds.
const LEASE_TTL_MS: u64 = 10_000;

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// Records before the signed end that are compared with their stored hashes before anything is signed after a start.
/// Ours: what a log that was cut, replaced or put back from elsewhere differs in first; `verify` looks at all.
const LOOK_BACK: u64 = 1_024;

/// The pause before something that did not answer is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The pause before a refusal is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the notary is given.
#[derive(Debug)]
pub struct NotaryOptions {
    /// Signs; `None` leaves it to other processes.
    pub signer: Option<Signer>,
    /// Its name among several processes.
    pub holder: String,
    /// Where checkpoints go.
    pub outlets: Outlets,
}

/// A running notary; dropped, it ends at once, as in a crash.
#[derive(Debug)]
pub struct Notary {
    board: Arc<Board>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Notary {
    /// Starts following.
    pub fn start(log: Log, ledger: Ledger, options: NotaryOptions) -> Self {
        let (board, stop) = (Arc::<Board>::default(), CancellationToken::new());
        let desk = Desk {
            log,
            ledger,
            signer: options.signer,
            holder: options.holder,
            board: Arc::clone(&board),
            newest: watch::Sender::default(),
            stop: stop.clone(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(desk.run(options.outlets)));
        Self { board, stop, task }
    }

    /// Tells how it stands, as long as anybody asks.
    pub fn figures(&self) -> impl Fn() -> Figures + Send + Sync + 'static {
        let board = Arc::clone(&self.board);
        move || board.figures()
    }

    /// Signs what is left, lets the last checkpoint leave the house, and gives the lease back. The log is closed after.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the notary ended in disorder");
        }
    }
}

/// Why a turn as the notary ended.
enum Ended {
    Stopped,
    /// Another has the lease.
    Waiting,
    WithoutKey(String),
    Trouble(String),
    Refusal(String),
}

impl From<LedgerError> for Ended {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Overtaken => Self::Waiting,
            LedgerError::Unavailable(_) => Self::Trouble(error.to_string()),
            LedgerError::Damaged(_) => Self::Refusal(error.to_string()),
        }
    }
}

struct Desk {
    log: Log,
    ledger: Ledger,
    signer: Option<Signer>,
    holder: String,
    board: Arc<Board>,
    newest: watch::Sender<Newest>,
    stop: CancellationToken,
}

/// A turn: what was signed last, and the tree that grows from there.
struct Turn<'a> {
    desk: &'a Desk,
    signer: &'a Signer,
    lease: Lease,
    state: State,
    /// When the number of the last checkpoint was begun.
    begun_at: i64,
    tree: Tree,
    /// The hash of the last record that is signed.
    last_leaf: Option<Hash>,
    newest_leaf: Option<Hash>,
    bytes: Vec<u8>,
}

impl Desk {
    async fn run(self, outlets: Outlets) {
        let publisher_stop = CancellationToken::new();
        let publisher = AbortOnDropHandle::new(tokio::spawn(publish::run(
            outlets,
            self.newest.subscribe(),
            Arc::clone(&self.board),
            publisher_stop.clone(),
        )));
        loop {
            let (status, pause) = match self.turn().await {
                Ended::Stopped => break,
                Ended::Waiting => (Status::Waiting, RENEW_EVERY),
                Ended::WithoutKey(why) => (Status::WithoutKey(why), LOOK_AGAIN),
                Ended::Trouble(why) => (Status::Troubled(why), TRY_AGAIN),
                Ended::Refusal(why) => (Status::Refusing(why), LOOK_AGAIN),
            };
            self.board.now(status);
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = sleep(pause) => {}
            }
        }
        publisher_stop.cancel();
        drop(publisher.await);
        self.ledger.close().await;
    }

    async fn turn(&self) -> Ended {
        let Some(signer) = &self.signer else {
            return Ended::WithoutKey(
                "there is no notary key here; name the key file that this log's checkpoints are signed with (notary.key)"
                    .to_owned(),
            );
        };
        let now = self.log.now_micros();
        let leases = self.log.leases();
        let lease = match leases.acquire(LEASE, &self.holder, LEASE_TTL_MS, now).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return Ended::Waiting,
            Err(error) => return Ended::Trouble(error.to_string()),
        };
        let epoch = lease.epoch;
        let ended = match self.take_over(signer, lease).await {
            Ok(turn) => turn.follow().await,
            Err(ended) => ended,
        };
        if let Err(error) = leases.release(LEASE, &self.holder, epoch).await {
            tracing::debug!(%error, "the notary's lease runs out by itself");
        }
        ended
    }

    /// Finds out what was signed last, and makes sure that the log still holds it.
    async fn take_over<'a>(&'a self, signer: &'a Signer, lease: Lease) -> Result<Turn<'a>, Ended> {
        let ours = signer.verifier().to_string();
        let (state, last) = match self.ledger.end().await? {
            Some(end) => end,
            None => {
                self.ledger.begin(&ours).await?;
                let begun = self.ledger.end().await?;
                begun.ok_or_else(|| Ended::Trouble("the notary could not begin".to_owned()))?
            }
        };
        if state.verifier != ours {
            return Err(Ended::WithoutKey(format!(
                "this log's checkpoints are signed with the key {}; name that key's file with notary.key",
                state.verifier
            )));
        }
        let tree = self.kept_tree(&state, signer, last.as_ref()).await?;
        let last_leaf = self.look_back(&tree).await?;
        if let Some(last) = &last {
            self.newest
                .send_replace(Some((last.size, last.note.as_str().into())));
        }
        self.board.change(|it| it.size = state.size);
        self.board.now(Status::Signing);
        let begun_at = last.as_ref().map_or(i64::MIN, |it| it.signed_at);
        Ok(Turn {
            desk: self,
            signer,
            lease,
            state,
            begun_at,
            tree,
            last_leaf,
            newest_leaf: last_leaf,
            bytes: Vec::new(),
        })
    }

    /// The tree as it was kept, which must be the one that was signed.
    async fn kept_tree(
        &self,
        state: &State,
        signer: &Signer,
        last: Option<&StoredCheckpoint>,
    ) -> Result<Tree, Ended> {
        let refuse = |why: String| Ended::Refusal(why);
        if state.size == 0 {
            return Ok(Tree::default());
        }
        let last = last.ok_or_else(|| refuse("the last checkpoint is missing".to_owned()))?;
        let signed = Checkpoint::open(&last.note, signer.verifier())
            .map_err(|error| refuse(format!("the last checkpoint does not hold: {error}")))?;
        let missing = || refuse("hashes of the tree are missing".to_owned());
        let mut prover = Prover::new(&self.ledger);
        let peaks = prover
            .peaks(state.size)
            .await
            .map_err(|error| match error {
                crate::prove::ProveError::Ledger(error) => Ended::from(error),
                crate::prove::ProveError::Missing => missing(),
            })?;
        let mut edge = Vec::new();
        for level in levels(state.size) {
            let tile = self.ledger.tile(edge_place(level, state.size)).await?;
            let length = edge_length(level, state.size);
            edge.push(tile.get(..length).ok_or_else(missing)?.to_vec());
        }
        let tree = Tree::kept(state.size, peaks, edge);
        if signed.size != state.size || signed.root != tree.root() {
            return Err(refuse(format!(
                "the kept tree of {} records is not the one that was signed",
                state.size
            )));
        }
        Ok(tree)
    }

    /// Compares the last signed records with their kept hashes; gives back the last one's.
    async fn look_back(&self, tree: &Tree) -> Result<Option<Hash>, Ended> {
        let size = tree.size();
        let mut at = size.saturating_sub(LOOK_BACK);
        let (mut bytes, mut last) = (Vec::new(), None);
        while at < size {
            let limit = usize::try_from(size - at).unwrap_or(usize::MAX).min(1_024);
            let page = self
                .log
                .read_all(Position(at), Direction::Forward, limit)
                .await
                .map_err(|error| Ended::Trouble(error.to_string()))?;
            let mut tile = (u64::MAX, Vec::new());
            for record in &page {
                if at / 256 != tile.0 {
                    let place = crate::tiles::TilePlace {
                        level: 0,
                        index: at / 256,
                    };
                    tile = (at / 256, self.ledger.tile(place).await?);
                }
                let leaf = leaf_hash(record, &mut bytes);
                at += 1;
                let kept = tile.1.get((at - 1) as usize % 256);
                if record.position.0 != at || kept != Some(&leaf) {
                    return Err(Ended::Refusal(format!(
                        "the record at position {at} is not the one that was signed"
                    )));
                }
                last = Some(leaf);
            }
            if page.is_empty() {
                return Err(Ended::Refusal(format!(
                    "the log ends at position {at}, and {size} records were signed"
                )));
            }
        }
        Ok(last)
    }
}
