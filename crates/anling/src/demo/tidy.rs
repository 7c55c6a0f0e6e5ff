//! After a pause: the cast's old incidents are closed, marked as closed by the machine.
//!
//! For: not meeting a returning visitor with a wall of red.
//! May not know: how closing is decided; it asks the casebook like everybody.

use crate::{
    demo::cast::CAST_PRESS,
    failure::{Doing, Failure},
    ground::Ground,
};
use casebook::{ActError, Case};
use domain::{
    Actor, CommandId, IncidentId, Timestamp,
    codes::{Action, Outcome, Reason},
    incident::{Asked, Incident, IncidentCommand, IncidentEvent},
};
use eventlog::{Direction, Position};
use std::collections::BTreeSet;

/// A pause longer than this, in milliseconds, closes what the cast left open.
const PAUSE_MS: i64 = 10 * 60 * 1000;
/// Events read at a time.
const PAGE: usize = 500;

/// Closes what is open when the last event is older than [`PAUSE_MS`]; returns how many.
pub(crate) async fn close_old(ground: &Ground) -> Result<usize, Failure> {
    let now = ground.log.now_micros() / 1000;
    let last = ground
        .log
        .read_all(Position(u64::MAX), Direction::Backward, 1)
        .await
        .doing("read the log")?;
    if last
        .first()
        .is_none_or(|event| now - event.recorded_at / 1000 < PAUSE_MS)
    {
        return Ok(0);
    }
    let open = open_incidents(ground).await?;
    let mut closed = 0;
    for id in open {
        let incident = ground.book.fold_incident(id).await;
        let incident = incident.doing("read an incident")?;
        let Some(incident) = incident.filter(is_the_casts) else {
            continue;
        };
        let asked = Asked {
            at: Timestamp(now),
            by: Actor::Dispatcher,
            seen: Some(incident.revision),
            said_at: None,
            command: IncidentCommand::Resolve {
                reason: Reason::Unknown,
                actions: vec![Action::None],
                outcome: Outcome::UnreachedEscalated,
                note: None,
                machine: true,
            },
        };
        match ground
            .book
            .act(id, CommandId(uuid::Uuid::new_v4()), asked)
            .await
        {
            Ok(_) => closed += 1,
            Err(ActError::Refused(refusal)) => {
                tracing::warn!(incident = %id, %refusal, "an old incident stays open")
            }
            Err(error) => {
                return Err(Failure::new(format!(
                    "could not close an old incident: {error}"
                )));
            }
        }
    }
    Ok(closed)
}

/// Whether nobody but the cast has called in it. What a visitor has pressed is the visitor's, also when it joined a call
/// of the cast; it stays open.
fn is_the_casts(incident: &Incident) -> bool {
    let mut alarms = incident.alarms.iter();
    alarms.all(|alarm| alarm.press.starts_with(CAST_PRESS))
}

async fn open_incidents(ground: &Ground) -> Result<BTreeSet<IncidentId>, Failure> {
    let mut open = BTreeSet::new();
    let mut after = Position::START;
    loop {
        let page = ground
            .log
            .read_category("incident", after, Direction::Forward, PAGE)
            .await
            .doing("read the log")?;
        let Some(last) = page.last() else {
            return Ok(open);
        };
        after = last.position;
        for event in &page {
            let Ok(Case::Incident(happened)) = casebook::read(event) else {
                continue;
            };
            let Some(id) = casebook::streams::incident_of(&event.stream) else {
                continue;
            };
            match happened.event {
                IncidentEvent::IncidentOpened { .. } | IncidentEvent::Reopened { .. } => {
                    open.insert(id);
                }
                IncidentEvent::Resolved { .. } => {
                    open.remove(&id);
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use casebook::{Casebook, MasterKey, Opening, Vault};
    use directory::Directory;
    use domain::{AlarmId, DeviceId, SubjectId, incident::AlarmRef, signal::SignalKind};
    use eventlog::{Clock, Log, ManualClock};
    use std::{sync::Arc, time::Duration};

    async fn ground(clock: &Arc<ManualClock>) -> Ground {
        let log = Log::memory(Arc::clone(clock) as Arc<dyn Clock>);
        let vault = Vault::open(log.clone(), MasterKey::random()).await.unwrap();
        let book = Casebook::new(log.clone(), vault);
        let directory = Directory::open(book.clone(), None).await.unwrap();
        Ground {
            log,
            book,
            directory,
            shared: false,
            lock: None,
        }
    }

    async fn open_one(ground: &Ground, n: u32, press: &str) -> IncidentId {
        let device = DeviceId::parse(&format!("HRB-{n:06}")).unwrap();
        let at = Timestamp(ground.log.now_micros() / 1000);
        let alarm = AlarmRef {
            alarm: AlarmId(uuid::Uuid::from_u128(n.into())),
            position: 1,
            device: Some(device.clone()),
            press: press.to_owned(),
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
        let handled = ground
            .book
            .open_or_join(alarm, SubjectId::device(&device), opening)
            .await
            .unwrap();
        handled.incident.unwrap()
    }

    #[tokio::test]
    async fn after_a_pause_what_was_left_open_is_closed_and_marked() {
        let clock = Arc::new(ManualClock::new(1_800_000_000_000_000));
        let ground = ground(&clock).await;
        let incident = open_one(&ground, 1, &format!("{CAST_PRESS}1")).await;
        let visitors = open_one(&ground, 2, "1").await;
        clock.advance(Duration::from_mins(9));
        assert_eq!(
            close_old(&ground).await.unwrap(),
            0,
            "nine minutes are a restart, not a pause"
        );
        clock.advance(Duration::from_mins(2));
        assert_eq!(close_old(&ground).await.unwrap(), 1);
        let closed = ground.book.fold_incident(incident).await.unwrap().unwrap();
        let closing = closed.closing.unwrap();
        assert!(closing.machine, "closed by the machine, and marked so");
        let visitors = ground.book.fold_incident(visitors).await.unwrap().unwrap();
        assert!(
            visitors.is_open(),
            "a visitor's own press is nobody's to close"
        );
        clock.advance(Duration::from_mins(20));
        assert_eq!(
            close_old(&ground).await.unwrap(),
            0,
            "nothing is left to close"
        );
    }
}
