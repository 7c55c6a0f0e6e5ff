//! What one console has been sent, and what it must be sent next.
//!
//! For: snapshots and changes without gap or repeat; a console that lags gets a snapshot, so nothing piles up for it.
//! May not know: sockets, how often it is asked.

use crate::{
    app::App,
    board::{Board, Entry},
    card::{Frame, Purpose, Sight},
    counts::Tally,
    duty::Duty,
    framed::{Framed, written},
    names::operator_name,
    options::COLLAPSE_AFTER,
    viewer::Viewer,
};
use domain::{IncidentId, Timestamp, incident::Incident};
use eventlog::Position;
use futures_util::{FutureExt, future::join_all};
use std::{collections::BTreeSet, convert::identity, sync::Arc};
use wire::{
    card::Card,
    console::{Change, ToPage},
};

/// Cards of one frame made at once; opening records waits on the store, not on the processor.
const CARDS_AT_ONCE: usize = 16;

/// One console's feed.
#[derive(Debug)]
pub(crate) struct Feed {
    viewer: Viewer,
    /// Everything up to here was sent; `None`: nothing yet.
    sent: Option<Position>,
    /// Incidents on the page, as far as we know.
    held: BTreeSet<IncidentId>,
    /// The page came back with what it had: incidents may stand on it that are not in `held`.
    came_back: bool,
    tally: Tally,
    /// News up to here was looked at.
    looked: Position,
}

/// What to say.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) frame: Framed,
    /// A snapshot because the console lagged too far behind.
    pub(crate) collapsed: bool,
}

impl Feed {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            sent: None,
            held: BTreeSet::new(),
            came_back: false,
            tally: Tally::default(),
            looked: Position::START,
        }
    }

    /// Whether there is news that this person must hear at once: a call on their screen that nobody has.
    pub(crate) fn has_news(&mut self, app: &App) -> bool {
        let sent = self.sent.unwrap_or(Position::END);
        let (board, ids) = app.shared.news(self.looked.max(sent));
        self.looked = board.position;
        let rings = |id| {
            let entry: Option<&Arc<Entry>> = board.get(id);
            entry.is_some_and(|entry| {
                entry.incident.owner.is_none() && sees(&self.viewer, &entry.incident, &board)
            })
        };
        ids.iter().any(rings)
    }

    /// The page has everything up to here.
    pub(crate) fn resume(&mut self, position: Option<Position>) {
        self.sent = position;
        self.came_back = position.is_some();
        self.held.clear();
    }

    /// Everything anew next time: duty has changed, and with it every card.
    pub(crate) fn restart(&mut self) {
        self.sent = None;
    }

    /// The next message; `None` when nothing has changed.
    pub(crate) async fn next(&mut self, app: &App, duty: &Duty) -> Option<Said> {
        let Some(sent) = self.sent else {
            let board = app.shared.board();
            return Some(self.snapshot(app, duty, board, false).await);
        };
        let (board, changed) = app.shared.since(sent);
        match changed {
            None => Some(self.snapshot(app, duty, board, true).await),
            Some(changed) if self.collapses(&board, &changed) => {
                Some(self.snapshot(app, duty, board, true).await)
            }
            Some(changed) => self.changes(app, duty, board, &changed).await,
        }
    }

    /// Whether to start anew.
    fn collapses(&self, board: &Board, changed: &BTreeSet<IncidentId>) -> bool {
        if changed.len() <= COLLAPSE_AFTER {
            return false;
        }
        let theirs = |id: &&IncidentId| {
            let entry = board.get(id);
            entry.is_some_and(|e| sees(&self.viewer, &e.incident, board)) || self.held.contains(id)
        };
        let theirs = changed.iter().filter(theirs).count();
        too_many(theirs, visible(board, &self.viewer).len())
    }

    async fn snapshot(
        &mut self,
        app: &App,
        duty: &Duty,
        board: Arc<Board>,
        collapsed: bool,
    ) -> Said {
        let visible = visible(&board, &self.viewer);
        self.held = visible.iter().map(|e| e.incident.id).collect();
        self.sent = Some(board.position);
        self.came_back = false;
        let now = app.casebook.now();
        self.tally = Tally::anew(&board, &self.viewer, now);
        let position = board.position.0;
        let frame = Frame::of(board, now);
        let cards = cards(app, &frame, &self.sight(duty), &visible, |card| {
            written(&card)
        })
        .await;
        let frame = Framed::Snapshot {
            position,
            now: now.0,
            cards: cards.into_iter().flatten().collect(),
            counts: self.tally.counts(),
        };
        Said { frame, collapsed }
    }

    async fn changes(
        &mut self,
        app: &App,
        duty: &Duty,
        board: Arc<Board>,
        changed: &BTreeSet<IncidentId>,
    ) -> Option<Said> {
        let now = app.casebook.now();
        let before = self.tally.counts();
        self.tally.update(&board, &self.viewer, now, changed);
        let counts = self.tally.counts();
        let mut upserts = Vec::new();
        let mut removes = Vec::new();
        if self.came_back {
            let there = visible(&board, &self.viewer);
            self.held.extend(there.iter().map(|e| e.incident.id));
        }
        for id in changed {
            let entry = board.get(id);
            let seen = entry.filter(|e| sees(&self.viewer, &e.incident, &board));
            match (entry, seen) {
                (_, Some(entry)) => {
                    self.held.insert(*id);
                    upserts.push(Arc::clone(entry));
                }
                (Some(entry), None) => {
                    let had = self.held.remove(id)
                        || (self.came_back
                            && self.viewer.may_have_seen(&entry.incident, &board.city));
                    if had {
                        removes.extend(written(&remove(&entry.incident, &board)));
                    }
                }
                (None, None) => {
                    if self.held.remove(id) || self.came_back {
                        removes.extend(written(&Change::Remove {
                            id: id.to_string(),
                            why: "closed".to_owned(),
                            by: None,
                            by_en: None,
                        }));
                    }
                }
            }
        }
        let first = std::mem::take(&mut self.came_back);
        let position = board.position;
        self.sent = Some(position);
        if upserts.is_empty() && removes.is_empty() && counts == before && !first {
            return None;
        }
        upserts.sort_by_key(|e| (e.incident.priority, e.incident.opened_at, e.incident.id));
        let frame = Frame::of(board, now);
        let upsert = |card| written(&Change::Upsert { card });
        let upserts = cards(app, &frame, &self.sight(duty), &upserts, upsert).await;
        let frame = Framed::Changes {
            position: position.0,
            now: now.0,
            changes: removes
                .into_iter()
                .chain(upserts.into_iter().flatten())
                .collect(),
            counts,
        };
        Some(Said {
            frame,
            collapsed: false,
        })
    }

    fn sight(&self, duty: &Duty) -> Sight {
        Sight {
            viewer: self.viewer.clone(),
            duty: duty.site.clone(),
            purpose: Purpose::Live,
        }
    }
}

/// Many of a person's cards have changed, and a good part of all. A snapshot of a thousand cards because three hundred have
/// changed would make a console that lags lag more.
fn too_many(changed: usize, all: usize) -> bool {
    changed > COLLAPSE_AFTER && changed * 2 >= all
}

fn sees(viewer: &Viewer, incident: &Incident, board: &Board) -> bool {
    incident.is_open() && viewer.sees(incident, &board.city)
}

fn visible(board: &Board, viewer: &Viewer) -> Vec<Arc<Entry>> {
    let mut open = board.open();
    open.retain(|e| viewer.sees(&e.incident, &board.city));
    open
}

fn remove(incident: &Incident, board: &Board) -> Change {
    let name = |operator| operator_name(&board.city, operator);
    let (why, by) = match (&incident.closing, &incident.owner) {
        (Some(closing), _) => ("closed", closing.by.as_ref().map(name)),
        (None, Some(owner)) => ("accepted_elsewhere", Some(name(&owner.operator))),
        (None, None) => ("out_of_scope", None),
    };
    Change::Remove {
        id: incident.id.to_string(),
        why: why.to_owned(),
        by_en: by.as_ref().map(|by| by.en.clone()),
        by: by.map(|by| by.zh),
    }
}

/// Cards in the order given, each as `keep` wants it.
pub(crate) async fn cards<T>(
    app: &App,
    frame: &Frame,
    sight: &Sight,
    entries: &[Arc<Entry>],
    keep: impl Fn(Card) -> T + Sync,
) -> Vec<T>
where
    T: Send,
{
    let mut made = Vec::with_capacity(entries.len());
    for some in entries.chunks(CARDS_AT_ONCE) {
        let mut making = Vec::with_capacity(some.len());
        for entry in some {
            making.push(app.cards.card(frame, sight, entry).map(&keep).boxed());
        }
        made.extend(join_all(making).await);
        // What the page says meanwhile is heard: both halves of a line are one task.
        tokio::task::yield_now().await;
    }
    made
}

/// A past board as a snapshot, for one person.
pub(crate) async fn past(app: &App, viewer: &Viewer, board: &Board) -> ToPage {
    let visible = visible(board, viewer);
    let now = Timestamp(board.at);
    let sight = Sight {
        viewer: viewer.clone(),
        duty: None,
        purpose: Purpose::Replay,
    };
    let frame = Frame::of(Arc::new(board.clone()), now);
    ToPage::Snapshot {
        position: board.position.0,
        now: now.0,
        cards: cards(app, &frame, &sight, &visible, identity).await,
        counts: Tally::anew(board, viewer, now).counts(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_changes_at_once_collapse_unless_most_cards_stand_as_they_were() {
        assert!(!too_many(COLLAPSE_AFTER, COLLAPSE_AFTER));
        assert!(too_many(COLLAPSE_AFTER + 1, COLLAPSE_AFTER + 1));
        assert!(too_many(COLLAPSE_AFTER + 1, 2 * (COLLAPSE_AFTER + 1)));
        assert!(!too_many(COLLAPSE_AFTER + 1, 2 * (COLLAPSE_AFTER + 1) + 1));
    }
}
