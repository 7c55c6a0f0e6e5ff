//! Which homes a visitor's call comes from.
//!
//! For: a call that rings at the visitor's own place first, ranked as the dispatcher ranks.
//! May not know: who presses, and when.

use super::{cast::Stage, people::DemoDevice};
use directory::City;
use domain::{
    SiteId, Timestamp,
    geography::Place,
    policy::RingPolicy,
    ranking::{SiteNow, rank},
    signal::SignalKind,
    site::{SiteKind, SiteRecord},
};
use rand::seq::SliceRandom;

/// Devices nearest to a visitor's site that are weighed for a call of theirs.
const WEIGHED: usize = 60;
/// Devices tried for one call of a visitor.
pub(crate) const CALL_TRIES: usize = 4;

/// Devices whose press rings this site first, as the dispatcher ranks, in a random order; for a desk, those of its
/// district, and for the city desk any. When there is none, the nearest ones.
pub(crate) fn near<'a>(stage: &'a Stage, city: &City, site: &SiteId) -> Vec<&'a DemoDevice> {
    let Some(row) = city.sites.get(site) else {
        return Vec::new();
    };
    let record = &row.record;
    let mut devices: Vec<&DemoDevice> = stage.presses.iter().collect();
    match record.kind {
        SiteKind::CityDesk => {}
        SiteKind::DistrictDesk => devices.retain(|device| device.district == record.district),
        SiteKind::Station | SiteKind::Facility => {
            devices.sort_by_key(|device| squared(device, record));
            devices.truncate(WEIGHED);
            let first: Vec<_> = devices
                .iter()
                .copied()
                .filter(|device| rung_first(city, device).as_ref() == Some(site))
                .collect();
            if first.is_empty() {
                devices.truncate(CALL_TRIES);
            } else {
                devices = first;
            }
        }
    }
    devices.shuffle(&mut rand::rng());
    devices
}

/// Which site a press of this device would ring first.
fn rung_first(city: &City, device: &DemoDevice) -> Option<SiteId> {
    let sites: Vec<SiteNow<'_>> = city
        .open_sites()
        .map(|record| SiteNow {
            record,
            on_duty: city.on_duty(&record.site),
            load: 0,
        })
        .collect();
    let place = Place {
        lon_e6: device.lon_e6,
        lat_e6: device.lat_e6,
    };
    let at = Timestamp(eventlog::clock::now_micros() / 1000);
    let ranked = rank(
        place,
        device.home_station.as_ref(),
        &sites,
        city.ground(),
        &RingPolicy::default(),
        at,
        SignalKind::Sos,
    );
    let mut eligible = ranked.into_iter().filter(|one| one.ruled_out.is_none());
    eligible.next().map(|one| one.site)
}

/// How far apart, squared; good enough to sort by within a city at 45° north.
fn squared(device: &DemoDevice, record: &SiteRecord) -> i64 {
    let (dx, dy) = (
        i64::from(device.lon_e6 - record.lon_e6) * 7 / 10,
        i64::from(device.lat_e6 - record.lat_e6),
    );
    dx * dx + dy * dy
}
