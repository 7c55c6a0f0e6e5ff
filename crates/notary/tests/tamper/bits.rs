//! Single bits, in every column of every table.
//!
//! For: each flip is found, and placed at the record it is about.
//! May not know: rows deleted; that is `rows`.

use crate::bench::{Bench, Kind, SIGNED};

/// How a column's values are flipped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sort {
    Number,
    Text,
    Bytes,
    Uuid,
    /// Means nothing to the records; `docs/proof.md` names each with its reason.
    Derived,
}

use Sort::{Bytes, Derived, Number, Text, Uuid};

/// Every column of every table, on either store.
const COLUMNS: &[(&str, &[(&str, Sort)])] = &[
    (
        "events",
        &[
            ("position", Number),
            ("stream", Number),
            ("revision", Number),
            ("category", Number),
            ("id", Bytes),
            ("kind", Text),
            ("recorded_at", Number),
            ("body", Bytes),
            ("meta", Bytes),
        ],
    ),
    (
        "streams",
        &[("id", Number), ("name", Text), ("category", Number)],
    ),
    ("categories", &[("id", Number), ("name", Text)]),
    (
        "head",
        &[
            ("one", Derived),
            ("position", Number),
            ("streams", Derived),
            ("cursors", Derived),
            ("leases", Derived),
            ("snapshots", Derived),
            ("secrets", Derived),
            ("sessions", Derived),
        ],
    ),
    (
        "notary",
        &[
            ("one", Derived),
            ("format", Number),
            ("verifier", Text),
            ("size", Number),
            ("checkpoints", Number),
        ],
    ),
    (
        "checkpoints",
        &[
            ("number", Number),
            ("size", Number),
            ("signed_at", Number),
            ("note", Text),
        ],
    ),
    (
        "tiles",
        &[("level", Number), ("tile", Number), ("hashes", Bytes)],
    ),
];

/// Tables that are no part of the record; `docs/proof.md` names each with its reason.
const DERIVED: &[&str] = &[
    "_sqlx_migrations",
    "cursors",
    "leases",
    "snapshots",
    "secrets",
    "sessions",
];

/// The positions whose records are changed: the first, one in a full tile, one in the last, the last.
const PLACES: [u64; 4] = [1, 256, 513, SIGNED];

fn sort(kind: &Kind, table: &str, column: &str) -> Option<Sort> {
    let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == table)?;
    let (_, sort) = columns.iter().find(|(name, _)| *name == column)?;
    Some(match (kind, table, column) {
        (Kind::Postgres, "events", "id") => Uuid,
        (Kind::Postgres, "events", "category") => Text,
        _ => *sort,
    })
}

/// The columns there really are.
async fn columns(bench: &Bench) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match bench.kind {
        Kind::Sqlite => {
            for file in ["events", "notary"] {
                let sql = "SELECT m.name || ' ' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'";
                found.extend(bench.texts(file, sql).await);
            }
        }
        Kind::Postgres => {
            let schema = &bench.options.schema;
            let sql = format!(
                "SELECT table_name || ' ' || column_name FROM information_schema.columns \
                 WHERE table_schema IN ('{schema}', '{schema}_notary') AND table_name NOT LIKE 'kept_%'"
            );
            found.extend(bench.texts("events", &sql).await);
        }
    }
    let parts = found.iter().filter_map(|line| line.split_once(' '));
    let parts = parts.filter(|(table, _)| !DERIVED.contains(table));
    parts
        .map(|(table, column)| (table.to_owned(), column.to_owned()))
        .collect()
}

/// The statement that flips one bit of a value; `row` says which row.
async fn flip(bench: &Bench, table: &str, column: &str, row: &str, bit: u32) -> Option<String> {
    let (name, is_sqlite) = (bench.table(table), matches!(bench.kind, Kind::Sqlite));
    let sort = sort(&bench.kind, table, column)?;
    let hex = match (sort, is_sqlite) {
        (Derived, _) => return None,
        (Number, _) => String::new(),
        (_, true) => format!("hex({column})"),
        (Text, false) => format!("encode(convert_to({column}, 'UTF8'), 'hex')"),
        (Uuid, false) => format!("replace({column}::text, '-', '')"),
        (_, false) => format!("encode({column}, 'hex')"),
    };
    let value = match sort {
        Number if is_sqlite => {
            let mask = 1_i64 << bit;
            format!("({column} | {mask}) - ({column} & {mask})")
        }
        Number => format!("{column} # {}", 1_i64 << bit),
        _ => {
            let sql = format!("SELECT {hex} FROM {name} WHERE {row}");
            let mut text = bench.texts(table, &sql).await.pop()?;
            // The low bits of a letter somewhere in the middle: still text.
            let digit = (text.len() / 4) * 2 + 1;
            let flipped =
                u8::from_str_radix(text.get(digit..=digit)?, 16).unwrap() ^ (1 << (bit % 3));
            text.replace_range(digit..=digit, &format!("{flipped:x}"));
            match (sort, is_sqlite) {
                (Text, true) => format!("CAST(X'{text}' AS TEXT)"),
                (_, true) => format!("X'{text}'"),
                (Text, false) => format!("convert_from('\\x{text}', 'UTF8')"),
                (Uuid, false) => format!("'{text}'::uuid"),
                (_, false) => format!("'\\x{text}'::bytea"),
            }
        }
    };
    Some(format!("UPDATE {name} SET {column} = {value} WHERE {row}"))
}

/// Which rows of a table are changed, and the first position each is about.
async fn rows(bench: &Bench, table: &str) -> Vec<(String, Option<u64>)> {
    let row = |text: String, at: u64| (text, Some(at));
    match (table, &bench.kind) {
        ("events", _) => PLACES
            .map(|place| row(format!("position = {place}"), place))
            .to_vec(),
        ("streams", _) => vec![
            row("name = 'device-1'".to_owned(), 1),
            row("name = 'policy'".to_owned(), 4),
        ],
        ("categories", Kind::Sqlite) => vec![
            row("name = 'device'".to_owned(), 1),
            row("name = 'care'".to_owned(), 5),
        ],
        ("head", Kind::Postgres) => vec![("one".to_owned(), None)],
        ("notary", _) => vec![("one = 1".to_owned(), None)],
        ("checkpoints", _) => (1..=5)
            .map(|number| (format!("number = {number}"), None))
            .collect(),
        ("tiles", _) => vec![
            // A tile's middle hash, as `flip` picks it.
            ("level = 0 AND tile = 0".to_owned(), None),
            ("level = 0 AND tile = 2".to_owned(), None),
            ("level = 1 AND tile = 0".to_owned(), None),
        ],
        _ => vec![],
    }
}

async fn every_flipped_bit_is_found_and_placed(kind: Kind) {
    let bench = Bench::new(kind, 0).await;
    let clean = bench.verify().await.unwrap();
    assert_eq!(
        (clean.findings.len(), clean.signed, clean.checkpoints),
        (0, SIGNED, 5),
        "{clean:?}"
    );
    let mut flipped = 0;
    for (table, column) in columns(&bench).await {
        let sort = sort(&bench.kind, &table, &column);
        let sort =
            sort.unwrap_or_else(|| panic!("{table}.{column} is new: is it a part of the record?"));
        if sort == Derived {
            continue;
        }
        let mut taken = 0;
        for (row, position) in rows(&bench, &table).await {
            for bit in [0, 1, 20] {
                let Some(sql) = flip(&bench, &table, &column, &row, bit).await else {
                    continue;
                };
                // A flip that a unique index refuses cannot be made in this way.
                if bench.execute(&table, &sql).await != Ok(1) {
                    continue;
                }
                taken += 1;
                match bench.verify().await {
                    Ok(report) => {
                        assert!(!report.findings.is_empty(), "not found: {sql}");
                        if position.is_some() {
                            assert_eq!(report.first(), position, "{sql}: {report:?}");
                        }
                    }
                    // The store itself no longer opens.
                    Err(error) => assert!(table == "head", "{sql}: {error}"),
                }
                bench.put_back().await;
            }
        }
        assert!(taken > 0, "no flip of {table}.{column} was taken");
        flipped += taken;
    }
    assert!(flipped > 100, "{flipped}");
    assert!(bench.verify().await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn every_flipped_bit_is_found_and_placed_on_sqlite() {
    every_flipped_bit_is_found_and_placed(Kind::Sqlite).await;
}

#[tokio::test]
async fn every_flipped_bit_is_found_and_placed_on_postgresql() {
    every_flipped_bit_is_found_and_placed(Kind::Postgres).await;
}
