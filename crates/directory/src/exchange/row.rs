//! A line as a record, and a record as a line.
//!
//! For: the one shape in which a file's lines reach the directory, through a socket too.
//! May not know: whether what a line refers to is there; that is `compare`.

use domain::{
    CommunityId, CrossingId, DeviceId, DistrictId, OperatorId, ResidentId, ResponderId, SiteId,
    area::{BarrierRecord, CityRecord, CommunityRecord, DistrictRecord},
    crossing::CrossingRecord,
    operator::{Role, Scope},
    party::Traveller,
    site::{Hours, SiteRecord},
};
use serde::{Deserialize, Serialize};

use super::{
    Fault, Kind, area, barrier,
    cells::{Cells, join, of_degrees, of_minutes, of_word, of_yes, status, word},
    person,
};
use crate::registrar::{Enrolling, Sendable, key_hash};

/// A record as a file's line gives it. `ended`: the line says that it is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is its kind")]
pub enum Row {
    City(CityRecord),
    District {
        record: DistrictRecord,
        ended: bool,
    },
    Community {
        record: CommunityRecord,
        ended: bool,
    },
    /// A grid and who looks after it.
    Grid {
        grid: String,
        community: CommunityId,
        number: u16,
        worker: ResponderId,
    },
    /// As many lines as it has corners.
    Barrier {
        record: BarrierRecord,
        ended: bool,
    },
    Site {
        record: SiteRecord,
        ended: bool,
    },
    Crossing {
        record: CrossingRecord,
        ended: bool,
        why: String,
    },
    Responder {
        who: Sendable,
        ended: bool,
    },
    /// `password`: an argon2id PHC string, put in on the way for an account that is new.
    Operator {
        operator: OperatorId,
        name: String,
        post: String,
        role: Role,
        scope: Scope,
        password: Option<String>,
        ended: bool,
    },
    Resident(Box<Enrolling>),
    /// `key_hash`: none was given, so the present one stays.
    Device {
        device: DeviceId,
        model: String,
        resident: Option<ResidentId>,
        key_hash: Option<String>,
        ended: bool,
    },
}

impl Row {
    /// Which kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::City(_) => Kind::City,
            Self::District { .. } => Kind::Districts,
            Self::Community { .. } => Kind::Communities,
            Self::Grid { .. } => Kind::Grids,
            Self::Barrier { .. } => Kind::Barriers,
            Self::Site { .. } => Kind::Sites,
            Self::Crossing { .. } => Kind::Crossings,
            Self::Responder { .. } => Kind::Responders,
            Self::Operator { .. } => Kind::Operators,
            Self::Resident(_) => Kind::Residents,
            Self::Device { .. } => Kind::Devices,
        }
    }

    /// Whom or what it is about.
    pub fn id(&self) -> &str {
        match self {
            Self::City(record) => record.city.as_str(),
            Self::District { record, .. } => record.district.as_str(),
            Self::Community { record, .. } => record.community.as_str(),
            Self::Grid { grid, .. } => grid,
            Self::Barrier { record, .. } => record.barrier.as_str(),
            Self::Site { record, .. } => record.site.as_str(),
            Self::Crossing { record, .. } => record.crossing.as_str(),
            Self::Responder { who, .. } => who.responder.as_str(),
            Self::Operator { operator, .. } => operator.as_str(),
            Self::Resident(who) => who.resident.as_str(),
            Self::Device { device, .. } => device.as_str(),
        }
    }

    /// Reads a line's cells, given in the order of [`Kind::columns`]; every fault found in it. A barrier has several lines:
    /// see `barrier`.
    pub fn read(kind: Kind, line: u64, values: &[String]) -> Result<Self, Vec<Fault>> {
        let mut cells = Cells::new(kind, line, values);
        let row = match kind {
            Kind::City => area::city(&mut cells),
            Kind::Districts => area::district(&mut cells),
            Kind::Communities => area::community(&mut cells),
            Kind::Grids => area::grid(&mut cells),
            Kind::Barriers => return barrier::read(&[(line, values.to_vec())]),
            Kind::Sites => site(&mut cells),
            Kind::Crossings => crossing(&mut cells),
            Kind::Responders => responder(&mut cells),
            Kind::Operators => operator(&mut cells),
            Kind::Residents => person::read(&mut cells),
            _ => device(&mut cells),
        };
        match row {
            Some(row) if cells.faults.is_empty() => Ok(row),
            _ => Err(cells.faults),
        }
    }

    /// The lines of it, each with its cells in the order of [`Kind::columns`]. Only a barrier has more than one.
    pub fn lines(&self) -> Vec<Vec<String>> {
        match self {
            Self::Barrier { record, ended } => barrier::lines(record, *ended),
            _ => vec![self.cells()],
        }
    }

    /// The cells of its first line.
    pub fn cells(&self) -> Vec<String> {
        match self {
            Self::City(record) => area::of_city(record),
            Self::District { record, ended } => area::of_district(record, *ended),
            Self::Community { record, ended } => area::of_community(record, *ended),
            Self::Grid {
                grid,
                community,
                number,
                worker,
            } => vec![
                grid.clone(),
                community.to_string(),
                number.to_string(),
                worker.to_string(),
            ],
            Self::Barrier { record, ended } => {
                let lines = barrier::lines(record, *ended);
                lines.into_iter().next().unwrap_or_default()
            }
            Self::Site { record, ended } => of_site(record, *ended),
            Self::Crossing { record, ended, why } => of_crossing(record, *ended, why),
            Self::Responder { who, ended } => of_responder(who, *ended),
            Self::Operator {
                operator,
                name,
                post,
                role,
                scope,
                ended,
                ..
            } => vec![
                operator.to_string(),
                name.clone(),
                post.clone(),
                word(role),
                of_scope(scope),
                status(*ended, "active", "removed"),
            ],
            Self::Resident(who) => person::cells(who),
            Self::Device {
                device,
                model,
                resident,
                key_hash,
                ended,
            } => vec![
                device.to_string(),
                model.clone(),
                resident
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                String::new(),
                key_hash.clone().unwrap_or_default(),
                status(*ended, "active", "retired"),
            ],
        }
    }
}

fn site(cells: &mut Cells<'_>) -> Option<Row> {
    let site = cells.id("site", SiteId::parse);
    let kind = cells.word("kind", "station facility district_desk city_desk");
    let name = cells.filled("name");
    let district = cells.id("district", DistrictId::parse);
    let place = cells.place();
    let (opens, closes) = (cells.minutes("opens"), cells.minutes("closes"));
    let (can_answer, can_send) = (cells.yes("can_answer"), cells.yes("can_send"));
    let capacity = cells.number("capacity", 0, 1_000);
    let traveller = cells.word("traveller", "car foot");
    let ended = cells.ended("open", "closed");
    let (lon_e6, lat_e6) = place?;
    let record = SiteRecord {
        site: site?,
        kind: kind?,
        name,
        name_latin: cells.text("name_latin").to_owned(),
        district: district?,
        lon_e6,
        lat_e6,
        hours: Hours {
            opens_min: opens?,
            closes_min: closes?,
        },
        can_answer: can_answer?,
        can_send: can_send?,
        duty_phone: cells.text("duty_phone").to_owned(),
        capacity: capacity?,
        traveller: traveller?,
    };
    Some(Row::Site {
        record,
        ended: ended?,
    })
}

fn of_site(record: &SiteRecord, ended: bool) -> Vec<String> {
    vec![
        record.site.to_string(),
        word(&record.kind),
        record.name.clone(),
        record.name_latin.clone(),
        record.district.to_string(),
        of_degrees(record.lon_e6),
        of_degrees(record.lat_e6),
        of_minutes(record.hours.opens_min),
        of_minutes(record.hours.closes_min),
        of_yes(record.can_answer).to_owned(),
        of_yes(record.can_send).to_owned(),
        record.duty_phone.clone(),
        record.capacity.to_string(),
        word(&record.traveller),
        status(ended, "open", "closed"),
    ]
}

fn crossing(cells: &mut Cells<'_>) -> Option<Row> {
    let crossing = cells.id("crossing", CrossingId::parse);
    let name = cells.filled("name");
    let place = cells.place();
    let words = cells.list("travellers");
    let mut travellers: Vec<Traveller> = words.iter().filter_map(|it| of_word(it)).collect();
    if travellers.len() != words.len() {
        cells.fault(
            "travellers",
            "只能写 car、foot 或 car;foot",
            "car, foot or car;foot",
        );
    }
    travellers.sort_unstable();
    travellers.dedup();
    let ended = cells.ended("open", "closed")?;
    let (lon_e6, lat_e6) = place?;
    let record = CrossingRecord {
        crossing: crossing?,
        name,
        name_latin: cells.text("name_latin").to_owned(),
        lon_e6,
        lat_e6,
        travellers,
    };
    let why = cells.text("why").to_owned();
    Some(Row::Crossing { record, ended, why })
}

fn of_crossing(record: &CrossingRecord, ended: bool, why: &str) -> Vec<String> {
    vec![
        record.crossing.to_string(),
        record.name.clone(),
        record.name_latin.clone(),
        of_degrees(record.lon_e6),
        of_degrees(record.lat_e6),
        join(record.travellers.iter().map(word), ';'),
        status(ended, "open", "closed"),
        why.to_owned(),
    ]
}

fn responder(cells: &mut Cells<'_>) -> Option<Row> {
    let responder = cells.id("responder", ResponderId::parse);
    let name = cells.filled("name");
    let kind = cells.word("kind", "carer nurse volunteer grid_worker");
    let site = cells.maybe_id("site", SiteId::parse);
    let district = cells.id("district", DistrictId::parse);
    let ended = cells.ended("active", "removed");
    let phone = Some(cells.text("phone").to_owned()).filter(|it| !it.is_empty());
    let who = Sendable {
        responder: responder?,
        name,
        kind: kind?,
        site: site?,
        district: district?,
        phone,
    };
    Some(Row::Responder { who, ended: ended? })
}

fn of_responder(who: &Sendable, ended: bool) -> Vec<String> {
    vec![
        who.responder.to_string(),
        who.name.clone(),
        word(&who.kind),
        who.site
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        who.district.to_string(),
        who.phone.clone().unwrap_or_default(),
        status(ended, "active", "removed"),
    ]
}

fn operator(cells: &mut Cells<'_>) -> Option<Row> {
    let operator = cells.id("operator", OperatorId::parse);
    let name = cells.filled("name");
    let post = cells.filled("post");
    let role = cells.word("role", "operator district_manager administrator auditor");
    let scope = scope(cells.text("scope"));
    if scope.is_none() {
        let form = "city, district:230102 / site:HRB-230102-01";
        cells.fault(
            "scope",
            format!("要写 {form} 之一"),
            format!("one of {form}"),
        );
    }
    if role == Some(Role::DistrictManager) && !matches!(scope, None | Some(Scope::District(_))) {
        cells.fault(
            "scope",
            "区经理要写 district:区代码",
            "a district manager needs district:CODE",
        );
    }
    let ended = cells.ended("active", "removed");
    Some(Row::Operator {
        operator: operator?,
        name,
        post,
        role: role?,
        scope: scope?,
        password: None,
        ended: ended?,
    })
}

fn scope(text: &str) -> Option<Scope> {
    match text.split_once(':') {
        None if text == "city" => Some(Scope::City),
        Some(("district", id)) => DistrictId::parse(id).ok().map(Scope::District),
        Some(("site", id)) => SiteId::parse(id).ok().map(Scope::Site),
        _ => None,
    }
}

fn of_scope(scope: &Scope) -> String {
    match scope {
        Scope::City => "city".to_owned(),
        Scope::District(id) => format!("district:{id}"),
        Scope::Site(id) => format!("site:{id}"),
    }
}

fn device(cells: &mut Cells<'_>) -> Option<Row> {
    let device = cells.id("device", DeviceId::parse);
    let account = device
        .as_ref()
        .and_then(|it| it.as_str().strip_prefix("dc09-"));
    if account.is_some_and(|it| it.bytes().any(|b| b.is_ascii_lowercase())) {
        let en = "a panel's account in capitals: dc09-0F3A";
        cells.fault("device", "报警主机的账号要大写:dc09-0F3A", en);
    }
    let model = cells.filled("model");
    let resident = cells.maybe_id("resident", ResidentId::parse);
    let ended = cells.ended("active", "retired");
    let (key, hash) = (cells.text("key"), cells.text("key_hash"));
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let key_hash = match (key, hash) {
        ("", "") => None,
        ("", _) if is_hash => Some(hash.to_owned()),
        ("", _) => {
            let en = "64 lower-case hexadecimal digits (SHA-256)";
            cells.fault("key_hash", "要写 64 位小写十六进制 (SHA-256)", en);
            None
        }
        (key, "") => Some(key_hash(key)),
        _ => {
            cells.fault(
                "key",
                "key 和 key_hash 只写一个",
                "give key or key_hash, not both",
            );
            None
        }
    };
    Some(Row::Device {
        device: device?,
        model,
        resident: resident?,
        key_hash,
        ended: ended?,
    })
}
