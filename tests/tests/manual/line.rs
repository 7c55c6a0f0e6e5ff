//! A WebSocket whose every message is held against its schema.
//!
//! For: saying and hearing raw JSON, and remembering which kinds were heard.
//! May not know: what the messages mean.

use crate::document::{Door, Messages};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

/// How long a story waits for a message.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Line<'a> {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    messages: &'a Messages,
    /// The `t` of everything said and heard, and the `c` of what changed.
    pub(crate) kinds: BTreeSet<String>,
}

impl<'a> Line<'a> {
    pub(crate) async fn open(
        door: &mut Door,
        messages: &'a Messages,
        path: &str,
        headers: &[(&'static str, String)],
    ) -> Line<'a> {
        let url = format!("{}{path}", door.base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, answer) = tokio_tungstenite::connect_async(request).await.unwrap();
        let path = path.split('?').next().unwrap();
        door.answered("get", path, 101, answer.headers(), &[]);
        let kinds = BTreeSet::new();
        Line {
            socket,
            messages,
            kinds,
        }
    }

    /// Says something the schema knows.
    pub(crate) async fn say(&mut self, message: Value) {
        self.messages.check(&message);
        self.note(&message);
        self.say_text(&message.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Hears until a message of this kind fits.
    pub(crate) async fn until(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let hearing = async {
            loop {
                let message = self.socket.next().await.expect("the server stays").unwrap();
                let Message::Text(text) = message else {
                    continue;
                };
                let message: Value = serde_json::from_str(&text).unwrap();
                self.messages.check(&message);
                self.note(&message);
                if message["t"] == kind && fits(&message) {
                    return message;
                }
            }
        };
        let heard = tokio::time::timeout(HEARD_WITHIN, hearing).await;
        heard.unwrap_or_else(|_| panic!("never heard: {kind}"))
    }

    fn note(&mut self, message: &Value) {
        self.kinds.insert(message["t"].as_str().unwrap().to_owned());
        for change in message["changes"].as_array().into_iter().flatten() {
            self.kinds
                .insert(format!("change:{}", change["c"].as_str().unwrap()));
        }
    }
}
