//! What a row would do to the directory.
//!
//! For: added, changed, unchanged, ended or refused, with the columns that differ; the same for a preview and, once
//! more, just before writing.
//! May not know: how it is written.

use std::collections::{BTreeMap, BTreeSet};

use domain::{DeviceId, DistrictId, ResidentId, SiteId, operator::Scope, resident::Profile};
use serde::{Deserialize, Serialize};

use super::{Kind, Row, fixed};
use crate::{
    City, DeviceRow, Directory, DirectoryError, ProfileError, ResidentRow, harbin,
    registrar::Enrolling,
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
}

impl Known {
    async fn of(directory: &Directory, rows: &[Row]) -> Result<Self, DirectoryError> {
        let (mut residents, mut devices) = (BTreeSet::new(), BTreeSet::new());
        for row in rows {
            match row {
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
            city: directory.city(),
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

/// What the row refers to and is not there.
fn misfit(known: &Known, row: &Row) -> Option<Verdict> {
    let city = &known.city;
    let district = |id: &DistrictId| {
        let there = city.districts.iter().any(|it| it.code == id.as_str());
        (!there)
            .then(|| Verdict::refused(format!("没有区 {id}"), format!("there is no district {id}")))
    };
    let site = |id: &SiteId| {
        let there = city.sites.contains_key(id);
        let en = format!("there is no site {id}; import sites first");
        (!there).then(|| Verdict::refused(format!("没有网点 {id};请先导入 sites"), en))
    };
    match row {
        Row::Fixed(..) | Row::Crossing { .. } => None,
        Row::Site { record, .. } => district(&record.district),
        Row::Responder { who, ended } if !ended => {
            district(&who.district).or_else(|| who.site.as_ref().and_then(site))
        }
        Row::Operator { scope, ended, .. } if !ended => match scope {
            Scope::City => None,
            Scope::District(id) => district(id),
            Scope::Site(id) => site(id),
        },
        Row::Resident(who) => {
            lives_nowhere(who).or_else(|| who.home_station.as_ref().and_then(site))
        }
        Row::Device {
            resident: Some(id), ..
        } if !known.residents.contains_key(id) => Some(Verdict::refused(
            format!("没有老人 {id};请先导入 residents"),
            format!("there is no resident {id}; import residents first"),
        )),
        _ => None,
    }
}

fn lives_nowhere(who: &Enrolling) -> Option<Verdict> {
    let (id, grid) = (&who.community, who.grid);
    let Some(community) = harbin::community(id) else {
        let en = format!("there is no community {id}; see `anling export communities`");
        return Some(Verdict::refused(
            format!("没有社区 {id};见 anling export communities"),
            en,
        ));
    };
    if community.district != who.district {
        let at = &community.district;
        let en = format!("community {id} lies in district {at}");
        return Some(Verdict::refused(format!("社区 {id} 属于区 {at}"), en));
    }
    (grid > community.grids).then(|| {
        let grids = community.grids;
        Verdict::refused(
            format!("社区 {id} 只有 {grids} 个网格"),
            format!("community {id} has {grids} grids"),
        )
    })
}

async fn verdict(
    directory: &Directory,
    known: &Known,
    row: &Row,
) -> Result<Verdict, DirectoryError> {
    let city = &known.city;
    Ok(match row {
        Row::Fixed(kind, cells) => fixed_verdict(*kind, cells),
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

fn fixed_verdict(kind: Kind, cells: &[String]) -> Verdict {
    let id = cells.first().map_or("", String::as_str);
    let Some(there) = fixed::line(kind, id) else {
        return Verdict::refused(
            format!("没有 {id};{}是本版本固定的,不能增加", kind.chinese()),
            format!(
                "there is no {id}; {} are fixed in this version",
                kind.word()
            ),
        );
    };
    let differs = |at: &usize| there.get(*at) != cells.get(*at);
    let columns = kind.columns();
    match (0..columns.len()).find(differs) {
        None => Verdict::Unchanged,
        Some(at) => {
            let (column, value) = (columns[at], &there[at]);
            let hint = match kind {
                Kind::Grids => (
                    ";网格员的姓名电话在 responders 里改",
                    "; workers' names and telephones are changed in responders",
                ),
                _ => ("", ""),
            };
            Verdict::refused(
                format!(
                    "{id} 的 {column} 是 {value};{}是本版本固定的,不能改{}",
                    kind.chinese(),
                    hint.0
                ),
                format!(
                    "{column} of {id} is {value}; {} are fixed in this version{}",
                    kind.word(),
                    hint.1
                ),
            )
        }
    }
}

fn differing(there: &Row, row: &Row) -> Verdict {
    Verdict::of(differences(there, row))
}

/// The columns in which two rows of one kind differ.
pub(super) fn differences(there: &Row, row: &Row) -> Vec<String> {
    let (old, new) = (there.cells(), row.cells());
    let columns = row.kind().columns().iter().zip(old.iter().zip(&new));
    let differing = columns.filter(|(_, (old, new))| old != new);
    differing.map(|(column, _)| (*column).to_owned()).collect()
}
