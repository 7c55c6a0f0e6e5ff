//! The ground the synthetic city stands on, in whole metres.
//!
//! For: putting a point near another without crossing the river.
//! May not know: roads and travel time; those are `domain`'s.

use std::sync::LazyLock;

use domain::{
    BarrierId,
    geography::{Place, Side},
    ground::Ground,
    harbin,
};

use super::dice::Dice;

/// Draws before we give up and take the point itself, which was checked to lie on its bank.
const DRAWS: u32 = 64;

/// Millionths of a degree per kilometre, east and north, at the latitude of Harbin.
const LON_E6_PER_KM: i32 = 12_878;
const LAT_E6_PER_KM: i32 = 8_993;

/// The river, and its name.
static RIVER: LazyLock<(Ground, BarrierId)> =
    LazyLock::new(|| (harbin::ground([]), harbin::river().barrier));

/// On which bank of the Songhua a place lies.
pub(super) fn bank_of(place: Place) -> Option<Side> {
    let (ground, river) = &*RIVER;
    ground.side(river, place)
}

/// A point `from_m` to `to_m` metres away in a drawn direction, on the same bank.
pub(super) fn near(dice: &mut Dice, centre: Place, from_m: i32, to_m: i32, bank: Side) -> Place {
    for _ in 0..DRAWS {
        let (east, north) = (dice.between(-to_m, to_m), dice.between(-to_m, to_m));
        let square = east * east + north * north;
        if square < from_m * from_m || square > to_m * to_m {
            continue;
        }
        let place = Place {
            lon_e6: centre.lon_e6 + east * LON_E6_PER_KM / 1000,
            lat_e6: centre.lat_e6 + north * LAT_E6_PER_KM / 1000,
        };
        if bank_of(place) == Some(bank) {
            return place;
        }
    }
    centre
}
