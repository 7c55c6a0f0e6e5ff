//! The demo's accounts and devices, and the two files that tell them.
//!
//! For: `demo-accounts.json` and `demo-devices.csv` in the data folder.
//! May not know: how the city was made; it is handed in.

use super::panels;
use crate::{
    failure::{Doing, Failure},
    folder::Folder,
};
use domain::{DistrictId, SiteId};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

const ACCOUNTS: &str = "demo-accounts.json";
const DEVICES: &str = "demo-devices.csv";

/// An account anybody may use in the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DemoAccount {
    /// To sign in with.
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) role: String,
    /// `site:HRB-230102-01`, `district:230102` or `city`.
    pub(crate) scope: String,
    /// Where duty is taken.
    pub(crate) site: Option<SiteId>,
    /// Played by the cast; the others are for visitors.
    pub(crate) cast: bool,
    /// A button on the sign-in page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) button: Option<(String, String)>,
}

/// A device that may be pressed in the demo, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DemoDevice {
    pub(crate) device: String,
    pub(crate) key: String,
    pub(crate) resident: String,
    pub(crate) district: DistrictId,
    pub(crate) home_station: Option<SiteId>,
    pub(crate) lon_e6: i32,
    pub(crate) lat_e6: i32,
}

/// Writes the accounts.
pub(crate) fn write_accounts(folder: &Folder, accounts: &[DemoAccount]) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(accounts).expect("accounts are plain data");
    folder.write_private(ACCOUNTS, &text)
}

/// Reads them back, when the city is continued.
pub(crate) fn read_accounts(folder: &Folder) -> Result<Vec<DemoAccount>, Failure> {
    let text = std::fs::read_to_string(folder.file(ACCOUNTS))
        .doing("read demo-accounts.json; start anew with --fresh")?;
    serde_json::from_str(&text).doing("read demo-accounts.json; start anew with --fresh")
}

/// Writes device, key, resident, district, and the account of the home's alarm panel where there is one.
pub(crate) fn write_devices(
    folder: &Folder,
    devices: impl Iterator<Item = DemoDevice>,
) -> Result<(), Failure> {
    let mut text = String::from("device,key,resident,district,account\n");
    for (nth, device) in devices.enumerate() {
        let account = panels::account(nth).unwrap_or_default();
        let _ = writeln!(
            text,
            "{},{},{},{},{account}",
            device.device, device.key, device.resident, device.district
        );
    }
    folder.write_private(DEVICES, text.as_bytes())
}
