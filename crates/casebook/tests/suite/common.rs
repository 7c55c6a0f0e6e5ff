//! What the casebook's tests share: logs, alarms and commands.
//!
//! For: saying in a test only what the test is about.
//! May not know: any one test.

use casebook::{Casebook, Handled, MasterKey, Opening, Vault};
use domain::{
    Actor, AlarmId, CommandId, DeviceId, IncidentId, OperatorId, ResidentId, SubjectId, Timestamp,
    codes::{Action, Outcome, Reason},
    incident::{AlarmRef, Asked, IncidentCommand},
    party::Party,
    signal::SignalKind,
};
use eventlog::{Log, ManualClock, SystemClock};
use std::{path::Path, sync::Arc};
use uuid::Uuid;

pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) async fn memory() -> Casebook {
    over(Log::memory(Arc::new(ManualClock::new(START_MS * 1_000)))).await
}

pub(crate) async fn sqlite(dir: &Path) -> Casebook {
    let log = Log::open_sqlite(dir, Arc::new(SystemClock)).await.unwrap();
    over(log).await
}

/// A casebook with the tests' master key.
pub(crate) async fn over(log: Log) -> Casebook {
    let master = MasterKey::from_bytes([7; 32]);
    let vault = Vault::open(log.clone(), master).await.unwrap();
    Casebook::new(log, vault)
}

pub(crate) fn alarm(number: u128, kind: SignalKind) -> AlarmRef {
    AlarmRef {
        alarm: AlarmId(Uuid::from_u128(number)),
        position: 1,
        device: Some(DeviceId::parse("HRB-000123").unwrap()),
        press: number.to_string(),
        kind,
        received_at: Timestamp(START_MS),
        problems: vec![],
        verified: true,
    }
}

pub(crate) fn subject() -> SubjectId {
    SubjectId::resident(&ResidentId::parse("r-1").unwrap())
}

pub(crate) fn opening() -> Opening {
    Opening {
        resident: Some(ResidentId::parse("r-1").unwrap()),
        district: None,
        place_plain: Some((126_630_000, 45_750_000)),
        late_ms: None,
        at: Timestamp(START_MS),
    }
}

pub(crate) async fn press(book: &Casebook, number: u128) -> Handled {
    let alarm = alarm(number, SignalKind::Sos);
    book.open_or_join(alarm, subject(), opening())
        .await
        .unwrap()
}

pub(crate) fn command(number: u128) -> CommandId {
    CommandId(Uuid::from_u128(number))
}

pub(crate) fn operator(name: &str) -> OperatorId {
    OperatorId::parse(name).unwrap()
}

pub(crate) fn asked(name: &str, command: IncidentCommand) -> Asked {
    Asked {
        at: Timestamp(START_MS + 1_000),
        by: Actor::Operator(operator(name)),
        seen: None,
        said_at: None,
        command,
    }
}

pub(crate) fn accept(name: &str) -> Asked {
    let command = IncidentCommand::Accept {
        operator: operator(name),
        party: Party::CityDesk,
    };
    asked(name, command)
}

pub(crate) async fn resolve(book: &Casebook, id: IncidentId, name: &str) -> Asked {
    let incident = book.fold_incident(id).await.unwrap().unwrap();
    let command = IncidentCommand::Resolve {
        reason: Reason::HelpSmall,
        actions: vec![Action::Talked],
        outcome: Outcome::Safe,
        note: None,
        machine: false,
    };
    Asked {
        seen: Some(incident.revision),
        said_at: None,
        ..asked(name, command)
    }
}
