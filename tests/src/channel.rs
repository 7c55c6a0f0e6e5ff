//! A device's channel: the WebSocket over which it is told how far help is.
//!
//! For: journeys in which a device listens.
//! May not know: consoles.

use crate::{Device, Node};
use futures_util::StreamExt;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use wire::device::{ChannelOut, Stage, StageOut};

/// How long a journey waits for a stage.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// An open channel.
pub struct Channel {
    socket: tokio_tungstenite::WebSocketStream<
        tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>,
    >,
}

impl Channel {
    /// Connects with the device's key.
    pub async fn open(node: &Node, device: &Device) -> Channel {
        let base = node.devices.replacen("http", "ws", 1);
        let url = format!("{base}/v1/devices/{}/channel", device.device);
        let mut request = url.into_client_request().expect("an address");
        let key = format!("Bearer {}", device.key).parse().expect("a header");
        request.headers_mut().insert("authorization", key);
        let (socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .expect("the door answers");
        Channel { socket }
    }

    /// Hears until this stage of this press is told.
    pub async fn until(&mut self, press: &str, stage: Stage) -> StageOut {
        let told = tokio::time::timeout(TOLD_WITHIN, async {
            loop {
                let message = self.socket.next().await.expect("the channel stays");
                let Message::Text(text) = message.expect("the channel stays") else {
                    continue;
                };
                let said = serde_json::from_str(&text).expect("the protocol");
                if let ChannelOut::Stage(told) = said
                    && told.press.as_deref() == Some(press)
                    && told.stage == stage
                {
                    return told;
                }
            }
        });
        told.await
            .unwrap_or_else(|_| panic!("the device was never told {stage:?}"))
    }
}
