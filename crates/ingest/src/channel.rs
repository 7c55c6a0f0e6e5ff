//! The device door over WebSocket.
//!
//! For: signals and heartbeats in, answers and stages out, on one connection that a device keeps open.
//! May not know: what a reading means; incidents.

use crate::{
    Door,
    decode::{self, Frame, RAW_LIMIT, Reading},
    gateway::{Caller, Proof, Refused},
    http,
    limits::{
        CHANNEL_QUEUE, CHANNEL_SIGNALS, DRAIN_LIMIT, FRAME_LIMIT, KEY_LIMIT, READ_BYTES,
        UNVERIFIED_CHANNELS,
    },
    metrics::count,
};
use axum::{
    extract::{
        FromRequestParts, Path, Request, State,
        rejection::PathRejection,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{HeaderMap, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{DeviceId, signal::Problem as Trouble};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use wire::device::ChannelOut;

/// The subprotocol spoken here. Browsers cannot send an `Authorization` header with a WebSocket; they offer
/// `key.<the key in base64url>` as a second subprotocol instead, which is read and never answered.
const PROTOCOL: &str = "anling.device.v1";

/// Why a channel ends, as RFC 6455 (section 7.4.1) says it: a close code and a reason.
type Bye = (u16, &'static str);

/// One connection.
struct Line {
    door: Arc<Door>,
    device: DeviceId,
    address: Option<IpAddr>,
    key: Option<String>,
    proven: bool,
    _room: OwnedSemaphorePermit,
    _guest: Option<Guest>,
}

/// A place among an unverified source's channels, given back when dropped.
struct Guest {
    door: Arc<Door>,
    source: String,
}

impl Guest {
    fn enter(door: &Arc<Door>, address: Option<IpAddr>) -> Option<Self> {
        let source = door.gateway.source(address);
        let mut guests = guests(door);
        let here = guests.entry(source.clone()).or_default();
        if *here >= UNVERIFIED_CHANNELS {
            return None;
        }
        *here += 1;
        let door = Arc::clone(door);
        Some(Self { door, source })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = guests(&self.door);
        if let Some(here) = guests.get_mut(&self.source) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                guests.remove(&self.source);
            }
        }
    }
}

fn guests(door: &Door) -> std::sync::MutexGuard<'_, std::collections::HashMap<String, usize>> {
    door.rooms
        .unverified
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

pub(crate) async fn open(
    State(door): State<Arc<Door>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let address = http::address(&request);
    let key = http::bearer(request.headers()).or_else(|| offered_key(request.headers()));
    let (mut parts, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        return http::NOT_A_WEBSOCKET.answer();
    };
    let device = path
        .ok()
        .and_then(|Path(device)| DeviceId::parse(&device).ok());
    let Some(device) = device else {
        return http::NO_SUCH_DEVICE.answer();
    };
    let proof = door.gateway.prove(Some(&device), key.as_deref()).await;
    let proven = matches!(proof, Proof::Proven { .. });
    let guest = if proven {
        None
    } else {
        Guest::enter(&door, address)
    };
    let room = Arc::clone(&door.rooms.channels).try_acquire_owned();
    let (Ok(room), true) = (room, proven || guest.is_some()) else {
        count(&door.counters.turned_away);
        return http::try_again(&door.options, http::NO_CHANNEL.problem());
    };
    let line = Line {
        door: Arc::clone(&door),
        device,
        address,
        key,
        proven,
        _room: room,
        _guest: guest,
    };
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BYTES)
        // Larger frames than we read are still an alarm, so they must get as far as us.
        .max_message_size(DRAIN_LIMIT)
        .max_frame_size(DRAIN_LIMIT)
        .on_upgrade(move |socket| async move {
            let tasks = door.tasks.clone();
            // The tracker waits for it at the end.
            if let Err(error) = tasks.spawn(line.serve(socket)).await {
                tracing::error!(%error, "a channel's task ended early");
            }
        })
}

/// The key that a browser offers as a subprotocol.
fn offered_key(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut names = offered
        .filter_map(|value| value.to_str().ok())
        .flat_map(|it| it.split(','));
    let key = names.find_map(|name| name.trim().strip_prefix("key."))?;
    let key = URL_SAFE_NO_PAD.decode(key).ok()?;
    String::from_utf8(key)
        .ok()
        .filter(|key| key.len() <= KEY_LIMIT)
}

impl Line {
    async fn serve(self, socket: WebSocket) {
        let (mut sink, stream) = socket.split();
        let (out, mut queue) = mpsc::channel(CHANNEL_QUEUE);
        let (signals, taking) = mpsc::channel(CHANNEL_SIGNALS);
        let slow = CancellationToken::new();
        let joined = self
            .proven
            .then(|| self.door.back.join(&self.device, out.clone(), slow.clone()));
        let listening = async {
            let listened = self.listen(stream, signals, out.clone());
            tokio::join!(listened, self.store(taking, out.clone())).0
        };
        let bye = tokio::select! {
            bye = listening => bye,
            bye = self.speak(&mut sink, &mut queue, &slow) => bye,
        };
        drop(joined);
        if let Some(bye) = bye {
            // The device may be gone already; then nobody minds.
            let idle = self.door.options.channel_idle;
            let _ = tokio::time::timeout(idle, part(&mut sink, &mut queue, bye)).await;
        }
    }

    /// Reads frames until the device goes (`None`), falls quiet, or sends what no device would.
    async fn listen(
        &self,
        mut stream: SplitStream<WebSocket>,
        signals: mpsc::Sender<Reading>,
        out: mpsc::Sender<ChannelOut>,
    ) -> Option<Bye> {
        let idle = self.door.options.channel_idle;
        loop {
            let Ok(heard) = tokio::time::timeout(idle, stream.next()).await else {
                return Some((close_code::POLICY, "nothing was heard for too long"));
            };
            let message = match heard? {
                Ok(message) => message,
                Err(error) => {
                    let bye = broken(&error)?;
                    // The connection ends with it, but who sent it meant something: text in another encoding is how
                    // many devices write an address. What it said cannot be had; that it spoke is an alarm.
                    if self.proven {
                        let _ = signals.send(self.own(decode::signal(GARBLED))).await;
                    }
                    return Some(bye);
                }
            };
            let bytes = match &message {
                Message::Text(text) => text.as_bytes(),
                Message::Binary(bytes) => bytes,
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(_) => return None,
            };
            let frame = if bytes.len() > FRAME_LIMIT {
                let reading = decode::cut_signal(&bytes[..RAW_LIMIT]);
                Frame::Signal {
                    reading,
                    shaped: false,
                }
            } else {
                decode::frame(bytes)
            };
            let goes_on = match frame {
                Frame::Heartbeat { .. } => out.try_send(self.beat()).is_ok(),
                Frame::Signal { shaped: false, .. } if !self.proven => {
                    return Some((close_code::POLICY, "not a signal, and the key is unknown"));
                }
                Frame::Signal { reading, .. } => signals.send(self.own(reading)).await.is_ok(),
            };
            if !goes_on {
                return Some((close_code::POLICY, "answers are not taken"));
            }
        }
    }

    fn beat(&self) -> ChannelOut {
        if !self.proven {
            return self.refused(None, http::unproven_problem(Trouble::BadKey));
        }
        self.door.liveness.beat(&self.device);
        ChannelOut::Alive(http::alive(&self.door))
    }

    /// A frame need not say again whose channel it is.
    fn own(&self, mut reading: Reading) -> Reading {
        if reading.device.is_none() {
            reading.device = Some(self.device.clone());
            reading
                .problems
                .retain(|problem| *problem != Trouble::MissingDevice);
            if reading.problems.is_empty() {
                reading.raw = None;
            }
        }
        reading
    }

    /// Stores signals one after the other; heartbeats pass them by and never stand before them.
    async fn store(&self, mut taking: mpsc::Receiver<Reading>, out: mpsc::Sender<ChannelOut>) {
        while let Some(reading) = taking.recv().await {
            if out.send(self.take(reading).await).await.is_err() {
                return;
            }
        }
    }

    async fn take(&self, reading: Reading) -> ChannelOut {
        let press = reading.press.clone();
        let (door, key, address) = (Arc::clone(&self.door), self.key.clone(), self.address);
        // Goes on when the connection ends: what was read is stored.
        let taken = self.door.tasks.spawn(async move {
            let caller = Caller {
                door: "websocket",
                address,
                key: key.as_deref(),
            };
            door.gateway.take(caller, reading).await
        });
        match taken.await {
            Ok(Ok(taken)) => ChannelOut::Taken {
                press,
                signal: http::settle(&self.door, taken),
            },
            Ok(Err(Refused::Heartbeat)) => self.beat(),
            Ok(Err(Refused::Coalesced { position })) => {
                self.refused(Some(press), http::too_many_problem(position))
            }
            Ok(Err(Refused::Unavailable)) | Err(_) => {
                self.refused(Some(press), http::unavailable_problem())
            }
        }
    }

    fn refused(&self, press: Option<String>, problem: wire::problem::Problem) -> ChannelOut {
        ChannelOut::Refused {
            press,
            problem,
            retry: self.door.options.retry,
        }
    }

    /// Sends what is queued, and pings, until the device is gone (`None`), too slow, or we stop.
    async fn speak(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        queue: &mut mpsc::Receiver<ChannelOut>,
        slow: &CancellationToken,
    ) -> Option<Bye> {
        let idle = self.door.options.channel_idle;
        let mut pings = tokio::time::interval(idle / 3);
        loop {
            let message = tokio::select! {
                biased;
                () = slow.cancelled() => return Some((close_code::POLICY, "another channel took its place, or too slow")),
                () = self.door.stopping.cancelled() => return Some((close_code::AWAY, "the server stops; connect again")),
                message = queue.recv() => match message {
                    Some(message) => text(&message),
                    None => return Some((close_code::NORMAL, "")),
                },
                _ = pings.tick() => Message::Ping(bytes::Bytes::new()),
            };
            let sent = tokio::time::timeout(idle, sink.send(message)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return None;
            }
        }
    }
}

/// Says what is still to be said, then why the channel ends.
async fn part(
    sink: &mut SplitSink<WebSocket, Message>,
    queue: &mut mpsc::Receiver<ChannelOut>,
    (code, reason): Bye,
) -> Result<(), axum::Error> {
    while let Ok(message) = queue.try_recv() {
        sink.send(text(&message)).await?;
    }
    let reason = reason.into();
    sink.send(Message::Close(Some(CloseFrame { code, reason })))
        .await
}

fn text(message: &ChannelOut) -> Message {
    let json = serde_json::to_string(message).expect("plain strings and numbers become JSON");
    Message::Text(json.into())
}

/// Stands for a frame that the WebSocket itself could not take.
const GARBLED: &[u8] = b"a frame that is no WebSocket text";

/// The close code and reason for what was sent and cannot be read; `None` when the line itself went away.
fn broken(error: &axum::Error) -> Option<Bye> {
    let said = error.to_string();
    if said.contains("UTF-8") {
        Some((close_code::INVALID, "a text frame is not UTF-8"))
    } else if said.contains("Space limit") {
        Some((close_code::SIZE, "a frame is longer than this door reads"))
    } else if said.contains("protocol error") && !said.contains("reset") {
        Some((close_code::PROTOCOL, "not a WebSocket frame"))
    } else {
        None
    }
}
