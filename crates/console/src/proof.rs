//! Names and passwords proved for another door of this process.
//!
//! For: the log's door, which has accounts in common with the console and no sessions.
//! May not know: that door. Failures count together with those of sign-ins.

use crate::Console;
use domain::{OperatorId, operator::Role};

/// What a name and a password came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// An account with this role.
    Is(Role),
    /// Nobody has this name and password.
    Unknown,
    /// Too many are asking, or somebody failed too often; try again later.
    Later,
}

impl Console {
    /// Whose name and password these are. Takes tens of milliseconds.
    pub async fn prove(&self, name: &str, password: &str, source: &str) -> Proof {
        let app = &self.0.app;
        let now = app.casebook.now().0;
        let name: String = name.chars().take(domain::ID_LIMIT + 1).collect();
        match app.attempts.begin(&name, source, now) {
            Ok(wait) => tokio::time::sleep(wait).await,
            Err(_) => {
                app.metrics.sign_ins_refused();
                return Proof::Later;
            }
        }
        let board = app.shared.board();
        let operator = OperatorId::parse(&name).ok();
        let account = operator.and_then(|operator| board.city.operators.get(&operator));
        let hash = account.map(|account| account.password.clone());
        match (app.checker.fits(password.to_owned(), hash).await, account) {
            (Err(_), _) => Proof::Later,
            (Ok(true), Some(account)) => {
                app.attempts.succeeded(&name, source, now);
                Proof::Is(account.role)
            }
            (Ok(_), _) => {
                app.attempts.failed(&name, source, now);
                app.metrics.sign_ins_refused();
                Proof::Unknown
            }
        }
    }
}
