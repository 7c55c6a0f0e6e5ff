//! The replay: `GET /v1/console?at=<position>`.
//!
//! For: the same page fed from a past position; read-only.
//! May not know: how a card is made; it is the live one's.

use crate::{
    app::App,
    board::Board,
    feed,
    follow::{board_at, forward},
    lines::{Place, Why},
    live::{goodbye, refusal},
    options::SESSION_CHECK_EVERY,
    problem::Failure,
    session,
    session::Signed,
    sign_in::me,
    socket::{self, Gone, Heard, Mouth},
};
use axum::extract::ws::WebSocket;
use casebook::BookError;
use eventlog::Position;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use wire::console::{FromPage, ToPage};

/// Messages waiting while a position is being folded; of several positions only the last is shown.
const WAITING: usize = 32;

/// Least time between two boards of a replay; playing fast skips, it does not pile up.
const SHOW_GAP: Duration = Duration::from_millis(50);

/// One replay's life.
pub(crate) async fn run(
    app: Arc<App>,
    signed: Signed,
    place: Place,
    at: Position,
    socket: WebSocket,
) {
    app.metrics.replays.fetch_add(1, Relaxed);
    let (mut mouth, mut ear) = socket::split(socket);
    let (send, mut heard) = mpsc::channel(WAITING);
    // When the page has gone, what it said last is still heard: the queue ends after it.
    let hear = async move {
        while let Some(message) = ear.next().await {
            if send.send(message).await.is_err() {
                return;
            }
        }
    };
    let show = async {
        let ended = show(&app, &signed, &place, at, &mut mouth, &mut heard).await;
        if let Ok(why) = ended {
            goodbye(&mut mouth, why).await;
        }
    };
    let mut hear = std::pin::pin!(hear);
    let mut show = std::pin::pin!(show);
    tokio::select! {
        () = &mut show => {}
        () = &mut hear => show.await,
    }
    app.metrics.replays.fetch_sub(1, Relaxed);
}

async fn show(
    app: &App,
    signed: &Signed,
    place: &Place,
    at: Position,
    mouth: &mut Mouth,
    heard: &mut mpsc::Receiver<Heard>,
) -> Result<Why, Gone> {
    let mut over = std::pin::pin!(place.over());
    let mut checked = Instant::now();
    hello(app, signed, at, mouth).await?;
    let mut board: Option<Board> = None;
    let mut wanted = Some(at);
    let mut shown = None::<Instant>;
    loop {
        let ready = async {
            match (wanted, shown) {
                (None, _) => std::future::pending().await,
                (Some(_), Some(last)) => tokio::time::sleep_until(last + SHOW_GAP).await,
                (Some(_), None) => {}
            }
        };
        tokio::select! {
            biased;
            why = over.as_mut() => return Ok(why),
            message = heard.recv() => match message {
                Some(Heard::Message(FromPage::Seek { position })) => {
                    wanted = Some(Position(position));
                }
                Some(Heard::Message(FromPage::Ping { n })) => {
                    let now = app.casebook.now().0;
                    mouth.say(&ToPage::Pong { n, now }).await?;
                }
                // A replay shows; what was meant for a live console has no meaning here.
                Some(Heard::Message(FromPage::Command { command, .. })) => {
                    let failure = Failure::refused("read_only", "a replay changes nothing", None);
                    mouth.say(&refusal(&command.id, failure)).await?;
                }
                Some(Heard::Message(_)) => {}
                Some(Heard::Malformed(detail)) => {
                    mouth.say(&refusal("", Failure::malformed(detail))).await?;
                }
                Some(Heard::Broken((code, reason))) => {
                    mouth.close(code, reason).await;
                    return Err(Gone);
                }
                None => return Err(Gone),
            },
            () = ready => if let Some(at) = wanted.take() {
                let said = match moved(app, board.take(), at).await {
                    Ok(moved) => {
                        let said = feed::past(app, &signed.viewer, &moved).await;
                        board = Some(moved);
                        said
                    }
                    Err(error) => refusal("seek", Failure::unavailable(error.to_string())),
                };
                mouth.say(&said).await?;
                shown = Some(Instant::now());
            },
            beat = mouth.beat() => {
                beat?;
                if checked.elapsed() >= SESSION_CHECK_EVERY {
                    checked = Instant::now();
                    let found = session::find(app, &signed.key).await;
                    if matches!(found, Ok(None)) {
                        return Ok(Why::Expired);
                    }
                }
            }
        }
    }
}

/// The board at another position: folded on when it lies ahead, else from the nearest checkpoint.
async fn moved(app: &App, board: Option<Board>, at: Position) -> Result<Board, BookError> {
    match board {
        Some(mut board) if board.position <= at => {
            forward(&app.casebook, &mut board, at).await?;
            Ok(board)
        }
        _ => board_at(&app.casebook, at).await,
    }
}

async fn hello(app: &App, signed: &Signed, at: Position, mouth: &mut Mouth) -> Result<(), Gone> {
    let board = app.shared.board();
    let hello = ToPage::Hello {
        protocol: wire::CONSOLE_PROTOCOL,
        version: app.options.version.clone(),
        position: at.min(board.position).0,
        now: app.casebook.now().0,
        me: me(&board.city, &signed.viewer),
        duty: None,
        replay: true,
        demo: app.options.demo,
    };
    mouth.say(&hello).await
}
