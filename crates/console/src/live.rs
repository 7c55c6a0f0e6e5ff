//! The live console: `GET /v1/console`.
//!
//! For: one connection's life: greeting, frames, commands, pulse, end.
//! May not know: what a card holds (`card`), what changed (`feed`), how duty is written (`duty`).

use crate::{
    app::App,
    duty::{self, Duty},
    feed::Feed,
    framed::Framed,
    hear::Reader,
    http,
    lines::{Place, Why},
    options::{FRAME_BYTES, FRAME_GAP, NEWS_REST, OUTBOX, READ_BYTES, SESSION_CHECK_EVERY},
    orders,
    problem::{Answer, Failure},
    replay, session,
    session::Signed,
    sign_in::me,
    socket::{self, AWAY, Bye, ENDED, Gone, Mouth},
    viewer::Viewer,
};
use axum::{
    extract::{
        Request, State,
        ws::{WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use eventlog::Position;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use wire::console::{CommandOut, ToPage};

/// How long a page may take to say `resume`; then it gets a snapshot unasked.
const RESUME_WAIT: Duration = Duration::from_secs(2);

/// How long a console that ends waits for what its page asked last.
const FINISH_WAIT: Duration = Duration::from_secs(5);

/// Opens a live console, or with `?at=` a replay.
pub(crate) async fn console(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Answer<Response> {
    let signed = session::signed_socket(&app, request.headers()).await?;
    let at = replay_position(&request)?;
    if let Some(at) = at {
        within_the_log(&app, at).await?;
    }
    let upgrade = upgrade.map_err(|_| Failure::malformed("this address speaks WebSocket"))?;
    if app.stop.is_cancelled() {
        return Err(Failure::unavailable("the console is stopping"));
    }
    let place = app.lines.enter(&signed.viewer.operator, signed.key);
    let place = place.ok_or_else(|| {
        app.metrics.turned_away();
        Failure::unavailable("too many consoles are open; close one, then try again")
    })?;
    let tracker = app.tasks.clone();
    let upgrade = upgrade
        .read_buffer_size(READ_BYTES)
        .max_message_size(FRAME_BYTES)
        .max_frame_size(FRAME_BYTES);
    let pages = app.options.pages.clone();
    let pages = pages.unwrap_or_else(|| app.orders.clone());
    Ok(upgrade.on_upgrade(move |socket| async move {
        let page = tracker.track_future(async move {
            match at {
                Some(at) => replay::run(app, signed, place, at, socket).await,
                None => run(app, signed, place, socket).await,
            }
        });
        pages.spawn(page);
    }))
}

fn replay_position(request: &Request) -> Answer<Option<Position>> {
    let pairs = http::query(request.uri())?;
    let at = pairs.iter().find(|(name, _)| name == "at");
    let Some((_, text)) = at else {
        return Ok(None);
    };
    text.parse()
        .map(|at| Some(Position(at)))
        .map_err(|_| Failure::malformed("at: a position is a whole number"))
}

/// A position is given out by some process before every other has read as far; what lies further is nowhere.
async fn within_the_log(app: &App, at: Position) -> Answer<()> {
    if app.shared.board().position >= at {
        return Ok(());
    }
    orders::until_shown(app, at.0).await;
    match app.shared.board().position {
        reached if reached >= at => Ok(()),
        last => Err(Failure::malformed(format!(
            "at: the log ends at position {}",
            last.0
        ))),
    }
}

/// What the reading half tells the writing one.
pub(crate) enum Post {
    Say(ToPage),
    /// The page came, with what it had.
    Resumed(Option<Position>),
    /// What the page sends cannot be read any more; it is told why.
    Broken(Bye),
}

async fn run(app: Arc<App>, signed: Signed, place: Place, socket: WebSocket) {
    app.metrics
        .connections
        .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (mouth, ear) = socket::split(socket);
    let (post, posted) = mpsc::channel(OUTBOX);
    let (duty, on_duty) = watch::channel(Duty::default());
    let hang_up = CancellationToken::new();
    let reader = Reader {
        app: &app,
        hang_up: hang_up.clone(),
        viewer: signed.viewer.clone(),
        place: &place,
        duty: &duty,
        post,
    };
    let writer = Writer {
        app: &app,
        signed: &signed,
        place: &place,
        duty: &duty,
        mouth,
        feed: Feed::new(signed.viewer.clone()),
    };
    // Whichever half ends first ends the other; what the reading half is doing is finished first, so that duty taken in
    // that moment is not forgotten.
    let mut reading = std::pin::pin!(reader.run(ear));
    let why = tokio::select! {
        why = writer.run(posted, on_duty) => {
            hang_up.cancel();
            let _ = tokio::time::timeout(FINISH_WAIT, reading).await;
            why
        }
        () = &mut reading => None,
    };
    if why == Some(Why::Replaced) {
        tracing::debug!("a console has come back over another connection");
    }
    // Whoever signs out at another process ends this console's session, which is all that is seen of it here.
    let signed_out = match why {
        Some(Why::SignedOut) => true,
        None => session::over(&app, &signed).await == Some(Why::SignedOut),
        Some(_) => false,
    };
    let operator = &signed.viewer.operator;
    let ends = signed_out
        && !app.lines.has_other(operator, &place)
        && !duty::has_elsewhere(&app, operator);
    let last = duty.borrow().clone();
    // A tab that has come back elsewhere is attached there.
    if why != Some(Why::Replaced) {
        duty::detach(&app, &signed.viewer, &place, &last, ends).await;
    }
    app.metrics
        .connections
        .fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
}

/// The half that speaks.
struct Writer<'a> {
    app: &'a Arc<App>,
    signed: &'a Signed,
    place: &'a Place,
    duty: &'a watch::Sender<Duty>,
    mouth: Mouth,
    feed: Feed,
}

impl Writer<'_> {
    /// Until the console is gone (`None`) or must end.
    async fn run(
        mut self,
        mut posted: mpsc::Receiver<Post>,
        mut on_duty: watch::Receiver<Duty>,
    ) -> Option<Why> {
        match self.talk(&mut posted, &mut on_duty).await {
            Ok(why) => {
                self.goodbye(why).await;
                Some(why)
            }
            Err(Gone) => {
                self.app.metrics.dropped();
                None
            }
        }
    }

    async fn talk(
        &mut self,
        posted: &mut mpsc::Receiver<Post>,
        on_duty: &mut watch::Receiver<Duty>,
    ) -> Result<Why, Gone> {
        let mut over = std::pin::pin!(self.place.over());
        let mut pulse = self.app.shared.watch();
        let mut news = self.app.shared.watch_news();
        let mut health = self.app.health.watch();
        let mut checked = Instant::now();
        self.hello().await?;
        // Said once at the beginning, and when it changes.
        health.mark_changed();
        // The first frame waits for `resume`, but not for ever.
        let mut due = Some(Instant::now() + RESUME_WAIT);
        let mut started = false;
        let mut stands = None;
        let mut last = Instant::now();
        // How long news rests after the last frame.
        let mut rest = FRAME_GAP;
        loop {
            let frame = async {
                match due {
                    // The timer is no finer than a millisecond; what is due already does not ask it.
                    Some(at) if at <= Instant::now() => {}
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                why = over.as_mut() => return Ok(why),
                // Before everything that may be ready again and again in a storm: a page that is not asked cannot answer, and
                // would be taken for gone.
                beat = self.mouth.beat() => {
                    beat?;
                    if checked.elapsed() >= SESSION_CHECK_EVERY {
                        checked = Instant::now();
                        if let Some(why) = session::over(self.app, self.signed).await {
                            return Ok(why);
                        }
                    }
                }
                post = posted.recv() => match post {
                    Some(Post::Say(message)) => self.mouth.say(&message).await?,
                    Some(Post::Resumed(position)) => {
                        let duty = on_duty.borrow_and_update().clone();
                        self.say_duty(&duty).await?;
                        stands = duty.party.clone();
                        // What an operator's page holds was made under a duty that may be over.
                        let stale = duty.site.is_none() && !self.signed.viewer.leads();
                        self.feed.resume(position.filter(|_| !stale));
                        started = true;
                        due = Some(Instant::now());
                    }
                    Some(Post::Broken((code, reason))) => {
                        self.mouth.close(code, reason).await;
                        return Err(Gone);
                    }
                    None => return Err(Gone),
                },
                _ = on_duty.changed(), if started => {
                    let duty = on_duty.borrow_and_update().clone();
                    self.say_duty(&duty).await?;
                    if stands != duty.party {
                        stands = duty.party;
                        self.feed.restart();
                        due = Some(Instant::now());
                    }
                }
                () = frame => {
                    started = true;
                    last = Instant::now();
                    due = None;
                    if let Some(why) = self.frame().await? {
                        return Ok(why);
                    }
                    rest = (last.elapsed() * NEWS_REST).min(FRAME_GAP);
                }
                moved = pulse.changed(), if started && due.is_none() => match moved {
                    Ok(()) => due = Some(Instant::now().max(last + FRAME_GAP)),
                    Err(_) => return Ok(Why::Stopping),
                },
                told = news.changed(), if started => {
                    if told.is_err() {
                        return Ok(Why::Stopping);
                    }
                    if self.feed.has_news(self.app) {
                        let soon = Instant::now().max(last + rest);
                        due = Some(due.map_or(soon, |due| due.min(soon)));
                    }
                }
                _ = health.changed() => {
                    let troubles = health.borrow_and_update().clone();
                    self.mouth.say(&ToPage::Health { troubles }).await?;
                }
            }
        }
    }

    async fn hello(&mut self) -> Result<(), Gone> {
        let board = self.app.shared.board();
        let hello = ToPage::Hello {
            protocol: wire::CONSOLE_PROTOCOL,
            version: self.app.options.version.clone(),
            position: board.position.0,
            now: self.app.casebook.now().0,
            me: me(&board.city, &self.signed.viewer),
            duty: None,
            replay: false,
            demo: self.app.options.demo,
        };
        self.mouth.say(&hello).await
    }

    async fn say_duty(&mut self, duty: &Duty) -> Result<(), Gone> {
        let board = self.app.shared.board();
        let message = ToPage::Duty {
            duty: duty.view(&board.city),
            sound: duty.sound,
        };
        self.mouth.say(&message).await
    }

    async fn frame(&mut self) -> Result<Option<Why>, Gone> {
        let board = self.app.shared.board();
        let signed = self.signed;
        let responder = signed.viewer.responder.as_ref();
        match Viewer::of(&board.city, &signed.viewer.operator, responder) {
            // Another scope needs another session: what is on the page was decided under this one.
            Some(viewer) if viewer == signed.viewer => {}
            _ => return Ok(Some(Why::Expired)),
        }
        let held = duty::hold(self.app, &signed.viewer, self.place, self.duty, &board).await;
        if let Some(why) = held {
            return Ok(Some(why));
        }
        let duty = self.duty.borrow().clone();
        if let Some(said) = self.feed.next(self.app, &duty).await {
            if matches!(said.frame, Framed::Snapshot { .. }) {
                self.app.metrics.snapshot(said.collapsed);
            }
            self.app.metrics.frame();
            self.mouth.say(&said.frame).await?;
        }
        Ok(None)
    }

    async fn goodbye(&mut self, why: Why) {
        goodbye(&mut self.mouth, why).await;
    }
}

/// Tells a page why its console ends.
pub(crate) async fn goodbye(mouth: &mut Mouth, why: Why) {
    let word = match why {
        Why::SignedOut => "signed_out",
        Why::Expired => "expired",
        Why::Replaced => return mouth.close(ENDED, "replaced").await,
        Why::Stopping => return mouth.close(AWAY, "stopping").await,
    };
    let message = ToPage::SignedOut {
        why: word.to_owned(),
    };
    let _ = mouth.say(&message).await;
    mouth.close(ENDED, word).await;
}

/// The answer to what was done.
pub(crate) fn result(command: String, done: CommandOut) -> ToPage {
    ToPage::Result {
        command,
        done: Some(done),
        refused: None,
    }
}

/// The answer to what could not be done.
pub(crate) fn refusal(command: &str, failure: Failure) -> ToPage {
    ToPage::Result {
        command: command.to_owned(),
        done: None,
        refused: Some(*failure.problem),
    }
}
