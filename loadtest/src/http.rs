//! HTTP/1.1 over one kept connection, no more of it than the doors speak.
//!
//! For: requests built before the run, so that sending one costs the machine little beside what it is sent to.
//! May not know: what is asked. Answers have a `content-length`; anything else is an error.

use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest answer taken, in bytes: a page of 200 full cards with room to spare.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// A kept connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body_at: usize,
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(1024),
            body_at: 0,
        })
    }

    /// Hands a whole request to the kernel.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await
    }

    /// Reads a whole answer; its status. The body is [`Connection::body`] until the next one.
    pub async fn answer(&mut self) -> io::Result<u16> {
        self.buffer.clear();
        loop {
            if let Some(head) = Head::read(&self.buffer)? {
                self.body_at = head.bytes;
                while self.buffer.len() < head.bytes + head.body {
                    self.more().await?;
                }
                return Ok(head.status);
            }
            self.more().await?;
        }
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        self.buffer.get(self.body_at..).unwrap_or_default()
    }

    /// Asks and reads.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.send(request).await?;
        self.answer().await
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.buffer.len() > ANSWER_BYTES {
            return Err(odd("an answer is too long"));
        }
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// `GET` with a bearer token.
pub fn get(authority: &str, path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// `POST` of JSON with a bearer token.
pub fn post(authority: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Length of the head, the empty line included.
    bytes: usize,
    body: usize,
}

impl Head {
    /// `None`: there is more to come.
    fn read(buffer: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&buffer[..end]).map_err(|_| odd("a head is not text"))?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let length = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.eq_ignore_ascii_case("content-length")).then(|| value.trim().parse().ok())?
        });
        match (status, length) {
            (Some(status), Some(body)) => Ok(Some(Self {
                status,
                bytes: end + 4,
                body,
            })),
            _ => Err(odd("an answer has no status or no length")),
        }
    }
}

fn odd(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(Head::read(&answer[..30]).unwrap(), None);
        let head = Head::read(answer).unwrap().unwrap();
        assert_eq!((head.status, head.body), (201, 2));
        assert_eq!(&answer[head.bytes..], b"{}");
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
