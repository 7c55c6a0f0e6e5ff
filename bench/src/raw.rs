//! Bare SQLite: what one thread does with the same rows, and nothing in between.
//!
//! For: the floor under every figure: the log's own tables, indexes and durability, driven by `rusqlite`.
//! May not know: the log's code, only its schema.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use eventlog::Recorded;
use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use rusqlite::{Connection, OpenFlags, Statement, params};
use tokio::time::Instant;

use crate::figures::Cell;

/// Rows in each commit of the floor.
pub(crate) const PER_COMMIT: usize = 100;

/// The log's schema, in order.
const SCHEMA: [&str; 2] = [
    include_str!("../../crates/eventlog/migrations/sqlite/0001_log.sql"),
    include_str!("../../crates/eventlog/migrations/sqlite/0002_kinds.sql"),
];

/// As the log sets its own writing connection.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
     PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -16384;";

const INSERT_EVENT: &str = "INSERT INTO events (position, stream, revision, category, id, kind, recorded_at, body, meta) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_STREAM: &str = "INSERT INTO streams (id, name, category) VALUES (?, ?, ?)";
const INSERT_CATEGORY: &str = "INSERT INTO categories (id, name) VALUES (?, ?)";

/// What the log's own reader selects.
const SCAN: &str = "SELECT e.position, s.name, e.revision, e.id, e.kind, e.recorded_at, e.body, e.meta \
     FROM events e CROSS JOIN streams s ON s.id = e.stream WHERE e.position > 0 ORDER BY e.position";

/// A writing connection.
pub(crate) struct Raw {
    connection: Connection,
    /// Number of a stream and of its category.
    streams: HashMap<String, (i64, i64)>,
    categories: HashMap<String, i64>,
}

impl Raw {
    /// A file of its own.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let raw = Self::open(path)?;
        for sql in SCHEMA {
            raw.connection.execute_batch(sql).doing("make the tables")?;
        }
        Ok(raw)
    }

    /// A log's file that nobody else writes to.
    pub(crate) fn over(path: &Path) -> Result<Self, Failure> {
        let mut raw = Self::open(path)?;
        let connection = &raw.connection;
        let mut find = connection
            .prepare("SELECT name, id, category FROM streams")
            .doing("look for streams")?;
        let streams = find
            .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
            .and_then(Iterator::collect)
            .doing("look for streams")?;
        drop(find);
        raw.streams = streams;
        let mut find = raw
            .connection
            .prepare("SELECT name, id FROM categories")
            .doing("look for categories")?;
        let categories = find
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .doing("look for categories")?;
        drop(find);
        raw.categories = categories;
        Ok(raw)
    }

    fn open(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(path).doing("open bare SQLite")?;
        connection
            .execute_batch(SETTINGS)
            .doing("set up bare SQLite")?;
        Ok(Self {
            connection,
            streams: HashMap::new(),
            categories: HashMap::new(),
        })
    }

    /// Inserts the rows in their order, so many to a commit; a latency is a commit's.
    pub(crate) fn insert(
        &mut self,
        rows: &[Arc<Recorded>],
        per_commit: usize,
    ) -> Result<Cell, Failure> {
        let mut latencies = Latencies::default();
        let mut insert = Inserting::of(&self.connection)?;
        let began = Instant::now();
        for batch in rows.chunks(per_commit) {
            let begun = Instant::now();
            self.connection
                .execute_batch("BEGIN IMMEDIATE")
                .doing("begin")?;
            for row in batch {
                insert.row(row, &mut self.streams, &mut self.categories)?;
            }
            self.connection.execute_batch("COMMIT").doing("commit")?;
            latencies.add(micros(begun));
        }
        Ok(Cell::counted(
            rows.len() as u64,
            &latencies,
            began.elapsed(),
        ))
    }

    /// Inserts each row by a statement that is its own transaction. Their streams must be there.
    pub(crate) fn insert_alone(&mut self, rows: &[Arc<Recorded>]) -> Result<Cell, Failure> {
        let mut latencies = Latencies::default();
        let mut insert = Inserting::of(&self.connection)?;
        let began = Instant::now();
        for row in rows {
            let begun = Instant::now();
            insert.row(row, &mut self.streams, &mut self.categories)?;
            latencies.add(micros(begun));
        }
        Ok(Cell::of(&latencies, began.elapsed()))
    }

    /// Makes the rows' streams, so that inserting them needs nothing else.
    pub(crate) fn prepare_streams(&mut self, rows: &[Arc<Recorded>]) -> Result<(), Failure> {
        let mut insert = Inserting::of(&self.connection)?;
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .doing("begin")?;
        for row in rows {
            insert.stream(row.stream.as_str(), &mut self.streams, &mut self.categories)?;
        }
        self.connection.execute_batch("COMMIT").doing("commit")
    }
}

/// The prepared statements.
struct Inserting<'a> {
    event: Statement<'a>,
    stream: Statement<'a>,
    category: Statement<'a>,
}

impl<'a> Inserting<'a> {
    fn of(connection: &'a Connection) -> Result<Self, Failure> {
        let prepare = |sql| connection.prepare(sql).doing("prepare an insert");
        Ok(Self {
            event: prepare(INSERT_EVENT)?,
            stream: prepare(INSERT_STREAM)?,
            category: prepare(INSERT_CATEGORY)?,
        })
    }

    fn row(
        &mut self,
        row: &Recorded,
        streams: &mut HashMap<String, (i64, i64)>,
        categories: &mut HashMap<String, i64>,
    ) -> Result<(), Failure> {
        let (stream, category) = self.stream(row.stream.as_str(), streams, categories)?;
        let inserted = self.event.execute(params![
            row.position.0 as i64,
            stream,
            row.revision.0 as i64,
            category,
            row.id.0.as_bytes().as_slice(),
            &*row.kind,
            row.recorded_at,
            &row.body[..],
            &row.meta[..],
        ]);
        inserted.doing("insert an event").map(drop)
    }

    fn stream(
        &mut self,
        name: &str,
        streams: &mut HashMap<String, (i64, i64)>,
        categories: &mut HashMap<String, i64>,
    ) -> Result<(i64, i64), Failure> {
        if let Some(known) = streams.get(name) {
            return Ok(*known);
        }
        let category = name.split_once('-').map_or(name, |(before, _)| before);
        let category = match categories.get(category) {
            Some(id) => *id,
            None => {
                let id = categories.len() as i64 + 1;
                let inserted = self.category.execute(params![id, category]);
                inserted.doing("insert a category")?;
                categories.insert(category.to_owned(), id);
                id
            }
        };
        let id = streams.len() as i64 + 1;
        let inserted = self.stream.execute(params![id, name, category]);
        inserted.doing("insert a stream")?;
        streams.insert(name.to_owned(), (id, category));
        Ok((id, category))
    }
}

/// Reads every row in order and looks at each column; a latency is that of a thousand rows.
pub(crate) fn scan(path: &Path) -> Result<Cell, Failure> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .doing("open bare SQLite")?;
    let mut latencies = Latencies::default();
    let (mut count, mut bytes) = (0_u64, 0_usize);
    let began = Instant::now();
    let mut begun = began;
    let mut statement = connection.prepare(SCAN).doing("prepare a scan")?;
    let mut rows = statement.query([]).doing("scan")?;
    while let Some(row) = rows.next().doing("scan")? {
        bytes += look(row).doing("read a row")?;
        count += 1;
        if count.is_multiple_of(1_000) {
            latencies.add(micros(begun));
            begun = Instant::now();
        }
    }
    std::hint::black_box(bytes);
    Ok(Cell::counted(count, &latencies, began.elapsed()))
}

/// Takes every column out of a row.
fn look(row: &rusqlite::Row<'_>) -> rusqlite::Result<usize> {
    let numbers: [i64; 3] = [row.get(0)?, row.get(2)?, row.get(5)?];
    std::hint::black_box(numbers);
    let name: String = row.get(1)?;
    let kind: String = row.get(4)?;
    let blobs: [Vec<u8>; 3] = [row.get(3)?, row.get(6)?, row.get(7)?];
    let bytes: usize = blobs.iter().map(Vec::len).sum();
    Ok(bytes + name.len() + kind.len())
}

/// The statement of [`scan`], for whoever runs it another way.
pub(crate) fn scan_statement() -> &'static str {
    SCAN
}

pub(crate) fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
