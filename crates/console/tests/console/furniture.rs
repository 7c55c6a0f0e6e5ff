//! Who and what the small city of the stories has: three sites, two desks, accounts, carers, sixty residents with a pendant each.
//!
//! For: a directory filled through its own writers.
//! May not know: consoles; what the stories are about.

use directory::{Account, Directory, Enrolling, harbin};
use domain::{
    Actor, DeviceId, OperatorId, ResidentId, ResponderId, SiteId,
    operator::{ResponderKind, Role, Scope},
    party::Traveller,
    resident::{Address, Contact, Profile},
    site::{Hours, SiteKind, SiteRecord},
};
use std::sync::OnceLock;

/// Everybody's.
pub(crate) const PASSWORD: &str = "a long enough password";

fn hashed() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| console::hash_password(PASSWORD).unwrap())
        .clone()
}

pub(crate) fn resident_id(n: u32) -> ResidentId {
    ResidentId::parse(&format!("r-{n}")).unwrap()
}

pub(crate) fn site_id(name: &str) -> SiteId {
    SiteId::parse(name).unwrap()
}

fn site(name: &str, kind: SiteKind, district: &str, lon_e6: i32) -> SiteRecord {
    SiteRecord {
        site: site_id(name),
        kind,
        name: format!("{name}服务站"),
        name_latin: format!("Station {name}"),
        district: domain::DistrictId::parse(district).unwrap(),
        lon_e6,
        lat_e6: 45_755_000,
        hours: Hours {
            opens_min: 0,
            closes_min: 0,
        },
        can_answer: true,
        can_send: true,
        duty_phone: "0451-5550100".to_owned(),
        capacity: 5,
        traveller: Traveller::Car,
    }
}

fn profile(n: u32) -> Profile {
    Profile {
        name: format!("王秀兰{n}"),
        name_latin: format!("Wang Xiulan {n}"),
        born: 1941,
        sex: "f".to_owned(),
        phone: format!("138-0000-{n:04}"),
        address: Address {
            compound: "安康小区".to_owned(),
            building: "3号楼".to_owned(),
            unit: "2单元".to_owned(),
            floor: "5层".to_owned(),
            door: "502室".to_owned(),
            access: "密码盒 1234".to_owned(),
        },
        lon_e6: 126_610_000,
        lat_e6: 45_756_000,
        hearing: "hard".to_owned(),
        dialect: "东北话".to_owned(),
        conditions: vec!["高血压".to_owned()],
        medicines: vec!["阿司匹林".to_owned()],
        hospital: "哈尔滨市第一医院".to_owned(),
        contacts: vec![Contact {
            name: "李娜".to_owned(),
            relation: "女儿".to_owned(),
            phone: "139-0000-0001".to_owned(),
            has_key: true,
            minutes_away: Some(15),
        }],
        household: vec![],
        notes: String::new(),
    }
}

pub(crate) async fn furnish(directory: &Directory) {
    let registrar = directory.registrar();
    let by = || Actor::Registrar;
    let sites = [
        site("s-1", SiteKind::Station, "230102", 126_612_000),
        site("s-2", SiteKind::Station, "230102", 126_630_000),
        site("s-3", SiteKind::Facility, "230103", 126_650_000),
        site("desk-230102", SiteKind::DistrictDesk, "230102", 126_607_000),
        site("desk-city", SiteKind::CityDesk, "230103", 126_640_000),
    ];
    for site in sites {
        registrar.open_site(by(), site).await.unwrap();
    }
    let daoli = domain::DistrictId::parse("230102").unwrap();
    let of_site = |name: &str| (Role::Operator, Scope::Site(site_id(name)));
    let accounts = [
        ("anna", of_site("s-1")),
        ("bo", of_site("s-1")),
        ("chen", of_site("s-2")),
        ("dai", of_site("s-3")),
        (
            "manager",
            (Role::DistrictManager, Scope::District(daoli.clone())),
        ),
        ("admin", (Role::Administrator, Scope::City)),
    ];
    for (name, (role, scope)) in accounts {
        let account = Account {
            operator: OperatorId::parse(name).unwrap(),
            name: format!("{name}护理员"),
            post: "护理员".to_owned(),
            role,
            scope,
            password: hashed(),
        };
        registrar.add_operator(by(), account).await.unwrap();
    }
    for (name, site) in [("carer-1", "s-1"), ("carer-3", "s-3")] {
        let carer = directory::registrar::Sendable {
            responder: ResponderId::parse(name).unwrap(),
            name: format!("{name}师傅"),
            kind: ResponderKind::Carer,
            site: Some(site_id(site)),
            district: daoli.clone(),
            phone: Some("137-0000-0000".to_owned()),
        };
        registrar.add_responder(by(), carer).await.unwrap();
    }
    let community = harbin::communities()
        .iter()
        .find(|c| c.district == daoli)
        .unwrap();
    for n in 1..=60 {
        let who = Enrolling {
            resident: resident_id(n),
            district: daoli.clone(),
            community: community.id.clone(),
            grid: 1,
            home_station: Some(site_id("s-1")),
            profile: profile(n),
        };
        registrar.enrol_resident(by(), who).await.unwrap();
        let device = DeviceId::parse(&format!("HRB-{n:06}")).unwrap();
        let resident = Some(resident_id(n));
        let enrolled = registrar.enrol_device(by(), device, "pendant", resident, "key");
        enrolled.await.unwrap();
    }
}
