//! An incident's progress in the words its device says.
//!
//! For: stage, sentence, name and minutes for one incident at one moment.
//! May not know: devices, channels; the sentences themselves stand in `domain::progress`.

use crate::limits::SEEKING_AFTER;
use directory::City;
use domain::{
    ResponderId, Timestamp,
    incident::Incident,
    operator::ResponderKind,
    progress::{self, Stage},
};
use wire::device::StageOut;

/// What was said when a signal that opens no incident was received.
const NOTED: &str = "信号已收到";

/// Progress as of now, and when the one who comes should be there: that moment does not move with the clock, so two
/// tellings that are equal but for `eta_s` are no news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) out: StageOut,
    pub(crate) eta: Option<Timestamp>,
}

impl Told {
    /// Whether there is nothing new in `other` for the wearer.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.out, &other.out);
        (a.stage, &a.operator, a.ambulance, self.eta)
            == (b.stage, &b.operator, b.ambulance, other.eta)
    }
}

/// How far help is with this incident.
pub(crate) fn tell(incident: &Incident, city: &City, now: Timestamp) -> Told {
    let stage = stage(incident, now);
    let who = who(incident, stage, city);
    let minutes = progress::minutes(incident, now);
    let named = who
        .as_ref()
        .map(|(name, post)| (name.as_str(), post.as_str()));
    let mut say = progress::say(stage, named, minutes);
    let ambulance = incident.ambulance_called();
    if ambulance && stage != Stage::Done {
        say = format!("{say},{}", progress::AMBULANCE);
    }
    // Of *heard* only when somebody was sent: the words then say who goes and when they should be there.
    let sent = matches!(stage, Stage::Heard | Stage::Coming | Stage::Delayed);
    let eta = incident.coming().filter(|_| sent).map(|leg| leg.eta);
    let seconds = |eta: Timestamp| u32::try_from(eta.since(now).as_secs()).unwrap_or(u32::MAX);
    Told {
        out: StageOut {
            press: None,
            stage: out(stage),
            incident: Some(incident.id.to_string()),
            say,
            operator: who.map(|(name, post)| format!("{name}{post}")),
            eta_s: eta.map(seconds),
            ambulance,
        },
        eta,
    }
}

/// A press that no incident is known for: it was received, and nobody has it.
pub(crate) fn waiting(since: Timestamp, now: Timestamp) -> StageOut {
    let stage = patient(Stage::Received, since, now);
    StageOut {
        press: None,
        stage: out(stage),
        incident: None,
        say: progress::say(stage, None, None),
        operator: None,
        eta_s: None,
        ambulance: false,
    }
}

/// A signal that needs nobody: a test, a trouble, a cancel with nothing to cancel.
pub(crate) fn noted() -> StageOut {
    StageOut {
        press: None,
        stage: wire::device::Stage::Done,
        incident: None,
        say: NOTED.to_owned(),
        operator: None,
        eta_s: None,
        ambulance: false,
    }
}

fn stage(incident: &Incident, now: Timestamp) -> Stage {
    patient(progress::stage(incident), incident.opened_at, now)
}

/// *Received* becomes *seeking* when nobody has answered for a minute: never silence.
fn patient(stage: Stage, since: Timestamp, now: Timestamp) -> Stage {
    if stage == Stage::Received && now.since(since) >= SEEKING_AFTER {
        return Stage::Seeking;
    }
    stage
}

/// Family name and post of whom the sentence is about.
fn who(incident: &Incident, stage: Stage, city: &City) -> Option<(String, String)> {
    match stage {
        Stage::Heard if incident.coming().is_none() => {
            let owner = incident.owner.as_ref()?;
            if let Some(carer) = &owner.carer {
                return responder(city, carer);
            }
            let row = city.operators.get(&owner.operator)?;
            Some((progress::surname(&row.name).to_owned(), row.post.clone()))
        }
        Stage::Heard | Stage::Coming | Stage::Delayed | Stage::Arrived => {
            let there = incident
                .responders
                .iter()
                .find(|leg| leg.arrived_at.is_some());
            let leg = match stage {
                Stage::Arrived => there,
                _ => incident.coming(),
            };
            responder(city, &leg?.responder)
        }
        Stage::Received | Stage::Seeking | Stage::Done => None,
    }
}

fn responder(city: &City, id: &ResponderId) -> Option<(String, String)> {
    let row = city.responders.get(id)?;
    let name = progress::surname(&row.name).to_owned();
    Some((name, post(row.kind).to_owned()))
}

fn post(kind: ResponderKind) -> &'static str {
    match kind {
        ResponderKind::Carer => "护理员",
        ResponderKind::Nurse => "护士",
        ResponderKind::Volunteer => "志愿者",
        ResponderKind::GridWorker => "网格员",
    }
}

fn out(stage: Stage) -> wire::device::Stage {
    match stage {
        Stage::Received => wire::device::Stage::Received,
        Stage::Seeking => wire::device::Stage::Seeking,
        Stage::Heard => wire::device::Stage::Heard,
        Stage::Coming => wire::device::Stage::Coming,
        Stage::Delayed => wire::device::Stage::Delayed,
        Stage::Arrived => wire::device::Stage::Arrived,
        Stage::Done => wire::device::Stage::Done,
    }
}
