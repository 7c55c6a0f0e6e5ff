//! How far help is, as the wearer of a device is told.
//!
//! For: the stage of an incident and the exact words spoken and shown.
//! May not know: how a device speaks; the role of who comes is passed in from the directory.

use crate::{
    Timestamp,
    incident::{Incident, Phase},
};
use serde::{Deserialize, Serialize};

/// How far help is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is stored; the first site is being rung.
    Received,
    /// Nobody has it, or the plan failed.
    Seeking,
    /// Somebody has it.
    Heard,
    /// Somebody is on the way.
    Coming,
    /// … and late.
    Delayed,
    /// Somebody is there.
    Arrived,
    /// Closed.
    Done,
}

impl Stage {
    /// The word at the doors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Seeking => "seeking",
            Self::Heard => "heard",
            Self::Coming => "coming",
            Self::Delayed => "delayed",
            Self::Arrived => "arrived",
            Self::Done => "done",
        }
    }
}

/// What is said once an ambulance was called, beside the stage.
pub const AMBULANCE: &str = "已拨打120";

/// How far help is. Who is on the way counts before who holds the incident: a carer at the door is not *seeking*.
pub fn stage(incident: &Incident) -> Stage {
    if !incident.is_open() {
        return Stage::Done;
    }
    if incident.somebody_there() {
        return Stage::Arrived;
    }
    // Sent is not gone: until they set out it is *heard*, with who was sent.
    if let Some(leg) = incident.coming().filter(|l| l.set_out_at.is_some()) {
        return if leg.delayed {
            Stage::Delayed
        } else {
            Stage::Coming
        };
    }
    if incident.owner.is_some() && !incident.turned_back {
        return Stage::Heard;
    }
    let first_try = incident.accepted_at.is_none()
        && !incident.widened
        && matches!(incident.phase, Phase::Waiting | Phase::Offered);
    if first_try {
        Stage::Received
    } else {
        Stage::Seeking
    }
}

/// Minutes until the responder who is spoken of arrives, rounded up, at least 1; `None` when nobody was sent.
pub fn minutes(incident: &Incident, now: Timestamp) -> Option<u32> {
    let seconds = incident.coming()?.eta.since(now).as_secs();
    Some(
        u32::try_from(seconds.div_ceil(60))
            .unwrap_or(u32::MAX)
            .max(1),
    )
}

/// The words for a stage. `who` is (family name, post as the directory has it): of *heard* who accepted, or, with
/// `minutes`, who was sent and has not set out. `minutes` are those of [`minutes`].
pub fn say(stage: Stage, who: Option<(&str, &str)>, minutes: Option<u32>) -> String {
    let who = who.map_or_else(
        || "工作人员".to_owned(),
        |(name, post)| format!("{name}{post}"),
    );
    match (stage, minutes) {
        (Stage::Received, _) => "呼叫已收到,正在联系服务站".to_owned(),
        (Stage::Seeking, _) => "还在为您联系,请别着急".to_owned(),
        (Stage::Heard, Some(n)) => format!("已派{who}上门,约{n}分钟到"),
        (Stage::Heard, None) => format!("{who}已接单,马上与您联系"),
        (Stage::Coming, Some(n)) => format!("{who}已出发,约{n}分钟到"),
        (Stage::Coming, None) => format!("{who}已出发"),
        (Stage::Delayed, Some(n)) => format!("路上耽搁了,还需约{n}分钟"),
        (Stage::Delayed, None) => "路上耽搁了".to_owned(),
        (Stage::Arrived, _) => format!("{who}已到达"),
        (Stage::Done, _) => "本次求助已办结,需要时再按".to_owned(),
    }
}

/// Family names of two characters that are common enough to be met at a door.
const DOUBLE_SURNAMES: [&str; 8] = [
    "欧阳", "司马", "上官", "诸葛", "司徒", "东方", "皇甫", "尉迟",
];

/// The family name a Chinese name begins with; empty for an empty name.
pub fn surname(name: &str) -> &str {
    if let Some(double) = DOUBLE_SURNAMES.iter().find(|d| name.starts_with(*d)) {
        return &name[..double.len()];
    }
    let end = name.chars().next().map_or(0, char::len_utf8);
    &name[..end]
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
