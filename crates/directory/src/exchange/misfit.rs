//! What a row refers to and is not there, or what still stands on what it would end.
//!
//! For: refusals with what to do, Chinese and English; the city in memory is enough for them.
//! May not know: what the row would change (`compare`).

use domain::{
    CommunityId, DistrictId, SiteId,
    area::{BARRIERS, BarrierRecord, CommunityRecord, DistrictRecord},
    geography::Place,
    operator::Scope,
};

use super::{Kind, Row, Verdict, compare::Known};
use crate::{City, registrar::Enrolling};

/// Why a row cannot be; `None`: nothing speaks against it.
pub(super) fn misfit(known: &Known, row: &Row) -> Option<Verdict> {
    let city = &*known.city;
    strays(city, row).or_else(|| match row {
        Row::District {
            record,
            ended: true,
        } => district_in_use(city, record),
        Row::Community {
            record,
            ended: true,
        } => community_in_use(known, record),
        Row::Community { record, .. } => no_district(city, &record.district),
        Row::Grid {
            community, number, ..
        } => no_grid(city, community, *number).or_else(|| no_worker(city, row)),
        Row::Barrier {
            record,
            ended: false,
        } => one_too_many(known, record),
        Row::Site {
            record,
            ended: false,
        } => no_district(city, &record.district),
        Row::Responder { who, ended: false } => {
            let site = || who.site.as_ref().and_then(|id| no_site(city, id));
            no_district(city, &who.district).or_else(site)
        }
        Row::Operator {
            scope,
            ended: false,
            ..
        } => match scope {
            Scope::City => None,
            Scope::District(id) => no_district(city, id),
            Scope::Site(id) => no_site(city, id),
        },
        Row::Resident(who) => {
            let site = || who.home_station.as_ref().and_then(|id| no_site(city, id));
            lives_nowhere(city, who).or_else(site)
        }
        Row::Device {
            resident: Some(id), ..
        } if !known.residents.contains_key(id) => Some(Verdict::refused(
            format!("没有老人 {id};请先导入 residents"),
            format!("there is no resident {id}; import residents first"),
        )),
        _ => None,
    })
}

/// A place so far from the city that no distance would be right. Chinese maps' two usual slips are told apart.
fn strays(city: &City, row: &Row) -> Option<Verdict> {
    let area = &city.area;
    let mut places = places(row).into_iter();
    let away = places.find(|place| !area.reaches(*place))?;
    let swapped = Place {
        lon_e6: away.lat_e6,
        lat_e6: away.lon_e6,
    };
    if area.reaches(swapped) {
        let (zh, en) = (
            "lon, lat:经度和纬度写反了",
            "lon, lat: longitude and latitude are swapped",
        );
        return Some(Verdict::refused(zh, en));
    }
    let (zh, en) = (&area.city.name, &area.city.name_latin);
    Some(Verdict::refused(
        format!("lon, lat:不在{zh}一带 (WGS-84);另一座城市请先导入 city"),
        format!("lon, lat: not in or around {en} (WGS-84); for another city import city first"),
    ))
}

fn places(row: &Row) -> Vec<Place> {
    let one = |lon_e6, lat_e6| vec![Place { lon_e6, lat_e6 }];
    match row {
        Row::District {
            record,
            ended: false,
        } => one(record.lon_e6, record.lat_e6),
        Row::Community {
            record,
            ended: false,
        } => one(record.lon_e6, record.lat_e6),
        Row::Barrier {
            record,
            ended: false,
        } => record.points.clone(),
        Row::Site {
            record,
            ended: false,
        } => one(record.lon_e6, record.lat_e6),
        Row::Crossing {
            record,
            ended: false,
            ..
        } => one(record.lon_e6, record.lat_e6),
        Row::Resident(who) => one(who.profile.lon_e6, who.profile.lat_e6),
        _ => Vec::new(),
    }
}

fn no_district(city: &City, id: &DistrictId) -> Option<Verdict> {
    city.district(id).is_none().then(|| {
        let en = format!("there is no district {id}; import districts first");
        Verdict::refused(format!("没有区 {id};请先导入 districts"), en)
    })
}

fn no_site(city: &City, id: &SiteId) -> Option<Verdict> {
    (!city.sites.contains_key(id)).then(|| {
        let en = format!("there is no site {id}; import sites first");
        Verdict::refused(format!("没有网点 {id};请先导入 sites"), en)
    })
}

fn no_community(city: &City, id: &CommunityId) -> Option<Verdict> {
    (!city.area.communities.contains_key(id)).then(|| {
        let en = format!("there is no community {id}; import communities first");
        Verdict::refused(format!("没有社区 {id};请先导入 communities"), en)
    })
}

fn no_grid(city: &City, id: &CommunityId, number: u16) -> Option<Verdict> {
    let grids = city.area.communities.get(id).map(|it| it.grids);
    let few = |grids: u16| {
        let en = format!("community {id} has {grids} grids");
        (number > grids).then(|| Verdict::refused(format!("社区 {id} 只有 {grids} 个网格"), en))
    };
    no_community(city, id).or_else(|| grids.and_then(few))
}

/// Somebody who is not there may stay where they were written down, and is not put in.
fn no_worker(city: &City, row: &Row) -> Option<Verdict> {
    let Row::Grid {
        community,
        number,
        worker,
        ..
    } = row
    else {
        return None;
    };
    let stays = city.area.grid_worker(community, *number).as_ref() == Some(worker);
    (!stays && !city.responders.contains_key(worker)).then(|| {
        let en = format!("there is no responder {worker}; import responders first");
        Verdict::refused(format!("没有上门人员 {worker};请先导入 responders"), en)
    })
}

fn lives_nowhere(city: &City, who: &Enrolling) -> Option<Verdict> {
    let id = &who.community;
    let elsewhere = || {
        let at = &city.area.communities.get(id)?.district;
        let en = format!("community {id} lies in district {at}");
        (*at != who.district).then(|| Verdict::refused(format!("社区 {id} 属于区 {at}"), en))
    };
    no_community(city, id)
        .or_else(elsewhere)
        .or_else(|| no_grid(city, id, who.grid))
}

fn district_in_use(city: &City, record: &DistrictRecord) -> Option<Verdict> {
    let id = &record.district;
    let sites = city.open_sites().filter(|it| it.district == *id).count();
    let communities = city.area.communities.values();
    let communities = communities.filter(|it| it.district == *id).count();
    (sites + communities > 0).then(|| {
        Verdict::refused(
            format!("区 {id} 里还有 {sites} 个网点、{communities} 个社区"),
            format!("district {id} still has {sites} sites and {communities} communities"),
        )
    })
}

fn community_in_use(known: &Known, record: &CommunityRecord) -> Option<Verdict> {
    let id = &record.community;
    known.inhabited.contains(id).then(|| {
        let en = format!("residents still live in community {id}");
        Verdict::refused(format!("社区 {id} 里还有老人"), en)
    })
}

fn one_too_many(known: &Known, record: &BarrierRecord) -> Option<Verdict> {
    let there = &known.city.area.barriers;
    (!there.contains_key(&record.barrier) && known.drawn > BARRIERS).then(|| {
        let zh = format!("最多 {BARRIERS} 条{}", Kind::Barriers.chinese());
        Verdict::refused(zh, format!("there are at most {BARRIERS} barriers"))
    })
}
