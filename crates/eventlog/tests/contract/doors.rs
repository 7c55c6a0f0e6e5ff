//! The doors beside the log: cursors, leases, snapshots, secrets, sessions.

use eventlog::{
    DOOR_ENTRIES, DOOR_NAME_BYTES, DoorError, Lane, Position, Rewrapped, SECRET_BYTES,
    SESSION_BYTES, SESSION_HASH_BYTES, SNAPSHOT_BYTES, Snapshot,
};

use crate::stores::{BEGAN, Bench, on_every_store};

on_every_store!(
    a_cursor_is_kept_and_moved,
    a_cursor_survives_a_restart,
    a_lease_is_held_by_one_at_a_time,
    a_released_lease_is_free_and_its_epoch_lives_on,
    a_snapshot_is_replaced_and_removed,
    a_secret_is_kept_once_and_destroyed,
    a_destroyed_secret_never_comes_back,
    a_secret_is_wrapped_anew_unless_it_changed,
    many_secrets_are_kept_together_each_once,
    secrets_are_listed_page_by_page,
    a_session_lives_until_it_ends,
    what_is_too_large_for_a_door_is_refused,
    a_door_keeps_so_many_entries_and_no_more,
);

async fn a_cursor_is_kept_and_moved(bench: Bench) {
    let cursors = bench.log.cursors();
    assert_eq!(cursors.get("c").await.unwrap(), None);
    for position in [5, 9, 2] {
        cursors.set("c", Position(position)).await.unwrap();
        assert_eq!(cursors.get("c").await.unwrap(), Some(Position(position)));
    }
    assert_eq!(cursors.get("d").await.unwrap(), None);
}

async fn a_cursor_survives_a_restart(mut bench: Bench) {
    bench.log.cursors().set("c", Position(7)).await.unwrap();
    bench.reopen().await;
    assert_eq!(
        bench.log.cursors().get("c").await.unwrap(),
        Some(Position(7))
    );
}

async fn a_lease_is_held_by_one_at_a_time(bench: Bench) {
    let leases = bench.log.leases();
    let acquire = |holder, now| leases.acquire("dispatcher", holder, 10, now);
    let first = acquire("a", 1_000).await.unwrap().unwrap();
    assert_eq!((first.epoch, first.expires_at), (1, 11_000));
    assert_eq!(acquire("b", 10_999).await.unwrap(), None);
    let renewed = leases
        .renew("dispatcher", "a", 1, 10, 9_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((renewed.epoch, renewed.expires_at), (1, 19_000));
    assert_eq!(acquire("b", 11_000).await.unwrap(), None);
    let taken = acquire("b", 19_000).await.unwrap().unwrap();
    assert_eq!((taken.epoch, taken.holder.as_str()), (2, "b"));
    assert_eq!(
        leases
            .renew("dispatcher", "a", 1, 10, 20_000)
            .await
            .unwrap(),
        None
    );
    assert_eq!(leases.get("dispatcher").await.unwrap(), Some(taken));
    // A holder that starts again fences off its former self.
    assert_eq!(acquire("b", 20_000).await.unwrap().unwrap().epoch, 3);
}

async fn a_released_lease_is_free_and_its_epoch_lives_on(bench: Bench) {
    let leases = bench.log.leases();
    leases.acquire("l", "a", 60_000, 0).await.unwrap().unwrap();
    leases.release("l", "b", 1).await.unwrap();
    leases.release("l", "a", 9).await.unwrap();
    assert_eq!(
        leases.acquire("l", "b", 1, 1).await.unwrap(),
        None,
        "others cannot release it"
    );
    leases.release("l", "a", 1).await.unwrap();
    assert_eq!(leases.renew("l", "a", 1, 1, 1).await.unwrap(), None);
    assert_eq!(
        leases.acquire("l", "b", 1, 1).await.unwrap().unwrap().epoch,
        2
    );
}

async fn a_snapshot_is_replaced_and_removed(bench: Bench) {
    let snapshots = bench.log.snapshots();
    let snapshot = |position| Snapshot {
        position: Position(position),
        code_version: 3,
        bytes: vec![7; 200_000],
    };
    assert_eq!(snapshots.get("fold").await.unwrap(), None);
    for position in [4, 8] {
        snapshots.put("fold", snapshot(position)).await.unwrap();
        assert_eq!(
            snapshots.get("fold").await.unwrap(),
            Some(snapshot(position))
        );
    }
    snapshots.delete("fold").await.unwrap();
    snapshots.delete("fold").await.unwrap();
    assert_eq!(snapshots.get("fold").await.unwrap(), None);
}

async fn a_secret_is_kept_once_and_destroyed(bench: Bench) {
    let secrets = bench.log.secrets();
    assert_eq!(
        secrets
            .put(Lane::Urgent, "r-1", b"one".to_vec())
            .await
            .unwrap(),
        b"one"
    );
    assert_eq!(
        secrets
            .put(Lane::Urgent, "r-1", b"two".to_vec())
            .await
            .unwrap(),
        b"one"
    );
    assert_eq!(secrets.get("r-1").await.unwrap(), Some(b"one".to_vec()));
    secrets.delete("r-1").await.unwrap();
    secrets.delete("r-1").await.unwrap();
    assert_eq!(secrets.get("r-1").await.unwrap(), None);
    assert_eq!(
        secrets
            .put(Lane::Urgent, "r-1", b"two".to_vec())
            .await
            .unwrap(),
        b"two"
    );
}

async fn a_destroyed_secret_never_comes_back(mut bench: Bench) {
    let put = async |bench: &Bench, key: &str| {
        let secrets = bench.log.secrets();
        secrets.put(Lane::Urgent, key, b"one".to_vec()).await
    };
    for key in ["r-1", "r-2"] {
        put(&bench, key).await.unwrap();
    }
    for key in ["r-1", "r-1", "never-there"] {
        bench.log.secrets().destroy(key).await.unwrap();
    }
    for restarted in [false, true] {
        let secrets = bench.log.secrets();
        assert_eq!(secrets.get("r-1").await.unwrap(), None);
        assert_eq!(secrets.list("", 9).await.unwrap(), ["r-2"]);
        let again = put(&bench, "r-1").await;
        assert_eq!(again, Err(DoorError::Destroyed("r-1".to_owned())));
        let many = ["r-3", "r-1"].map(|key| (key.to_owned(), vec![1]));
        let many = secrets.put_many(Lane::Bulk, many.to_vec()).await;
        assert_eq!(many, Err(DoorError::Destroyed("r-1".to_owned())));
        assert_eq!(secrets.get("r-3").await.unwrap(), None, "none was kept");
        assert_eq!(put(&bench, "r-2").await.unwrap(), b"one");
        let destroyed = secrets.destroyed("", 9).await.unwrap();
        assert_eq!(destroyed, ["never-there", "r-1"]);
        assert_eq!(secrets.destroyed("never-there", 9).await.unwrap(), ["r-1"]);
        if !restarted {
            bench.reopen().await;
        }
    }
}

async fn a_secret_is_wrapped_anew_unless_it_changed(bench: Bench) {
    let secrets = bench.log.secrets();
    for key in ["r-1", "r-2", "r-3"] {
        let kept = secrets.put(Lane::Urgent, key, b"old".to_vec()).await;
        kept.unwrap();
    }
    secrets.destroy("r-3").await.unwrap();
    let anew = |key: &str, from: &[u8]| Rewrapped {
        key_id: key.to_owned(),
        from: from.to_vec(),
        to: b"new".to_vec(),
    };
    let wanted = vec![
        anew("r-1", b"old"),
        anew("r-2", b"another"),
        anew("r-3", b"old"),
    ];
    assert_eq!(secrets.replace(wanted.clone()).await, Ok(1));
    assert_eq!(secrets.get("r-1").await.unwrap(), Some(b"new".to_vec()));
    assert_eq!(secrets.get("r-2").await.unwrap(), Some(b"old".to_vec()));
    assert_eq!(secrets.get("r-3").await.unwrap(), None);
    assert_eq!(secrets.replace(wanted).await, Ok(0), "and not twice");
    let many = vec![anew("r-2", b"old"); eventlog::SECRETS_AT_ONCE + 1];
    let refused = secrets.replace(many).await;
    assert!(matches!(refused, Err(DoorError::TooLarge { .. })));
}

async fn many_secrets_are_kept_together_each_once(bench: Bench) {
    let secrets = bench.log.secrets();
    secrets
        .put(Lane::Bulk, "r-2", b"old".to_vec())
        .await
        .unwrap();
    let named = |names: &[&str]| -> Vec<(String, Vec<u8>)> {
        let named = names.iter().enumerate();
        named
            .map(|(n, name)| ((*name).to_owned(), vec![u8::try_from(n).unwrap()]))
            .collect()
    };
    let kept = secrets.put_many(Lane::Bulk, named(&["r-1", "r-2", "r-3", "r-1"]));
    let kept = kept.await.unwrap();
    assert_eq!(
        kept,
        [vec![0], b"old".to_vec(), vec![2], vec![0]],
        "in the order asked"
    );
    assert_eq!(secrets.get("r-3").await.unwrap(), Some(vec![2]));
    assert_eq!(
        secrets.put_many(Lane::Urgent, Vec::new()).await,
        Ok(Vec::new())
    );
    let many: Vec<String> = (0..=eventlog::SECRETS_AT_ONCE)
        .map(|n| format!("m-{n:03}"))
        .collect();
    let many: Vec<(String, Vec<u8>)> = many.into_iter().map(|name| (name, vec![1])).collect();
    assert!(matches!(
        secrets.put_many(Lane::Bulk, many.clone()).await,
        Err(DoorError::TooLarge { .. })
    ));
    assert_eq!(
        secrets.list("m", 1).await.unwrap(),
        ["r-1"],
        "none of them was kept"
    );
    let fits = many[1..].to_vec();
    assert_eq!(
        secrets.put_many(Lane::Bulk, fits).await.unwrap().len(),
        eventlog::SECRETS_AT_ONCE
    );
}

async fn secrets_are_listed_page_by_page(bench: Bench) {
    let secrets = bench.log.secrets();
    for key in ["b", "a", "d", "c"] {
        secrets.put(Lane::Urgent, key, vec![1]).await.unwrap();
    }
    assert_eq!(secrets.list("", 3).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(secrets.list("c", 3).await.unwrap(), ["d"]);
}

async fn a_session_lives_until_it_ends(bench: Bench) {
    let sessions = bench.log.sessions();
    let began_ms = BEGAN / 1_000;
    sessions
        .put(b"short", vec![1], began_ms + 10)
        .await
        .unwrap();
    sessions
        .put(b"long", vec![2], began_ms + 1_000)
        .await
        .unwrap();
    assert_eq!(sessions.get(b"short").await.unwrap().unwrap().bytes, [1]);
    bench.clock.advance(std::time::Duration::from_millis(10));
    assert_eq!(sessions.get(b"short").await.unwrap(), None, "ended");
    assert_eq!(sessions.purge(began_ms + 10).await.unwrap(), 1);
    assert_eq!(sessions.purge(began_ms + 10).await.unwrap(), 0);
    assert_eq!(sessions.get(b"long").await.unwrap().unwrap().bytes, [2]);
    sessions.delete(b"long").await.unwrap();
    assert_eq!(sessions.get(b"long").await.unwrap(), None);
}

async fn what_is_too_large_for_a_door_is_refused(bench: Bench) {
    let log = &bench.log;
    let name = "n".repeat(DOOR_NAME_BYTES + 1);
    let snapshot = Snapshot {
        position: Position(1),
        code_version: 1,
        bytes: vec![0; SNAPSHOT_BYTES + 1],
    };
    let hash = vec![0; SESSION_HASH_BYTES + 1];
    let answers = [
        log.cursors().set(&name, Position(1)).await,
        log.snapshots().put("s", snapshot).await,
        log.secrets()
            .put(Lane::Urgent, "k", vec![0; SECRET_BYTES + 1])
            .await
            .map(drop),
        log.sessions()
            .put(b"h", vec![0; SESSION_BYTES + 1], 1)
            .await,
        log.sessions().put(&hash, vec![], 1).await,
        log.leases().acquire(&name, "h", 1, 1).await.map(drop),
    ];
    for (index, answer) in answers.into_iter().enumerate() {
        assert!(
            matches!(answer, Err(DoorError::TooLarge { .. })),
            "{index}: {answer:?}"
        );
    }
    let longest = "n".repeat(DOOR_NAME_BYTES);
    log.cursors().set(&longest, Position(1)).await.unwrap();
}

async fn a_door_keeps_so_many_entries_and_no_more(bench: Bench) {
    let cursors = bench.log.cursors();
    for start in (0..DOOR_ENTRIES).step_by(1_000) {
        let names: Vec<_> = (start..start + 1_000)
            .map(|index| format!("c{index}"))
            .collect();
        let sets = names.iter().map(|name| cursors.set(name, Position(1)));
        for answer in futures_util::future::join_all(sets).await {
            answer.unwrap();
        }
    }
    let refused = cursors.set("one more", Position(1)).await;
    assert!(
        matches!(refused, Err(DoorError::NoRoom { .. })),
        "{refused:?}"
    );
    cursors.set("c0", Position(2)).await.unwrap();
}
