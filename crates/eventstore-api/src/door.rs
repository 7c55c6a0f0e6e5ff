//! What every service of this door shares.
//!
//! For: the log, the keeper, the seats, the end; who called, as a layer before the services found out.
//! May not know: any service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use eventlog::StreamName;
use eventlog::competing::Groups;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use uuid::Uuid;

use crate::access::{Caller, Keeper};
use crate::fault::Fault;
use crate::limits::HELD_BYTES;
use crate::log::Store;
use crate::seats::Seats;

/// What every service shares.
pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) keeper: Keeper,
    pub(crate) groups: Groups,
    pub(crate) seats: Arc<Seats>,
    /// Bytes of appends that are not complete yet.
    pub(crate) held: Arc<Semaphore>,
    /// Ends everything that would go on for ever.
    pub(crate) closing: CancellationToken,
    /// This process, in the words of a cluster.
    pub(crate) instance: Uuid,
    /// Where clients reach this door when they do not say how they did.
    pub(crate) address: SocketAddr,
}

impl Door {
    pub(crate) fn new(store: Store, keeper: Keeper, address: SocketAddr) -> Self {
        Self {
            groups: crate::groups::groups(store.outside.clone()),
            store,
            keeper,
            seats: Arc::default(),
            held: Arc::new(Semaphore::new(HELD_BYTES)),
            closing: CancellationToken::new(),
            instance: Uuid::new_v4(),
            address,
        }
    }

    /// Who called; nobody when no layer said.
    pub(crate) fn caller<T>(request: &Request<T>) -> Caller {
        let said = request.extensions().get::<Caller>().copied();
        said.unwrap_or(Caller::Nobody)
    }

    /// From where.
    pub(crate) fn client<T>(request: &Request<T>) -> Option<IpAddr> {
        address(request.extensions())
    }

    /// Whether a stream may be changed, and takes what this call would write.
    pub(crate) fn may_write(&self, caller: Caller, stream: &StreamName) -> Result<(), Fault> {
        self.keeper.may_write(caller, stream)
    }
}

/// The other end's address.
pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
    let info = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(info.0.ip())
}
