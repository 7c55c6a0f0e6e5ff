//! Residents and their devices.
//!
//! For: the endless row of synthetic residents: the n-th is the same whatever their number.
//! May not know: how they are enrolled. Ages and sex are weighted to what studies of alarm users report: mean age 82,
//! three in four women, most living alone.

use std::sync::LazyLock;

use domain::{
    DeviceId, ResidentId, SiteId,
    geography::Place,
    resident::{Address, Contact, Profile},
    site::{SiteKind, SiteRecord},
};

use super::{
    Community, DISTRICTS, LABEL, Plan, REFERENCE_YEAR, ResidentPlan,
    dice::Dice,
    ground::near,
    places::{communities, phone, sites},
    words::{
        ACCESS, COMPOUND_FIRST, COMPOUND_SECOND, CONDITIONS, DIALECTS, HEARING, MEDICINES, MEN,
        MODELS, RELATIONS, SURNAMES, WOMEN, YOUNGER, YOUNGER_MEN, YOUNGER_WOMEN,
    },
};

/// Farthest home station, in metres: beyond it a resident has none. Ours.
const HOME_STATION_M: i64 = 8_000;

/// Residents with a home station among those who could have one, in per cent. Ours.
const CONTRACTED: u32 = 90;

/// Women, in per cent; studies of alarm users report 75 to 80.
const WOMEN_PERCENT: u32 = 78;

/// Telephone blocks of residents and contacts: 10,000 numbers each.
const HOME_BLOCK: u32 = 100;
const CONTACT_BLOCK: u32 = 300;

/// What is the same for all residents of a seed.
pub(super) struct Streets {
    seed: u64,
    /// One per community: the nearest site on its bank.
    home_stations: Vec<Option<SiteId>>,
}

impl Streets {
    pub(super) fn new(plan: &Plan) -> Self {
        let sites = sites(plan.seed);
        Self {
            seed: plan.seed,
            home_stations: communities()
                .iter()
                .map(|community| home_station(community, &sites))
                .collect(),
        }
    }
}

fn home_station(community: &Community, sites: &[SiteRecord]) -> Option<SiteId> {
    let bank = |id: &domain::DistrictId| {
        let row = DISTRICTS.iter().find(|d| d.code == id.as_str());
        row.map(|d| d.bank)
    };
    sites
        .iter()
        .filter(|site| matches!(site.kind, SiteKind::Station | SiteKind::Facility))
        .filter(|site| bank(&site.district) == bank(&community.district))
        .map(|site| {
            let place = Place {
                lon_e6: site.lon_e6,
                lat_e6: site.lat_e6,
            };
            (
                domain::harbin::SHEET.metres(community.centre(), place),
                &site.site,
            )
        })
        .min()
        .filter(|(metres, _)| *metres <= HOME_STATION_M)
        .map(|(_, site)| site.clone())
}

/// The `n`-th resident, from 1.
pub(super) fn resident(streets: &Streets, n: u32) -> ResidentPlan {
    let dice = &mut Dice::new(streets.seed, "resident", u64::from(n));
    let at = dice.below(super::COMMUNITIES) as usize;
    let community = &communities()[at];
    let district = DISTRICTS
        .iter()
        .find(|d| d.code == community.district.as_str());
    let district = district.unwrap_or(&DISTRICTS[0]);
    let grid = u16::try_from(dice.between(1, i32::from(community.grids))).unwrap_or(1);
    let home = near(dice, community.centre(), 0, 600, district.bank);

    let woman = dice.chance(WOMEN_PERCENT);
    let (surname, surname_latin) = *dice.weighed(SURNAMES);
    let (given, given_latin) = *dice.pick(if woman { WOMEN } else { MEN });
    let age = age(dice);
    let hospital = *dice.pick(district.hospitals);
    let profile = Profile {
        name: format!("{surname}{given}"),
        name_latin: format!("{surname_latin} {given_latin}"),
        born: u16::try_from(REFERENCE_YEAR - age).unwrap_or(1940),
        sex: if woman { "f" } else { "m" }.to_owned(),
        phone: phone(HOME_BLOCK, u64::from(n)),
        address: address(dice, community, grid),
        lon_e6: home.lon_e6,
        lat_e6: home.lat_e6,
        hearing: (*dice.weighed(HEARING)).to_owned(),
        dialect: (*dice.weighed(DIALECTS)).to_owned(),
        conditions: several(dice, CONDITIONS, 3),
        medicines: several(dice, MEDICINES, 3),
        hospital: hospital.to_owned(),
        contacts: contacts(dice, surname, n),
        household: household(dice, woman, age),
        notes: LABEL.to_owned(),
    };
    let home_station = streets.home_stations[at].clone();
    ResidentPlan {
        resident: ResidentId::parse(&format!("R{n:06}")).expect("a letter and digits"),
        district: community.district.clone(),
        community: community.id.clone(),
        grid,
        home_station: home_station.filter(|_| dice.chance(CONTRACTED)),
        profile,
        device: DeviceId::parse(&format!("HRB-{n:06}")).expect("letters and digits"),
        model: (*dice.weighed(MODELS)).to_owned(),
        device_key: Dice::new(streets.seed, "device-key", u64::from(n)).hex(16),
    }
}

/// 60 to 99, about 82 in the mean.
fn age(dice: &mut Dice) -> i32 {
    if dice.chance(5) {
        return dice.between(60, 99);
    }
    65 + dice.between(0, 17) + dice.between(0, 17)
}

fn several(dice: &mut Dice, from: &[(&str, u32)], most: i32) -> Vec<String> {
    let mut taken = Vec::new();
    for _ in 0..dice.between(0, most) {
        let one = (*dice.weighed(from)).to_owned();
        if !taken.contains(&one) {
            taken.push(one);
        }
    }
    taken
}

/// Every first word with every second.
static COMPOUNDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for first in COMPOUND_FIRST {
        all.extend(
            COMPOUND_SECOND
                .iter()
                .map(|second| format!("{first}{second}")),
        );
    }
    all
});

fn address(dice: &mut Dice, community: &Community, grid: u16) -> Address {
    // One compound per grid, always the same one.
    let tail = community.id.as_str().rsplit('-').next().unwrap_or("0");
    let seat = tail.parse::<usize>().unwrap_or(0) * 5 + usize::from(grid);
    let compound = &COMPOUNDS[seat * 7 % COMPOUNDS.len()];
    let floor = if dice.chance(25) {
        dice.between(8, 24)
    } else {
        dice.between(1, 7)
    };
    let mut access = *dice.weighed(ACCESS);
    // Houses of eight floors and more have a lift.
    while floor > 7 && access.starts_with("无电梯") {
        access = *dice.weighed(ACCESS);
    }
    Address {
        compound: format!("{}{compound}", community.name),
        building: format!("{}号楼", dice.between(1, 28)),
        unit: format!("{}单元", dice.between(1, 6)),
        floor: format!("{floor}层"),
        door: format!("{floor}{:02}室", dice.between(1, 4)),
        access: access.to_owned(),
    }
}

fn contacts(dice: &mut Dice, surname: &str, n: u32) -> Vec<Contact> {
    let mut all: Vec<Contact> = Vec::new();
    for k in 0..dice.between(1, 4) {
        let (relation, key_percent) = *dice.weighed(RELATIONS);
        let family = matches!(relation, "儿子" | "孙女");
        let (other, _) = *dice.weighed(SURNAMES);
        let given = match relation {
            "女儿" | "儿媳" | "孙女" => dice.pick(YOUNGER_WOMEN).0,
            "儿子" | "外甥" => dice.pick(YOUNGER_MEN).0,
            _ => dice.pick(YOUNGER).0,
        };
        all.push(Contact {
            name: format!("{}{given}", if family { surname } else { other }),
            relation: relation.to_owned(),
            phone: phone(
                CONTACT_BLOCK,
                u64::from(n) * 4 + u64::from(k.unsigned_abs()),
            ),
            has_key: dice.chance(key_percent),
            minutes_away: match relation {
                "邻居" => Some(2),
                _ if dice.chance(80) => Some(u16::try_from(dice.between(1, 12) * 5).unwrap_or(5)),
                _ => None,
            },
        });
    }
    all
}

fn household(dice: &mut Dice, woman: bool, age: i32) -> Vec<String> {
    match dice.below(100) {
        0..78 => Vec::new(),
        78..94 => {
            let names = if woman { MEN } else { WOMEN };
            let (surname, given) = (dice.weighed(SURNAMES).0, dice.pick(names).0);
            let age = (age + dice.between(-4, 4)).clamp(60, 99);
            vec![format!("老伴{surname}{given},{age}岁")]
        }
        94..98 => vec!["儿子,白天上班".to_owned()],
        _ => vec!["住家保姆".to_owned()],
    }
}
