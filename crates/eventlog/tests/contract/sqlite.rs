//! What only the file store can do, and how it speaks when something is wrong with the folder.

use std::path::Path;
use std::sync::Arc;

use eventlog::{
    AppendError, Delivery, Direction, Expected, Filter, Lane, Log, OpenError, Position, SystemClock,
};

use crate::stores::{check_order, event, fresh, to};

async fn open(dir: &Path) -> Result<Log, OpenError> {
    Log::open_sqlite(dir, Arc::new(SystemClock)).await
}

async fn append(log: &Log, id: u128) {
    let append = to("s", Expected::Any, &[event(id)]);
    log.append(Lane::Urgent, vec![append]).await.unwrap();
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_closes() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).await.unwrap();
    let refused = open(dir.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    let text = refused.to_string();
    assert!(
        text.contains(&format!("another anling (pid {})", std::process::id())),
        "{text}"
    );
    log.close().await;
    open(dir.path()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_missing_folder_is_made_and_kept_to_this_user() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b");
    open(&deep).await.unwrap().close().await;
    let mode = std::fs::metadata(&deep).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    use sqlx::Connection;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.sqlite");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("CREATE TABLE theirs (x)")
        .execute(&mut other)
        .await
        .unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = open(dir.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    let refused = Log::open_sqlite_reader(dir.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("log.sqlite"), "not a database, ".repeat(50)).unwrap();
    let refused = open(dir.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused}");
    assert!(
        refused.to_string().contains("restore a backup"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_damaged_file_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.unwrap().close().await;
    let path = dir.path().join("log.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..4_000].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let refused = open(dir.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_told_so() {
    use sqlx::Connection;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.unwrap().close().await;
    let options = SqliteConnectOptions::new().filename(dir.path().join("log.sqlite"));
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = version + 9998")
        .execute(&mut file)
        .await
        .unwrap();
    file.close().await.unwrap();
    for refused in [
        open(dir.path()).await.unwrap_err(),
        Log::open_sqlite_reader(dir.path()).await.unwrap_err(),
    ] {
        assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let refused = open(&file).await.unwrap_err().to_string();
    assert!(refused.contains(&file.display().to_string()), "{refused}");
}

#[tokio::test]
async fn a_reader_beside_the_writer_reads_and_follows_but_does_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let none = Log::open_sqlite_reader(dir.path()).await.unwrap_err();
    assert!(matches!(none, OpenError::NoLog { .. }), "{none}");
    let writer = open(dir.path()).await.unwrap();
    append(&writer, 1).await;
    let reader = Log::open_sqlite_reader(dir.path()).await.unwrap();
    assert_eq!(reader.head(), Position(1));
    let refused = reader
        .append(Lane::Urgent, vec![to("s", Expected::Any, &[fresh()])])
        .await;
    let why = "opened for reading".to_owned();
    assert_eq!(refused, Err(AppendError::Unavailable(why)));

    let mut subscription = reader.subscribe(Filter::All, Position::START);
    assert!(matches!(subscription.next().await, Ok(Delivery::Event(_))));
    assert_eq!(
        subscription.next().await,
        Ok(Delivery::CaughtUp(Position(1)))
    );
    append(&writer, 2).await;
    match subscription.next().await.unwrap() {
        Delivery::Event(event) => assert_eq!(event.position, Position(2)),
        other => panic!("expected an event, got {other:?}"),
    }
    reader.close().await;
    writer.close().await;
    // And alone, with no writer running.
    let reader = Log::open_sqlite_reader(dir.path()).await.unwrap();
    assert_eq!(reader.head(), Position(2));
    reader.close().await;
}

#[test]
fn what_was_answered_is_there_after_the_process_stops_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered = std::collections::HashSet::new();
    for round in 0..8_u128 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let log = runtime.block_on(async {
            // The last round's connection may still be on its way out; its lock is gone with its runtime.
            open(dir.path()).await.unwrap()
        });
        for task in 0..4_u128 {
            let (log, tell) = (log.clone(), tell.clone());
            runtime.spawn(async move {
                for number in 0.. {
                    let id = (round << 64) + (task << 32) + number;
                    let pair = vec![
                        to(&format!("a-{task}"), Expected::Any, &[event(id)]),
                        to(&format!("b-{task}"), Expected::Any, &[event(id)]),
                    ];
                    if log.append(Lane::Urgent, pair).await.is_err() {
                        // The writer was stopped first; without it nothing here would ever wait.
                        break;
                    }
                    let _ = tell.send(id);
                }
            });
        }
        drop(tell);
        // Stops the runtime in the middle of whatever it is doing after so many answers.
        answered.extend(told.iter().take(20 + 13 * usize::try_from(round).unwrap()));
        drop(log);
        runtime.shutdown_timeout(std::time::Duration::from_secs(10));
        answered.extend(told.iter());
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = open(dir.path()).await.unwrap();
        let mut all = Vec::new();
        loop {
            let after = Position(all.len() as u64);
            let page = log
                .read_all(after, Direction::Forward, 1_000)
                .await
                .unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        check_order(&all);
        let mut stored = std::collections::HashMap::new();
        for event in &all {
            *stored.entry(event.id.0.as_u128()).or_insert(0) += 1;
        }
        for id in &answered {
            assert_eq!(stored.get(id), Some(&2), "answered, in both streams");
        }
        assert!(stored.values().all(|count| *count == 2), "all or nothing");
        log.close().await;
    });
}

#[tokio::test]
async fn a_destroyed_key_is_gone_from_every_file() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).await.unwrap();
    let wrapped: Vec<u8> = (0..64)
        .map(|byte: u8| byte.wrapping_mul(37) ^ 0x5c)
        .collect();
    for key in ["r-1", "r-2", "r-3"] {
        let mut wrapped = wrapped.clone();
        wrapped[0] = key.as_bytes()[2];
        log.secrets().put(Lane::Urgent, key, wrapped).await.unwrap();
    }
    let traces = |first: u8| {
        let mut needle = wrapped.clone();
        needle[0] = first;
        std::fs::read_dir(dir.path())
            .unwrap()
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .filter(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
            .count()
    };
    assert!(traces(b'2') > 0, "it was there");
    log.secrets().delete("r-2").await.unwrap();
    assert_eq!(traces(b'2'), 0);
    log.secrets().destroy("r-3").await.unwrap();
    assert_eq!(traces(b'3'), 0);
    assert!(traces(b'1') > 0, "the other still is");
    let anew = eventlog::Rewrapped {
        key_id: "r-1".to_owned(),
        from: log.secrets().get("r-1").await.unwrap().unwrap(),
        to: vec![7; 64],
    };
    assert_eq!(log.secrets().replace(vec![anew]).await, Ok(1));
    assert_eq!(traces(b'1'), 0, "nor as it was wrapped before");
    log.close().await;
}

#[tokio::test]
async fn keys_stand_in_a_file_of_their_own_and_a_log_without_it_still_reads() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).await.unwrap();
    let wrapped = b"a wrapped key that is easily found".to_vec();
    let kept = log
        .secrets()
        .put(Lane::Urgent, "r-1", wrapped.clone())
        .await;
    kept.unwrap();
    let holds = |name: &str| {
        let bytes = std::fs::read(dir.path().join(name)).unwrap_or_default();
        bytes.windows(wrapped.len()).any(|window| window == wrapped)
    };
    let (log_holds, keys_hold) = (
        ["log.sqlite", "log.sqlite-wal"].map(holds),
        ["keys.sqlite", "keys.sqlite-wal"].map(holds),
    );
    assert_eq!(log_holds, [false, false]);
    assert!(keys_hold.contains(&true));
    let reader = Log::open_sqlite_reader(dir.path()).await.unwrap();
    assert_eq!(
        reader.secrets().get("r-1").await.unwrap(),
        Some(wrapped.clone())
    );
    reader.close().await;
    log.close().await;
    std::fs::remove_file(dir.path().join("keys.sqlite")).unwrap();
    let reader = Log::open_sqlite_reader(dir.path()).await.unwrap();
    assert_eq!(reader.secrets().get("r-1").await.unwrap(), None);
    assert_eq!(reader.secrets().list("", 9).await.unwrap(), [""; 0]);
    reader.close().await;
}
