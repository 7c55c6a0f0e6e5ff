//! Personal data, carried unopened.
//!
//! For: the one form in which a name, number, address, note or position of a person stands in an event.
//! May not know: keys, ciphers. `casebook` seals and opens; no rule depends on the content.

use serde::{Deserialize, Serialize};

/// A sealed field: which key, and the nonce and box in base64. Bound to stream, event id and field name when opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The key's name: the subject it belongs to. Destroying it destroys the field.
    pub key: String,
    /// 24 bytes, base64.
    pub nonce: String,
    /// Cipher text and tag, base64.
    #[serde(rename = "box")]
    pub boxed: String,
}
