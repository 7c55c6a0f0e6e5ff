//! One event of every variant about the ground: city, districts, communities, grids, barriers.
//!
//! For: the golden files. A value here is written for ever: add samples, change none.
//! May not know: which events can follow which.

use super::stamped;
use domain::{
    Actor, BarrierId, CityId, CommunityId, DistrictId, Happened, ResponderId,
    area::{
        BarrierEvent, BarrierRecord, CityEvent, CityRecord, CommunityEvent, CommunityRecord,
        DistrictEvent, DistrictRecord, Extent, GridEvent,
    },
    geography::Place,
};

fn district_id() -> DistrictId {
    DistrictId::parse("230102").unwrap()
}

fn community() -> CommunityId {
    CommunityId::parse("230102-001").unwrap()
}

fn barrier_id() -> BarrierId {
    BarrierId::parse("songhua").unwrap()
}

pub(in super::super) fn city() -> Vec<Happened<CityEvent>> {
    let record = CityRecord {
        city: CityId::parse("harbin").unwrap(),
        name: "哈尔滨市".to_owned(),
        name_latin: "Harbin".to_owned(),
        lon_e6: 126_630_000,
        lat_e6: 45_762_000,
        town_radius_m: 12_000,
        area_code: String::new(),
    };
    stamped(&Actor::Registrar, vec![CityEvent::CityDescribed(record)])
}

pub(in super::super) fn district() -> Vec<Happened<DistrictEvent>> {
    let record = DistrictRecord {
        district: district_id(),
        name: "道里区".to_owned(),
        name_latin: "Daoli".to_owned(),
        lon_e6: 126_617_000,
        lat_e6: 45_756_000,
        population: 923_762,
    };
    let events = vec![
        DistrictEvent::DistrictDescribed(record),
        DistrictEvent::DistrictDissolved {
            district: district_id(),
        },
    ];
    stamped(&Actor::Registrar, events)
}

pub(in super::super) fn communities() -> Vec<Happened<CommunityEvent>> {
    let record = CommunityRecord {
        community: community(),
        district: district_id(),
        name: "兆麟街道安康社区".to_owned(),
        name_short: "安康社区".to_owned(),
        lon_e6: 126_618_000,
        lat_e6: 45_776_000,
        grids: 3,
        stars: 4,
    };
    let events = vec![
        CommunityEvent::CommunityDescribed(record),
        CommunityEvent::CommunityDissolved {
            community: community(),
        },
    ];
    stamped(&Actor::Registrar, events)
}

pub(in super::super) fn grid() -> Vec<Happened<GridEvent>> {
    let assigned = GridEvent::GridAssigned {
        community: community(),
        number: 2,
        worker: ResponderId::parse("grid-230102-001-2").unwrap(),
    };
    stamped(&Actor::Registrar, vec![assigned])
}

pub(in super::super) fn barrier() -> Vec<Happened<BarrierEvent>> {
    let drawn = |extent| {
        BarrierEvent::BarrierDrawn(BarrierRecord {
            barrier: barrier_id(),
            name: "松花江".to_owned(),
            extent,
            points: vec![
                Place::from_milli(126_240, 45_697),
                Place::from_milli(126_355, 45_737),
            ],
        })
    };
    let events = vec![
        drawn(Extent::Through),
        drawn(Extent::Drawn),
        BarrierEvent::BarrierRemoved {
            barrier: barrier_id(),
        },
    ];
    stamped(&Actor::Registrar, events)
}
