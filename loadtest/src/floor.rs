//! The floor: what this machine needs for the bare operations of one press, at the same rate.
//!
//! For: a figure to divide by. Per press two durable commits of the same store, one after the other, and one WebSocket
//! echo on loopback, open-loop with the schedule of the load.
//! May not know: anything of Anling.
//!
//! The store is used as a fair bare program would: SQLite by one writer (WAL, `synchronous=FULL`) that commits whatever
//! waits together, PostgreSQL by autocommit inserts over as many connections as there are consoles.

use crate::{Doing, Failure, figures::Latencies, schedule::Schedule};
use futures_util::{SinkExt, StreamExt};
use sqlx::{
    Connection, Executor, SqliteConnection,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::Instant,
};
use tokio_tungstenite::tungstenite::Message;

/// Bytes of a row and of an echoed message: about an alarm's event.
const BYTES: usize = 400;

/// Rows of one SQLite commit, at most.
const ROWS_AT_ONCE: usize = 512;

/// How long the last operations may take after the schedule.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// What the bare operations took, each from its due time.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    /// Until the first commit: what a durable answer needs at least.
    pub commit: Latencies,
    /// Until the second commit.
    pub commits: Latencies,
    /// Until the echo after them: the whole trip.
    pub trip: Latencies,
    /// The echo alone.
    pub echo: Latencies,
}

impl Floor {
    /// Both measurements together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.commit.merge(&other.commit);
        self.commits.merge(&other.commits);
        self.trip.merge(&other.trip);
        self.echo.merge(&other.echo);
        self
    }
}

/// Where the bare rows go.
#[derive(Debug, Clone)]
pub enum Bare {
    /// To one writer.
    Sqlite(mpsc::UnboundedSender<oneshot::Sender<()>>),
    /// To any of the connections.
    Postgres(sqlx::PgPool),
}

impl Bare {
    /// A SQLite file in `folder`.
    pub async fn sqlite(folder: &Path) -> Result<Self, Failure> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("floor.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .doing("open the floor's file")?;
        let table = "CREATE TABLE IF NOT EXISTS floor (id INTEGER PRIMARY KEY, body BLOB NOT NULL)";
        connection
            .execute(table)
            .await
            .doing("make the floor's table")?;
        let (rows, waiting) = mpsc::unbounded_channel();
        tokio::spawn(write(connection, waiting));
        Ok(Self::Sqlite(rows))
    }

    /// A table of its own in a PostgreSQL database.
    pub async fn postgres(url: &str, connections: u32) -> Result<Self, Failure> {
        let pool = PgPoolOptions::new()
            .min_connections(connections)
            .max_connections(connections)
            .connect(url)
            .await;
        let pool = pool.doing("connect to the floor's database")?;
        let table = "CREATE TABLE IF NOT EXISTS anling_loadtest_floor (id BIGSERIAL PRIMARY KEY, body BYTEA NOT NULL)";
        pool.execute(table).await.doing("make the floor's table")?;
        Ok(Self::Postgres(pool))
    }

    /// Commits one row; returns when it is durable.
    async fn commit(&self) -> bool {
        match self {
            Self::Sqlite(rows) => {
                let (done, durable) = oneshot::channel();
                rows.send(done).is_ok() && durable.await.is_ok()
            }
            Self::Postgres(pool) => {
                let insert = sqlx::query("INSERT INTO anling_loadtest_floor (body) VALUES ($1)");
                insert.bind(vec![0_u8; BYTES]).execute(pool).await.is_ok()
            }
        }
    }

    /// Takes the table away again.
    pub async fn clear(&self) {
        if let Self::Postgres(pool) = self {
            let _ = pool
                .execute("DROP TABLE IF EXISTS anling_loadtest_floor")
                .await;
            pool.close().await;
        }
    }
}

async fn write(
    mut connection: SqliteConnection,
    mut waiting: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, ROWS_AT_ONCE).await > 0 {
        // What is not committed is not answered, and its press counts as failed.
        if commit(&mut connection, batch.len()).await.is_err() {
            batch.clear();
        }
        for done in batch.drain(..) {
            let _ = done.send(());
        }
    }
}

async fn commit(connection: &mut SqliteConnection, rows: usize) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for _ in 0..rows {
        let insert = sqlx::query("INSERT INTO floor (body) VALUES (?)");
        insert
            .bind(vec![0_u8; BYTES])
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// WebSocket clients whose server says back what they say.
struct Echoes {
    asks: Vec<mpsc::UnboundedSender<oneshot::Sender<()>>>,
    /// Server and clients; they end with this.
    _tasks: JoinSet<()>,
}

impl Echoes {
    async fn open(count: usize) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .doing("listen for the echo")?;
        let address = listener.local_addr().doing("listen for the echo")?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                served.spawn(serve(stream));
            }
        });
        let mut asks = Vec::new();
        for _ in 0..count {
            let stream = TcpStream::connect(address)
                .await
                .doing("connect to the echo")?;
            stream.set_nodelay(true).doing("connect to the echo")?;
            let opened = tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await;
            let (line, _) = opened.doing("connect to the echo")?;
            let (ask, asked) = mpsc::unbounded_channel();
            tasks.spawn(client(line, asked));
            asks.push(ask);
        }
        Ok(Self {
            asks,
            _tasks: tasks,
        })
    }

    async fn echo(&self, number: usize) -> bool {
        let (done, heard) = oneshot::channel();
        self.asks[number % self.asks.len()].send(done).is_ok() && heard.await.is_ok()
    }
}

async fn serve(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(mut line) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = line.next().await {
        if !message.is_text() || line.send(message).await.is_err() {
            return;
        }
    }
}

async fn client(
    line: tokio_tungstenite::WebSocketStream<TcpStream>,
    mut asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    let (mut sink, mut stream) = line.split();
    let text = "x".repeat(BYTES);
    let mut waiting = VecDeque::new();
    loop {
        tokio::select! {
            ask = asked.recv() => match ask {
                Some(done) => {
                    waiting.push_back(done);
                    if sink.send(Message::text(text.clone())).await.is_err() { return }
                }
                None => return,
            },
            heard = stream.next() => match heard {
                Some(Ok(_)) => {
                    if let Some(done) = waiting.pop_front() {
                        let _: Result<(), ()> = done.send(());
                    }
                }
                _ => return,
            },
        }
    }
}

/// Measures with the schedule over `sockets` WebSockets.
pub async fn measure(bare: &Bare, schedule: Schedule, sockets: usize) -> Result<Floor, Failure> {
    let echoes = Arc::new(Echoes::open(sockets).await?);
    let floor = Arc::new(Mutex::new(Floor::default()));
    let (end, mut ended) = mpsc::channel::<()>(1);
    let (runtime, bare, into) = (Handle::current(), bare.clone(), Arc::clone(&floor));
    let count = schedule.due().len();
    let last = schedule.due().last().copied().unwrap_or_default();
    let pacing = std::thread::spawn(move || {
        // A moment for the threads to come up.
        let start = Instant::now() + Duration::from_millis(200);
        schedule.keep(start, |number| {
            let due = start + schedule.due()[number];
            let (bare, echoes, into, end) = (
                bare.clone(),
                Arc::clone(&echoes),
                Arc::clone(&into),
                end.clone(),
            );
            runtime.spawn(async move {
                one(&bare, &echoes, number, due, &into).await;
                drop(end);
            });
        });
    });
    // Ends when the schedule and every operation have dropped their end.
    tokio::time::timeout(last + ENDS_WITHIN, ended.recv())
        .await
        .doing("end the floor")?;
    pacing
        .join()
        .map_err(|_| Failure("the floor's schedule broke".to_owned()))?;
    let floor = floor.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match floor.trip.summary().count {
        done if done == count as u64 => Ok(floor),
        done => Err(Failure(format!(
            "{} of the floor's {count} operations failed",
            count as u64 - done
        ))),
    }
}

async fn one(bare: &Bare, echoes: &Echoes, number: usize, due: Instant, into: &Mutex<Floor>) {
    let us = |from: Instant| u64::try_from(from.elapsed().as_micros()).unwrap_or(u64::MAX);
    if !bare.commit().await {
        return;
    }
    let commit = us(due);
    if !bare.commit().await {
        return;
    }
    let (commits, asked) = (us(due), Instant::now());
    if !echoes.echo(number).await {
        return;
    }
    let (echo, trip) = (us(asked), us(due));
    let mut floor = into.lock().unwrap_or_else(PoisonError::into_inner);
    floor.commit.add(commit);
    floor.commits.add(commits);
    floor.echo.add(echo);
    floor.trip.add(trip);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Arrival;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_operation_of_the_floor_is_counted_and_the_trip_is_the_longest() {
        let folder = tempfile::tempdir().unwrap();
        let bare = Bare::sqlite(folder.path()).await.unwrap();
        let schedule = Schedule::new(Arrival::Poisson, 200, 1, 3);
        let floor = measure(&bare, schedule, 3).await.unwrap();
        let (commit, trip) = (floor.commit.summary(), floor.trip.summary());
        assert_eq!(
            (commit.count, trip.count, floor.echo.summary().count),
            (200, 200, 200)
        );
        assert!(trip.p50_us >= commit.p50_us);
    }
}
