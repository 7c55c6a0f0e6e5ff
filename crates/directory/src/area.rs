//! The ground of the city: which city it is, its districts, communities and grids, and what cuts it apart.
//!
//! For: a fold of their events over the built-in Harbin: a log that names none of them is about Harbin.
//! May not know: sites, people; ways (that is `domain`).

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

use domain::{
    BarrierId, CommunityId, DistrictId, ResponderId,
    area::{
        BarrierEvent, BarrierRecord, CityEvent, CityRecord, CommunityEvent, CommunityRecord,
        DistrictEvent, DistrictRecord, GridEvent,
    },
    crossing::CrossingRecord,
    geography::{Place, Sheet},
    ground::Ground,
};
use serde::{Deserialize, Serialize};

use crate::harbin;

/// How far from the middle of the town anything may lie, in millionths of a degree east or west: some 135 km at 45° N.
/// Ours: the largest municipalities' ends; the sheet is good to 1 % over as much.
pub const REACH_LON_E6: i32 = 1_750_000;

/// The same north or south: some 140 km.
pub const REACH_LAT_E6: i32 = 1_250_000;

/// The ground as of some position. Every map is ordered by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// What the log is about.
    pub city: CityRecord,
    /// No event has described a city: the sheet is Harbin's own.
    is_built_in: bool,
    /// The districts.
    pub districts: BTreeMap<DistrictId, DistrictRecord>,
    /// The communities.
    pub communities: BTreeMap<CommunityId, CommunityRecord>,
    /// The workers of grids, where they were assigned; see [`Area::grid_worker`].
    workers: BTreeMap<CommunityId, BTreeMap<u16, ResponderId>>,
    /// Rivers and what else is crossed at crossings only.
    pub barriers: BTreeMap<BarrierId, BarrierRecord>,
}

static HARBIN: LazyLock<Arc<Area>> = LazyLock::new(|| {
    let river = domain::harbin::river();
    Arc::new(Area {
        city: domain::harbin::city(),
        is_built_in: true,
        districts: harbin::districts()
            .iter()
            .map(harbin::District::record)
            .map(|it| (it.district.clone(), it))
            .collect(),
        communities: harbin::communities()
            .iter()
            .map(harbin::Community::record)
            .map(|it| (it.community.clone(), it))
            .collect(),
        workers: BTreeMap::new(),
        barriers: BTreeMap::from([(river.barrier.clone(), river)]),
    })
});

impl Area {
    /// Harbin, as it is where no event says otherwise; always the same one.
    pub fn built_in() -> Arc<Self> {
        Arc::clone(&HARBIN)
    }

    /// Nothing was changed.
    pub(crate) fn is_built_in(area: &Arc<Self>) -> bool {
        Arc::ptr_eq(area, &HARBIN)
    }

    /// Another city may still be described: nothing was built on this one.
    pub(crate) fn is_untouched(&self) -> bool {
        *self == **HARBIN
    }

    /// Another city than before begins with nothing.
    pub(crate) fn fold_city(&mut self, event: &CityEvent) {
        let CityEvent::CityDescribed(record) = event;
        if record.city != self.city.city {
            self.districts.clear();
            self.communities.clear();
            self.workers.clear();
            self.barriers.clear();
        }
        let before = std::mem::replace(&mut self.city, record.clone());
        self.city.keep_area_code(&before);
        self.is_built_in = false;
    }

    pub(crate) fn fold_district(&mut self, event: &DistrictEvent) {
        match event {
            DistrictEvent::DistrictDescribed(record) => {
                self.districts
                    .insert(record.district.clone(), record.clone());
            }
            DistrictEvent::DistrictDissolved { district } => {
                self.districts.remove(district);
            }
        }
    }

    pub(crate) fn fold_community(&mut self, event: &CommunityEvent) {
        match event {
            CommunityEvent::CommunityDescribed(record) => {
                self.communities
                    .insert(record.community.clone(), record.clone());
            }
            CommunityEvent::CommunityDissolved { community } => {
                self.communities.remove(community);
                self.workers.remove(community);
            }
        }
    }

    pub(crate) fn fold_grid(&mut self, event: &GridEvent) {
        let GridEvent::GridAssigned {
            community,
            number,
            worker,
        } = event;
        let workers = self.workers.entry(community.clone()).or_default();
        workers.insert(*number, worker.clone());
    }

    pub(crate) fn fold_barrier(&mut self, event: &BarrierEvent) {
        match event {
            BarrierEvent::BarrierDrawn(record) => {
                self.barriers.insert(record.barrier.clone(), record.clone());
            }
            BarrierEvent::BarrierRemoved { barrier } => {
                self.barriers.remove(barrier);
            }
        }
    }
}

/// Asking.
impl Area {
    /// A community's centre.
    pub fn centre(&self, community: &CommunityId) -> Option<Place> {
        self.communities.get(community).map(CommunityRecord::centre)
    }

    /// Who looks after a grid of a community: whoever was assigned, else the responder `grid-COMMUNITY-NUMBER`. `None`: there
    /// is no such grid.
    pub fn grid_worker(&self, community: &CommunityId, number: u16) -> Option<ResponderId> {
        let there = self.communities.get(community)?;
        if !(1..=there.grids).contains(&number) {
            return None;
        }
        let workers = self.workers.get(community);
        let assigned = workers.and_then(|it| it.get(&number)).cloned();
        assigned.or_else(|| usual_worker(community, number))
    }

    /// Whether a place lies in or around the city, so far that distances still hold.
    pub fn reaches(&self, place: Place) -> bool {
        let near = |at: i32, middle: i32, reach: i32| at.abs_diff(middle) <= reach.unsigned_abs();
        near(place.lon_e6, self.city.lon_e6, REACH_LON_E6)
            && near(place.lat_e6, self.city.lat_e6, REACH_LAT_E6)
    }

    /// The ground with these crossings open.
    pub(crate) fn ground<'a>(
        &self,
        crossings: impl IntoIterator<Item = &'a CrossingRecord>,
    ) -> Ground {
        let sheet = match self.is_built_in {
            true => domain::harbin::SHEET,
            false => Sheet::around(self.city.centre()),
        };
        Ground::new(sheet, &self.city, self.barriers.values(), crossings)
    }
}

/// The worker of a grid to which nobody else was assigned. `None`: the community's id is too long for one.
pub(crate) fn usual_worker(community: &CommunityId, number: u16) -> Option<ResponderId> {
    ResponderId::parse(&format!("grid-{community}-{number}")).ok()
}

/// The ground of a city, reckoned when it is first asked for. It follows from the rest, so it tells no two cities apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Laid(OnceLock<Arc<Ground>>);

impl Laid {
    pub(crate) fn get(&self, lay: impl FnOnce() -> Ground) -> &Ground {
        self.0.get_or_init(|| Arc::new(lay()))
    }
}

impl PartialEq for Laid {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Laid {}
