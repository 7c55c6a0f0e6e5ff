//! Signed webhooks: how the house asks a telephone exchange, a text gateway or a chat group to speak.
//!
//! For: signing, sending and trying again; and checking the signature of what comes back.
//! May not know: incidents; what is said stands in `duty_phone`.

use crate::metrics::{Metrics, count};
use domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;
use std::{fmt, sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// The header that carries a signature: `t=<unix seconds>,v1=<hexadecimal HMAC-SHA-256 of "t.body">`.
pub const SIGNATURE_HEADER: &str = "Anling-Signature";

/// The header under which a receiver recognises a repeated request.
pub const KEY_HEADER: &str = "Idempotency-Key";

/// How far a signature's time may lie from now. Ours: a receiver's clock may be off by minutes, a replay is hours old.
pub const SIGNATURE_AGE: Duration = Duration::from_mins(5);

/// Tries of one request. With the pauses below the last begins about 30 s after the first, when the next ring has long
/// brought somebody else.
pub const TRIES: u32 = 5;

/// The pause after the first failed try; it triples after each. Ours, see [`TRIES`].
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How long one try may take. Ours: an exchange answers in well under a second, and a duty phone cannot wait longer.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where to send, and the secret both sides hold.
#[derive(Clone)]
pub struct Webhook {
    /// `https://…`, or `http://…` on the same machine.
    pub url: String,
    /// At least 16 bytes, kept out of logs.
    pub secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why a signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not of the form `t=…,v1=…`.
    #[error("the signature does not read")]
    Malformed,
    /// Older or newer than [`SIGNATURE_AGE`].
    #[error("the signature's time is too far from now")]
    Stale,
    /// Made with another secret, or for another body.
    #[error("the signature does not fit")]
    Wrong,
}

/// The value of [`SIGNATURE_HEADER`] for a body sent at `at`.
pub fn sign(secret: &[u8], at: Timestamp, body: &[u8]) -> String {
    let seconds = at.0.div_euclid(1_000);
    let tag = mac(secret, seconds, body).finalize().into_bytes();
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

/// Whether a body was signed with this secret, within [`SIGNATURE_AGE`] of `now`. Compares in constant time.
pub fn verify(
    secret: &[u8],
    header: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (mut seconds, mut tag) = (None, None);
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", text)) => seconds = text.parse::<i64>().ok(),
            Some(("v1", text)) => tag = unhex(text),
            _ => {}
        }
    }
    let (Some(seconds), Some(tag)) = (seconds, tag) else {
        return Err(SignatureError::Malformed);
    };
    let fits = mac(secret, seconds, body).verify_slice(&tag);
    fits.map_err(|_| SignatureError::Wrong)?;
    let off = now
        .0
        .div_euclid(1_000)
        .saturating_sub(seconds)
        .unsigned_abs();
    if off > SIGNATURE_AGE.as_secs() {
        return Err(SignatureError::Stale);
    }
    Ok(())
}

fn mac(secret: &[u8], seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Sends webhooks; clones share connections.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    client: reqwest::Client,
    metrics: Arc<Metrics>,
}

impl Sender {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Result<Self, String> {
        // The client takes the process's TLS provider and panics without one; installing a second does nothing.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let client = reqwest::Client::builder()
            .timeout(TRY_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { client, metrics })
    }

    /// Posts a body until somebody takes it, at most [`TRIES`] times. `now` tells the time by the log's clock.
    pub(crate) async fn send(
        &self,
        to: &Webhook,
        key: &str,
        body: &[u8],
        now: impl Fn() -> Timestamp,
    ) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            match self.once(to, key, body, now()).await {
                Ok(()) => return count(&self.metrics.webhooks_sent),
                Err(Failed::ForGood(why)) => {
                    tracing::error!(key, why, "a webhook was refused");
                    return count(&self.metrics.webhooks_failed);
                }
                Err(Failed::ForNow(why)) => {
                    tracing::warn!(key, attempt, why, "a webhook was not taken");
                }
            }
            if attempt < TRIES {
                let jitter = rand::rng().random_range(0.8..1.2);
                tokio::time::sleep(pause.mul_f64(jitter)).await;
                pause *= 3;
            }
        }
        tracing::error!(key, "a webhook was given up");
        count(&self.metrics.webhooks_failed);
    }

    async fn once(
        &self,
        to: &Webhook,
        key: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Failed> {
        let answer = self
            .client
            .post(&to.url)
            .header("Content-Type", "application/json; charset=utf-8")
            .header(SIGNATURE_HEADER, sign(&to.secret, now, body))
            .header(KEY_HEADER, key)
            .body(body.to_vec())
            .send()
            .await
            // The address may carry a token: it stays out of the log.
            .map_err(|error| Failed::ForNow(error.without_url().to_string()))?;
        let status = answer.status();
        let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        match status.is_success() {
            true => Ok(()),
            false if again => Err(Failed::ForNow(status.to_string())),
            false => Err(Failed::ForGood(status.to_string())),
        }
    }
}

enum Failed {
    ForNow(String),
    ForGood(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_700_000_000_500);

    #[test]
    fn a_signature_fits_its_body_secret_and_time_only() {
        let header = sign(b"secret", AT, b"body");
        assert!(header.starts_with("t=1700000000,v1="), "{header}");
        assert_eq!(verify(b"secret", &header, b"body", AT), Ok(()));
        let wrong = Err(SignatureError::Wrong);
        assert_eq!(verify(b"other", &header, b"body", AT), wrong);
        assert_eq!(verify(b"secret", &header, b"bodY", AT), wrong);
        let later = AT + SIGNATURE_AGE + Duration::from_secs(1);
        let stale = Err(SignatureError::Stale);
        assert_eq!(verify(b"secret", &header, b"body", later), stale);
        let moved = header.replace("t=1700000000", "t=1700000001");
        assert_eq!(verify(b"secret", &moved, b"body", AT), wrong);
    }

    #[test]
    fn a_known_signature_stays_what_it_is() {
        // HMAC-SHA-256 with the key "key" over "1700000000.{}", reckoned by another implementation.
        let header = sign(b"key", AT, b"{}");
        assert_eq!(header, format!("t=1700000000,v1={}", KNOWN));
    }

    const KNOWN: &str = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";

    #[test]
    fn odd_headers_are_malformed() {
        for odd in [
            "",
            "t=1",
            "v1=00",
            "t=x,v1=00",
            "t=1,v1=zz",
            "t=1,v1=é",
            ",,=,",
        ] {
            let found = verify(b"secret", odd, b"body", AT);
            assert_eq!(found, Err(SignatureError::Malformed), "{odd:?}");
        }
    }
}
