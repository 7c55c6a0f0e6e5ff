//! What every service of this door shares.
//!
//! For: the log, the keeper, the seats, the end; who called, as a layer before the services found out.
//! May not know: any service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, header};
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
use crate::members::{Member, Members, Reached};
use crate::seats::Seats;

/// The port clients mean when they name none.
const PORT: u16 = 2113;

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
    /// Where it listens.
    address: SocketAddr,
    /// Where clients are to reach it, whatever they say.
    advertised: Option<Reached>,
    pub(crate) members: Members,
}

impl Door {
    pub(crate) fn new(
        store: Store,
        keeper: Keeper,
        address: SocketAddr,
        advertised: Option<Reached>,
    ) -> Self {
        let groups = crate::groups::groups(store.outside.clone());
        Self {
            instance: groups.instance(),
            groups,
            store,
            keeper,
            seats: Arc::default(),
            held: Arc::new(Semaphore::new(HELD_BYTES)),
            closing: CancellationToken::new(),
            address,
            advertised,
            members: Members::default(),
        }
    }

    /// Where clients of the other processes reach this one; none where it listens on every address and nobody said which is
    /// meant.
    pub(crate) fn shown(&self) -> Option<Reached> {
        let listens = !self.address.ip().is_unspecified();
        let own = || listens.then(|| self.own());
        let shown = self.advertised.clone().or_else(own);
        if shown.is_none() {
            tracing::warn!(
                address = %self.address,
                "clients of other processes do not hear of this one: it listens on every address, and no address is advertised"
            );
        }
        shown
    }

    /// How a caller reached us: as is advertised, or by the name and port in the request, or where we listen.
    pub(crate) fn reached(&self, authority: Option<&Authority>, headers: &HeaderMap) -> Reached {
        if let Some(advertised) = &self.advertised {
            return advertised.clone();
        }
        let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
        let named = host.and_then(|host| host.parse::<Authority>().ok());
        let named = authority.cloned().or(named);
        named.map_or_else(
            || self.own(),
            |named| Reached {
                host: named.host().trim_matches(['[', ']']).to_owned(),
                port: named.port_u16().unwrap_or(PORT),
            },
        )
    }

    fn own(&self) -> Reached {
        Reached {
            host: self.address.ip().to_string(),
            port: self.address.port(),
        }
    }

    /// Everybody who serves this log now, we among them as this caller reached us, and whose place in the list is the
    /// leader's: the process that runs the groups, or else the first.
    pub(crate) async fn cluster(&self, reached: Reached) -> (Vec<Member>, usize) {
        let log = &self.store.log;
        let (mut members, runner) = match log.is_shared() {
            false => (Vec::new(), None),
            true => {
                let asked = tokio::join!(self.members.list(log), self.groups.runner());
                let unread =
                    |error| tracing::warn!(%error, "who else serves this log is not known now");
                let members = asked.0.map_err(unread).unwrap_or_default();
                (members, asked.1.map_err(unread).ok().flatten())
            }
        };
        let said_at = log.now_micros();
        let is_own = |member: &&mut Member| member.instance == self.instance;
        match members.iter_mut().find(is_own) {
            Some(own) => (own.at, own.said_at) = (reached, said_at),
            None => members.push(Member {
                instance: self.instance,
                at: reached,
                said_at,
            }),
        }
        let runs = |member: &Member| Some(member.instance) == runner;
        let leader = members.iter().position(runs).unwrap_or(0);
        (members, leader)
    }

    /// What a client is told that wants what the process running the groups does: to go there, if it is known.
    pub(crate) async fn elsewhere(&self) -> Fault {
        let (members, leader) = self.cluster(self.own()).await;
        match members
            .get(leader)
            .filter(|it| it.instance != self.instance)
        {
            Some(leader) => Fault::NotLeader(leader.at.clone()),
            None => Fault::Unavailable("another process runs the groups".to_owned()),
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
