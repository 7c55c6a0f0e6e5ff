//! The admin socket: a line in, a line out, for this user only.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use eventlog::admin::{self, AdminError, AdminHandler, AdminReply, AdminRequest};
use eventlog::{ADMIN_CONNECTIONS, ADMIN_IDLE, ADMIN_LINE_BYTES};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

fn echo() -> AdminHandler {
    Arc::new(|request: AdminRequest| {
        Box::pin(async move {
            match request.command.as_str() {
                "echo" => AdminReply::Ok(request.args),
                other => AdminReply::Error(format!("no command {other}")),
            }
        })
    })
}

fn request(command: &str) -> AdminRequest {
    AdminRequest {
        command: command.to_owned(),
        args: json!({"text": "请\n稍候"}),
    }
}

/// Serves `dir` until the returned token is cancelled.
fn serve(dir: &Path) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let socket = admin::bind(dir).unwrap();
    let task = tokio::spawn(socket.serve(echo(), stop.clone()));
    (stop, task)
}

#[tokio::test]
async fn a_request_is_answered_and_the_socket_is_gone_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (stop, task) = serve(dir.path());
    let mode = std::fs::metadata(admin::socket_path(dir.path()))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let reply = admin::call(dir.path(), &request("echo")).await.unwrap();
    assert_eq!(reply, AdminReply::Ok(json!({"text": "请\n稍候"})));
    let reply = admin::call(dir.path(), &request("dance")).await.unwrap();
    assert_eq!(reply, AdminReply::Error("no command dance".to_owned()));
    stop.cancel();
    task.await.unwrap();
    let gone = admin::call(dir.path(), &request("echo")).await.unwrap_err();
    assert!(matches!(gone, AdminError::NotRunning { .. }), "{gone}");
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(admin::socket_path(dir.path())).unwrap());
    let gone = admin::call(dir.path(), &request("echo")).await.unwrap_err();
    assert!(matches!(gone, AdminError::NotRunning { .. }), "{gone}");
    let (_stop, _task) = serve(dir.path());
    admin::call(dir.path(), &request("echo")).await.unwrap();
}

#[tokio::test]
async fn odd_lines_are_answered_and_overlong_ones_end_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let (_stop, _task) = serve(dir.path());
    let stream = UnixStream::connect(admin::socket_path(dir.path()))
        .await
        .unwrap();
    let mut stream = BufReader::new(stream);
    let mut reply = String::new();
    for odd in ["\n", "{}\n", "[1,\n", "\u{0}\n"] {
        stream.write_all(odd.as_bytes()).await.unwrap();
        reply.clear();
        stream.read_line(&mut reply).await.unwrap();
        assert!(reply.starts_with("{\"error\""), "{odd:?}: {reply}");
    }
    stream.write_all(b"{\"command\":\"echo\"}\n").await.unwrap();
    reply.clear();
    stream.read_line(&mut reply).await.unwrap();
    assert_eq!(reply, "{\"ok\":null}\n");

    let (mut reader, mut writer) = stream.into_inner().into_split();
    let flood = tokio::spawn(async move {
        // The other side hangs up before it has taken all of it.
        drop(writer.write_all(&vec![b'x'; ADMIN_LINE_BYTES * 2]).await);
    });
    let mut rest = Vec::new();
    drop(tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut rest).await);
    flood.await.unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"{\"error\""));
}

#[tokio::test]
async fn a_folder_with_a_long_name_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let refused = admin::bind(&long).unwrap_err().to_string();
    assert!(refused.contains("shorter --data"), "{refused}");
}

#[tokio::test]
async fn so_many_connections_are_served_at_once_and_others_wait() {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let dir = tempfile::tempdir().unwrap();
    let busy = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let handler: AdminHandler = {
        let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
        Arc::new(move |_| {
            let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
            Box::pin(async move {
                most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                // Stays until as many are here as there are places, and lets anybody else try to come in.
                while most.load(SeqCst) < ADMIN_CONNECTIONS {
                    tokio::task::yield_now().await;
                }
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                busy.fetch_sub(1, SeqCst);
                AdminReply::Ok(json!(null))
            })
        })
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(
        admin::bind(dir.path())
            .unwrap()
            .serve(handler, stop.clone()),
    );
    let request = request("echo");
    let calls = (0..ADMIN_CONNECTIONS * 3).map(|_| admin::call(dir.path(), &request));
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(reply.unwrap(), AdminReply::Ok(json!(null)));
    }
    assert_eq!(most.load(SeqCst), ADMIN_CONNECTIONS);
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (_stop, _task) = serve(dir.path());
    let began = tokio::time::Instant::now();
    let mut silent = UnixStream::connect(admin::socket_path(dir.path()))
        .await
        .unwrap();
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut silent, &mut rest)
        .await
        .unwrap();
    assert!(rest.is_empty());
    assert!(began.elapsed() >= ADMIN_IDLE, "{:?}", began.elapsed());
}

/// A handler that never comes back from "wait", and fails in "fail"; it says when it was asked.
fn troubled(asked: Arc<tokio::sync::Notify>) -> AdminHandler {
    Arc::new(move |request: AdminRequest| {
        let asked = Arc::clone(&asked);
        Box::pin(async move {
            asked.notify_one();
            match request.command.as_str() {
                "wait" => std::future::pending().await,
                "fail" => panic!("a bug"),
                _ => AdminReply::Ok(request.args),
            }
        })
    })
}

/// An export of half a million residents once ended with "no reply": whatever becomes of the process, whoever asked it
/// something hears what.
#[tokio::test]
async fn a_command_that_fails_or_is_stopped_midway_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let (stop, asked) = (CancellationToken::new(), Arc::default());
    let socket = admin::bind(dir.path()).unwrap();
    let served = tokio::spawn(socket.serve(troubled(Arc::clone(&asked)), stop.clone()));
    let failed = admin::call(dir.path(), &request("fail")).await.unwrap();
    assert!(
        matches!(&failed, AdminReply::Error(text) if text.contains("is a bug")),
        "{failed:?}"
    );
    asked.notified().await;
    admin::call(dir.path(), &request("echo")).await.unwrap();
    asked.notified().await;

    let path = dir.path().to_path_buf();
    let waiting = tokio::spawn(async move { admin::call(&path, &request("wait")).await });
    asked.notified().await;
    stop.cancel();
    let stopped = waiting.await.unwrap().unwrap();
    assert!(
        matches!(&stopped, AdminReply::Error(text) if text.contains("is stopping")),
        "{stopped:?}"
    );
    served.await.unwrap();
}

#[tokio::test]
async fn a_process_that_dies_with_a_request_in_hand_is_told_from_a_wrong_answer() {
    let dir = tempfile::tempdir().unwrap();
    for reads in [true, false] {
        let path = admin::socket_path(dir.path());
        drop(std::fs::remove_file(&path));
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let dying = async {
            let (stream, _) = listener.accept().await.unwrap();
            if reads {
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line).await.unwrap();
            }
        };
        let asked = request("echo");
        let (called, ()) = tokio::join!(admin::call(dir.path(), &asked), dying);
        let error = called.unwrap_err();
        assert!(matches!(error, AdminError::Gone { .. }), "{reads}: {error}");
        assert!(error.to_string().contains("run this again"), "{error}");
    }
}
