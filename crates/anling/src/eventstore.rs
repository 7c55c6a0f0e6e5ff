//! `anling eventstore`: the log alone, as an event store for any program.
//!
//! For: opening a log that is nobody's but outside programs', and its one door; the mark by which the two kinds of log are
//! told apart.
//! May not know: the protocol; that is `eventstore-api`'s.

use crate::{
    database::Database,
    doors::{self, Listening},
    failure::{Doing, Failure},
    folder::{Folder, Purpose},
    ground, node,
};
use clap::Args;
use eventlog::{FolderLock, Lane, Log, Position, SystemClock};
use eventstore_api::{Access, EventStore, Options, Reached};
use std::{net::SocketAddr, path::PathBuf, sync::Arc};

/// Where the door is unless told otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:2113";

/// The cursor that stands in a log made by this command and in no other.
const MARK: &str = "anling-eventstore";

pub(crate) const HELP: &str = "Example:\n  anling eventstore --insecure --data ./eventstore-data\n  \
    ANLING_DATABASE_URL=postgres://events:…@db/events anling eventstore --insecure\n\n\
    Connect with any EventStoreDB or KurrentDB client: kurrentdb://127.0.0.1:2113?tls=false";

/// Its words on the command line.
#[derive(Args)]
pub(crate) struct Eventstore {
    /// No accounts and no TLS: whoever reaches the port may do everything. There is no other mode yet
    #[arg(long)]
    insecure: bool,
    /// Folder of the log; with a database, of this process's small files
    #[arg(
        long,
        env = "ANLING_EVENTSTORE_DATA",
        default_value = "./eventstore-data",
        value_name = "DIR"
    )]
    data: PathBuf,
    /// PostgreSQL database of the log, for several processes; better in the environment, where no one sees the password
    #[arg(
        long,
        env = "ANLING_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    /// Take a database server that may lose what it confirmed (fsync or synchronous_commit off)
    #[arg(long, env = "ANLING_ALLOW_UNSAFE_DATABASE")]
    allow_unsafe_database: bool,
    /// Address and port; port 0 picks a free one
    #[arg(
        long = "listen",
        env = "ANLING_EVENTSTORE_LISTEN",
        default_value = LISTEN,
        value_name = "ADDR:PORT"
    )]
    listen: SocketAddr,
    /// Where clients reach this process, told to those of the others on one database [default: as they did, and --listen]
    #[arg(long, env = "ANLING_EVENTSTORE_ADVERTISED", value_name = "HOST:PORT")]
    advertised: Option<Reached>,
}

/// Serves the log until it is told to stop.
pub(crate) async fn run(args: Eventstore) -> Result<(), Failure> {
    if !args.insecure {
        return Err(Failure::setting(
            "anling eventstore asks nobody for an account: say --insecure if that is meant, \
             or use `anling serve`, whose door on the same protocol is guarded",
        ));
    }
    let database = args.database_url.as_deref();
    let database = database.map(|url| Database::read(url, args.allow_unsafe_database));
    let database = database.transpose().map_err(Failure::setting)?;
    let socket = doors::bind("eventstore_listen", args.listen)?;
    let address = socket.local_addr().doing("listen")?;
    let folder = Folder::open(&args.data, Purpose::Eventstore)?;
    let (log, lock) = open(&folder, database.as_ref()).await?;
    claim(&log).await?;
    let options = Options {
        access: Access::Open,
        address,
        advertised: args.advertised,
        // There is nobody else whom outside programs could hold up.
        lane: Lane::Urgent,
    };
    let door = EventStore::new(log.clone(), options);
    let served = doors::serve_grpc(socket, door.router(), None)?;
    let listening = Listening {
        eventstore: Some(address.to_string()),
        ..Listening::default()
    };
    listening.write(&folder)?;
    println!(
        "安铃 Anling {} eventstore 已就绪 / ready",
        env!("CARGO_PKG_VERSION")
    );
    println!("  gRPC   {address} (EventStoreDB / KurrentDB, insecure)");
    println!("  连接   connect  kurrentdb://{address}?tls=false");
    if let Some(database) = &database {
        println!("  数据库 database {database}");
    }
    println!("  数据   data     {}", args.data.display());
    if !address.ip().is_loopback() {
        println!(
            "  注意: 任何能连到此端口的人都可读写 / anybody who reaches this port may read and write"
        );
    }
    node::told_to_stop().await;
    println!("正在停止 / stopping");
    Listening::remove(&folder);
    door.close().await;
    served.stop().await;
    log.close().await;
    drop(lock);
    Ok(())
}

async fn open(
    folder: &Folder,
    database: Option<&Database>,
) -> Result<(Log, Option<FolderLock>), Failure> {
    match database {
        None => {
            let log = Log::open_sqlite(folder.path(), Arc::new(SystemClock)).await;
            Ok((log.map_err(Failure::new)?, None))
        }
        Some(database) => {
            let lock = FolderLock::take(folder.path()).map_err(Failure::new)?;
            Ok((ground::open_shared(database).await?, Some(lock)))
        }
    }
}

/// Marks a new log as one of outside programs; refuses one that is Anling's own.
async fn claim(log: &Log) -> Result<(), Failure> {
    if is_marked(log).await? {
        return Ok(());
    }
    if log.head() != Position::START {
        return Err(Failure::new(
            "this log is an emergency-call service's own: `anling serve` has a guarded door to it on the same protocol; \
             choose another folder with --data, or another database",
        ));
    }
    let marked = log.cursors().set(MARK, Position::START).await;
    marked.doing("mark the new log")
}

/// Refuses a log made by `anling eventstore`: any program may have written anything into it.
pub(crate) async fn refuse(log: &Log) -> Result<(), Failure> {
    if !is_marked(log).await? {
        return Ok(());
    }
    Err(Failure::new(
        "this log was made by `anling eventstore`: any program may have written into it, so no calls are taken on it; \
         choose another folder with --data, or another database",
    ))
}

async fn is_marked(log: &Log) -> Result<bool, Failure> {
    let mark = log.cursors().get(MARK).await;
    Ok(mark.doing("look what the log is for")?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::{EventId, Expected, NewEvent, StreamAppend, StreamName};

    #[tokio::test]
    async fn the_two_kinds_of_log_are_told_apart() {
        let outside = Log::memory(Arc::new(SystemClock));
        assert!(refuse(&outside).await.is_ok(), "nothing was begun yet");
        claim(&outside).await.unwrap();
        claim(&outside).await.unwrap();
        let refused = refuse(&outside).await.unwrap_err().to_string();
        assert!(refused.contains("--data"), "{refused}");

        let own = Log::memory(Arc::new(SystemClock));
        let append = StreamAppend {
            stream: StreamName::new("policy").unwrap(),
            expected: Expected::Any,
            events: vec![NewEvent {
                id: EventId(uuid::Uuid::new_v4()),
                kind: "PolicySet".to_owned(),
                body: Vec::new().into(),
                meta: Vec::new().into(),
            }],
        };
        own.append(Lane::Urgent, vec![append]).await.unwrap();
        let refused = claim(&own).await.unwrap_err().to_string();
        assert!(refused.contains("anling serve"), "{refused}");
        assert!(refuse(&own).await.is_ok());
    }
}
