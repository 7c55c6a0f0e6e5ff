//! A resident as a line: the widest of all, with lists and contacts in one cell each.
//!
//! For: reading and writing the cells of residents.
//! May not know: sealing; whether the home is where the line says.

use domain::{
    CommunityId, DistrictId, ResidentId, SiteId,
    resident::{Address, Contact, Profile},
};

use super::{
    Row,
    cells::{Cells, join, of_degrees, of_yes, split, yes},
};
use crate::registrar::Enrolling;

pub(super) fn read(cells: &mut Cells<'_>) -> Option<Row> {
    let resident = cells.id("resident", ResidentId::parse);
    let district = cells.id("district", DistrictId::parse);
    let community = cells.id("community", CommunityId::parse);
    let grid = cells.number("grid", 1, 99);
    let home_station = cells.maybe_id("home_station", SiteId::parse);
    let name = cells.filled("name");
    let born = cells.number("born", 1_880, 2_100);
    let sex = one_of(cells, "sex", &["", "f", "m"]);
    let place = cells.place();
    let hearing = one_of(cells, "hearing", &["normal", "hard", "deaf"]);
    let contacts = contacts(cells);
    let text = |column: &str| cells.text(column).to_owned();
    let (lon_e6, lat_e6) = place?;
    let profile = Profile {
        name,
        name_latin: text("name_latin"),
        born: born?,
        sex: sex?,
        phone: text("phone"),
        address: Address {
            compound: text("compound"),
            building: text("building"),
            unit: text("unit"),
            floor: text("floor"),
            door: text("door"),
            access: text("access"),
        },
        lon_e6,
        lat_e6,
        hearing: hearing?,
        dialect: text("dialect"),
        conditions: cells.list("conditions"),
        medicines: cells.list("medicines"),
        hospital: text("hospital"),
        contacts: contacts?,
        household: cells.list("household"),
        notes: text("notes"),
    };
    Some(Row::Resident(Box::new(Enrolling {
        resident: resident?,
        district: district?,
        community: community?,
        grid: grid?,
        home_station: home_station?,
        profile,
    })))
}

fn one_of(cells: &mut Cells<'_>, column: &str, words: &[&str]) -> Option<String> {
    let text = cells.text(column);
    if words.contains(&text) {
        return Some(text.to_owned());
    }
    let words = words
        .iter()
        .map(|it| if it.is_empty() { "(空)" } else { it });
    let words = words.collect::<Vec<_>>().join(" ");
    cells.fault(column, format!("只能写 {words}"), format!("one of {words}"));
    None
}

/// `name|relation|phone|yes or no: has a key|minutes away`, one after the other.
fn contacts(cells: &mut Cells<'_>) -> Option<Vec<Contact>> {
    let read: Option<Vec<Contact>> = cells
        .list("contacts")
        .iter()
        .map(|it| contact(it))
        .collect();
    if read.is_none() {
        let form = "姓名|关系|电话|yes 或 no (有没有钥匙)|几分钟到;…";
        let en = "name|relation|phone|yes or no (has a key)|minutes away;…";
        cells.fault("contacts", format!("要写 {form}"), en);
    }
    read
}

fn contact(text: &str) -> Option<Contact> {
    let parts = split(text, '|');
    let [name, relation, phone, key, minutes] = parts.as_slice() else {
        return None;
    };
    let minutes_away = match minutes.as_str() {
        "" => None,
        minutes => Some(minutes.parse().ok()?),
    };
    Some(Contact {
        name: name.clone(),
        relation: relation.clone(),
        phone: phone.clone(),
        has_key: yes(key)?,
        minutes_away,
    })
}

fn of_contact(contact: &Contact) -> String {
    let minutes = contact.minutes_away.map(|it| it.to_string());
    let parts = [
        contact.name.as_str(),
        &contact.relation,
        &contact.phone,
        of_yes(contact.has_key),
        minutes.as_deref().unwrap_or(""),
    ];
    join(parts, '|')
}

pub(super) fn cells(who: &Enrolling) -> Vec<String> {
    let (profile, address) = (&who.profile, &who.profile.address);
    vec![
        who.resident.to_string(),
        who.district.to_string(),
        who.community.to_string(),
        who.grid.to_string(),
        who.home_station
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        profile.name.clone(),
        profile.name_latin.clone(),
        profile.born.to_string(),
        profile.sex.clone(),
        profile.phone.clone(),
        address.compound.clone(),
        address.building.clone(),
        address.unit.clone(),
        address.floor.clone(),
        address.door.clone(),
        address.access.clone(),
        of_degrees(profile.lon_e6),
        of_degrees(profile.lat_e6),
        profile.hearing.clone(),
        profile.dialect.clone(),
        join(&profile.conditions, ';'),
        join(&profile.medicines, ';'),
        profile.hospital.clone(),
        join(profile.contacts.iter().map(of_contact), ';'),
        join(&profile.household, ';'),
        profile.notes.clone(),
    ]
}
