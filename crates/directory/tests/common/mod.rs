//! A casebook in memory and the small city imported into it.
//!
//! For: the tests beside.
//! May not know: what they test.

use std::sync::Arc;

use casebook::{Casebook, MasterKey, Vault};
use directory::harbin::Plan;
use eventlog::{Log, ManualClock, Position};

/// A July noon of 2026.
const NOON_MICROS: i64 = 1_783_396_800_000_000;

pub(crate) const SMALL: Plan = Plan {
    seed: 5,
    residents: 40,
};

/// The clock of these tests.
pub(crate) fn noon() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOON_MICROS))
}

/// A casebook over a log.
pub(crate) async fn over(log: Log) -> Casebook {
    let vault = Vault::open(log.clone(), MasterKey::from_bytes([7; 32]));
    Casebook::new(log, vault.await.expect("an empty log has no keys yet"))
}

pub(crate) async fn memory() -> Casebook {
    over(Log::memory(noon())).await
}

pub(crate) async fn import(casebook: &Casebook, plan: &Plan) -> Position {
    let registrar = directory::Registrar::new(casebook.clone());
    let mut last = (0, 0);
    let imported = registrar
        .import_city(
            plan,
            |account| format!("phc of {}", account.operator),
            |done, total| last = (done, total),
        )
        .await
        .expect("the memory log takes it");
    assert_eq!(last.0, last.1, "progress ends with everything done");
    assert_eq!(last.0, imported.events);
    imported.position
}
