//! One panel's connection.
//!
//! For: reading frames, storing what they say, answering in the protocol's words. Signals and polls go separate ways
//! from the moment a frame is split off: a signal never waits behind a poll.
//! May not know: what a code means, how a frame is spelt.

use super::{
    answer,
    frame::{self, Frame, Token},
    reading::{self, Signal},
    seats::Seat,
    split::{Broken, Piece, Splitter, Style},
};
use crate::{
    Door,
    gateway::{Caller, Proof, Refused},
    limits::{
        PANEL_ANSWERS, PANEL_FRAME_WITHIN, PANEL_FRAMES_PER_SECOND, PANEL_GUEST_IDLE, PANEL_JUNK,
        PANEL_POLLS, PANEL_READ, PANEL_READS_PER_SECOND, PANEL_SIGNALS,
    },
    metrics::count,
};
use domain::DeviceId;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The door's name in what is stored.
const DOOR: &str = "dc09";

/// One connection.
pub(crate) struct Line {
    door: Arc<Door>,
    address: Option<IpAddr>,
    standing: Mutex<Standing>,
    /// The panel takes no answers any more.
    gone: CancellationToken,
}

/// As whom the connection sits at the door.
enum Standing {
    Guest { _seat: Seat<String> },
    Panel { _seat: Seat<DeviceId> },
}

/// A frame on its way to the log. A broken one is stored and never answered.
struct Taking {
    body: Vec<u8>,
    style: Style,
    broken: Option<Broken>,
}

/// Ways for what was split off.
struct Ways {
    signals: mpsc::Sender<Taking>,
    polls: mpsc::Sender<(Vec<u8>, Style)>,
}

impl Line {
    pub(crate) fn new(door: Arc<Door>, address: Option<IpAddr>, seat: Seat<String>) -> Self {
        Self {
            door,
            address,
            standing: Mutex::new(Standing::Guest { _seat: seat }),
            gone: CancellationToken::new(),
        }
    }

    /// Serves it to its end. What was read is stored and answered before the connection is closed.
    pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(self, stream: S) {
        let (read, write) = tokio::io::split(stream);
        let (answers, queue) = mpsc::channel(PANEL_ANSWERS);
        let (signals, taking) = mpsc::channel(PANEL_SIGNALS);
        let (polls, polled) = mpsc::channel(PANEL_POLLS);
        tokio::join!(
            self.listen(read, Ways { signals, polls }),
            self.store(taking, answers.clone()),
            self.attest(polled, answers),
            self.speak(write, queue),
        );
    }

    /// Reads frames until the panel goes, falls quiet, or sends what no panel would.
    async fn listen<R: AsyncRead>(&self, read: R, ways: Ways) {
        tokio::pin!(read);
        let mut splitter = Splitter::default();
        let mut buffer = vec![0; PANEL_READ];
        let mut reads = Pace::new(PANEL_READS_PER_SECOND);
        let mut frames = Pace::new(PANEL_FRAMES_PER_SECOND);
        let mut last_frame = Instant::now();
        let mut begun: Option<Instant> = None;
        loop {
            let quiet_at = last_frame + self.patience();
            let torn_at = begun.map(|at| at + PANEL_FRAME_WITHIN);
            let ends_at = torn_at.map_or(quiet_at, |torn_at| torn_at.min(quiet_at));
            let came = tokio::select! {
                biased;
                () = self.gone.cancelled() => None,
                () = self.door.stopping.cancelled() => None,
                came = read.read(&mut buffer) => came.ok().filter(|bytes| *bytes > 0),
                () = tokio::time::sleep_until(ends_at) => {
                    // Its account may have been found enrolled meanwhile.
                    if torn_at.is_none() && Instant::now() < last_frame + self.patience() {
                        continue;
                    }
                    None
                }
            };
            let Some(bytes) = came else { break };
            splitter.push(&buffer[..bytes]);
            let mut framed = false;
            while let Some(piece) = splitter.next() {
                framed = true;
                if matches!(piece, Piece::Whole { .. }) {
                    last_frame = Instant::now();
                }
                if !self.sort(piece, &ways).await {
                    return;
                }
                frames.keep().await;
            }
            reads.keep().await;
            if splitter.junk() > PANEL_JUNK {
                count(&self.door.counters.panels_ended);
                return;
            }
            begun = match begun {
                Some(at) if splitter.is_waiting() && !framed => Some(at),
                _ => splitter.is_waiting().then(Instant::now),
            };
        }
        if splitter.is_waiting() {
            count(&self.door.counters.panels_ended);
        }
        if let Some(piece) = splitter.end() {
            self.sort(piece, &ways).await;
        }
    }

    /// Sends a frame its way; `false` when nobody stores any more.
    async fn sort(&self, piece: Piece, ways: &Ways) -> bool {
        let taking = match piece {
            Piece::Whole {
                body,
                style,
                odd_length,
            } => {
                if odd_length {
                    count(&self.door.counters.panel_odd_lengths);
                }
                Taking {
                    body,
                    style,
                    broken: None,
                }
            }
            Piece::Broken { body, why } => {
                count(&self.door.counters.panel_frames_broken);
                let style = Style::default();
                let broken = Some(why);
                Taking {
                    body,
                    style,
                    broken,
                }
            }
        };
        let whole = taking.broken.is_none();
        let Some(frame) = frame::read(&taking.body, whole) else {
            // By its checksum a panel said just this: somebody looks. What is torn may be anything.
            return !whole || ways.signals.send(taking).await.is_ok();
        };
        count(&self.door.counters.panel_frames);
        match (frame.token, taking.broken) {
            (Token::Answer, _) => {
                let token = String::from_utf8_lossy(frame.word);
                tracing::debug!(%token, "a panel sent what only a receiver sends");
                true
            }
            (Token::Poll, Some(_)) => true,
            (Token::Poll, None) => {
                if ways.polls.try_send((taking.body, taking.style)).is_err() {
                    // It polls again; signals do not wait for it.
                    count(&self.door.counters.panel_polls_passed_over);
                }
                true
            }
            // Torn or garbled: an alarm where it says whose it is, and never answered.
            (_, Some(_)) if !names_account(&frame) => true,
            _ => ways.signals.send(taking).await.is_ok(),
        }
    }

    /// Stores frames one after the other and answers each once all it said is durable.
    async fn store(&self, mut taking: mpsc::Receiver<Taking>, answers: mpsc::Sender<Vec<u8>>) {
        while let Some(Taking {
            body,
            style,
            broken,
        }) = taking.recv().await
        {
            let Some(frame) = frame::read(&body, broken.is_none()) else {
                // It says nothing that an answer could repeat.
                self.take(vec![reading::unread(&body)]).await;
                continue;
            };
            let signals = reading::signals(&frame, &body, broken);
            if !self.take(signals).await || broken.is_some() {
                continue;
            }
            let answer = match frame.token {
                _ if frame.encrypted => answer::nak(self.door.gateway.now(), style),
                Token::Unknown => answer::duh(&frame, style),
                _ => answer::ack(&frame, style),
            };
            // Nobody may be there to hear it: stored it is all the same.
            let _ = answers.send(answer).await;
        }
    }

    /// Whether everything is durable. What is not is not answered, so the panel sends it again or by its second path.
    async fn take(&self, signals: Vec<Signal>) -> bool {
        for Signal {
            mut reading,
            devices,
        } in signals
        {
            let (door, address) = (Arc::clone(&self.door), self.address);
            // Goes on when the connection ends: what was read is stored.
            let taken = self.door.tasks.spawn(async move {
                let _room = door.gateway.enter()?;
                let proof = door.gateway.prove_enrolled(&devices).await;
                if let Proof::Proven { device, .. } = &proof {
                    reading.device = Some(device.clone());
                }
                let caller = Caller {
                    door: DOOR,
                    address,
                    key: None,
                };
                door.gateway.take_proven(caller, proof, reading).await
            });
            match taken.await {
                Ok(Ok(taken)) => {
                    if let Some(device) = &taken.device {
                        self.door.liveness.heard(device);
                        self.sit(device);
                    }
                }
                Ok(Err(Refused::Unavailable | Refused::Coalesced { .. })) | Err(_) => return false,
                // No code of a panel is a heartbeat.
                Ok(Err(Refused::Heartbeat)) => {}
            }
        }
        true
    }

    /// Answers polls: the link works, whoever asks; an enrolled panel lives.
    async fn attest(
        &self,
        mut polled: mpsc::Receiver<(Vec<u8>, Style)>,
        answers: mpsc::Sender<Vec<u8>>,
    ) {
        while let Some((body, style)) = polled.recv().await {
            let Some(frame) = frame::read(&body, true) else {
                continue;
            };
            if frame.encrypted {
                let answer = answer::nak(self.door.gateway.now(), style);
                let _ = answers.send(answer).await;
                continue;
            }
            if let Ok(_room) = self.door.rooms.questions.try_acquire()
                && let Some(account) = frame.account
                && let devices = reading::devices(&frame, account)
                && let Proof::Proven {
                    device,
                    retired: false,
                    ..
                } = self.door.gateway.prove_enrolled(&devices).await
            {
                self.door.liveness.poll(&device);
                self.sit(&device);
            }
            let _ = answers.send(answer::ack(&frame, style)).await;
        }
    }

    /// Sends answers until there are no more, or the panel does not take them.
    async fn speak<W: AsyncWrite>(&self, write: W, mut queue: mpsc::Receiver<Vec<u8>>) {
        tokio::pin!(write);
        while let Some(answer) = queue.recv().await {
            let sent = tokio::time::timeout(PANEL_FRAME_WITHIN, write.write_all(&answer));
            if !matches!(sent.await, Ok(Ok(()))) {
                self.gone.cancel();
                return;
            }
        }
        let _ = tokio::time::timeout(PANEL_FRAME_WITHIN, write.shutdown()).await;
    }

    /// From a guest's seat to one of the panel's own, if it has one left.
    fn sit(&self, device: &DeviceId) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*standing, Standing::Guest { .. })
            && let Some(seat) = self.door.panels.panels.take(device.clone())
        {
            *standing = Standing::Panel { _seat: seat };
        }
    }

    /// How long it may be without a good frame.
    fn patience(&self) -> Duration {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match *standing {
            Standing::Guest { .. } => PANEL_GUEST_IDLE,
            Standing::Panel { .. } => self.door.liveness.panel_silent_after(),
        }
    }
}

/// Whether a frame says whose it is.
fn names_account(frame: &Frame<'_>) -> bool {
    let inside = || {
        let block = frame.blocks.first().filter(|_| !frame.encrypted);
        block.is_some_and(|block| super::payload::split(block).0.is_some())
    };
    frame.account.is_some() || inside()
}

/// Counts what happens in the second at hand.
struct Pace {
    most: u32,
    since: Instant,
    count: u32,
}

impl Pace {
    fn new(most: u32) -> Self {
        Self {
            most,
            since: Instant::now(),
            count: 0,
        }
    }

    /// One more; waits for the end of the second when there were as many as may be.
    async fn keep(&mut self) {
        const SECOND: Duration = Duration::from_secs(1);
        if self.since.elapsed() >= SECOND {
            *self = Self::new(self.most);
        }
        self.count += 1;
        if self.count >= self.most {
            tokio::time::sleep_until(self.since + SECOND).await;
        }
    }
}
