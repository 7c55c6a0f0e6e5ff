//! What the read tables tell: single rows, rows page by page, counts.
//!
//! For: residents as far as they stand open, devices, holds.
//! May not know: how the tables are opened and written; sealed profiles, of which a row says only in which event they are.

use std::collections::BTreeSet;

use casebook::streams;
use domain::{CommunityId, DeviceId, DistrictId, ResidentId, SiteId, Timestamp, record::Hold};
use eventlog::EventId;
use serde::Serialize;
use sqlx::{Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    error::DirectoryError,
    tables::{FILE, Tables},
};

/// A resident as far as it stands open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResidentRow {
    /// Who.
    pub resident: ResidentId,
    /// Where, coarsely.
    pub district: DistrictId,
    /// See `district`.
    pub community: CommunityId,
    /// From 1.
    pub grid: u16,
    /// 签约服务站.
    pub home_station: Option<SiteId>,
    /// The resident was forgotten.
    pub erased: bool,
    /// The event in the resident's stream that holds the profile, sealed.
    pub sealed_in: EventId,
}

impl ResidentRow {
    /// The stream the profile was sealed in.
    pub fn stream(&self) -> eventlog::StreamName {
        streams::resident(&self.resident)
    }
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// Which.
    pub device: DeviceId,
    /// `pendant`, `watch` …
    pub model: String,
    /// Whose it is.
    pub resident: Option<ResidentId>,
    /// SHA-256 of its key, hexadecimal; see [`crate::registrar::key_hash`].
    pub key_hash: String,
    /// Speaks no more.
    pub retired: bool,
}

/// Which residents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResidentFilter {
    /// All.
    City,
    /// Those of a district.
    District(DistrictId),
    /// Those whose home station it is.
    Site(SiteId),
}

/// Devices; those of an erased resident are nobody's.
macro_rules! devices {
    ($which:literal) => {
        concat!(
            "SELECT d.id, d.model, CASE WHEN r.erased THEN NULL ELSE d.resident END AS resident, d.key_hash, d.retired ",
            "FROM devices d LEFT JOIN residents r ON r.id = d.resident ",
            $which
        )
    };
}

/// Reading.
impl Tables {
    pub(crate) async fn devices_of(
        &self,
        resident: &ResidentId,
    ) -> Result<Vec<DeviceRow>, DirectoryError> {
        let rows = sqlx::query(devices!("WHERE d.resident = ? ORDER BY d.id"));
        let rows = rows.bind(resident.as_str()).fetch_all(self.pool()).await?;
        rows.iter().map(device_row).collect()
    }

    pub(crate) async fn residents_page(
        &self,
        filter: &ResidentFilter,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ResidentRow>, DirectoryError> {
        let query = match filter {
            ResidentFilter::City => {
                sqlx::query("SELECT * FROM residents WHERE id > ? ORDER BY id LIMIT ?").bind(after)
            }
            ResidentFilter::District(district) => sqlx::query(
                "SELECT * FROM residents WHERE district = ? AND id > ? ORDER BY id LIMIT ?",
            )
            .bind(district.as_str())
            .bind(after),
            ResidentFilter::Site(site) => sqlx::query(
                "SELECT * FROM residents WHERE home_station = ? AND id > ? ORDER BY id LIMIT ?",
            )
            .bind(site.as_str())
            .bind(after),
        };
        let rows = query.bind(limit).fetch_all(self.pool()).await?;
        rows.iter().map(resident_row).collect()
    }

    pub(crate) async fn residents_among(
        &self,
        ids: &BTreeSet<ResidentId>,
    ) -> Result<Vec<ResidentRow>, DirectoryError> {
        let ids = serde_json::to_string(ids).map_err(|error| odd(&error))?;
        let rows =
            sqlx::query("SELECT * FROM residents WHERE id IN (SELECT value FROM json_each(?))");
        let rows = rows.bind(ids).fetch_all(self.pool()).await?;
        rows.iter().map(resident_row).collect()
    }

    pub(crate) async fn devices_among(
        &self,
        ids: &BTreeSet<DeviceId>,
    ) -> Result<Vec<DeviceRow>, DirectoryError> {
        let ids = serde_json::to_string(ids).map_err(|error| odd(&error))?;
        let rows = sqlx::query(devices!("WHERE d.id IN (SELECT value FROM json_each(?))"));
        let rows = rows.bind(ids).fetch_all(self.pool()).await?;
        rows.iter().map(device_row).collect()
    }

    pub(crate) async fn devices_page(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<DeviceRow>, DirectoryError> {
        let rows = sqlx::query(devices!("WHERE d.id > ? ORDER BY d.id LIMIT ?"));
        let rows = rows.bind(after).bind(limit).fetch_all(self.pool()).await?;
        rows.iter().map(device_row).collect()
    }

    /// The holds on a record that have not ended, those that end last first.
    pub(crate) async fn holds(
        &self,
        resident: &ResidentId,
        now: Timestamp,
    ) -> Result<Vec<(String, Hold)>, DirectoryError> {
        let rows = sqlx::query(
            "SELECT case_number, why, until FROM holds WHERE resident = ? AND until > ? ORDER BY until DESC, case_number",
        );
        let rows = rows.bind(resident.as_str()).bind(now.0);
        let hold = |row: SqliteRow| -> Result<(String, Hold), DirectoryError> {
            let hold = Hold {
                why: row.try_get(1)?,
                until: Timestamp(row.try_get(2)?),
            };
            Ok((row.try_get(0)?, hold))
        };
        rows.fetch_all(self.pool())
            .await?
            .into_iter()
            .map(hold)
            .collect()
    }

    /// Whether anybody who was not erased lives in a community.
    pub(crate) async fn is_inhabited(
        &self,
        community: &CommunityId,
    ) -> Result<bool, DirectoryError> {
        let query = "SELECT 1 FROM residents WHERE community = ? AND erased = 0 LIMIT 1";
        let query = sqlx::query(query).bind(community.as_str());
        Ok(query.fetch_optional(self.pool()).await?.is_some())
    }

    /// How many residents and devices stand in the tables.
    pub(crate) async fn counts(&self) -> Result<(u64, u64), DirectoryError> {
        let query = "SELECT (SELECT count(*) FROM residents), (SELECT count(*) FROM devices)";
        let row = sqlx::query(query).fetch_one(self.pool()).await?;
        let count = |at| {
            row.try_get::<i64, _>(at)
                .map(|n| u64::try_from(n).unwrap_or(0))
        };
        Ok((count(0)?, count(1)?))
    }
}

pub(crate) fn resident_row(row: &SqliteRow) -> Result<ResidentRow, DirectoryError> {
    let sealed_in: &[u8] = row.try_get("sealed_in")?;
    Ok(ResidentRow {
        resident: parse_with(row, "id", ResidentId::parse)?,
        district: parse_with(row, "district", DistrictId::parse)?,
        community: parse_with(row, "community", CommunityId::parse)?,
        grid: row.try_get("grid")?,
        home_station: maybe(row, "home_station", SiteId::parse)?,
        erased: row.try_get("erased")?,
        sealed_in: EventId(Uuid::from_slice(sealed_in).map_err(|error| odd(&error))?),
    })
}

fn device_row(row: &SqliteRow) -> Result<DeviceRow, DirectoryError> {
    Ok(DeviceRow {
        device: parse_with(row, "id", DeviceId::parse)?,
        model: row.try_get("model")?,
        resident: maybe(row, "resident", ResidentId::parse)?,
        key_hash: row.try_get("key_hash")?,
        retired: row.try_get("retired")?,
    })
}

fn parse_with<T, E: std::fmt::Display>(
    row: &SqliteRow,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, DirectoryError> {
    let text: &str = row.try_get(column)?;
    parse(text).map_err(|error| odd(&error))
}

fn maybe<T, E: std::fmt::Display>(
    row: &SqliteRow,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, DirectoryError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(parse).transpose().map_err(|error| odd(&error))
}

/// Somebody else wrote into our file.
pub(crate) fn odd(error: &impl std::fmt::Display) -> DirectoryError {
    DirectoryError::Unavailable(format!("a row of {FILE} does not read: {error}"))
}
