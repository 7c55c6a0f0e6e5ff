//! A console page without a browser: the WebSocket, its board, its commands.
//!
//! For: journeys that need many consoles, or none with a screen.
//! May not know: HTTP lists; those are `node`'s.

use crate::Node;
use futures_util::{SinkExt, StreamExt};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use wire::{
    card::Card,
    console::{Act, Change, CommandIn, CommandOut, FromPage, ToPage},
    problem::Problem,
};

/// How long a journey waits for something to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// An open console.
pub struct Page {
    socket: tokio_tungstenite::WebSocketStream<
        tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>,
    >,
    /// The board as the server has told it.
    pub cards: BTreeMap<String, Card>,
    /// The last position told.
    pub position: u64,
    results: BTreeMap<String, Result<CommandOut, Problem>>,
}

impl Page {
    /// Connects, resuming from `position` when one is given.
    pub async fn open(node: &Node, token: &str, console: &str, position: Option<u64>) -> Page {
        let url = format!("{}/v1/console", node.console.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("an address");
        request.headers_mut().insert(
            "authorization",
            format!("Bearer {token}").parse().expect("a header"),
        );
        let (socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .expect("the console answers");
        let mut page = Page {
            socket,
            cards: BTreeMap::new(),
            position: position.unwrap_or(0),
            results: BTreeMap::new(),
        };
        page.say(&FromPage::Resume {
            console: console.to_owned(),
            position,
        })
        .await;
        page
    }

    /// Takes duty, with proven sound or without.
    pub async fn sign_on(&mut self, party: &str, id: Option<&str>, sound: bool) {
        self.say(&FromPage::SignOn {
            party: party.to_owned(),
            id: id.map(str::to_owned),
            sound,
        })
        .await;
        loop {
            if let ToPage::Duty { duty: Some(_), .. } = self.hear().await {
                return;
            }
        }
    }

    /// Sends one message.
    pub async fn say(&mut self, message: &FromPage) {
        let text = serde_json::to_string(message).expect("plain data");
        self.socket
            .send(Message::text(text))
            .await
            .expect("the console listens");
    }

    /// The next message, taken into the board.
    pub async fn hear(&mut self) -> ToPage {
        tokio::time::timeout(SEEN_WITHIN, self.next())
            .await
            .expect("the console speaks in time")
    }

    /// Hears the first whole board; returns its position.
    pub async fn told(&mut self) -> u64 {
        loop {
            if let ToPage::Snapshot { position, .. } = self.hear().await {
                return position;
            }
        }
    }

    /// Stays connected, hearing whatever comes; ends never.
    pub async fn stay(&mut self) {
        loop {
            self.next().await;
        }
    }

    /// Stays connected as a desk where all that rings is shown and sounded and nobody accepts; ends never.
    pub async fn show_everything(&mut self) {
        let mut shown = BTreeSet::new();
        loop {
            let rings: Vec<_> = self
                .cards
                .values()
                .filter(|card| card.rings_me)
                .filter_map(|card| {
                    let offer = card.offer.as_ref()?;
                    Some((card.id.clone(), offer.ring, offer.round, card.revision))
                })
                .collect();
            for (incident, ring, round, revision) in rings {
                if shown.insert((incident.clone(), ring, round)) {
                    self.say(&FromPage::Shown {
                        incident,
                        revision,
                        sounded: true,
                    })
                    .await;
                }
            }
            self.next().await;
        }
    }

    async fn next(&mut self) -> ToPage {
        loop {
            let Message::Text(text) = self
                .socket
                .next()
                .await
                .expect("the console stays")
                .expect("the console stays")
            else {
                continue;
            };
            let message: ToPage = serde_json::from_str(&text).expect("the protocol");
            self.take_in(&message);
            return message;
        }
    }

    fn take_in(&mut self, message: &ToPage) {
        match message {
            ToPage::Snapshot {
                position, cards, ..
            } => {
                self.position = *position;
                self.cards = cards
                    .iter()
                    .map(|card| (card.id.clone(), card.clone()))
                    .collect();
            }
            ToPage::Changes {
                position, changes, ..
            } => {
                assert!(*position >= self.position, "positions go forward");
                self.position = *position;
                for change in changes {
                    match change {
                        Change::Upsert { card } => self.cards.insert(card.id.clone(), card.clone()),
                        Change::Remove { id, .. } => self.cards.remove(id),
                    };
                }
            }
            ToPage::Result {
                command,
                done,
                refused,
            } => {
                let result = match (done, refused) {
                    (Some(done), None) => Ok(done.clone()),
                    (None, Some(refused)) => Err(refused.clone()),
                    other => panic!("exactly one of done and refused: {other:?}"),
                };
                self.results.insert(command.clone(), result);
            }
            _ => {}
        }
    }

    /// Hears until a card fits; returns it.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Card) -> bool) -> Card {
        let seen = tokio::time::timeout(SEEN_WITHIN, async {
            loop {
                if let Some(card) = self.cards.values().find(|card| fits(card)) {
                    return card.clone();
                }
                self.next().await;
            }
        });
        seen.await.unwrap_or_else(|_| panic!("never seen: {what}"))
    }

    /// Sends a command and waits for its result.
    pub async fn command(&mut self, card: &Card, act: Act) -> Result<CommandOut, Problem> {
        self.command_as(
            &card.id,
            &uuid::Uuid::new_v4().to_string(),
            Some(card.revision),
            act,
        )
        .await
    }

    /// The same with everything said.
    pub async fn command_as(
        &mut self,
        incident: &str,
        id: &str,
        seen: Option<u64>,
        act: Act,
    ) -> Result<CommandOut, Problem> {
        let command = CommandIn {
            id: id.to_owned(),
            seen,
            at: None,
            act,
        };
        self.say(&FromPage::Command {
            incident: incident.to_owned(),
            command,
        })
        .await;
        loop {
            if let Some(result) = self.results.remove(id) {
                return result;
            }
            self.hear().await;
        }
    }
}
