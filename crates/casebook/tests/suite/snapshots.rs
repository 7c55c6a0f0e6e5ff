//! Snapshots of folds: a quicker way to the same state.
//!
//! For: that a snapshot and what came after it fold to what everything folds to.
//! May not know: which folds are saved in earnest.

use crate::common::{memory, press};
use casebook::{Case, Casebook};
use eventlog::{Filter, Position};
use std::collections::BTreeMap;

/// How often each stored name was seen.
type Counts = BTreeMap<String, u64>;

const CODE_VERSION: u32 = 3;

async fn fold(book: &Casebook, from: Option<(Position, Counts)>) -> (Position, Counts) {
    let (after, mut counts) = from.unwrap_or((Position::START, Counts::new()));
    let mut follower = book.follow(Filter::All, after);
    while follower.position() < book.log().head() {
        let (recorded, case) = follower.next_event().await.unwrap();
        assert_ne!(case, Case::Foreign);
        *counts.entry(recorded.kind.to_string()).or_default() += 1;
    }
    (follower.position(), counts)
}

#[tokio::test]
async fn a_snapshot_and_the_rest_is_the_full_fold() {
    let book = memory().await;
    for number in 0..20 {
        press(&book, number).await;
    }
    let (position, counts) = fold(&book, None).await;
    book.save_snapshot("counts", position, CODE_VERSION, &counts)
        .await
        .unwrap();
    for number in 20..30 {
        press(&book, number).await;
    }
    let saved = book.load_snapshot::<Counts>("counts", CODE_VERSION).await;
    assert_eq!(saved, Some((position, counts)));
    let quick = fold(&book, saved).await;
    assert_eq!(quick, fold(&book, None).await);
    assert_eq!(quick.1["AlarmJoined"], 29);
}

#[tokio::test]
async fn a_foreign_or_missing_snapshot_means_a_full_fold() {
    let book = memory().await;
    let load = |version| book.load_snapshot::<Counts>("counts", version);
    assert_eq!(load(CODE_VERSION).await, None, "missing");
    book.save_snapshot("counts", Position::START, CODE_VERSION, &Counts::new())
        .await
        .unwrap();
    assert_eq!(load(CODE_VERSION + 1).await, None, "another version's");
    book.save_snapshot("counts", Position::START, CODE_VERSION, &"other")
        .await
        .unwrap();
    assert_eq!(load(CODE_VERSION).await, None, "another shape");
    book.save_snapshot("counts", Position(9), CODE_VERSION, &Counts::new())
        .await
        .unwrap();
    assert_eq!(load(CODE_VERSION).await, None, "from beyond the log's end");
}
