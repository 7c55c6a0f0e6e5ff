//! Communities, sites, responders and accounts of the synthetic city.
//!
//! For: everything a [`super::CityPlan`] holds.
//! May not know: residents.

use std::sync::LazyLock;

use domain::{
    CommunityId, CrossingId, DistrictId, OperatorId, ResponderId, SiteId,
    crossing::CrossingRecord,
    geography::Place,
    operator::{ResponderKind, Role, Scope},
    party::Traveller,
    site::{Hours, SiteKind, SiteRecord},
};

use crate::area::usual_worker;

use super::{
    AccountPlan, COMMUNITIES, CROSSINGS, Community, CrossingPlan, DISTRICTS, District,
    ResponderPlan, Subdistrict,
    dice::Dice,
    ground::near,
    words::{COMMUNITY_WORDS, SURNAMES, WOMEN, YOUNGER},
};

/// Five-star and four-star communities: 20 and 36 of the municipality's 788, scaled to the districts' 648.
const STARS: [(u8, usize); 2] = [(5, 16), (4, 30)];

/// Day and night.
const ALWAYS: Hours = Hours {
    opens_min: 0,
    closes_min: 0,
};
/// Eight to eight.
const DAYTIME: Hours = Hours {
    opens_min: 8 * 60,
    closes_min: 20 * 60,
};

/// Of how many neighbouring subdistricts one ordinary station is on duty at night. Ours.
const NIGHT_GROUP: usize = 4;

/// Volunteers per district. Ours.
const VOLUNTEERS: u32 = 12;

static COMMUNITY_TABLE: LazyLock<Vec<Community>> = LazyLock::new(lay_out_communities);

/// The 648 communities, by id; the same under every seed.
pub fn communities() -> &'static [Community] {
    &COMMUNITY_TABLE
}

/// Who looks after a grid of a community; grids count from 1.
pub fn grid_worker(community: &CommunityId, grid: u16) -> ResponderId {
    usual_worker(community, grid).expect("the ids of these communities are short")
}

/// The desk of a district's network nursing home.
pub fn district_desk(district: &DistrictId) -> SiteId {
    site(&format!("desk-{district}"))
}

/// The city desk.
pub fn city_desk() -> SiteId {
    site("desk-city")
}

pub(super) fn district_id(district: &District) -> DistrictId {
    DistrictId::parse(district.code).expect("a district's code is six digits")
}

fn site(text: &str) -> SiteId {
    SiteId::parse(text).expect("site ids are made of codes and digits")
}

fn responder(text: &str) -> ResponderId {
    ResponderId::parse(text).expect("responder ids are made of known ids and digits")
}

/// Shares [`COMMUNITIES`] among the districts by population, largest remainder.
fn shares() -> [u32; 8] {
    let total: u64 = DISTRICTS.iter().map(|d| u64::from(d.population)).sum();
    let exact = DISTRICTS
        .each_ref()
        .map(|d| u64::from(d.population) * u64::from(COMMUNITIES));
    let mut shares = exact.map(|share| u32::try_from(share / total).unwrap_or(0));
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(exact[i] % total), i));
    let missing = COMMUNITIES.saturating_sub(shares.iter().sum());
    for i in order.into_iter().take(missing as usize) {
        shares[i] += 1;
    }
    shares
}

fn lay_out_communities() -> Vec<Community> {
    let mut all = Vec::new();
    for (district, share) in DISTRICTS.iter().zip(shares()) {
        let rows = district.subdistricts.len();
        for n in 0..share as usize {
            let mut dice = Dice::new(0, district.code, n as u64);
            let sub = &district.subdistricts[n % rows];
            let word = COMMUNITY_WORDS[(n % rows * 7 + n / rows) % COMMUNITY_WORDS.len()];
            let reach = if is_town(sub) { 2_000 } else { 900 };
            let place = near(&mut dice, sub.place(), 100, reach, district.bank);
            all.push(Community {
                id: CommunityId::parse(&format!("{}-{:03}", district.code, n + 1))
                    .expect("community ids are codes and digits"),
                district: district_id(district),
                name: format!("{}{word}社区", sub.name),
                name_short: format!("{word}社区"),
                lon_e6: place.lon_e6,
                lat_e6: place.lat_e6,
                grids: u16::try_from(dice.between(2, 5)).unwrap_or(2),
                stars: 3,
            });
        }
    }
    let mut dice = Dice::new(0, "stars", 0);
    for (stars, count) in STARS {
        let mut left = count;
        while left > 0 {
            let at = dice.below(COMMUNITIES) as usize;
            if all[at].stars == 3 {
                all[at].stars = stars;
                left -= 1;
            }
        }
    }
    all
}

fn is_town(sub: &Subdistrict) -> bool {
    sub.name.ends_with(['镇', '乡'])
}

/// Names of sites repeat within a subdistrict: the second is 第二 and so on.
fn ordinal(n: usize) -> &'static str {
    ["", "第二", "第三", "第四"].get(n).copied().unwrap_or("新")
}

/// An obviously unallocated number: local numbers never begin with 0.
pub(super) fn phone(block: u32, number: u64) -> String {
    format!(
        "0451-{:04}-{:04}",
        (u64::from(block) + number / 10_000) % 1_000,
        number % 10_000
    )
}

/// All sites: stations, facilities, district desks and the city desk.
pub(super) fn sites(seed: u64) -> Vec<SiteRecord> {
    let mut all = Vec::new();
    for district in &DISTRICTS {
        all.extend((0..district.stations as usize).map(|n| station(seed, district, n)));
        all.extend((0..district.facilities as usize).map(|n| facility(seed, district, n)));
        all.push(desk(
            district_desk(&district_id(district)),
            SiteKind::DistrictDesk,
            format!("{}网络养老院调度台", district.name),
            format!("{} District Desk", district.name_latin),
            district,
            district.seat(),
            40,
        ));
    }
    let songbei = &DISTRICTS[4];
    all.push(desk(
        city_desk(),
        SiteKind::CityDesk,
        "哈尔滨市总调度台".to_owned(),
        "Harbin City Desk".to_owned(),
        songbei,
        Place::from_milli(126_535, 45_803),
        200,
    ));
    for (n, record) in all.iter_mut().enumerate() {
        record.duty_phone = phone(0, n as u64 + 1);
    }
    all
}

fn station(seed: u64, district: &District, n: usize) -> SiteRecord {
    let mut dice = Dice::new(seed, &format!("station-{}", district.code), n as u64);
    let rows = district.subdistricts.len();
    let sub = &district.subdistricts[n % rows];
    let place = near(&mut dice, sub.place(), 300, 900, district.bank);
    // As in 2010: three model stations in Xiangfang, one key station each in Daoli, Nangang and Daowai.
    let model = district.code == "230110" && n < 3;
    let key = matches!(district.code, "230102" | "230103" | "230104") && n == 0;
    let night = model || key || n % NIGHT_GROUP == 1;
    let on_foot = !model && !key && dice.chance(20);
    SiteRecord {
        site: site(&format!("HRB-{}-{:02}", district.code, n + 1)),
        kind: SiteKind::Station,
        name: format!("{}{}居家养老服务站", sub.name, ordinal(n / rows)),
        name_latin: format!("{} Home-care Station {}", sub.name_latin, n / rows + 1),
        district: district_id(district),
        lon_e6: place.lon_e6,
        lat_e6: place.lat_e6,
        hours: if night { ALWAYS } else { DAYTIME },
        can_answer: true,
        can_send: true,
        duty_phone: String::new(),
        capacity: match (model, key) {
            (true, _) => 6,
            (_, true) => 5,
            _ => u16::try_from(dice.between(2, 3)).unwrap_or(2),
        },
        traveller: if on_foot {
            Traveller::Foot
        } else {
            Traveller::Car
        },
    }
}

fn facility(seed: u64, district: &District, n: usize) -> SiteRecord {
    let mut dice = Dice::new(seed, &format!("facility-{}", district.code), n as u64);
    let rows = district.subdistricts.len();
    // Spread over the whole list, so that facilities do not all stand beside the first stations.
    let sub = &district.subdistricts[(n * rows / district.facilities as usize + 1) % rows];
    let place = near(&mut dice, sub.place(), 300, 900, district.bank);
    SiteRecord {
        site: site(&format!("HRB-{}-F{:02}", district.code, n + 1)),
        kind: SiteKind::Facility,
        name: format!("{}连锁养老服务中心", sub.name),
        name_latin: format!("{} Elder-care Facility", sub.name_latin),
        district: district_id(district),
        lon_e6: place.lon_e6,
        lat_e6: place.lat_e6,
        hours: ALWAYS,
        can_answer: true,
        can_send: true,
        duty_phone: String::new(),
        capacity: u16::try_from(dice.between(2, 4)).unwrap_or(2),
        traveller: Traveller::Car,
    }
}

fn desk(
    site: SiteId,
    kind: SiteKind,
    name: String,
    name_latin: String,
    district: &District,
    place: Place,
    capacity: u16,
) -> SiteRecord {
    SiteRecord {
        site,
        kind,
        name,
        name_latin,
        district: district_id(district),
        lon_e6: place.lon_e6,
        lat_e6: place.lat_e6,
        hours: ALWAYS,
        can_answer: true,
        can_send: false,
        duty_phone: String::new(),
        capacity,
        traveller: Traveller::Car,
    }
}

/// Every crossing with its first day.
pub(super) fn crossings() -> Vec<CrossingPlan> {
    let plan = |crossing: &super::Crossing| CrossingPlan {
        record: CrossingRecord {
            crossing: CrossingId::parse(crossing.id).expect("crossing ids are plain words"),
            name: crossing.name.to_owned(),
            name_latin: crossing.name_latin.to_owned(),
            lon_e6: crossing.lon_e6,
            lat_e6: crossing.lat_e6,
            travellers: crossing.travellers.to_vec(),
        },
        opened: crossing.opened,
    };
    CROSSINGS.iter().map(plan).collect()
}

/// A full name of the working generation.
fn worker_name(dice: &mut Dice) -> String {
    let given = if dice.chance(30) {
        dice.pick(WOMEN)
    } else {
        dice.pick(YOUNGER)
    };
    format!("{}{}", dice.weighed(SURNAMES).0, given.0)
}

/// Carers and nurses of the sites, volunteers of the districts, one worker per grid.
pub(super) fn responders(seed: u64, sites: &[SiteRecord]) -> Vec<ResponderPlan> {
    let mut all = Vec::new();
    for (n, record) in sites.iter().filter(|s| s.can_send).enumerate() {
        let mut dice = Dice::new(seed, "responders", n as u64);
        let count = dice.between(2, 3);
        for k in 1..=count {
            let tail = record.site.as_str().trim_start_matches("HRB-");
            all.push(ResponderPlan {
                responder: responder(&format!("carer-{tail}-{k}")),
                name: worker_name(&mut dice),
                kind: if k == 1 {
                    ResponderKind::Nurse
                } else {
                    ResponderKind::Carer
                },
                site: Some(record.site.clone()),
                district: record.district.clone(),
                phone: String::new(),
            });
        }
    }
    for (n, district) in DISTRICTS.iter().enumerate() {
        let mut dice = Dice::new(seed, "volunteers", n as u64);
        for k in 1..=VOLUNTEERS {
            all.push(ResponderPlan {
                responder: responder(&format!("volunteer-{}-{k:02}", district.code)),
                name: worker_name(&mut dice),
                kind: ResponderKind::Volunteer,
                site: None,
                district: district_id(district),
                phone: String::new(),
            });
        }
    }
    for (n, community) in communities().iter().enumerate() {
        let mut dice = Dice::new(seed, "grids", n as u64);
        for grid in 1..=community.grids {
            all.push(ResponderPlan {
                responder: grid_worker(&community.id, grid),
                name: worker_name(&mut dice),
                kind: ResponderKind::GridWorker,
                site: None,
                district: community.district.clone(),
                phone: String::new(),
            });
        }
    }
    for (n, plan) in all.iter_mut().enumerate() {
        plan.phone = phone(1, n as u64);
    }
    all
}

/// Two accounts per station and facility, two per desk, a manager per district, two supervisors, an administrator.
pub(super) fn accounts(seed: u64, sites: &[SiteRecord]) -> Vec<AccountPlan> {
    let mut all = Vec::new();
    for (n, record) in sites.iter().enumerate() {
        let mut dice = Dice::new(seed, "accounts", n as u64);
        let (stem, posts) = match record.kind {
            SiteKind::Station | SiteKind::Facility => {
                let tail = record.site.as_str().trim_start_matches("HRB-");
                (format!("op-{}", tail.to_lowercase()), ["护理员", "值班员"])
            }
            SiteKind::DistrictDesk | SiteKind::CityDesk => {
                (record.site.as_str().to_owned(), ["调度员", "调度员"])
            }
        };
        let mut last = "";
        for (letter, post) in ["a", "b"].into_iter().zip(posts) {
            let surname = loop {
                let (surname, _) = *dice.weighed(SURNAMES);
                if surname != last {
                    break surname;
                }
            };
            last = surname;
            all.push(account(
                &format!("{stem}-{letter}"),
                surname,
                post,
                Role::Operator,
                Scope::Site(record.site.clone()),
            ));
        }
    }
    let mut dice = Dice::new(seed, "managers", 0);
    for district in &DISTRICTS {
        all.push(account(
            &format!("manager-{}", district.code),
            dice.weighed(SURNAMES).0,
            "区经理",
            Role::DistrictManager,
            Scope::District(district_id(district)),
        ));
    }
    for n in 1..=2 {
        all.push(account(
            &format!("supervisor-{n}"),
            dice.weighed(SURNAMES).0,
            "值班长",
            Role::Operator,
            Scope::City,
        ));
    }
    all.push(account(
        "admin",
        dice.weighed(SURNAMES).0,
        "管理员",
        Role::Administrator,
        Scope::City,
    ));
    all
}

fn account(id: &str, surname: &str, post: &str, role: Role, scope: Scope) -> AccountPlan {
    AccountPlan {
        operator: OperatorId::parse(id).expect("account names are plain words"),
        name: format!("{surname}{post}"),
        post: post.to_owned(),
        role,
        scope,
    }
}
