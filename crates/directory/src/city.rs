//! The city: its ground, sites, who is on duty and can hear, open crossings, accounts and responders, as a fold of the log.
//!
//! For: answering "who could be rung" at this or any past position; small enough to be kept whole in memory.
//! May not know: how the log is followed, residents, incidents.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use casebook::{Case, Casebook, Followed};
use domain::{
    ConsoleId, CrossingId, DistrictId, NodeId, OperatorId, ResponderId, Sealed, SiteId,
    area::DistrictRecord,
    crossing::{CrossingEvent, CrossingRecord},
    ground::Ground,
    operator::{OperatorEvent, ResponderEvent, ResponderKind, Role, Scope},
    site::{SiteEvent, SiteKind, SiteRecord},
};
use eventlog::{Filter, Position};
use serde::{Deserialize, Serialize};

use crate::{
    area::{Area, Laid},
    error::DirectoryError,
};

/// The stream categories the city is folded from.
pub const CITY_CATEGORIES: &[&str] = &[
    "site",
    "crossing",
    "operator",
    "responder",
    "city",
    "district",
    "community",
    "grid",
    "barrier",
];

/// Under this name the city is saved.
const SNAPSHOT: &str = "directory/city";

/// Counts the shapes of [`City`]; raised whenever the same events would fold to something else.
const CODE_VERSION: u32 = 2;

/// Events about the city between two snapshots of it. Ours: folding as many takes a few tenths of a second.
pub(crate) const SNAPSHOT_EVERY: u64 = 10_000;

/// The city as of [`City::position`]. Every map is ordered by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct City {
    /// The last position folded in, or looked at: the city is what the log up to here says, inclusive.
    pub position: Position,
    /// Every site ever opened; closed ones stay, marked. The large maps are shared, so that a new snapshot is cheap.
    pub sites: Arc<BTreeMap<SiteId, SiteRow>>,
    /// Who is signed on where; a site without anybody has no entry.
    pub duty: BTreeMap<SiteId, Duty>,
    /// The crossings that are open.
    pub crossings: BTreeMap<CrossingId, CrossingRecord>,
    /// Those that were open once, for people to see that they are not.
    #[serde(default)]
    pub closed_crossings: BTreeMap<CrossingId, CrossingRecord>,
    /// Every account that was not removed.
    pub operators: Arc<BTreeMap<OperatorId, OperatorRow>>,
    /// Operators without a live console for a while, as the log says.
    pub unreachable: BTreeSet<OperatorId>,
    /// Everybody who can be sent.
    pub responders: Arc<BTreeMap<ResponderId, ResponderRow>>,
    /// Districts, communities, rivers. Not saved while it is the built-in one.
    #[serde(default = "Area::built_in", skip_serializing_if = "Area::is_built_in")]
    pub area: Arc<Area>,
    /// See [`City::ground`].
    #[serde(skip)]
    laid: Laid,
}

/// A site and whether it is closed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRow {
    /// As opened, with later changes of hours and capacity.
    pub record: SiteRecord,
    /// Closed for good.
    pub closed: bool,
}

/// Who is signed on at a site, and which of their consoles are attached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// Signed on.
    pub operators: BTreeSet<OperatorId>,
    /// Attached consoles.
    pub consoles: BTreeMap<ConsoleId, ConsoleRow>,
}

/// An attached console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleRow {
    /// Whose it is.
    pub operator: OperatorId,
    /// It proved that its alarm can be heard.
    pub sound: bool,
    /// The process that serves it, where there are several.
    #[serde(default)]
    pub node: Option<NodeId>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    /// Working name, shown to residents and colleagues.
    pub name: String,
    /// What they are called: 护理员, 值班长 …
    pub post: String,
    /// What they may do.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// An argon2id PHC string; never logged, never sent.
    pub password: String,
}

/// Somebody who can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderRow {
    /// Name.
    pub name: String,
    /// Carer, nurse, volunteer, grid worker.
    pub kind: ResponderKind,
    /// Where they start from; volunteers and grid workers belong to none.
    pub site: Option<SiteId>,
    /// Their district.
    pub district: DistrictId,
    /// Sealed, as it stands in the log; [`crate::Directory::responder_phone`] opens it.
    pub phone: Option<Sealed>,
}

impl Default for City {
    fn default() -> Self {
        Self {
            position: Position::START,
            sites: Arc::default(),
            duty: BTreeMap::new(),
            crossings: BTreeMap::new(),
            closed_crossings: BTreeMap::new(),
            operators: Arc::default(),
            unreachable: BTreeSet::new(),
            responders: Arc::default(),
            area: Area::built_in(),
            laid: Laid::default(),
        }
    }
}

/// Folding.
impl City {
    /// The city as of a past position. A position past the end of the log gives the city as it is.
    pub async fn at(casebook: &Casebook, position: Position) -> Result<Self, DirectoryError> {
        let city = match Self::saved(casebook).await {
            Some(saved) if saved.position <= position => saved,
            _ => Self::default(),
        };
        Ok(city.forward(casebook, position).await?.0)
    }

    /// The city as it was saved last, if it was and this code can read it.
    pub(crate) async fn saved(casebook: &Casebook) -> Option<Self> {
        let saved = casebook.load_snapshot::<Self>(SNAPSHOT, CODE_VERSION).await;
        let (position, city) = saved?;
        (city.position == position).then_some(city)
    }

    /// Saves the city for a quicker start; losing that costs time only.
    pub(crate) async fn save(&self, casebook: &Casebook) {
        let saved = casebook.save_snapshot(SNAPSHOT, self.position, CODE_VERSION, self);
        if let Err(error) = saved.await {
            tracing::warn!(%error, "the city was not saved; the next start takes a little longer");
        }
    }

    /// Folds on up to a later position, inclusive; tells also how many events that took.
    pub(crate) async fn forward(
        mut self,
        casebook: &Casebook,
        position: Position,
    ) -> Result<(Self, u64), DirectoryError> {
        let head = casebook.log().head();
        let wanted = CITY_CATEGORIES.iter().map(|&name| name.to_owned());
        let mut follower = casebook.follow(Filter::Categories(wanted.collect()), self.position);
        let mut events = 0;
        loop {
            match follower.next().await? {
                Followed::Event(recorded, case) if recorded.position <= position => {
                    self.fold(recorded.position, &case);
                    events += 1;
                }
                Followed::Event(..) | Followed::CaughtUp(_) => break,
            }
        }
        self.position = self.position.max(position.min(head));
        Ok((self, events))
    }

    /// Folds one event in; what is not about the city only moves the position.
    pub fn fold(&mut self, position: Position, case: &Case) {
        self.position = self.position.max(position);
        match case {
            Case::Site(happened) => self.fold_site(&happened.event),
            Case::Crossing(happened) => self.fold_crossing(&happened.event),
            Case::Operator(happened) => self.fold_operator(&happened.event),
            Case::Responder(happened) => self.fold_responder(&happened.event),
            Case::City(happened) => self.change_area(|area| area.fold_city(&happened.event)),
            Case::District(happened) => {
                self.change_area(|area| area.fold_district(&happened.event));
            }
            Case::Community(happened) => {
                self.change_area(|area| area.fold_community(&happened.event));
            }
            Case::Grid(happened) => self.change_area(|area| area.fold_grid(&happened.event)),
            Case::Barrier(happened) => {
                self.change_area(|area| area.fold_barrier(&happened.event));
            }
            _ => {}
        }
    }

    fn fold_site(&mut self, event: &SiteEvent) {
        match event {
            SiteEvent::SiteOpened(record) => {
                let row = SiteRow {
                    record: record.clone(),
                    closed: false,
                };
                Arc::make_mut(&mut self.sites).insert(record.site.clone(), row);
            }
            SiteEvent::HoursChanged { site, hours } => {
                self.change_site(site, |row| row.record.hours = *hours);
            }
            SiteEvent::CapacityChanged {
                site,
                capacity,
                can_answer,
                can_send,
            } => self.change_site(site, |row| {
                row.record.capacity = *capacity;
                row.record.can_answer = *can_answer;
                row.record.can_send = *can_send;
            }),
            SiteEvent::SiteClosed { site } => {
                self.change_site(site, |row| row.closed = true);
                self.duty.remove(site);
            }
            SiteEvent::OperatorSignedOn { site, operator } => {
                self.change_duty(site, |duty| {
                    duty.operators.insert(operator.clone());
                });
            }
            SiteEvent::OperatorSignedOff { site, operator } => {
                self.change_duty(site, |duty| duty.lose(operator));
            }
            SiteEvent::ConsoleAttached {
                site,
                operator,
                console,
                node,
            } => self.change_duty(site, |duty| {
                let row = ConsoleRow {
                    operator: operator.clone(),
                    sound: false,
                    node: node.clone(),
                };
                duty.consoles.insert(console.clone(), row);
            }),
            SiteEvent::ConsoleDetached { .. } if self.is_outdated(event) => {}
            SiteEvent::ConsoleDetached { site, console, .. } => {
                self.change_duty(site, |duty| {
                    duty.consoles.remove(console);
                });
            }
            SiteEvent::SoundProven { site, console, .. } => self.hear(site, console, true),
            SiteEvent::SoundLost { site, console, .. } => self.hear(site, console, false),
        }
    }

    /// Whether an event tells the end of a console that has attached through another process since: it is attached.
    pub fn is_outdated(&self, event: &SiteEvent) -> bool {
        let SiteEvent::ConsoleDetached {
            site,
            console,
            node,
            ..
        } = event
        else {
            return false;
        };
        let row = self
            .duty
            .get(site)
            .and_then(|duty| duty.consoles.get(console));
        row.is_some_and(|row| row.node != *node)
    }

    fn change_site(&mut self, site: &SiteId, change: impl FnOnce(&mut SiteRow)) {
        if let Some(row) = Arc::make_mut(&mut self.sites).get_mut(site) {
            change(row);
        }
    }

    fn change_duty(&mut self, site: &SiteId, change: impl FnOnce(&mut Duty)) {
        let duty = self.duty.entry(site.clone()).or_default();
        change(duty);
        if duty.operators.is_empty() && duty.consoles.is_empty() {
            self.duty.remove(site);
        }
    }

    fn hear(&mut self, site: &SiteId, console: &ConsoleId, sound: bool) {
        let duty = self.duty.get_mut(site);
        if let Some(row) = duty.and_then(|duty| duty.consoles.get_mut(console)) {
            row.sound = sound;
        }
    }

    fn fold_crossing(&mut self, event: &CrossingEvent) {
        match event {
            CrossingEvent::CrossingOpened(record) => {
                self.closed_crossings.remove(&record.crossing);
                self.crossings
                    .insert(record.crossing.clone(), record.clone());
            }
            CrossingEvent::CrossingClosed { crossing, .. } => {
                if let Some(record) = self.crossings.remove(crossing) {
                    self.closed_crossings.insert(crossing.clone(), record);
                }
            }
        }
        self.laid = Laid::default();
    }

    fn change_area(&mut self, change: impl FnOnce(&mut Area)) {
        change(Arc::make_mut(&mut self.area));
        self.laid = Laid::default();
    }

    fn fold_operator(&mut self, event: &OperatorEvent) {
        match event {
            OperatorEvent::OperatorAdded {
                operator,
                name,
                post,
                role,
                scope,
                password,
            } => {
                let row = OperatorRow {
                    name: name.clone(),
                    post: post.clone(),
                    role: *role,
                    scope: scope.clone(),
                    password: password.clone(),
                };
                Arc::make_mut(&mut self.operators).insert(operator.clone(), row);
            }
            OperatorEvent::PasswordChanged { operator, password } => {
                if let Some(row) = Arc::make_mut(&mut self.operators).get_mut(operator) {
                    row.password.clone_from(password);
                }
            }
            OperatorEvent::OperatorRemoved { operator } => {
                Arc::make_mut(&mut self.operators).remove(operator);
                self.unreachable.remove(operator);
                for duty in self.duty.values_mut() {
                    duty.lose(operator);
                }
                let empty = |duty: &Duty| duty.operators.is_empty() && duty.consoles.is_empty();
                self.duty.retain(|_, duty| !empty(duty));
            }
            OperatorEvent::OperatorUnreachable { operator } => {
                self.unreachable.insert(operator.clone());
            }
            OperatorEvent::OperatorBack { operator } => {
                self.unreachable.remove(operator);
            }
            OperatorEvent::SignedIn { .. } | OperatorEvent::SignedOut { .. } => {}
        }
    }

    fn fold_responder(&mut self, event: &ResponderEvent) {
        match event {
            ResponderEvent::ResponderAdded {
                responder,
                name,
                kind,
                site,
                district,
                phone,
            } => {
                let row = ResponderRow {
                    name: name.clone(),
                    kind: *kind,
                    site: site.clone(),
                    district: district.clone(),
                    phone: phone.clone(),
                };
                Arc::make_mut(&mut self.responders).insert(responder.clone(), row);
            }
            ResponderEvent::ResponderRemoved { responder } => {
                Arc::make_mut(&mut self.responders).remove(responder);
            }
        }
    }
}

/// Asking.
impl City {
    /// A site that is not closed for good.
    pub fn site(&self, site: &SiteId) -> Option<&SiteRecord> {
        let row = self.sites.get(site)?;
        (!row.closed).then_some(&row.record)
    }

    /// Every site that is not closed for good, by id; desks too.
    pub fn open_sites(&self) -> impl Iterator<Item = &SiteRecord> {
        let open = self.sites.values().filter(|row| !row.closed);
        open.map(|row| &row.record)
    }

    /// Whether somebody who can be reached is signed on there.
    pub fn on_duty(&self, site: &SiteId) -> bool {
        let reachable = |id: &OperatorId| !self.unreachable.contains(id);
        let duty = self.duty.get(site);
        duty.is_some_and(|duty| duty.operators.iter().any(reachable))
    }

    /// Whether an attached console there has proved its sound.
    pub fn can_hear(&self, site: &SiteId) -> bool {
        let duty = self.duty.get(site);
        duty.is_some_and(|duty| duty.consoles.values().any(|console| console.sound))
    }

    /// What ways are reckoned on: the rivers of the area and the open crossings.
    pub fn ground(&self) -> &Ground {
        self.laid.get(|| self.area.ground(self.crossings.values()))
    }

    /// A district.
    pub fn district(&self, district: &DistrictId) -> Option<&DistrictRecord> {
        self.area.districts.get(district)
    }

    /// A district's desk.
    pub fn district_desk(&self, district: &DistrictId) -> Option<&SiteRecord> {
        self.open_sites()
            .find(|site| site.kind == SiteKind::DistrictDesk && site.district == *district)
    }

    /// The city desk.
    pub fn city_desk(&self) -> Option<&SiteRecord> {
        self.open_sites()
            .find(|site| site.kind == SiteKind::CityDesk)
    }
}

impl Duty {
    /// Takes an operator off, with their consoles.
    fn lose(&mut self, operator: &OperatorId) {
        self.operators.remove(operator);
        self.consoles
            .retain(|_, console| console.operator != *operator);
    }
}
