//! Who is speaking.
//!
//! For: a device and its key, or an enrolled panel that has none, held against the directory.
//! May not know: what was said, and what becomes of it.

use super::Gateway;
use crate::limits::KEY_LIMIT;
use directory::DeviceRow;
use domain::{DeviceId, ResidentId, signal::Problem};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Whether a device is who it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is, and this is whose it is.
    Proven {
        /// Which device.
        device: DeviceId,
        /// Whose it is, if it is anybody's.
        resident: Option<ResidentId>,
        /// It was taken out of service.
        retired: bool,
    },
    /// It is not, or cannot show it.
    Unproven(Problem),
}

impl Gateway {
    /// Whether this key is this device's. A directory that does not answer proves nothing: the alarm is still taken.
    pub async fn prove(&self, device: Option<&DeviceId>, key: Option<&str>) -> Proof {
        let Some(device) = device else {
            return Proof::Unproven(Problem::UnknownDevice);
        };
        let Some(row) = self.enrolled(device).await else {
            return Proof::Unproven(Problem::UnknownDevice);
        };
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Proof::Unproven(Problem::MissingKey);
        };
        if !is_key(key, &row.key_hash) {
            return Proof::Unproven(Problem::BadKey);
        }
        proven(&row)
    }

    /// The first of these devices that is enrolled, for a protocol that shows no key.
    pub(crate) async fn prove_enrolled(&self, devices: &[DeviceId]) -> Proof {
        for device in devices {
            if let Some(row) = self.enrolled(device).await {
                return proven(&row);
            }
        }
        Proof::Unproven(Problem::UnknownDevice)
    }

    async fn enrolled(&self, device: &DeviceId) -> Option<Arc<DeviceRow>> {
        let found = self.directory.device(device).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "the directory did not answer; a signal is taken unverified");
            None
        })
    }
}

fn proven(row: &DeviceRow) -> Proof {
    Proof::Proven {
        device: row.device.clone(),
        resident: row.resident.clone(),
        retired: row.retired,
    }
}

/// Compares in constant time the hash of what was shown with the hash that is kept.
fn is_key(shown: &str, kept_hash: &str) -> bool {
    if shown.len() > KEY_LIMIT {
        return false;
    }
    let shown: String = Sha256::digest(shown.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    shown
        .as_bytes()
        .ct_eq(kept_hash.to_ascii_lowercase().as_bytes())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_key_opens() {
        let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        assert!(is_key("secret", hash));
        assert!(is_key("secret", &hash.to_ascii_uppercase()));
        assert!(!is_key("Secret", hash));
        assert!(!is_key("", hash));
        assert!(!is_key("secret", ""));
        assert!(!is_key(&"s".repeat(KEY_LIMIT + 1), hash));
    }
}
