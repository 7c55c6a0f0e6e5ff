//! The board kept up to date: one follower of the log for all consoles.
//!
//! For: folding the log into the board, live and at a past position; checkpoints that make starting and replay quick.
//! May not know: consoles; each asks at its own pace, so a slow one holds nobody up.

use crate::{
    board::{self, Board, Entry, Folded, Saved, Told},
    options::{CLOSED_KEPT, STORY_LINES},
    records::Records,
    shared::{Changed, Shared},
};
use casebook::{BookError, Case, Casebook, codec::read_as, streams};
use directory::City;
use domain::{
    IncidentId,
    device::DeviceEvent,
    incident::{IncidentEvent, evolve},
    resident::ResidentEvent,
};
use eventlog::{Delivery, Direction, Filter, Position, Recorded, Revision, SubscribeError};
use futures_util::FutureExt;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// A checkpoint of the board is saved each time the log has grown by this. Ours: folding so many events takes a
/// fraction of a second, which is what a start or a jump in a replay then costs.
const CHECKPOINT_EVERY: u64 = 50_000;

/// With more incidents than this on the board no checkpoint is saved: it would be tens of megabytes, written before the
/// storm's own alarms. The next one after the storm serves as well. Ours: the closed ones that are kept, and as many open.
const CHECKPOINT_INCIDENTS: usize = 2 * CLOSED_KEPT;

/// Events folded before consoles are told. Ours: a storm is shown in steps, not event by event.
const FOLD_AT_ONCE: usize = 256;

/// Records opened ahead at once. Ours: in a storm the consoles' own asking is enough.
const WARMED_AT_ONCE: usize = 16;

/// How long the follower waits after the log did not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// Events read at a time while folding on; large pages, for nobody waits for the first.
const FORWARD_PAGE: usize = 2_000;

/// Events read at a time when an incident is loaded; a page holds a whole ordinary one.
const LOAD_PAGE: usize = 1_000;

fn categories() -> Filter {
    let names = board::CATEGORIES.iter().map(|&name| name.to_owned());
    Filter::Categories(names.collect())
}

fn checkpoint(number: u64) -> String {
    format!("console/board/{number:012}")
}

/// The board as of a position, from the nearest checkpoint before it; past the end of the log: as it is.
pub(crate) async fn board_at(casebook: &Casebook, target: Position) -> Result<Board, BookError> {
    let target = target.min(casebook.log().head());
    let mut board = nearest(casebook, target).await;
    forward(casebook, &mut board, target).await?;
    Ok(board)
}

/// The board as it is. Saves a checkpoint when it had to fold far, so that the next start need not: what was imported
/// before this console ran would otherwise be folded at every start.
pub(crate) async fn board_now(casebook: &Casebook) -> Result<Board, BookError> {
    let head = casebook.log().head();
    let mut board = nearest(casebook, head).await;
    let before = board.position;
    forward(casebook, &mut board, head).await?;
    save_if_due(casebook, before, &board);
    Ok(board)
}

/// Folds on up to a later position, inclusive.
pub(crate) async fn forward(
    casebook: &Casebook,
    board: &mut Board,
    target: Position,
) -> Result<(), BookError> {
    // Everything is read and most of it passed over: page by page of the whole log is quicker than seven categories
    // merged, of which a city's residents and devices are nearly all.
    'pages: loop {
        let after = board.position;
        let log = casebook.log();
        let page = log.read_all(after, Direction::Forward, FORWARD_PAGE);
        let page = page.await?;
        for recorded in &page {
            if recorded.position > target {
                break 'pages;
            }
            if board::CATEGORIES.contains(&recorded.stream.category()) {
                fold(casebook, board, recorded).await?;
            }
            board.position = recorded.position;
        }
        if page.len() < FORWARD_PAGE {
            break;
        }
    }
    board.position = board.position.max(target.min(casebook.log().head()));
    Ok(())
}

async fn nearest(casebook: &Casebook, target: Position) -> Board {
    for number in (1..=target.0 / CHECKPOINT_EVERY).rev() {
        let saved = casebook
            .load_snapshot::<Saved>(&checkpoint(number), board::CODE)
            .await;
        if let Some((position, saved)) = saved
            && position <= target
        {
            return Board::restored(position, saved);
        }
    }
    Board::empty(City::default())
}

/// Folds one event; an incident that is no longer kept is loaded from its own stream.
async fn fold(
    casebook: &Casebook,
    board: &mut Board,
    recorded: &Recorded,
) -> Result<Vec<IncidentId>, BookError> {
    let case = if board::concerns(recorded) {
        casebook::read(recorded).unwrap_or_else(|error| {
            tracing::error!(%error, "an event does not read; passed over");
            Case::Foreign
        })
    } else {
        Case::Foreign
    };
    match board.fold(recorded, &case) {
        Folded::Changed(changed) => Ok(changed),
        Folded::Missing(id) => {
            if let Some(entry) = load(casebook, id, recorded.revision).await? {
                board.put(entry);
            }
            let _ = board.fold(recorded, &Case::Foreign);
            Ok(vec![id])
        }
    }
}

/// An incident with its last lines, as it stood just after a revision; `None` when it was never opened.
pub(crate) async fn load(
    casebook: &Casebook,
    id: IncidentId,
    until: Revision,
) -> Result<Option<Entry>, BookError> {
    let mut told = told(casebook, id, until, usize::MAX).await?;
    let incident = told.iter().fold(None, |incident, line| {
        let happened = domain::Happened::new(line.at, line.by.clone(), line.event.clone());
        evolve(incident, line.revision, &happened)
    });
    let extra = told.len().saturating_sub(STORY_LINES);
    told.drain(..extra);
    let story = told.into_iter().map(Told::brief).collect();
    Ok(incident.map(|incident| Entry { incident, story }))
}

/// The lines of an incident's history up to a revision, oldest first, at most `limit`.
pub(crate) async fn told(
    casebook: &Casebook,
    id: IncidentId,
    until: Revision,
    limit: usize,
) -> Result<Vec<Told>, BookError> {
    let stream = streams::incident(id);
    let mut from = Revision::FIRST;
    let mut all = Vec::new();
    loop {
        let page = casebook
            .log()
            .read_stream(&stream, from, Direction::Forward, LOAD_PAGE)
            .await?;
        for recorded in &page {
            if recorded.revision > until || all.len() >= limit {
                return Ok(all);
            }
            if let Some(happened) = read_as::<IncidentEvent>(recorded)? {
                all.push(Told::of(recorded, &happened));
            }
        }
        match page.last() {
            Some(last) if page.len() == LOAD_PAGE => from = last.revision.next(),
            _ => return Ok(all),
        }
    }
}

/// Follows the log until told to stop.
pub(crate) async fn run(
    casebook: Casebook,
    records: Arc<Records>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let mut board = Board::clone(&shared.board());
    let warming = Arc::new(Semaphore::new(WARMED_AT_ONCE));
    let mut events = casebook.log().subscribe(categories(), board.position);
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = events.next() => next,
        };
        let mut next = Some(next);
        let mut changed = Vec::new();
        let before = board.position;
        for _ in 0..FOLD_AT_ONCE {
            match next.take().or_else(|| events.next().now_or_never()) {
                Some(Ok(Delivery::Event(recorded))) => {
                    forget_record(&records, &recorded);
                    warm_record(&records, &recorded, &warming);
                    let folded = loop {
                        match fold(&casebook, &mut board, &recorded).await {
                            Ok(ids) => break ids,
                            Err(error) => {
                                tracing::warn!(%error, "the board waits for the log");
                                tokio::select! {
                                    () = stop.cancelled() => return,
                                    () = tokio::time::sleep(AGAIN) => {}
                                }
                            }
                        }
                    };
                    let news = is_news(&recorded);
                    changed.extend(folded.into_iter().map(|incident| Changed {
                        position: recorded.position,
                        incident,
                        news,
                    }));
                }
                Some(Ok(Delivery::CaughtUp(position))) => {
                    board.position = board.position.max(position);
                }
                Some(Err(SubscribeError::Closed)) => return,
                Some(Err(error)) => {
                    tracing::warn!(%error, "the board waits for the log");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                    break;
                }
                None => break,
            }
        }
        if board.position > before {
            shared.publish(&board, changed);
            save_if_due(&casebook, before, &board);
        }
    }
}

/// Whether somebody may have to hear of it at once.
fn is_news(recorded: &Recorded) -> bool {
    matches!(
        recorded.kind.as_ref(),
        "IncidentOpened" | "AlarmJoined" | "Offered" | "Escalated" | "Transferred" | "Reopened"
    )
}

fn forget_record(records: &Records, recorded: &Recorded) {
    if recorded.stream.category() != streams::RESIDENT || !board::concerns(recorded) {
        return;
    }
    let resident = match casebook::read(recorded) {
        Ok(Case::Resident(happened)) => match happened.event {
            ResidentEvent::ProfileChanged { resident, .. }
            | ResidentEvent::ResidentErased { resident, .. }
            | ResidentEvent::LegalHoldPlaced { resident, .. }
            | ResidentEvent::LegalHoldLifted { resident, .. } => resident,
            ResidentEvent::ResidentMoved(enrolment) => enrolment.resident,
            _ => return,
        },
        _ => return,
    };
    records.forget(&resident, recorded.position);
}

/// Opens the record of whoever pressed while the dispatcher still weighs whom to ring: the card then need not wait for it.
fn warm_record(records: &Arc<Records>, recorded: &Recorded, warming: &Arc<Semaphore>) {
    if recorded.stream.category() != streams::DEVICE || recorded.kind.as_ref() != "AlarmReceived" {
        return;
    }
    let Ok(Case::Device(happened)) = casebook::read(recorded) else {
        return;
    };
    let DeviceEvent::AlarmReceived(received) = happened.event else {
        return;
    };
    let room = Arc::clone(warming).try_acquire_owned();
    if let (Some(device), true, Ok(room)) = (received.device, received.verified, room) {
        let records = Arc::clone(records);
        tokio::spawn(async move {
            records.warm(&device).await;
            drop(room);
        });
    }
}

/// Saves a checkpoint beside the work; losing one costs time only.
fn save_if_due(casebook: &Casebook, before: Position, board: &Board) {
    let number = board.position.0 / CHECKPOINT_EVERY;
    if number == before.0 / CHECKPOINT_EVERY || board.len() > CHECKPOINT_INCIDENTS {
        return;
    }
    let (casebook, board) = (casebook.clone(), board.clone());
    tokio::spawn(async move {
        let name = checkpoint(number);
        let saved = board.saved();
        let done = casebook
            .save_snapshot(&name, board.position, board::CODE, &saved)
            .await;
        if let Err(error) = done {
            tracing::warn!(%error, "no checkpoint of the board was saved");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use casebook::{MasterKey, Opening, Vault};
    use domain::{
        Actor, AlarmId, CommandId, SubjectId,
        incident::{AlarmRef, IncidentCommand},
        party::Party,
        signal::SignalKind,
    };
    use eventlog::{Log, SystemClock};
    use uuid::Uuid;

    async fn book() -> Casebook {
        let log = Log::memory(Arc::new(SystemClock));
        let vault = Vault::open(log.clone(), MasterKey::random()).await.unwrap();
        Casebook::new(log, vault)
    }

    async fn alarm(book: &Casebook, subject: &str) -> IncidentId {
        let at = book.now();
        let alarm = AlarmRef {
            alarm: AlarmId(Uuid::new_v4()),
            position: 0,
            device: domain::DeviceId::parse(subject).ok(),
            press: String::new(),
            kind: SignalKind::Sos,
            received_at: at,
            problems: vec![],
            verified: true,
        };
        let opening = Opening {
            resident: None,
            district: None,
            place_plain: None,
            late_ms: None,
            at,
        };
        let subject = SubjectId::source(subject);
        let handled = book.open_or_join(alarm, subject, opening).await.unwrap();
        handled.incident.unwrap()
    }

    async fn act(book: &Casebook, id: IncidentId, by: Actor, command: IncidentCommand) {
        let seen = book.fold_incident(id).await.unwrap().map(|i| i.revision);
        let asked = book.asked(by, seen, command);
        book.act(id, CommandId(Uuid::new_v4()), asked)
            .await
            .unwrap();
    }

    async fn some_life(book: &Casebook) -> IncidentId {
        let operator = domain::OperatorId::parse("anna").unwrap();
        let by = || Actor::Operator(operator.clone());
        let closed = alarm(book, "aa").await;
        alarm(book, "bb").await;
        alarm(book, "bb").await;
        let accept = IncidentCommand::Accept {
            operator: operator.clone(),
            party: Party::CityDesk,
        };
        act(book, closed, by(), accept).await;
        let resolve = IncidentCommand::Resolve {
            reason: domain::codes::Reason::Test,
            actions: vec![domain::codes::Action::None],
            outcome: domain::codes::Outcome::Safe,
            note: None,
            machine: false,
        };
        act(book, closed, by(), resolve).await;
        closed
    }

    fn bytes(board: &Board) -> String {
        serde_json::to_string(&board.saved()).unwrap()
    }

    #[tokio::test]
    async fn a_board_from_a_checkpoint_is_the_board_folded_from_the_start() {
        let book = book().await;
        some_life(&book).await;
        let half = book.log().head();
        let saved = bytes(&board_at(&book, half).await.unwrap());
        let closed = some_life(&book).await;
        assert!(book.log().head() > half);
        let whole = board_at(&book, Position::END).await.unwrap();
        let mut resumed = Board::restored(half, serde_json::from_str(&saved).unwrap());
        forward(&book, &mut resumed, Position::END).await.unwrap();
        assert_eq!(bytes(&resumed), bytes(&whole));
        assert_eq!(resumed.position, whole.position);
        assert_eq!(resumed.closed_in_order(), whole.closed_in_order());
        assert_eq!(whole.open().len(), 1);
        assert!(!whole.get(&closed).unwrap().incident.is_open());
    }

    #[tokio::test]
    async fn an_incident_that_is_no_longer_kept_comes_back_from_its_stream() {
        let book = book().await;
        let closed = some_life(&book).await;
        let mut board = board_at(&book, Position::END).await.unwrap();
        board.forget(&closed);
        let by = Actor::Operator(domain::OperatorId::parse("anna").unwrap());
        let cause = "她又打来了".to_owned();
        act(&book, closed, by, IncidentCommand::Reopen { cause }).await;
        forward(&book, &mut board, Position::END).await.unwrap();
        let after = board.get(&closed).unwrap();
        assert!(after.incident.is_open());
        let told = told(&book, closed, Revision::END, 100).await.unwrap();
        assert_eq!(after.story.len(), told.len());
        assert_eq!(board.closed_in_order(), []);
    }
}
