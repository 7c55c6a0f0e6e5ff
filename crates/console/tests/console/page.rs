//! A page without a browser: its WebSocket, what it says and hears.
//!
//! For: stories at the door of consoles.
//! May not know: the city, what is written to the log.

use crate::hall::PATIENCE;
use domain::IncidentId;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use uuid::Uuid;
use wire::{
    card::Card,
    console::{Act, CommandIn, FromPage, ToPage},
};

/// A page at the other end of a WebSocket.
pub(crate) struct Page {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Page {
    pub(crate) async fn say(&mut self, message: &FromPage) {
        let text = serde_json::to_string(message).unwrap();
        self.say_text(text).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        self.socket.send(Message::Text(text.into())).await.unwrap();
    }

    pub(crate) async fn say_raw(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// The next message; `None` when the console has ended.
    pub(crate) async fn next(&mut self) -> Option<ToPage> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the console says something")? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The code with which the console ends, passing over what is said before.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("the console says something") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None)) | Err(_)) | None => panic!("it ended without a word"),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Reads on until a message gives what is looked for.
    pub(crate) async fn until<T>(&mut self, mut find: impl FnMut(ToPage) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the console goes on");
            if let Some(found) = find(message) {
                return found;
            }
        }
    }

    pub(crate) async fn snapshot(&mut self) -> (u64, Vec<Card>) {
        self.until(|message| match message {
            ToPage::Snapshot {
                position, cards, ..
            } => Some((position, cards)),
            _ => None,
        })
        .await
    }

    /// Reads on until a card as described was put on the page.
    pub(crate) async fn card(&mut self, is: impl Fn(&Card) -> bool) -> Card {
        self.until(|message| cards_of(message).into_iter().find(&is))
            .await
    }

    pub(crate) async fn sign_on(&mut self, site: &str) {
        let (party, id) = ("site".to_owned(), Some(site.to_owned()));
        let sound = true;
        self.say(&FromPage::SignOn { party, id, sound }).await;
        self.until(|message| match message {
            ToPage::Duty { duty, sound } => (duty.is_some() && sound).then_some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) async fn command(&mut self, incident: IncidentId, act: Act) -> Uuid {
        let id = Uuid::new_v4();
        let command = CommandIn {
            id: id.to_string(),
            seen: None,
            at: None,
            act,
        };
        let incident = incident.to_string();
        self.say(&FromPage::Command { incident, command }).await;
        id
    }

    pub(crate) async fn result(&mut self) -> (String, Result<u64, wire::problem::Problem>) {
        self.until(|message| match message {
            ToPage::Result {
                command,
                done,
                refused,
            } => Some((
                command,
                match (done, refused) {
                    (Some(done), None) => Ok(done.revision),
                    (None, Some(refused)) => Err(refused),
                    both => panic!("exactly one is set: {both:?}"),
                },
            )),
            _ => None,
        })
        .await
    }

    pub(crate) async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}

/// Cards a message puts on the page.
pub(crate) fn cards_of(message: ToPage) -> Vec<Card> {
    match message {
        ToPage::Snapshot { cards, .. } => cards,
        ToPage::Changes { changes, .. } => changes
            .into_iter()
            .filter_map(|change| match change {
                wire::console::Change::Upsert { card } => Some(card),
                wire::console::Change::Remove { .. } => None,
            })
            .collect(),
        _ => vec![],
    }
}
