//! Commits whose answer is lost: whatever came of them, the append is in the log once, and its sender learns where.

use eventlog::{Expected, HEAD_ROW_WITHIN, IDLE_TRANSACTION, PostgresOptions};
use tokio::sync::oneshot;

use super::proxy::{Proxy, Trap};
use super::{all, append, open, until};
use crate::server::PostgresServer;
use crate::stores::{event, exact, schema_of};

/// How many transactions wait for the head row of a schema.
fn waiting(options: &PostgresOptions) -> String {
    format!(
        "SELECT count(DISTINCT pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
         WHERE NOT granted AND a.query LIKE '%take_head%' \
         AND EXISTS (SELECT FROM pg_locks h WHERE h.pid = l.pid AND h.relation = '{}.head'::regclass)",
        options.schema
    )
}

#[tokio::test]
async fn a_retry_waits_for_the_transaction_whose_answer_was_cut_off_and_finds_it() {
    let server = PostgresServer::shared();
    let direct = schema_of(server);
    let mut proxy = Proxy::to(server.port()).await;
    let through = PostgresOptions {
        url: server.url_through(proxy.port),
        ..direct.clone()
    };
    let (ours, other) = (open(&through).await, open(&direct).await);
    for (round, expected) in [Expected::Any, exact(0), Expected::Any]
        .into_iter()
        .enumerate()
    {
        let press = event(round as u128);
        let (go, held) = oneshot::channel();
        proxy.set(Trap::Held(held));
        let sending = append(&ours, "device-1", expected, std::slice::from_ref(&press));
        // The device asks another node as well, while the first one's transaction is still open.
        let retrying = async {
            proxy.shut().await;
            let retry = append(&other, "device-1", expected, std::slice::from_ref(&press));
            let both_wait = async {
                until(server, &waiting(&direct), "2").await;
                go.send(()).unwrap();
            };
            tokio::join!(retry, both_wait).0
        };
        let (sent, retried) = tokio::join!(sending, retrying);
        for answer in [sent.unwrap(), retried.unwrap()] {
            assert!(answer.duplicate, "the first transaction's was the first");
            assert_eq!(answer.position.0, round as u64 + 1);
        }
    }
    assert_eq!(all(&other).await.len(), 3);
}

#[tokio::test]
async fn a_commit_that_was_made_and_not_answered_is_found() {
    let server = PostgresServer::shared();
    let mut proxy = Proxy::to(server.port()).await;
    let options = PostgresOptions {
        url: server.url_through(proxy.port),
        ..schema_of(server)
    };
    let log = open(&options).await;
    proxy.set(Trap::AnswerLost);
    let taken = append(&log, "device-1", Expected::NoStream, &[event(1), event(2)]).await;
    assert_eq!(taken.unwrap().position.0, 2);
    proxy.shut().await;
    assert_eq!(all(&log).await.len(), 2);
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_made_again() {
    let server = PostgresServer::shared();
    let mut proxy = Proxy::to(server.port()).await;
    let options = PostgresOptions {
        url: server.url_through(proxy.port),
        ..schema_of(server)
    };
    let log = open(&options).await;
    proxy.set(Trap::NeverSent);
    let taken = append(&log, "device-1", Expected::Any, &[event(1)])
        .await
        .unwrap();
    assert_eq!((taken.position.0, taken.duplicate), (1, false));
    proxy.shut().await;
    assert_eq!(all(&log).await.len(), 1);
}

#[tokio::test]
async fn a_writer_that_stops_in_the_middle_of_a_batch_holds_up_others_only_so_long() {
    let server = PostgresServer::shared();
    let direct = schema_of(server);
    let mut proxy = Proxy::to(server.port()).await;
    let through = PostgresOptions {
        url: server.url_through(proxy.port),
        ..direct.clone()
    };
    let (stopped, other) = (open(&through).await, open(&direct).await);
    let (go, stuck) = oneshot::channel();
    proxy.set(Trap::Stuck(stuck));
    let press = [event(1)];
    let sending = append(&stopped, "device-1", Expected::Any, &press);
    let others = async {
        proxy.shut().await;
        let began = tokio::time::Instant::now();
        let taken = append(&other, "device-2", Expected::Any, &[event(2)])
            .await
            .unwrap();
        assert_eq!(taken.position.0, 1, "the stopped writer's batch was undone");
        assert!(
            began.elapsed() > IDLE_TRANSACTION / 2,
            "{:?}",
            began.elapsed()
        );
        assert!(began.elapsed() < HEAD_ROW_WITHIN, "{:?}", began.elapsed());
        go.send(()).unwrap();
    };
    let (sent, ()) = tokio::join!(sending, others);
    assert_eq!(
        sent.unwrap().position.0,
        2,
        "it goes on over a new connection"
    );
}

#[tokio::test]
async fn a_commit_confirmed_with_a_warning_is_not_taken_for_durable() {
    let server = PostgresServer::start("");
    let log = open(&schema_of(&server)).await;
    assert_eq!(log.degraded(), Some(eventlog::Degraded::OneCopy));
    // A standby that never comes: every commit waits for it.
    server.settings("synchronous_standby_names = 'nobody'");
    server.reload();
    until(&server, "SHOW synchronous_standby_names", "nobody").await;
    let press = [event(1)];
    let sending = append(&log, "device-1", Expected::Any, &press);
    let cancelling = async {
        const WAITING: &str = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        // The operator gives up on the standby; the server then confirms what stands on one machine only.
        until(&server, WAITING, "1").await;
    };
    let (sent, ()) = tokio::join!(sending, cancelling);
    assert!(sent.is_err(), "{sent:?}");
    server.settings("");
    server.reload();
    let taken = super::append_until_taken(&log, "device-1", &press[0]).await;
    assert_eq!((taken.position.0, taken.duplicate), (1, true));
    assert_eq!(all(&log).await.len(), 1);
}
