//! The directory as rows, page by page, in the order of ids.
//!
//! For: exports; and the present row of one id, to compare with.
//! May not know: files. Passwords and devices' keys are in no row; a key's hash is.

use casebook::{BookError, Meta, codec, streams};
use domain::{
    Actor, DeviceId, Happened, OperatorId, ResidentId, ResponderId, area::CommunityRecord,
    resident::ResidentEvent,
};
use eventlog::{EventId, Expected, Lane, StreamAppend};
use uuid::Uuid;

use super::{Kind, Row, area::grid_id, compare::enrolling};
use crate::{
    City, DeviceRow, Directory, DirectoryError, OperatorRow, ProfileError, ResidentRow,
    registrar::Sendable,
};

/// Rows in one page, at most. Ours: some 300 KB of records.
pub const PAGE: u32 = 200;

/// Views in one append; the log takes 64 streams.
const VIEWS_AT_ONCE: usize = 64;

/// A page, and where the next begins; `None`: that was the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of ids; those forgotten are left out.
    pub rows: Vec<Row>,
    /// To be given as `after`.
    pub next: Option<String>,
    /// Residents of this page that were forgotten and are left out.
    pub forgotten: u32,
}

/// Who takes residents' records out, and why; kept with every record for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    /// Who.
    pub operator: OperatorId,
    /// In their words.
    pub why: String,
}

/// The rows of a kind after `after`. Residents' records need `looking`: that they were looked at is in the log, durable,
/// before this returns them.
pub async fn page(
    directory: &Directory,
    kind: Kind,
    after: Option<&str>,
    looking: Option<&Looking>,
) -> Result<Page, DirectoryError> {
    match kind {
        Kind::Residents => residents(directory, after, looking).await,
        Kind::Devices => devices(directory, after).await,
        _ => small(directory, kind, after.unwrap_or("")).await,
    }
}

/// How many rows a kind has, forgotten residents included.
pub async fn count(directory: &Directory, kind: Kind) -> Result<u64, DirectoryError> {
    let city = directory.city();
    Ok(match kind {
        Kind::Residents => directory.counts().await?.0,
        Kind::Devices => directory.counts().await?.1,
        Kind::Sites => city.sites.len() as u64,
        Kind::Crossings => city.crossings.len() as u64,
        Kind::Responders => city.responders.len() as u64,
        Kind::Operators => city.operators.len() as u64,
        Kind::City => 1,
        Kind::Districts => city.area.districts.len() as u64,
        Kind::Communities => city.area.communities.len() as u64,
        Kind::Grids => grids(&city).len() as u64,
        Kind::Barriers => city.area.barriers.len() as u64,
    })
}

/// A page of what is held in memory whole.
async fn small(directory: &Directory, kind: Kind, after: &str) -> Result<Page, DirectoryError> {
    let city = directory.city();
    let mut rows: Vec<Row> = match kind {
        Kind::Sites => {
            let sites = city.sites.values().map(|it| Row::Site {
                record: it.record.clone(),
                ended: it.closed,
            });
            sites.collect()
        }
        Kind::Crossings => {
            let crossings = city.crossings.values().map(|it| Row::Crossing {
                record: it.clone(),
                ended: false,
                why: String::new(),
            });
            crossings.collect()
        }
        Kind::Operators => {
            let operators = city.operators.iter();
            operators.map(|(id, it)| operator(id, it)).collect()
        }
        Kind::Responders => return responders(directory, &city, after).await,
        Kind::City => vec![Row::City(city.area.city.clone())],
        Kind::Districts => {
            let districts = city.area.districts.values().map(|it| Row::District {
                record: it.clone(),
                ended: false,
            });
            districts.collect()
        }
        Kind::Communities => {
            let communities = city.area.communities.values();
            let communities = communities.map(|it| Row::Community {
                record: it.clone(),
                ended: false,
            });
            communities.collect()
        }
        Kind::Grids => grids(&city),
        Kind::Barriers => {
            let barriers = city.area.barriers.values().map(|it| Row::Barrier {
                record: it.clone(),
                ended: false,
            });
            barriers.collect()
        }
        Kind::Residents | Kind::Devices => Vec::new(),
    };
    rows.retain(|row| row.id() > after);
    let full = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    Ok(Page {
        next: rows.last().filter(|_| full).map(|row| row.id().to_owned()),
        rows,
        forgotten: 0,
    })
}

/// Every grid with its worker, in the order of ids, in which the tenth stands before the second.
fn grids(city: &City) -> Vec<Row> {
    let of = |it: &CommunityRecord| {
        let community = it.community.clone();
        let grid = move |number| {
            Some(Row::Grid {
                grid: grid_id(&community, number),
                worker: city.area.grid_worker(&community, number)?,
                community: community.clone(),
                number,
            })
        };
        (1..=it.grids).filter_map(grid)
    };
    let mut all: Vec<Row> = city.area.communities.values().flat_map(of).collect();
    all.sort_by(|a, b| a.id().cmp(b.id()));
    all
}

async fn responders(
    directory: &Directory,
    city: &City,
    after: &str,
) -> Result<Page, DirectoryError> {
    let ids = city.responders.keys().filter(|id| id.as_str() > after);
    let ids: Vec<&ResponderId> = ids.take(PAGE as usize).collect();
    let full = ids.len() == PAGE as usize;
    let mut rows = Vec::with_capacity(ids.len());
    for id in &ids {
        match responder(directory, city, id).await {
            Ok(row) => rows.push(row),
            Err(ProfileError::Erased | ProfileError::NotFound) => {}
            Err(ProfileError::Unavailable(why)) => return Err(DirectoryError::Unavailable(why)),
        }
    }
    Ok(Page {
        next: ids.last().filter(|_| full).map(ToString::to_string),
        rows,
        forgotten: 0,
    })
}

pub(super) fn operator(id: &OperatorId, row: &OperatorRow) -> Row {
    Row::Operator {
        operator: id.clone(),
        name: row.name.clone(),
        post: row.post.clone(),
        role: row.role,
        scope: row.scope.clone(),
        password: None,
        ended: false,
    }
}

pub(super) async fn responder(
    directory: &Directory,
    city: &City,
    id: &ResponderId,
) -> Result<Row, ProfileError> {
    let row = city.responders.get(id).ok_or(ProfileError::NotFound)?;
    let who = Sendable {
        responder: id.clone(),
        name: row.name.clone(),
        kind: row.kind,
        site: row.site.clone(),
        district: row.district.clone(),
        phone: directory.responder_phone(id).await?,
    };
    Ok(Row::Responder { who, ended: false })
}

pub(super) fn device(row: &DeviceRow) -> Row {
    Row::Device {
        device: row.device.clone(),
        model: row.model.clone(),
        resident: row.resident.clone(),
        key_hash: Some(row.key_hash.clone()),
        ended: row.retired,
    }
}

async fn devices(directory: &Directory, after: Option<&str>) -> Result<Page, DirectoryError> {
    let after = after.map(DeviceId::parse).transpose().map_err(bad_place)?;
    let rows = directory.devices_page(after.as_ref(), PAGE).await?;
    let full = rows.len() == PAGE as usize;
    let next = rows.last().filter(|_| full).map(|it| it.device.to_string());
    Ok(Page {
        rows: rows.iter().map(device).collect(),
        next,
        forgotten: 0,
    })
}

async fn residents(
    directory: &Directory,
    after: Option<&str>,
    looking: Option<&Looking>,
) -> Result<Page, DirectoryError> {
    let looking = looking.ok_or_else(|| {
        DirectoryError::Malformed(
            "residents' records are given out to a named operator only".to_owned(),
        )
    })?;
    if !directory.city().operators.contains_key(&looking.operator) {
        let who = &looking.operator;
        return Err(DirectoryError::Malformed(format!(
            "there is no operator {who}"
        )));
    }
    let after = after
        .map(ResidentId::parse)
        .transpose()
        .map_err(bad_place)?;
    let city = crate::ResidentFilter::City;
    let all = directory
        .residents_page(&city, after.as_ref(), PAGE)
        .await?;
    let full = all.len() == PAGE as usize;
    let next = all
        .last()
        .filter(|_| full)
        .map(|it| it.resident.to_string());
    let there: Vec<&ResidentRow> = all.iter().filter(|it| !it.erased).collect();
    note(directory, &there, looking).await?;
    let mut rows = Vec::with_capacity(there.len());
    for row in there {
        match directory.profile_of(row).await {
            Ok(profile) => rows.push(Row::Resident(Box::new(enrolling(row, profile)))),
            Err(ProfileError::Erased | ProfileError::NotFound) => {}
            Err(ProfileError::Unavailable(why)) => return Err(DirectoryError::Unavailable(why)),
        }
    }
    let forgotten = u32::try_from(all.len() - rows.len()).unwrap_or(u32::MAX);
    Ok(Page {
        rows,
        next,
        forgotten,
    })
}

/// Notes in each resident's stream that the record was looked at.
async fn note(
    directory: &Directory,
    residents: &[&ResidentRow],
    looking: &Looking,
) -> Result<(), DirectoryError> {
    let casebook = directory.casebook();
    let meta = Meta::default();
    for some in residents.chunks(VIEWS_AT_ONCE) {
        let mut parts = Vec::with_capacity(some.len());
        for row in some {
            let event = ResidentEvent::RecordViewed {
                resident: row.resident.clone(),
                operator: looking.operator.clone(),
                why: looking.why.clone(),
            };
            let by = Actor::Operator(looking.operator.clone());
            let happened = Happened::new(casebook.now(), by, event);
            let event = codec::new_event(EventId(Uuid::new_v4()), &happened, &meta);
            parts.push(StreamAppend {
                stream: streams::resident(&row.resident),
                expected: Expected::StreamExists,
                events: vec![event.map_err(BookError::from)?],
            });
        }
        let appended = casebook.log().append(Lane::Bulk, parts).await;
        appended.map_err(BookError::from)?;
    }
    Ok(())
}

fn bad_place(error: domain::IdError) -> DirectoryError {
    DirectoryError::Malformed(format!("not where a page begins: {error}"))
}
