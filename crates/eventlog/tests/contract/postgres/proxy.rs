//! A way to the server that loses what it is told to lose.
//!
//! For: answers of COMMIT that never arrive.
//! May not know: anything of the protocol but what a COMMIT looks like (PostgreSQL manual, "Message Formats", Query), and
//! where in a message the head row is had and nothing is written yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// A message of statements whose last is a COMMIT.
fn commits(said: &[u8]) -> bool {
    said.starts_with(b"Q") && said.ends_with(b"COMMIT\0")
}

/// A batch that was decided beforehand is one message from its BEGIN on; cut in two, its transaction is open in between.
fn halves(said: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const WRITES: &[u8] = b"; EXECUTE write_assumed";
    let query = |text: &[u8]| {
        let length = u32::try_from(text.len() + 5).unwrap();
        [b"Q", length.to_be_bytes().as_slice(), text, b"\0"].concat()
    };
    let text = &said[5..said.len() - 1];
    match text.windows(WRITES.len()).position(|part| part == WRITES) {
        Some(at) => (query(&text[..at]), query(&text[at + 2..])),
        None => (Vec::new(), said.to_vec()),
    }
}

/// What happens to the next COMMIT that comes by. In each case the client's side is cut.
pub(super) enum Trap {
    /// It is kept back until the sender speaks, and goes to the server then; the transaction is open.
    Held(oneshot::Receiver<()>),
    /// It goes to the server, and the answer is lost.
    AnswerLost,
    /// It never goes to the server, whose side is cut as well.
    NeverSent,
    /// Nothing is cut; everything on the connection stands still until the sender speaks.
    Stuck(oneshot::Receiver<()>),
}

pub(super) struct Proxy {
    pub(super) port: u16,
    trap: Arc<Mutex<Option<Trap>>>,
    /// Hears when a trap has shut.
    shut: mpsc::UnboundedReceiver<()>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let trap = Arc::new(Mutex::new(None));
        let (tell, shut) = mpsc::unbounded_channel();
        let traps = Arc::clone(&trap);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Way {
                    trap: Arc::clone(&traps),
                    tell: tell.clone(),
                };
                tokio::spawn(way.carry(client, server));
            }
        });
        Self {
            port,
            trap,
            shut,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn set(&self, trap: Trap) {
        *self.trap.lock().unwrap() = Some(trap);
    }

    pub(super) async fn shut(&mut self) {
        super::soon(self.shut.recv()).await.unwrap();
    }
}

struct Way {
    trap: Arc<Mutex<Option<Trap>>>,
    tell: mpsc::UnboundedSender<()>,
}

impl Way {
    async fn carry(self, client: TcpStream, server: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mute = Arc::new(AtomicBool::new(false));
        let muted = Arc::clone(&mute);
        let answers = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                let passes = !muted.load(Ordering::SeqCst);
                if passes && to_client.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
        }));
        let mut buffer = vec![0; 65_536];
        loop {
            let count = match from_client.read(&mut buffer).await {
                Ok(count) if count > 0 => count,
                _ => return,
            };
            let said = &buffer[..count];
            let trap = commits(said).then(|| self.trap.lock().unwrap().take());
            match trap.flatten() {
                None => {
                    if to_server.write_all(said).await.is_err() {
                        return;
                    }
                }
                Some(Trap::Stuck(go)) => {
                    let (begin, rest) = halves(said);
                    // The client does not hear of a half; but that the server ends the connection it does.
                    mute.store(true, Ordering::SeqCst);
                    to_server.write_all(&begin).await.unwrap();
                    let _ = self.tell.send(());
                    let _ = go.await;
                    drop(to_server.write_all(&rest).await);
                }
                Some(trap) => {
                    // The client sees the end of the connection; the server does not.
                    answers.abort();
                    drop(from_client);
                    match trap {
                        Trap::Held(go) => {
                            let (begin, rest) = halves(said);
                            to_server.write_all(&begin).await.unwrap();
                            let _ = self.tell.send(());
                            let _ = go.await;
                            drop(to_server.write_all(&rest).await);
                            // Its own half of the connection closes with `to_server`, after the COMMIT.
                        }
                        Trap::AnswerLost => {
                            to_server.write_all(said).await.unwrap();
                            let _ = self.tell.send(());
                        }
                        Trap::NeverSent | Trap::Stuck(_) => {
                            let _ = self.tell.send(());
                        }
                    }
                    return;
                }
            }
        }
    }
}
