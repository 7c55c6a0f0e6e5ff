//! The city, its districts, communities and grids as lines.
//!
//! For: reading and writing their cells. Barriers, which take several lines, are in `barrier`.
//! May not know: whether what a line refers to is there.

use domain::{
    CityId, CommunityId, DistrictId, ResponderId,
    area::{CityRecord, CommunityRecord, DistrictRecord},
};

use super::{
    Row,
    cells::{Cells, of_degrees, status},
};

/// Grids of one community at most; more than any has.
pub(super) const GRIDS: u16 = 99;

/// Largest town, in metres around its middle. Ours: wider than any town that is one.
const TOWN_RADIUS_M: u32 = 100_000;

pub(super) fn city(cells: &mut Cells<'_>) -> Option<Row> {
    let city = cells.id("city", CityId::parse);
    let name = cells.filled("name");
    let place = cells.place();
    let town_radius_m = cells.number("town_radius_m", 0, TOWN_RADIUS_M);
    let area_code = area_code(cells);
    let (lon_e6, lat_e6) = place?;
    Some(Row::City(CityRecord {
        city: city?,
        name,
        name_latin: cells.text("name_latin").to_owned(),
        lon_e6,
        lat_e6,
        town_radius_m: town_radius_m?,
        area_code: area_code?,
    }))
}

/// Two to four digits after a 0 (工信部《电信网编号计划》2017); spreadsheets drop the 0.
fn area_code(cells: &mut Cells<'_>) -> Option<String> {
    let written = cells.text("area_code");
    let digits = written.strip_prefix('0').unwrap_or(written);
    if digits.is_empty() && written.is_empty() {
        return Some(String::new());
    }
    if !(2..=3).contains(&digits.len()) || !digits.bytes().all(|it| it.is_ascii_digit()) {
        cells.fault(
            "area_code",
            "不是区号,例如 0451",
            "not an area code such as 0451",
        );
        return None;
    }
    Some(format!("0{digits}"))
}

pub(super) fn of_city(record: &CityRecord) -> Vec<String> {
    vec![
        record.city.to_string(),
        record.name.clone(),
        record.name_latin.clone(),
        of_degrees(record.lon_e6),
        of_degrees(record.lat_e6),
        record.town_radius_m.to_string(),
        record.area_code.clone(),
    ]
}

pub(super) fn district(cells: &mut Cells<'_>) -> Option<Row> {
    let district = cells.id("district", DistrictId::parse);
    let name = cells.filled("name");
    let place = cells.place();
    let population = cells.number("population", 0, u32::MAX);
    let ended = cells.ended("active", "dissolved");
    let (lon_e6, lat_e6) = place?;
    let record = DistrictRecord {
        district: district?,
        name,
        name_latin: cells.text("name_latin").to_owned(),
        lon_e6,
        lat_e6,
        population: population?,
    };
    Some(Row::District {
        record,
        ended: ended?,
    })
}

pub(super) fn of_district(record: &DistrictRecord, ended: bool) -> Vec<String> {
    vec![
        record.district.to_string(),
        record.name.clone(),
        record.name_latin.clone(),
        of_degrees(record.lon_e6),
        of_degrees(record.lat_e6),
        record.population.to_string(),
        status(ended, "active", "dissolved"),
    ]
}

pub(super) fn community(cells: &mut Cells<'_>) -> Option<Row> {
    let community = cells.id("community", CommunityId::parse);
    let district = cells.id("district", DistrictId::parse);
    let name = cells.filled("name");
    let name_short = cells.filled("name_short");
    let place = cells.place();
    let grids = cells.number("grids", 1, GRIDS);
    let stars = cells.number("stars", 0, 5);
    let ended = cells.ended("active", "dissolved");
    let (lon_e6, lat_e6) = place?;
    let record = CommunityRecord {
        community: community?,
        district: district?,
        name,
        name_short,
        lon_e6,
        lat_e6,
        grids: grids?,
        stars: stars?,
    };
    Some(Row::Community {
        record,
        ended: ended?,
    })
}

pub(super) fn of_community(record: &CommunityRecord, ended: bool) -> Vec<String> {
    vec![
        record.community.to_string(),
        record.district.to_string(),
        record.name.clone(),
        record.name_short.clone(),
        of_degrees(record.lon_e6),
        of_degrees(record.lat_e6),
        record.grids.to_string(),
        record.stars.to_string(),
        status(ended, "active", "dissolved"),
    ]
}

/// The id in the first column is made of the two after it, so that a line cannot say two things.
pub(super) fn grid(cells: &mut Cells<'_>) -> Option<Row> {
    let community = cells.id("community", CommunityId::parse);
    let number = cells.number("number", 1, GRIDS);
    let worker = cells.id("worker", ResponderId::parse);
    let (community, number) = (community?, number?);
    let grid = grid_id(&community, number);
    if cells.text("grid") != grid {
        let (zh, en) = (format!("要写 {grid}"), format!("must be {grid}"));
        cells.fault("grid", zh, en);
    }
    Some(Row::Grid {
        grid,
        community,
        number,
        worker: worker?,
    })
}

/// How a grid is called in files: `230102-001/2`.
pub(super) fn grid_id(community: &CommunityId, number: u16) -> String {
    format!("{community}/{number}")
}
