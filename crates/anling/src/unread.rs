//! A request whose head cannot be read gets words, too.
//!
//! For: the HTTP library answers such a request by itself, before any router, with a status and nothing else; here the
//! answer becomes a problem (RFC 9457) that says what was wrong and what to do.
//! May not know: requests, routers; only how an empty answer of the library's begins.

use axum_server::accept::Accept;
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the library says by itself, and what we say instead: status line, title, detail.
const SAID: [(&str, &str, &str); 3] = [
    (
        "400 Bad Request",
        "bad request",
        "The head of the request does not read as HTTP/1.1: check Content-Length, header names and line ends. On an encrypted door write https://.",
    ),
    (
        "414 URI Too Long",
        "address too long",
        "The address of the request is longer than this door reads.",
    ),
    (
        "431 Request Header Fields Too Large",
        "headers too large",
        "The headers of the request are more, or longer, than this door reads.",
    ),
];

/// An acceptor whose connections have words for heads that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Worded<A>(pub(crate) A);

impl<A, I, S> Accept<I, S> for Worded<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Answering<A::Stream>;
    type Service = A::Service;
    type Future =
        Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send + 'static>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.0.accept(stream, service);
        Box::pin(async move {
            let (line, service) = accepted.await?;
            Ok((
                Answering {
                    line,
                    instead: None,
                },
                service,
            ))
        })
    }
}

/// A connection, and what is being said on it instead of an empty answer.
pub(crate) struct Answering<L> {
    line: L,
    instead: Option<(Vec<u8>, usize)>,
}

/// The whole answer for one that the library would give without words.
fn worded(head: &[u8]) -> Option<Vec<u8>> {
    let head = head.strip_prefix(b"HTTP/1.1 4")?;
    let (status, title, detail) = SAID
        .into_iter()
        .find(|(status, ..)| head.starts_with(&status.as_bytes()[1..]))?;
    let head = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
    // Answers of ours have a body.
    if !head.contains("content-length: 0\r\n") || !head.ends_with("\r\n\r\n") {
        return None;
    }
    let code = &status[..3];
    let body = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": code.parse::<u16>().unwrap_or(400),
        "detail": detail,
        "code": "malformed",
    })
    .to_string();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}"
    );
    Some(answer.into_bytes())
}

impl<L: AsyncRead + Unpin> AsyncRead for Answering<L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_read(cx, buf)
    }
}

impl<L: AsyncWrite + Unpin> Answering<L> {
    /// Writes what stands instead of `bytes`; `None` when nothing does.
    fn poll_instead(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Option<io::Result<usize>>> {
        if self.instead.is_none() {
            self.instead = worded(bytes).map(|answer| (answer, 0));
        }
        let Some((answer, done)) = &mut self.instead else {
            return Poll::Ready(None);
        };
        while *done < answer.len() {
            match ready!(Pin::new(&mut self.line).poll_write(cx, &answer[*done..])) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(written) => *done += written,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        self.instead = None;
        Poll::Ready(Some(Ok(bytes.len())))
    }
}

impl<L: AsyncWrite + Unpin> AsyncWrite for Answering<L> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_instead(cx, buf)) {
            Some(said) => Poll::Ready(said),
            None => Pin::new(&mut self.line).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        let first: &[u8] = first.map_or(&[], |buf| buf);
        match ready!(self.poll_instead(cx, first)) {
            Some(said) => Poll::Ready(said),
            None => Pin::new(&mut self.line).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors;
    use axum::{Router, routing::post};
    use std::net::SocketAddr;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    #[test]
    fn only_the_librarys_empty_answers_get_words() {
        let empty = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        assert!(worded(empty).is_some());
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            b"",
        ] {
            assert_eq!(worded(other), None);
        }
    }

    async fn answer(address: SocketAddr, request: &[u8]) -> String {
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(request).await.unwrap();
        let mut said = Vec::new();
        line.read_to_end(&mut said).await.unwrap();
        String::from_utf8(said).unwrap()
    }

    #[tokio::test]
    async fn a_head_that_does_not_read_is_answered_with_a_problem() {
        let listener = doors::bind("devices_listen", "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(|| async { "taken" }));
        let served = doors::serve(listener, router, None).unwrap();
        let long = format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
        let far = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
        for (request, status) in [
            (
                &b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"[..],
                "400",
            ),
            (
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "400",
            ),
            (b"\x16\x03\x01 hello, this is TLS\r\n\r\n", "400"),
            (b"POST / HTTP/1.1\r\nBad Header: a\r\n\r\n", "400"),
            (long.as_bytes(), "431"),
            (far.as_bytes(), "414"),
        ] {
            let said = answer(address, request).await;
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("application/problem+json"), "{head}");
            let problem: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(problem["status"].to_string(), status);
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
        let fine = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert!(answer(address, fine).await.ends_with("taken"));
        served.stop().await;
    }
}
