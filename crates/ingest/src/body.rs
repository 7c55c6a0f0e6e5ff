//! Bodies, read patiently and up to a limit.
//!
//! For: taking what there is of a signal that is too long, too slow or cut off.
//! May not know: what the bytes mean.

use crate::limits::{BODY_LIMIT, DRAIN_LIMIT};
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use std::time::Duration;

/// What came of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// At most [`BODY_LIMIT`] bytes.
    pub(crate) bytes: Vec<u8>,
    /// There was more, or it stopped in the middle.
    pub(crate) cut: bool,
}

/// Reads a body until it ends, is too large, or the time is over.
pub(crate) async fn read(body: Body, within: Duration) -> Arrived {
    let mut arrived = Arrived {
        bytes: Vec::new(),
        cut: false,
    };
    let reading = fill(body.into_data_stream(), &mut arrived);
    let in_time = tokio::time::timeout(within, reading).await.is_ok();
    arrived.cut |= !in_time;
    arrived
}

async fn fill(mut chunks: BodyDataStream, arrived: &mut Arrived) {
    let mut drained = 0;
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else {
            arrived.cut = true;
            return;
        };
        let room = BODY_LIMIT - arrived.bytes.len();
        let taken = chunk.len().min(room);
        arrived.bytes.extend_from_slice(&chunk[..taken]);
        if taken < chunk.len() {
            // The rest is read and thrown away: who is still sending does not hear an answer.
            arrived.cut = true;
            drained += chunk.len() - taken;
            if drained > DRAIN_LIMIT {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_body_is_taken_whole_up_to_the_limit() {
        let arrived = read(Body::from(vec![b'a'; BODY_LIMIT]), SECOND).await;
        assert_eq!((arrived.bytes.len(), arrived.cut), (BODY_LIMIT, false));
        let arrived = read(Body::from(vec![b'a'; BODY_LIMIT + 1]), SECOND).await;
        assert_eq!((arrived.bytes.len(), arrived.cut), (BODY_LIMIT, true));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_slow_body_what_is_there_is_taken() {
        let beginning = stream::iter([Ok::<_, std::io::Error>("{\"kind\":")]);
        let body = Body::from_stream(beginning.chain(stream::pending()));
        let arrived = read(body, SECOND).await;
        assert_eq!(arrived.bytes, b"{\"kind\":");
        assert!(arrived.cut);
    }

    #[tokio::test]
    async fn of_a_broken_body_what_is_there_is_taken() {
        let broken = std::io::Error::other("gone");
        let body = Body::from_stream(stream::iter([Ok("abc"), Err(broken)]));
        let arrived = read(body, SECOND).await;
        assert_eq!(
            (arrived.bytes.as_slice(), arrived.cut),
            (b"abc".as_slice(), true)
        );
    }
}
