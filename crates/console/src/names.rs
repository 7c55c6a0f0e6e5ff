//! Names to show, out of the city.
//!
//! For: parties, people, sites and crossings as a card names them, in both languages.
//! May not know: incidents, personal data; working names of staff are no secrets.

use crate::viewer::duty_site;
use directory::{City, english};
use domain::{
    CrossingId, DistrictId, OperatorId, ResponderId, SiteId,
    operator::{ResponderKind, Role},
    party::Party,
    site::SiteKind,
};
use serde::Serialize;
use wire::card::PartyView;

/// How operators who answered a duty phone are named in the log: this and the site.
pub(crate) const PHONE_OPERATOR: &str = "phone-";

/// A name in both languages; the English one is empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) zh: String,
    pub(crate) en: String,
}

impl Named {
    /// Somebody's name.
    pub(crate) fn person(name: &str) -> Self {
        Self {
            zh: name.to_owned(),
            en: english::person(name),
        }
    }

    fn bare(id: &str) -> Self {
        Self {
            zh: id.to_owned(),
            en: id.to_owned(),
        }
    }
}

/// Which of the two languages of a name is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    Chinese,
    English,
}

impl Tongue {
    /// The name in this language; Chinese where there is no other.
    pub(crate) fn of(self, name: Named) -> String {
        match self {
            Tongue::English if !name.en.is_empty() => name.en,
            Tongue::English | Tongue::Chinese => name.zh,
        }
    }
}

/// A party with the name to show.
pub(crate) fn party_view(city: &City, party: &Party) -> PartyView {
    let (word, id) = party_word(party);
    let (name, name_en) = party_name(city, party);
    let site = duty_site(party).and_then(|site| city.sites.get(&site));
    PartyView {
        party: word.to_owned(),
        id,
        name,
        name_en,
        phone: site
            .map(|s| s.record.duty_phone.clone())
            .filter(|p| !p.is_empty()),
    }
}

/// A party as the wire names it.
pub(crate) fn party_word(party: &Party) -> (&'static str, Option<String>) {
    match party {
        Party::Site(site) => ("site", Some(site.to_string())),
        Party::DistrictDesk(district) => ("district_desk", Some(district.to_string())),
        Party::Supervisor => ("supervisor", None),
        Party::CityDesk => ("city_desk", None),
        Party::Keyholder => ("keyholder", None),
    }
}

/// A party from its words on the wire; the other way of [`party_word`].
pub(crate) fn party_of(word: &str, id: Option<&str>) -> Option<Party> {
    match (word, id) {
        ("site", Some(id)) => SiteId::parse(id).ok().map(Party::Site),
        ("district_desk", Some(id)) => DistrictId::parse(id).ok().map(Party::DistrictDesk),
        ("supervisor", _) => Some(Party::Supervisor),
        ("city_desk", _) => Some(Party::CityDesk),
        ("keyholder", _) => Some(Party::Keyholder),
        _ => None,
    }
}

fn party_name(city: &City, party: &Party) -> (String, String) {
    let fixed = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
    match party {
        Party::Supervisor => fixed("值班长", "Shift supervisor"),
        Party::Keyholder => fixed("持钥匙联系人", "Keyholder"),
        Party::CityDesk => fixed("市总调度台", "City desk"),
        Party::DistrictDesk(district) => {
            let (zh, en) = district_name(city, district);
            (format!("{zh}调度台"), format!("{en} district desk"))
        }
        Party::Site(site) => site_name(city, site),
    }
}

/// A site's names; its id when it is unknown.
pub(crate) fn site_name(city: &City, site: &SiteId) -> (String, String) {
    city.sites.get(site).map_or_else(
        || (site.to_string(), site.to_string()),
        |s| {
            (
                s.record.name.clone(),
                latin_or(&s.record.name_latin, &s.record.name),
            )
        },
    )
}

/// A district's names, 道里区 and Daoli; its code when it is unknown.
pub(crate) fn district_name(city: &City, district: &DistrictId) -> (String, String) {
    city.district(district).map_or_else(
        || (district.to_string(), district.to_string()),
        |d| (d.name.clone(), latin_or(&d.name_latin, &d.name)),
    )
}

/// What was entered, else the name spelled.
pub(crate) fn latin_or(latin: &str, name: &str) -> String {
    if latin.is_empty() {
        english::place(name)
    } else {
        latin.to_owned()
    }
}

/// An operator's working name.
pub(crate) fn operator_name(city: &City, operator: &OperatorId) -> Named {
    if let Some(account) = city.operators.get(operator) {
        return Named::person(&account.name);
    }
    let site = operator.as_str().strip_prefix(PHONE_OPERATOR);
    match site.and_then(|site| SiteId::parse(site).ok()) {
        Some(site) => {
            let (zh, en) = site_name(city, &site);
            Named {
                zh: format!("{zh}值班电话"),
                en: format!("duty phone of {en}"),
            }
        }
        None => Named::bare(operator.as_str()),
    }
}

/// An operator's post.
pub(crate) fn operator_post(city: &City, operator: &OperatorId) -> Named {
    let account = city.operators.get(operator);
    account.map_or_else(Named::default, |account| Named {
        zh: account.post.clone(),
        en: english::post(&account.post),
    })
}

/// What a responder is.
pub(crate) fn responder_post(city: &City, responder: &ResponderId) -> Named {
    let zh = match city.responders.get(responder).map(|r| r.kind) {
        Some(ResponderKind::Carer) => "护理员",
        Some(ResponderKind::Nurse) => "护士",
        Some(ResponderKind::Volunteer) => "志愿者",
        Some(ResponderKind::GridWorker) => "网格员",
        None => "",
    };
    Named {
        zh: zh.to_owned(),
        en: english::post(zh),
    }
}

/// A responder's name.
pub(crate) fn responder_name(city: &City, responder: &ResponderId) -> Named {
    let known = city.responders.get(responder);
    known.map_or_else(
        || Named::bare(responder.as_str()),
        |r| Named::person(&r.name),
    )
}

/// A crossing's name, also when it has been closed since.
pub(crate) fn crossing_name(city: &City, crossing: &CrossingId) -> Named {
    let open = city.crossings.get(crossing);
    let known = open.or_else(|| city.closed_crossings.get(crossing));
    known.map_or_else(
        || Named::bare(crossing.as_str()),
        |c| Named {
            zh: c.name.clone(),
            en: latin_or(&c.name_latin, &c.name),
        },
    )
}

/// The stored word of a plain enum, e.g. `no_answer`.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(crate) fn role_word(role: Role) -> String {
    word(&role)
}

pub(crate) fn responder_kind(kind: ResponderKind) -> String {
    word(&kind)
}

pub(crate) fn site_kind(kind: SiteKind) -> String {
    word(&kind)
}

/// Millionths of a degree as degrees.
pub(crate) fn degrees(e6: i32) -> f64 {
    f64::from(e6) / 1e6
}
