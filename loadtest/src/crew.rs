//! The consoles: signed on at their desks, each over its own WebSocket, working until they are told to go.
//!
//! For: carrying frames to `desk` and what it says back, and telling the ledger what was seen when.
//! May not know: what is done with a call.

use crate::{
    Doing, Failure,
    city::{Account, Seat},
    desk::{Desk, Frame, Seen},
    ledger::Ledger,
};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};
use wire::console::{FromPage, Session, SignIn};

/// How long a console may take until duty is taken.
const SIGN_ON_WITHIN: Duration = Duration::from_secs(30);

/// The largest frame taken, in bytes: a snapshot of thousands of cards.
const FRAME_BYTES: usize = 256 * 1024 * 1024;

/// What all consoles together counted.
#[derive(Debug, Default)]
pub struct Heard {
    /// Messages received.
    pub frames: AtomicU64,
    /// Of them, snapshots.
    pub snapshots: AtomicU64,
    /// Bytes received.
    pub bytes: AtomicU64,
    /// Commands sent.
    pub commands: AtomicU64,
    /// Consoles whose connection broke during the run.
    pub broken: AtomicU64,
    /// Messages that did not read.
    pub unread: AtomicU64,
}

/// What one console reports at its end.
#[derive(Debug, Default)]
pub struct Ended {
    /// Refused commands by code.
    pub refused: BTreeMap<String, u64>,
    /// Calls not taken because the list was full.
    pub overflowed: u64,
    /// Incidents by device; a device with two incidents is a press doubled.
    pub incidents: Vec<(String, String)>,
}

type Line = WebSocketStream<TcpStream>;

/// A console on duty.
pub struct Console {
    line: Line,
    desk: Desk,
}

/// Signs in; the session's token and what it may do.
pub async fn sign_in(
    client: &reqwest::Client,
    console: &str,
    account: &Account,
) -> Result<Session, Failure> {
    let body = SignIn {
        name: account.name.clone(),
        password: account.password.clone(),
    };
    let answer = client
        .post(format!("{console}/v1/session"))
        .json(&body)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .doing(&format!("sign in as {}", account.name))?;
    answer.json().await.doing("read a session")
}

impl Console {
    /// Signs in, opens the console and takes duty with proven sound.
    pub async fn open(
        client: &reqwest::Client,
        console: &str,
        seat: &Seat,
        number: usize,
    ) -> Result<Self, Failure> {
        let session = sign_in(client, console, &seat.account).await?;
        let host = console.strip_prefix("http://").ok_or_else(|| {
            Failure(format!(
                "{console}: the generator speaks plain HTTP; name a door http://host:port"
            ))
        })?;
        let mut request = format!("ws://{host}/v1/console")
            .into_client_request()
            .doing("read the console's address")?;
        let bearer = format!("Bearer {}", session.token.unwrap_or_default());
        let bearer = bearer.parse().doing("read a token")?;
        request.headers_mut().insert("authorization", bearer);
        let stream = TcpStream::connect(host)
            .await
            .doing("connect to the console")?;
        stream.set_nodelay(true).doing("connect to the console")?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(FRAME_BYTES))
            .max_frame_size(Some(FRAME_BYTES));
        let (line, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config))
            .await
            .doing("open a console")?;
        let mut opened = Self {
            line,
            desk: Desk::new(seat.turn, seat.of),
        };
        opened
            .say(&FromPage::Resume {
                console: format!("load-{number}-{}", uuid::Uuid::new_v4().simple()),
                position: None,
            })
            .await?;
        let party = session.me.parties.into_iter().next();
        let party =
            party.ok_or_else(|| Failure(format!("{} may take duty nowhere", seat.account.name)))?;
        opened
            .say(&FromPage::SignOn {
                party: party.party,
                id: party.id,
                sound: true,
            })
            .await?;
        tokio::time::timeout(SIGN_ON_WITHIN, opened.on_duty())
            .await
            .doing("take duty in time")??;
        Ok(opened)
    }

    async fn say(&mut self, message: &FromPage) -> Result<(), Failure> {
        self.line
            .send(text(message))
            .await
            .doing("speak to the console")
    }

    /// Until the server says that duty is taken.
    async fn on_duty(&mut self) -> Result<(), Failure> {
        while let Some(message) = self.line.next().await {
            let Message::Text(text) = message.doing("hear the console")? else {
                continue;
            };
            let value: serde_json::Value = serde_json::from_str(&text).doing("read a frame")?;
            if value["t"] == "duty" && value["duty"].is_object() {
                return Ok(());
            }
            if value["t"] == "result" {
                return Err(Failure(format!("duty was refused: {}", value["refused"])));
            }
        }
        Err(Failure("the console closed".to_owned()))
    }

    /// Works until told to go.
    pub async fn work(
        self,
        ledger: Arc<Ledger>,
        heard: Arc<Heard>,
        go: watch::Receiver<bool>,
    ) -> Ended {
        let (sink, mut stream) = self.line.split();
        let (out, outbox) = tokio::sync::mpsc::unbounded_channel();
        // Writing in a task of its own: a server that is slow to listen must not stop us from hearing it.
        let writing = tokio::spawn(write(sink, outbox));
        let mut shift = Shift {
            desk: self.desk,
            ledger,
            heard,
            ended: Ended::default(),
        };
        let mut go = go;
        loop {
            let ledger = &shift.ledger;
            let wake = shift
                .desk
                .next()
                .map(|at| ledger.start() + Duration::from_micros(at));
            let pause = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let said = tokio::select! {
                _ = go.wait_for(|go| *go) => break,
                message = stream.next() => match message {
                    Some(Ok(Message::Text(text))) => shift.hear(&text),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        shift.heard.broken.fetch_add(1, Relaxed);
                        break;
                    }
                    Some(Ok(_)) => Vec::new(),
                },
                () = pause => shift.due(),
            };
            for message in said {
                // The writing half ends only with the connection, which is noticed above.
                let _ = out.send(text(&message));
            }
        }
        let _ = out.send(text(&FromPage::SignOff));
        drop(out);
        let _ = tokio::time::timeout(SIGN_ON_WITHIN, writing).await;
        shift.ended.refused = std::mem::take(&mut shift.desk.refused);
        shift.ended.overflowed = shift.desk.overflowed;
        shift.ended
    }
}

async fn write(
    mut sink: SplitSink<Line, Message>,
    mut outbox: tokio::sync::mpsc::UnboundedReceiver<Message>,
) {
    while let Some(message) = outbox.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    let _ = sink.close().await;
}

struct Shift {
    desk: Desk,
    ledger: Arc<Ledger>,
    heard: Arc<Heard>,
    ended: Ended,
}

impl Shift {
    fn hear(&mut self, text: &str) -> Vec<FromPage> {
        // Before it is read: what reading costs is ours.
        let now = self.ledger.now();
        self.heard.frames.fetch_add(1, Relaxed);
        self.heard.bytes.fetch_add(text.len() as u64, Relaxed);
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
            self.heard.unread.fetch_add(1, Relaxed);
            return Vec::new();
        };
        self.heard
            .snapshots
            .fetch_add(u64::from(frame.t == "snapshot"), Relaxed);
        let (said, seen) = self.desk.hear(frame, now);
        for seen in seen {
            self.note(seen, now);
        }
        said
    }

    fn note(&mut self, seen: Seen, now: u64) {
        let row = |device: &str| Some(self.ledger.row(self.ledger.of_device(device)?));
        match seen {
            Seen::Card {
                device,
                incident,
                offered,
            } => {
                let Some(row) = row(&device) else { return };
                row.framed.tell(now);
                if offered {
                    row.offered.tell(now);
                }
                self.ended.incidents.push((device, incident));
            }
            Seen::Accepted { device } => {
                row(&device).inspect(|row| {
                    row.accepted.tell(now);
                });
            }
            Seen::Resolved { device } => {
                row(&device).inspect(|row| {
                    row.resolved.tell(now);
                });
            }
        }
    }

    fn due(&mut self) -> Vec<FromPage> {
        let now = self.ledger.now();
        let said: Vec<_> = std::iter::from_fn(|| self.desk.due(now)).collect();
        self.heard.commands.fetch_add(said.len() as u64, Relaxed);
        said
    }
}

fn text(message: &FromPage) -> Message {
    Message::text(serde_json::to_string(message).expect("a page's message is plain data"))
}
