//! Harbin's sheet, town and river: the ground of a log that describes no city of its own.
//!
//! For: one place where the built-in ground stands; what was recorded on it means the same for ever.
//! May not know: districts and sites; those are the directory's. How ways are reckoned.

use crate::{
    BarrierId, CityId,
    area::{BarrierRecord, CityRecord, Extent},
    geography::{Place, Sheet},
    ground::Ground,
};

/// The built-in city's identifier.
pub const CITY: &str = "harbin";

/// The built-in river's identifier.
pub const RIVER_ID: &str = "songhua";

/// Metres east and north of 126.6 E, 45.75 N. Metres in a degree at 45.75 N on the WGS-84 ellipsoid: of longitude
/// π/180 · a · cos φ / √(1 − e² sin² φ), of latitude π/180 · a · (1 − e²) / (1 − e² sin² φ)^1.5. Over the city's 0.6 degrees
/// of latitude the error stays under 1 %.
pub const SHEET: Sheet = Sheet {
    origin: Place::from_milli(126_600, 45_750),
    metres_per_degree_east: 77_811,
    metres_per_degree_north: 111_146,
};

/// The middle of the town: Harbin railway station.
pub const TOWN: Place = Place::from_milli(126_630, 45_762);

/// What counts as town: this far around the railway station, which holds the six inner districts' streets.
pub const TOWN_RADIUS_M: u32 = 12_000;

/// The Songhua's main channel, upstream to downstream: 34 points of (longitude, latitude) in millionths of a degree,
/// good to about half a kilometre in town.
pub const RIVER: &[(i32, i32)] = &[
    (126_240_000, 45_697_000),
    (126_355_000, 45_737_000),
    (126_376_000, 45_734_000),
    (126_412_000, 45_730_000),
    (126_456_000, 45_740_000),
    (126_476_000, 45_750_000),
    (126_490_000, 45_744_000),
    (126_505_000, 45_747_000),
    (126_500_000, 45_756_000),
    (126_508_000, 45_771_000),
    (126_526_000, 45_769_000),
    (126_535_000, 45_759_000),
    (126_547_000, 45_756_000),
    (126_563_000, 45_761_000),
    (126_582_000, 45_763_000),
    (126_594_000, 45_774_000),
    (126_603_000, 45_782_000),
    (126_617_000, 45_787_000),
    (126_640_000, 45_794_000),
    (126_662_000, 45_800_000),
    (126_684_000, 45_807_000),
    (126_696_000, 45_814_000),
    (126_709_000, 45_824_000),
    (126_708_000, 45_837_000),
    (126_708_000, 45_852_000),
    (126_697_000, 45_875_000),
    (126_697_000, 45_894_000),
    (126_712_000, 45_901_000),
    (126_746_000, 45_900_000),
    (126_782_000, 45_921_000),
    (126_806_000, 45_945_000),
    (126_847_000, 45_959_000),
    (126_873_000, 45_983_000),
    (126_930_000, 46_000_000),
];

/// Of Harbin's telephones.
const AREA_CODE: &str = "0451";

/// The city as it would be described.
pub fn city() -> CityRecord {
    CityRecord {
        city: CityId::parse(CITY).expect("a plain word"),
        name: "哈尔滨市".to_owned(),
        name_latin: "Harbin".to_owned(),
        lon_e6: TOWN.lon_e6,
        lat_e6: TOWN.lat_e6,
        town_radius_m: TOWN_RADIUS_M,
        area_code: AREA_CODE.to_owned(),
    }
}

/// The Songhua as it would be drawn: Songbei and Hulan on its left, the other districts on its right.
pub fn river() -> BarrierRecord {
    let place = |&(lon_e6, lat_e6): &(i32, i32)| Place { lon_e6, lat_e6 };
    BarrierRecord {
        barrier: BarrierId::parse(RIVER_ID).expect("a plain word"),
        name: "松花江".to_owned(),
        extent: Extent::Through,
        points: RIVER.iter().map(place).collect(),
    }
}

/// The ground with the river and these crossings over it.
pub fn ground<'a>(
    crossings: impl IntoIterator<Item = &'a crate::crossing::CrossingRecord>,
) -> Ground {
    Ground::new(SHEET, &city(), [&river()], crossings)
}
