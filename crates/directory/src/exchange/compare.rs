//! What a row would do to the directory.
//!
//! For: added, changed, unchanged, ended or refused, with the columns that differ; the same for a preview and, once
//! more, just before writing.
//! May not know: how it is written.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    CommunityId, DeviceId, ResidentId,
    area::{BarrierRecord, CityRecord, CommunityRecord, DistrictRecord},
    resident::Profile,
};
use serde::{Deserialize, Serialize};

use super::{Row, misfit::misfit};
use crate::{
    City, DeviceRow, Directory, DirectoryError, ProfileError, ResidentRow, registrar::Enrolling,
};

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is new.
    Added,
    /// These columns differ.
    Changed(Vec<String>),
    /// It is there just so.
    Unchanged,
    /// It was there and is no more.
    Ended,
    /// It cannot be; what to do, in Chinese and English.
    Refused(String, String),
}

impl Verdict {
    pub(super) fn refused(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Refused(zh.into(), en.into())
    }

    fn of(changed: Vec<String>) -> Self {
        if changed.is_empty() {
            return Self::Unchanged;
        }
        Self::Changed(changed)
    }

    /// Nothing is to be written.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Refused(..))
    }
}

/// What the directory says about the ids of some rows.
pub(super) struct Known {
    pub(super) city: std::sync::Arc<City>,
    pub(super) residents: BTreeMap<ResidentId, ResidentRow>,
    pub(super) devices: BTreeMap<DeviceId, DeviceRow>,
    /// Communities somebody lives in, among those that a row would dissolve.
    pub(super) inhabited: BTreeSet<CommunityId>,
    /// Barriers there would be with those of these rows.
    pub(super) drawn: usize,
}

impl Known {
    async fn of(directory: &Directory, rows: &[Row]) -> Result<Self, DirectoryError> {
        let city = directory.city();
        let (mut residents, mut devices) = (BTreeSet::new(), BTreeSet::new());
        let (mut inhabited, mut drawn) = (BTreeSet::new(), city.area.barriers.len());
        for row in rows {
            match row {
                Row::Community {
                    record,
                    ended: true,
                } if directory.is_inhabited(&record.community).await? => {
                    inhabited.insert(record.community.clone());
                }
                Row::Barrier {
                    record,
                    ended: false,
                } => {
                    let new = !city.area.barriers.contains_key(&record.barrier);
                    drawn += usize::from(new);
                }
                Row::Resident(who) => drop(residents.insert(who.resident.clone())),
                Row::Device {
                    device, resident, ..
                } => {
                    devices.insert(device.clone());
                    residents.extend(resident.clone());
                }
                _ => {}
            }
        }
        let residents = directory.residents_among(&residents).await?;
        let devices = directory.devices_among(&devices).await?;
        Ok(Self {
            city,
            inhabited,
            drawn,
            residents: residents
                .into_iter()
                .map(|it| (it.resident.clone(), it))
                .collect(),
            devices: devices
                .into_iter()
                .map(|it| (it.device.clone(), it))
                .collect(),
        })
    }
}

/// What each row would do, in the same order; nothing is written.
pub async fn compare(directory: &Directory, rows: &[Row]) -> Result<Vec<Verdict>, DirectoryError> {
    Ok(compared(directory, rows).await?.0)
}

pub(super) async fn compared(
    directory: &Directory,
    rows: &[Row],
) -> Result<(Vec<Verdict>, Known), DirectoryError> {
    let known = Known::of(directory, rows).await?;
    let mut verdicts = Vec::with_capacity(rows.len());
    for row in rows {
        verdicts.push(match misfit(&known, row) {
            Some(refused) => refused,
            None => verdict(directory, &known, row).await?,
        });
    }
    Ok((verdicts, known))
}

async fn verdict(
    directory: &Directory,
    known: &Known,
    row: &Row,
) -> Result<Verdict, DirectoryError> {
    let city = &known.city;
    Ok(match row {
        Row::City(record) => city_verdict(directory, city, record).await?,
        Row::District { record, ended } => {
            let there = city.area.districts.get(&record.district);
            let as_row = |it: &DistrictRecord| Row::District {
                record: it.clone(),
                ended: false,
            };
            lasting(there.map(as_row), *ended, row)
        }
        Row::Community { record, ended } => {
            let there = city.area.communities.get(&record.community);
            let as_row = |it: &CommunityRecord| Row::Community {
                record: it.clone(),
                ended: false,
            };
            lasting(there.map(as_row), *ended, row)
        }
        Row::Grid {
            community,
            number,
            worker,
            ..
        } => match city.area.grid_worker(community, *number) {
            Some(there) if there == *worker => Verdict::Unchanged,
            _ => Verdict::Changed(vec!["worker".to_owned()]),
        },
        Row::Barrier { record, ended } => {
            let there = city.area.barriers.get(&record.barrier);
            let as_row = |it: &BarrierRecord| Row::Barrier {
                record: it.clone(),
                ended: false,
            };
            lasting(there.map(as_row), *ended, row)
        }
        Row::Site { record, ended } => match city.sites.get(&record.site) {
            None => Verdict::Added,
            Some(row) if *ended && row.closed => Verdict::Unchanged,
            Some(_) if *ended => Verdict::Ended,
            Some(there) => {
                let there = Row::Site {
                    record: there.record.clone(),
                    ended: there.closed,
                };
                differing(&there, row)
            }
        },
        Row::Crossing { record, ended, .. } => {
            match (city.crossings.get(&record.crossing), ended) {
                // What is closed stands in the log's past only: whether it ever was open makes no difference now.
                (None, true) => Verdict::Unchanged,
                (None, false) => Verdict::Added,
                (Some(_), true) => Verdict::Ended,
                (Some(there), false) => {
                    let there = Row::Crossing {
                        record: there.clone(),
                        ended: false,
                        why: String::new(),
                    };
                    let mut changed = differences(&there, row);
                    changed.retain(|column| column != "why");
                    Verdict::of(changed)
                }
            }
        }
        Row::Responder { who, ended } => match (city.responders.get(&who.responder), ended) {
            (None, true) => Verdict::Unchanged,
            (None, false) => Verdict::Added,
            (Some(_), true) => Verdict::Ended,
            (Some(_), false) => {
                let there = super::collect::responder(directory, city, &who.responder).await;
                match opened(there)? {
                    Some(there) => differing(&there, row),
                    None => Verdict::Changed(vec!["phone".to_owned()]),
                }
            }
        },
        Row::Operator {
            operator, ended, ..
        } => match (city.operators.get(operator), ended) {
            (None, true) => Verdict::Unchanged,
            (None, false) => Verdict::Added,
            (Some(_), true) => Verdict::Ended,
            (Some(there), false) => differing(&super::collect::operator(operator, there), row),
        },
        Row::Resident(who) => match known.residents.get(&who.resident) {
            None => Verdict::Added,
            Some(there) if there.erased => Verdict::refused(
                "这位老人的档案已按规定抹去,不能再导入;重新登记请用新的编号",
                "this resident was forgotten and cannot be imported; enrol anew under another id",
            ),
            Some(there) => match opened(directory.profile_of(there).await)? {
                Some(profile) => {
                    differing(&Row::Resident(Box::new(enrolling(there, profile))), row)
                }
                None => Verdict::refused(
                    "这位老人的档案正在被抹去",
                    "this resident is being forgotten",
                ),
            },
        },
        Row::Device {
            device,
            key_hash,
            ended,
            ..
        } => match known.devices.get(device) {
            None if key_hash.is_none() => Verdict::refused(
                "新的呼叫终端要写 key 或 key_hash",
                "a new device needs key or key_hash",
            ),
            None => Verdict::Added,
            Some(there) if *ended && there.retired => Verdict::Unchanged,
            Some(_) if *ended => Verdict::Ended,
            Some(there) => {
                let mut changed = differences(&super::collect::device(there), row);
                changed.retain(|column| column != "key_hash" || key_hash.is_some());
                Verdict::of(changed)
            }
        },
    })
}

/// `None`: forgotten.
fn opened<T>(opened: Result<T, ProfileError>) -> Result<Option<T>, DirectoryError> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(ProfileError::Erased | ProfileError::NotFound) => Ok(None),
        Err(ProfileError::Unavailable(why)) => Err(DirectoryError::Unavailable(why)),
    }
}

pub(super) fn enrolling(row: &ResidentRow, profile: Profile) -> Enrolling {
    Enrolling {
        resident: row.resident.clone(),
        district: row.district.clone(),
        community: row.community.clone(),
        grid: row.grid,
        home_station: row.home_station.clone(),
        profile,
    }
}

/// Of a record that is there, or ended: what is ended stands in the log's past only.
fn lasting(there: Option<Row>, ended: bool, row: &Row) -> Verdict {
    match (there, ended) {
        (None, true) => Verdict::Unchanged,
        (None, false) => Verdict::Added,
        (Some(_), true) => Verdict::Ended,
        (Some(there), false) => differing(&there, row),
    }
}

/// A log is about one city. Another than the built-in one can be described as long as nothing was built on that.
async fn city_verdict(
    directory: &Directory,
    city: &City,
    record: &CityRecord,
) -> Result<Verdict, DirectoryError> {
    let there = &city.area.city;
    if there.city == record.city {
        let mut record = record.clone();
        record.keep_area_code(there);
        return Ok(differing(&Row::City(there.clone()), &Row::City(record)));
    }
    let empty = city.area.is_untouched()
        && city.sites.is_empty()
        && city.crossings.is_empty()
        && city.responders.is_empty()
        && directory.counts().await? == (0, 0);
    if empty {
        return Ok(Verdict::Added);
    }
    let (zh, id) = (&there.name, &there.city);
    Ok(Verdict::refused(
        format!("这里已经是{zh} ({id});另一座城市要用另一个数据文件夹"),
        format!("this is already the city {id}; another city needs another data folder"),
    ))
}

fn differing(there: &Row, row: &Row) -> Verdict {
    Verdict::of(differences(there, row))
}

/// The columns in which two rows of one kind differ.
pub(super) fn differences(there: &Row, row: &Row) -> Vec<String> {
    let (old, new) = (there.lines(), row.lines());
    let differs = |at: usize| {
        let column = |lines: &[Vec<String>]| {
            let cells = lines.iter().map(|cells| cells.get(at).cloned());
            cells.collect::<Vec<_>>()
        };
        column(&old) != column(&new)
    };
    let columns = row.kind().columns().iter().enumerate();
    let differing = columns.filter(|(at, _)| differs(*at));
    differing.map(|(_, column)| (*column).to_owned()).collect()
}
