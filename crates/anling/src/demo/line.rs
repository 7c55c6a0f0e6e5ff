//! A line of the cast to the console: signed in, open, heard and spoken to as a page does it.
//!
//! For: whoever of the cast looks at a screen.
//! May not know: what is on the screen.

use super::people::DemoAccount;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};
use wire::console::{FromPage, Session, ToPage};

/// Read from the console at a time, in bytes, kept by each operator; the library's 128 KiB would be 20 MiB for all of them.
const READ_BYTES: usize = 16 * 1024;

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// An open line.
pub(crate) struct Line(Socket);

impl Line {
    /// Signs in and opens the line; duty is not taken.
    pub(crate) async fn open(
        client: &reqwest::Client,
        console: &str,
        account: &DemoAccount,
    ) -> Result<(Line, Session), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let sign_in = serde_json::json!({ "name": account.name, "password": account.password });
        let asked = client.post(format!("{console}/v1/session")).json(&sign_in);
        let answer = asked.send().await.map_err(|e| text(&e))?;
        let answer = answer.error_for_status().map_err(|e| text(&e))?;
        let session: Session = answer.json().await.map_err(|e| text(&e))?;
        let url = format!("{}/v1/console", console.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(|e| text(&e))?;
        let bearer = format!("Bearer {}", session.token.as_deref().unwrap_or_default());
        let bearer = bearer.parse().map_err(|_| "a token that is no header")?;
        request.headers_mut().insert("authorization", bearer);
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let connected = connect_async_with_config(request, Some(config), false).await;
        let (socket, _) = connected.map_err(|e| text(&e))?;
        let mut line = Line(socket);
        let console = format!("cast-{}", uuid::Uuid::new_v4().simple());
        let resume = FromPage::Resume {
            console,
            position: None,
        };
        line.say(&resume).await?;
        Ok((line, session))
    }

    /// Sends one message.
    pub(crate) async fn say(&mut self, message: &FromPage) -> Result<(), String> {
        let text = serde_json::to_string(message).expect("a page's message is plain data");
        let sent = self.0.send(Message::text(text)).await;
        sent.map_err(|error| error.to_string())
    }

    /// The next message that can be read. Nothing is lost when this is dropped.
    pub(crate) async fn hear(&mut self) -> Result<ToPage, String> {
        loop {
            match self.0.next().await {
                None => return Err("the console closed".to_owned()),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(Message::Text(text))) => {
                    if let Ok(message) = serde_json::from_str(&text) {
                        return Ok(message);
                    }
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Closes in order.
    pub(crate) async fn close(mut self) {
        let _ = self.0.close(None).await;
    }
}
