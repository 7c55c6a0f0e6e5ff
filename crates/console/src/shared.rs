//! The board that all consoles look at, and what changed on it.
//!
//! For: the board as it is, what changed since a position, and news apart from other changes.
//! May not know: the log; consoles, each of which asks at its own pace, so that a slow one holds nobody up.

use crate::{board::Board, options::CHANGES_KEPT};
use domain::IncidentId;
use eventlog::Position;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::watch;

/// News remembered for consoles that have not looked yet; a console that is further behind hears of it with its next
/// ordinary frame. Ours: what a storm brings between two looks.
const NEWS_KEPT: usize = 1_024;

/// The board all consoles look at.
#[derive(Debug)]
pub(crate) struct Shared {
    now: RwLock<Now>,
    pulse: watch::Sender<Position>,
    /// The position of the last news.
    news: watch::Sender<Position>,
}

/// What an event did to the board.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    pub(crate) position: Position,
    pub(crate) incident: IncidentId,
    /// Somebody may have to hear of it at once: it opened, rings somewhere, or was pressed again.
    pub(crate) news: bool,
}

#[derive(Debug)]
struct Now {
    board: Arc<Board>,
    /// What changed at which position, oldest first.
    changes: VecDeque<(Position, IncidentId)>,
    /// Changes after this position are all in `changes`.
    floor: Position,
    /// The news among them, oldest first; the last [`NEWS_KEPT`].
    news: VecDeque<(Position, IncidentId)>,
}

impl Shared {
    pub(crate) fn new(board: Board) -> Self {
        let position = board.position;
        let now = Now {
            floor: position,
            board: Arc::new(board),
            changes: VecDeque::new(),
            news: VecDeque::new(),
        };
        Self {
            now: RwLock::new(now),
            pulse: watch::Sender::new(position),
            news: watch::Sender::new(position),
        }
    }

    /// The board now.
    pub(crate) fn board(&self) -> Arc<Board> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&now.board)
    }

    /// Ticks whenever the board has moved on.
    pub(crate) fn watch(&self) -> watch::Receiver<Position> {
        self.pulse.subscribe()
    }

    /// Ticks whenever somebody may have to hear of something at once.
    pub(crate) fn watch_news(&self) -> watch::Receiver<Position> {
        self.news.subscribe()
    }

    /// The board, and the incidents of which there was news after a position.
    pub(crate) fn news(&self, after: Position) -> (Arc<Board>, Vec<IncidentId>) {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let from = now.news.partition_point(|(at, _)| *at <= after);
        let ids = now.news.range(from..).map(|(_, id)| *id).collect();
        (Arc::clone(&now.board), ids)
    }

    /// The board, and what changed on it after `sent`; `None`: too long ago, take everything.
    pub(crate) fn since(&self, sent: Position) -> (Arc<Board>, Option<BTreeSet<IncidentId>>) {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        let board = Arc::clone(&now.board);
        if sent < now.floor || sent > board.position {
            return (board, None);
        }
        let from = now
            .changes
            .partition_point(|(position, _)| *position <= sent);
        let changed: BTreeSet<IncidentId> = now.changes.range(from..).map(|(_, id)| *id).collect();
        (board, Some(changed))
    }

    /// The board has moved on.
    pub(crate) fn publish(&self, board: &Board, changed: Vec<Changed>) {
        let shown = Arc::new(board.clone());
        let told = changed.iter().rev().find(|change| change.news);
        let told = told.map(|change| change.position);
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.board = shown;
        let news = changed.iter().filter(|change| change.news);
        now.news
            .extend(news.map(|change| (change.position, change.incident)));
        let old = now.news.len().saturating_sub(NEWS_KEPT);
        now.news.drain(..old);
        let pairs = changed.iter();
        now.changes
            .extend(pairs.map(|change| (change.position, change.incident)));
        while now.changes.len() > CHANGES_KEPT {
            if let Some((position, _)) = now.changes.pop_front() {
                now.floor = now.floor.max(position);
            }
        }
        drop(now);
        self.pulse.send_replace(board.position);
        if let Some(position) = told {
            self.news.send_replace(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use directory::City;
    use uuid::Uuid;

    fn change(position: u64, incident: IncidentId) -> Changed {
        Changed {
            position: Position(position),
            incident,
            news: position.is_multiple_of(2),
        }
    }

    #[test]
    fn news_is_told_apart_from_other_changes_and_the_oldest_is_let_go() {
        let shared = Shared::new(Board::empty(City::default()));
        let told = shared.watch_news();
        let mut board = Board::clone(&shared.board());
        let id = IncidentId(Uuid::new_v4());
        board.position = Position(3);
        shared.publish(&board, vec![change(3, id)]);
        assert!(
            !told.has_changed().unwrap(),
            "nothing anybody must hear at once"
        );
        board.position = Position(5);
        shared.publish(&board, vec![change(4, id), change(5, id)]);
        assert!(told.has_changed().unwrap());
        assert_eq!(shared.news(Position::START).1, [id]);
        assert!(shared.news(Position(4)).1.is_empty());
        let many = (6..=6 + 2 * NEWS_KEPT as u64 + 2).map(|position| change(position, id));
        board.position = Position(10_000);
        shared.publish(&board, many.collect());
        assert_eq!(shared.news(Position::START).1.len(), NEWS_KEPT);
    }

    #[test]
    fn changes_are_given_once_and_too_old_a_position_gets_everything() {
        let shared = Shared::new(Board::empty(City::default()));
        let mut board = Board::clone(&shared.board());
        let id = IncidentId(Uuid::new_v4());
        let publish = |board: &mut Board, position: u64| {
            board.position = Position(position);
            shared.publish(board, vec![change(position, id)]);
        };
        publish(&mut board, 5);
        assert_eq!(shared.since(Position::START).1, Some([id].into()));
        assert_eq!(shared.since(Position(5)).1, Some([].into()));
        assert_eq!(shared.since(Position(6)).1, None, "of another log");
        for position in 6..=CHANGES_KEPT as u64 + 6 {
            publish(&mut board, position);
        }
        assert_eq!(shared.since(Position(5)).1, None, "too long ago");
        assert_eq!(shared.since(Position(7)).1, Some([id].into()));
    }
}
