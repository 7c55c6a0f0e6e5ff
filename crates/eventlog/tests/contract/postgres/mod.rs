//! What only a database that several processes share can do, and what only it can do to us.
//!
//! - `several`: several processes on one log.
//! - `cut`: commits whose answer is lost, over a proxy that loses it (`proxy`).
//! - `lost`: a server that goes away and comes back.
//! - `opening`: what is refused at the start, and in what words.

mod cut;
mod lost;
mod opening;
mod proxy;
mod several;

use std::sync::Arc;
use std::time::Duration;

use eventlog::{
    AppendError, Appended, Delivery, Direction, Expected, Filter, Lane, Log, NewEvent, Position,
    PostgresOptions, READ_LIMIT, Recorded, Subscription, SystemClock,
};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::server::PostgresServer;
use crate::stores::to;

/// How long anything here may take, on a machine that does other things too.
const SOON: Duration = Duration::from_secs(60);

async fn open(options: &PostgresOptions) -> Log {
    let log = Log::open_postgres(options, Arc::new(SystemClock)).await;
    log.unwrap()
}

async fn append(
    log: &Log,
    stream: &str,
    expected: Expected,
    events: &[NewEvent],
) -> Result<Appended, AppendError> {
    log.append(Lane::Urgent, vec![to(stream, expected, events)])
        .await
}

/// As a device does: again and again, until it is taken.
async fn append_until_taken(log: &Log, stream: &str, event: &NewEvent) -> Appended {
    let mut again = tokio::time::interval(Duration::from_millis(20));
    let sending = async {
        loop {
            again.tick().await;
            let events = std::slice::from_ref(event);
            match append(log, stream, Expected::Any, events).await {
                Ok(taken) => return taken,
                Err(AppendError::Unavailable(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    };
    soon(sending).await
}

async fn all(log: &Log) -> Vec<Arc<Recorded>> {
    let read = log.read_all(Position::START, Direction::Forward, READ_LIMIT);
    read.await.unwrap()
}

/// The next event, whatever happens to the database meanwhile.
async fn next_event(subscription: &mut Subscription) -> Arc<Recorded> {
    let mut again = tokio::time::interval(Duration::from_millis(20));
    let next = async {
        loop {
            match subscription.next().await {
                Ok(Delivery::Event(event)) => return event,
                Ok(Delivery::CaughtUp(_)) => {}
                Err(_) => drop(again.tick().await),
            }
        }
    };
    soon(next).await
}

/// Follows from the start and holds every position against its turn; gives back the subscription after so many.
async fn follow_without_gap(log: &Log, count: u64) -> Subscription {
    let mut subscription = log.subscribe(Filter::All, Position::START);
    for position in 1..=count {
        assert_eq!(next_event(&mut subscription).await.position.0, position);
    }
    subscription
}

/// Waits until the server says `wanted` to a question. Asks over one connection: what it waits for may be true for a second or two only.
async fn until(server: &PostgresServer, question: &str, wanted: &str) {
    let asking = async {
        let mut sql = PgConnection::connect(&server.url()).await.unwrap();
        loop {
            let row = sqlx::raw_sql(AssertSqlSafe(question)).fetch_one(&mut sql);
            // Text, of whatever type: the simple protocol has no other.
            let said: String = row.await.unwrap().try_get_unchecked(0).unwrap();
            if said == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(asking).await;
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, work).await.expect("in time")
}
