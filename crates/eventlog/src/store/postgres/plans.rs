//! How statements find their rows, asked of a real server.
//!
//! For: no statement that slows down as the log grows.
//! May not know: what the rows hold.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::lives::LIVES;
use super::look::{LOOK_UP, PLACES};
use super::options::Target;
use super::read::{Ask, NTH_OF_CATEGORY, NTH_OF_KIND, statement};
use super::{PostgresOptions, connect, open};
use crate::event::Direction;
use crate::name::{Position, Revision, StreamName};
use crate::store::Scan;

#[path = "../../../../../tests/src/postgres.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the journeys, where it is public"
)]
mod server;

use server::PostgresServer;

async fn plan(sql: &mut PgConnection, ask: Ask) -> String {
    let text = format!("EXPLAIN (COSTS off) {}", ask.sql);
    let rows = sqlx::query_with(sqlx::AssertSqlSafe(text), ask.arguments)
        .fetch_all(sql)
        .await
        .unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

fn scans(stream: &StreamName) -> Vec<Ask> {
    let category = "s";
    let after = Position(1);
    let mut scans = vec![Scan::StreamAfter { stream, after }];
    for direction in [Direction::Forward, Direction::Backward] {
        let from = Position(1);
        scans.push(Scan::All { from, direction });
        scans.push(Scan::Category {
            category,
            from,
            direction,
        });
        let kind = "k";
        scans.push(Scan::Kind {
            kind,
            from,
            direction,
        });
        let from = Revision(1);
        scans.push(Scan::Stream {
            stream,
            from,
            direction,
        });
    }
    let asks = scans.into_iter().map(|scan| statement(scan, 9).unwrap());
    asks.collect()
}

#[tokio::test]
async fn how_statements_find_their_rows_is_by_index() {
    let target = Target::read(&PostgresOptions {
        schema: PostgresServer::fresh_schema(),
        ..PostgresOptions::new(PostgresServer::shared().url())
    })
    .unwrap();
    open::prepare(&target).await.unwrap();
    let mut sql = connect::reading(&target).await.unwrap();
    let stream = StreamName::stored("s-1");
    let ids = vec![Some(uuid::Uuid::nil()), None];
    let names = vec!["s-1", "s-2"];
    let look_up = Ask::new(LOOK_UP).bind(names).unwrap().bind(ids).unwrap();
    let mut places = Ask::new(PLACES);
    for _ in 0..3 {
        places = places.bind(vec![1_i64, 2]).unwrap();
    }
    let names = || vec!["s-1", "s-2"];
    let lives = Ask::new(LIVES)
        .bind(names())
        .unwrap()
        .bind(names())
        .unwrap();
    let nth = |sql| {
        let ask = Ask::new(sql).bind("a").unwrap().bind(1_i64).unwrap();
        ask.bind(9_i64).unwrap()
    };
    for (ask, wanted) in [
        (nth(NTH_OF_CATEGORY), &["events_by_category"][..]),
        (nth(NTH_OF_KIND), &["events_by_kind"]),
        (
            look_up,
            &["streams_name_key", "events_by_revision", "events_by_id"][..],
        ),
        (places, &["events_by_revision"]),
        (lives, &["streams_name_key", "events_by_revision"]),
    ] {
        let text = ask.sql;
        let plan = plan(&mut sql, ask).await;
        assert!(!plan.contains("Seq Scan"), "{text}\n{plan}");
        for index in wanted {
            assert!(plan.contains(index), "not by {index}: {text}\n{plan}");
        }
    }
    for ask in scans(&stream) {
        let text = ask.sql;
        let plan = plan(&mut sql, ask).await;
        assert!(!plan.contains("Seq Scan"), "{text}\n{plan}");
        assert!(!plan.contains("Sort"), "sorted by hand: {text}\n{plan}");
        let ordered = if text.contains("e.category") {
            "events_by_category"
        } else if text.contains("e.kind =") {
            "events_by_kind"
        } else if text.contains("e.stream = (") {
            "events_by_revision"
        } else {
            "events_pkey"
        };
        assert!(plan.contains(ordered), "not by {ordered}: {text}\n{plan}");
    }
}
