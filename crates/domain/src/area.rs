//! The ground a city is laid out on: the city itself, its districts, communities and grids, and what cuts it apart.
//!
//! For: the events of `city-…`, `district-…`, `community-…`, `grid-…` and `barrier-…` streams: a replay of a past night uses the
//! rivers and the districts of that night.
//! May not know: ways and distances (`ground`); what a log that names none of these means (`harbin`, and the directory).

use crate::{BarrierId, CityId, CommunityId, DistrictId, ResponderId, geography::Place};
use serde::{Deserialize, Serialize};

/// Corners of one barrier at most. Ours: a river through a city has some dozens; an event stays below 100 KB.
pub const BARRIER_POINTS: usize = 2_000;

/// Barriers of a city at most. Ours: rivers and railways that really part a city; every way is held against each.
pub const BARRIERS: usize = 8;

/// What a log is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct CityRecord {
    pub city: CityId,
    pub name: String,
    pub name_latin: String,
    /// The middle of the town; distances are measured on a sheet laid there.
    pub lon_e6: i32,
    /// See `lon_e6`.
    pub lat_e6: i32,
    /// How far around it streets are a town's, where cars go slower.
    pub town_radius_m: u32,
    /// What a telephone number without one is dialled with here, its 0 included; empty: nobody said, or as it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub area_code: String,
}

/// What happened to the city as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CityEvent {
    /// The log is about this city. Another one than before takes nothing over from it.
    CityDescribed(CityRecord),
}

/// What a district is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct DistrictRecord {
    pub district: DistrictId,
    pub name: String,
    pub name_latin: String,
    /// The seat of its government.
    pub lon_e6: i32,
    /// See `lon_e6`.
    pub lat_e6: i32,
    pub population: u32,
}

/// What happened to a district.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum DistrictEvent {
    DistrictDescribed(DistrictRecord),
    DistrictDissolved { district: DistrictId },
}

/// What an urban community is; its centre stands in for the homes of those who were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct CommunityRecord {
    pub community: CommunityId,
    pub district: DistrictId,
    pub name: String,
    pub name_short: String,
    pub lon_e6: i32,
    /// See `lon_e6`.
    pub lat_e6: i32,
    /// How many grids, numbered from 1.
    pub grids: u16,
    /// Of five.
    pub stars: u8,
}

/// What happened to a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum CommunityEvent {
    CommunityDescribed(CommunityRecord),
    CommunityDissolved { community: CommunityId },
}

/// What happened to a grid of a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum GridEvent {
    GridAssigned {
        community: CommunityId,
        number: u16,
        worker: ResponderId,
    },
}

/// How far a barrier parts the city.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Beyond both its ends too: a river that was drawn as far as the city goes.
    #[default]
    Through,
    /// No further than it was drawn: a lake's shore, a tributary down to its mouth.
    Drawn,
}

/// What nobody crosses but over a crossing: a river, a railway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub struct BarrierRecord {
    pub barrier: BarrierId,
    pub name: String,
    pub extent: Extent,
    /// Its corners in order; a river's downstream.
    pub points: Vec<Place>,
}

/// What happened to a barrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are their types")]
pub enum BarrierEvent {
    BarrierDrawn(BarrierRecord),
    BarrierRemoved { barrier: BarrierId },
}

impl CityRecord {
    /// Who describes the same city anew and says nothing of its area code leaves it as it was.
    pub fn keep_area_code(&mut self, before: &Self) {
        if self.city == before.city && self.area_code.is_empty() {
            self.area_code.clone_from(&before.area_code);
        }
    }

    /// The middle of the town.
    pub fn centre(&self) -> Place {
        Place {
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
        }
    }
}

impl CommunityRecord {
    /// Its centre.
    pub fn centre(&self) -> Place {
        Place {
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
        }
    }
}
