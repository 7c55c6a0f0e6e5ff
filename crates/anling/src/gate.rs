//! The guarded door to the log: our accounts, asked by name and password.
//!
//! For: who of ours may read the log as a whole, over the protocol of EventStoreDB; what outside programs may change.
//! May not know: the protocol; that is `eventstore-api`'s. Personal data passes it sealed, as it is stored.

use crate::{
    failure::{Doing, Failure},
    ground::Ground,
    settings::Settings,
};
use axum_server::tls_rustls::RustlsConfig;
use console::{Console, Proof};
use domain::operator::Role;
use eventlog::Lane;
use eventstore_api::{Access, Admission, EventStore, Gate, Options};
use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

/// The console knows the accounts and how often somebody may fail.
struct Accounts(Console);

impl Gate for Accounts {
    fn admits<'a>(
        &'a self,
        name: &'a str,
        password: &'a str,
        from: Option<IpAddr>,
    ) -> Pin<Box<dyn Future<Output = Admission> + Send + 'a>> {
        let from = from.map_or_else(String::new, |from| from.to_string());
        Box::pin(async move {
            match self.0.prove(name, password, &from).await {
                Proof::Is(Role::Auditor | Role::Administrator) => Admission::Granted,
                Proof::Is(Role::Operator | Role::DistrictManager) => Admission::Denied,
                Proof::Unknown => Admission::Unknown,
                Proof::Later => Admission::Later,
            }
        })
    }
}

/// The door to this process's log.
pub(crate) fn door(
    ground: &Ground,
    console: &Console,
    settings: &Settings,
    address: SocketAddr,
) -> EventStore {
    let access = Access::Guarded {
        gate: Arc::new(Accounts(console.clone())),
        prefix: settings.eventstore_prefix.clone(),
    };
    let options = Options {
        access,
        address,
        advertised: settings.eventstore_advertised.clone(),
        lane: Lane::Bulk,
    };
    EventStore::new(ground.log.clone(), options)
}

/// Its certificate, where one is named.
pub(crate) async fn tls(settings: &Settings) -> Result<Option<RustlsConfig>, Failure> {
    let Some((certificate, key)) = &settings.eventstore_tls else {
        return Ok(None);
    };
    let config = RustlsConfig::from_pem_file(certificate, key).await;
    let doing = format!("read {} and {}", certificate.display(), key.display());
    config.doing(&doing).map(Some)
}
