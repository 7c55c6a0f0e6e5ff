//! Following what other processes write, and finding the database again when it was lost.
//!
//! For: handing every position on once and in order, whoever wrote it: our own batches go straight to the live feed
//! when they follow what was handed on, and everything else is read here.
//! May not know: what the events mean. NOTIFY only wakes it sooner; what it hands on is what it reads.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::Shared;
use super::connect::{self, Server, bounded, server_columns};
use super::read::statement;
use super::rows::{from_sql, recorded};
use super::trouble::Trouble;
use crate::event::Direction;
use crate::limits::{
    CONNECT_WITHIN, LISTEN_CHECK, READ_WITHIN, RECONNECT_FIRST, RECONNECT_LAST, SUBSCRIPTION_PAGE,
    TAIL_EVERY,
};
use crate::live::Live;
use crate::name::Position;
use crate::store::Scan;

/// Reads on whenever it is woken and every [`TAIL_EVERY`], until the log is closed.
pub(super) async fn follow(shared: Arc<Shared>, live: Arc<Live>) {
    let mut pause = RECONNECT_FIRST;
    let mut in_vain = 0_u32;
    loop {
        let mut looks = 0_u64;
        let Err(why) = read_on(&shared, &live, &mut looks).await;
        in_vain = if looks > 0 { 0 } else { in_vain + 1 };
        // A connection that served is replaced at once, and so is one that ended before it could; the database is lost
        // only when there is no other.
        if in_vain < 2 && !matches!(why, Trouble::Failed(_)) {
            pause = RECONNECT_FIRST;
            continue;
        }
        shared.link.lost(&why.to_string());
        sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_LAST);
    }
}

/// Reads over one connection as long as it lasts; counts how often it looked.
async fn read_on(shared: &Shared, live: &Live, looks: &mut u64) -> Result<Infallible, Trouble> {
    let connection = &mut connect::reading(&shared.target).await?;
    let mut look = interval(TAIL_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = look.tick() => {
                let head = look_at_head(shared, connection).await?;
                *looks += 1;
                if head > live.handed_on() {
                    catch_up(live, connection).await?;
                }
            }
            () = shared.link.wake.notified() => {
                if shared.link.reachable() {
                    catch_up(live, connection).await?;
                } else {
                    // Somebody lost the database while we still had it. Whether it is there is found out afresh, and
                    // not in a hurry: it may answer reads and take no commits.
                    sleep(RECONNECT_FIRST).await;
                    look.reset_immediately();
                }
            }
        }
    }
}

/// The log's end, the server's promises and its clock.
async fn look_at_head(shared: &Shared, connection: &mut PgConnection) -> Result<Position, Trouble> {
    const SQL: &str = concat!(
        "SELECT ",
        server_columns!(),
        ", position FROM head WHERE one"
    );
    let seen = shared.link.seen();
    let asked = shared.clock.local_micros();
    let row = bounded(CONNECT_WITHIN, sqlx::query(SQL).fetch_one(connection)).await?;
    let heard = shared.clock.local_micros();
    let server = Server::from_row(&row)?;
    shared.clock.learn(asked, server.now_micros, heard);
    if let Some(why) = server.unusable(shared.target.allow_unsafe_server) {
        return Err(Trouble::Lost(why));
    }
    let head = Position(from_sql(row.try_get(8)?)?);
    shared.link.check_head(head, seen)?;
    shared.link.found(&server);
    Ok(head)
}

/// Hands on everything that stands in the log.
async fn catch_up(live: &Live, connection: &mut PgConnection) -> Result<(), Trouble> {
    loop {
        let scan = Scan::All {
            from: live.handed_on(),
            direction: Direction::Forward,
        };
        let asked = statement(scan, SUBSCRIPTION_PAGE)?.of(connection);
        let rows = timeout(READ_WITHIN, asked).await;
        let page = recorded(&rows.unwrap_or_else(|_| Err(Trouble::late(READ_WITHIN)))?)?;
        let Some(last) = page.last().map(|event| event.position) else {
            return Ok(());
        };
        let was_full = page.len() == SUBSCRIPTION_PAGE;
        live.hand_on(page, last);
        if !was_full {
            return Ok(());
        }
    }
}

/// Waits to be told of commits, over a connection that is made again whenever it is lost.
pub(super) async fn listen(shared: Arc<Shared>, live: Arc<Live>) {
    let mut pause = RECONNECT_FIRST;
    loop {
        let began = Instant::now();
        let Err(why) = listen_once(&shared, &live).await;
        tracing::debug!(%why, "the listening connection is lost; the tail looks by itself meanwhile");
        if began.elapsed() > RECONNECT_LAST {
            pause = RECONNECT_FIRST;
        }
        sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_LAST);
    }
}

async fn listen_once(shared: &Shared, live: &Live) -> Result<Infallible, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_WITHIN)
        .connect_lazy_with(shared.target.connect.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(&shared.target.channel()).await?;
    // What was committed before we listened.
    shared.link.wake.notify_one();
    loop {
        match timeout(LISTEN_CHECK, listener.try_recv()).await {
            Ok(Ok(Some(told))) => {
                let to = told.payload().parse().unwrap_or(u64::MAX);
                let is_ours = told.process_id() == shared.link.writer.load(Ordering::SeqCst);
                if !is_ours && Position(to) > live.handed_on() {
                    shared.link.wake.notify_one();
                }
            }
            Ok(Ok(None)) => return Err(gone()),
            Ok(Err(error)) => return Err(error),
            Err(_) => ping(&mut listener).await?,
        }
    }
}

async fn ping(listener: &mut PgListener) -> Result<(), sqlx::Error> {
    let asked = sqlx::query("SELECT 1").execute(listener);
    timeout(CONNECT_WITHIN, asked)
        .await
        .map_err(|_| gone())?
        .map(drop)
}

fn gone() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into())
}
