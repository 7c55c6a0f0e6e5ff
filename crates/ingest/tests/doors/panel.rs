//! A panel, as the tests of its door play it.
//!
//! For: frames of the standard, computed apart from the code under test, and connections.
//! May not know: anything inside the crate.

use crate::common::{House, SOON};
use domain::{Actor, DeviceId, ResidentId, device::Received};
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// A panel on any connection.
pub(crate) struct Panel<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Panel<S> {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next answer, to its carriage return; empty when the connection was ended.
    pub(crate) async fn answer(&mut self) -> String {
        self.answer_within(SOON).await
    }

    pub(crate) async fn answer_within(&mut self, patience: Duration) -> String {
        let mut bytes = Vec::new();
        loop {
            let mut byte = [0];
            let read = tokio::time::timeout(patience, self.0.read(&mut byte)).await;
            // A connection that is cut has ended too.
            if read.expect("the door answers").unwrap_or(0) == 0 {
                return bytes.into_iter().map(char::from).collect();
            }
            bytes.push(byte[0]);
            if byte == *b"\r" {
                return bytes.into_iter().map(char::from).collect();
            }
        }
    }

    pub(crate) async fn ask(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        self.answer().await
    }
}

/// CRC-16/ARC bit by bit, apart from the one under test.
pub(crate) fn crc(bytes: &[u8]) -> u16 {
    let mut value = 0_u16;
    for byte in bytes {
        value ^= u16::from(*byte);
        for _ in 0..8 {
            let odd = value & 1 == 1;
            value >>= 1;
            if odd {
                value ^= 0xA001;
            }
        }
    }
    value
}

pub(crate) fn framed(body: &str) -> String {
    format!("\n{:04X}0{:03X}{body}\r", crc(body.as_bytes()), body.len())
}

pub(crate) fn medical(sequence: u32, account: &str) -> String {
    framed(&format!(
        "\"SIA-DCS\"{sequence:04}L0#{account}[#{account}|NMA001]"
    ))
}

pub(crate) fn ack(header: &str) -> String {
    framed(&format!("\"ACK\"{header}[]"))
}

impl House {
    pub(crate) async fn panel(&self) -> Panel<TcpStream> {
        Panel(TcpStream::connect(self.panels).await.unwrap())
    }

    /// Enrols panels of the resident r-7.
    pub(crate) async fn enrol(&self, accounts: &[&str]) {
        for account in accounts {
            let device = DeviceId::parse(&format!("dc09-{account}")).unwrap();
            let resident = ResidentId::parse("r-7").ok();
            let registrar = self.directory.registrar();
            let enrolled = registrar.enrol_device(Actor::Registrar, device, "panel", resident, "k");
            let position = enrolled.await.unwrap().position;
            self.directory.caught_up(position).await.unwrap();
        }
    }

    /// What was received through the panels' door.
    pub(crate) async fn panel_signals(&self) -> Vec<(String, String, Received)> {
        let all = self.signals().await.into_iter();
        all.filter(|(.., it)| it.door == "dc09").collect()
    }
}
