//! A way to the server that loses what it is told to lose.
//!
//! For: answers of COMMIT that never arrive.
//! May not know: anything of the protocol but what a COMMIT looks like (PostgreSQL manual, "Message Formats", Query).

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// A message of statements whose last is a COMMIT.
fn commits(said: &[u8]) -> bool {
    said.starts_with(b"Q") && said.ends_with(b"COMMIT\0")
}

/// What happens to the next COMMIT that comes by. In each case the client's side is cut.
pub(super) enum Trap {
    /// It is kept back until the sender speaks, and goes to the server then.
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
        let answers = AbortOnDropHandle::new(tokio::spawn(async move {
            drop(tokio::io::copy(&mut from_server, &mut to_client).await);
            (from_server, to_client)
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
                    let _ = self.tell.send(());
                    let _ = go.await;
                    drop(to_server.write_all(said).await);
                }
                Some(trap) => {
                    // The client sees the end of the connection; the server does not.
                    answers.abort();
                    drop(from_client);
                    match trap {
                        Trap::Held(go) => {
                            let _ = self.tell.send(());
                            let _ = go.await;
                            drop(to_server.write_all(said).await);
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
