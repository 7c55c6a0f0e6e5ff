//! One WebSocket, its two halves and its pulse.
//!
//! For: sending within a bound, noticing a console that is gone, reading messages of a page.
//! May not know: what the messages are about.

use crate::options::{PING_EVERY, SEND_WAIT, SILENCE};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior},
};
use wire::console::FromPage;

/// The console takes nothing, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// The half that speaks.
pub(crate) struct Mouth {
    sink: SplitSink<WebSocket, Message>,
    heard: watch::Receiver<Instant>,
    pulse: Interval,
    /// When it was first asked whether it is there, without having said anything since.
    asked: Option<Instant>,
}

/// The half that hears.
pub(crate) struct Ear {
    stream: SplitStream<WebSocket>,
    heard: watch::Sender<Instant>,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Heard {
    Message(FromPage),
    /// Not a message of ours; the text says where it went wrong.
    Malformed(String),
    /// Not WebSocket, or more than is read: nothing after it can be heard.
    Broken(Bye),
}

/// Why a connection ends, as RFC 6455 (section 7.4.1) says it: a close code and a reason.
pub(crate) type Bye = (u16, &'static str);

pub(crate) fn split(socket: WebSocket) -> (Mouth, Ear) {
    let (sink, stream) = socket.split();
    let (heard, hears) = watch::channel(Instant::now());
    let mut pulse = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mouth = Mouth {
        sink,
        heard: hears,
        pulse,
        asked: None,
    };
    (mouth, Ear { stream, heard })
}

impl Mouth {
    /// Says something; gone when it is not taken in time.
    pub(crate) async fn say<T: Serialize>(&mut self, message: &T) -> Result<(), Gone> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a message does not become JSON");
            Gone
        })?;
        self.send(Message::Text(text.into())).await
    }

    /// Waits for the next beat; gone when nothing was heard for too long.
    pub(crate) async fn beat(&mut self) -> Result<(), Gone> {
        self.pulse.tick().await;
        let heard = *self.heard.borrow();
        // While a long frame is made nobody is asked, and who is not asked cannot answer.
        match self.asked.filter(|asked| heard < *asked) {
            Some(asked) if asked.elapsed() >= SILENCE => return Err(Gone),
            Some(_) => {}
            None => self.asked = Some(Instant::now()),
        }
        self.send(Message::Ping(axum::body::Bytes::new())).await
    }

    /// Says goodbye, if anybody listens.
    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _ = self.send(Message::Close(Some(frame))).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match tokio::time::timeout(SEND_WAIT, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

impl Ear {
    /// The next message; `None` when the other side has gone.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            let message = match self.stream.next().await? {
                Ok(message) => message,
                Err(error) => return broken(&error).map(Heard::Broken),
            };
            self.heard.send_replace(Instant::now());
            match message {
                Message::Text(text) => return Some(read(text.as_str())),
                Message::Binary(_) => {
                    return Some(Heard::Malformed("messages are JSON text".to_owned()));
                }
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return None,
            }
        }
    }
}

/// What a page sent that cannot be read; `None` when the line itself went away.
fn broken(error: &axum::Error) -> Option<Bye> {
    let said = error.to_string();
    if said.contains("UTF-8") {
        Some((close_code::INVALID, "a text frame is not UTF-8"))
    } else if said.contains("Space limit") {
        Some((close_code::SIZE, "a message is at most 64 KiB"))
    } else if said.contains("protocol error") && !said.contains("reset") {
        Some((close_code::PROTOCOL, "not a WebSocket frame"))
    } else {
        None
    }
}

fn read(text: &str) -> Heard {
    match serde_json::from_str(text) {
        Ok(message) => Heard::Message(message),
        Err(error) => Heard::Malformed(format!(
            "the message does not read ({:?} error at column {})",
            error.classify(),
            error.column()
        )),
    }
}

/// The close code for each end, after RFC 6455.
pub(crate) const ENDED: u16 = close_code::NORMAL;
/// The server goes; the page comes back by itself.
pub(crate) const AWAY: u16 = close_code::AWAY;
