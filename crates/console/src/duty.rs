//! Duty of one console: signing on and off, attaching, sound.
//!
//! For: writing into the log who could see and hear; what is not recorded cannot be replayed.
//! May not know: frames, cards.

use crate::{
    app::App,
    board::Board,
    lines::{Place, Why},
    names::party_view,
    problem::{Answer, Failure},
    viewer::{Viewer, duty_site, parties_of},
};
use casebook::{BookError, Casebook, Draft, Meta, streams};
use directory::City;
use domain::{Actor, ConsoleId, NodeId, OperatorId, SiteId, party::Party, site::SiteEvent};
use eventlog::{EventId, Expected, Lane, Position};
use tokio::sync::watch;
use wire::card::PartyView;

/// Where a console stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Duty {
    /// The tab's own name, once it has said it.
    pub(crate) console: Option<ConsoleId>,
    /// Where duty is taken with it.
    pub(crate) site: Option<SiteId>,
    /// As which party.
    pub(crate) party: Option<Party>,
    pub(crate) sound: bool,
    /// Where in the log it was taken: a board before this position does not know of it yet.
    pub(crate) since: Position,
}

impl Duty {
    pub(crate) fn view(&self, city: &City) -> Option<PartyView> {
        self.party.as_ref().map(|party| party_view(city, party))
    }

    /// Whether a board says that this duty was ended elsewhere.
    fn is_over(&self, operator: &OperatorId, position: Position, city: &City) -> bool {
        let Some(site) = &self.site else {
            return false;
        };
        let on = |duty: &directory::Duty| duty.operators.contains(operator);
        position >= self.since && !city.duty.get(site).is_some_and(on)
    }
}

/// What a board says of a console that believes to be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is, or the board does not know yet.
    Attached,
    /// The same tab has attached through another process since.
    Elsewhere,
    /// Others have ended it, because this process was not heard of for a while.
    Ended,
}

impl Duty {
    /// How this console stands on a board.
    fn standing(&self, position: Position, city: &City, node: Option<&NodeId>) -> Standing {
        let (Some(site), Some(console)) = (&self.site, &self.console) else {
            return Standing::Attached;
        };
        if position < self.since {
            return Standing::Attached;
        }
        let duty = city.duty.get(site);
        match duty.and_then(|duty| duty.consoles.get(console)) {
            Some(row) if row.node.as_ref() == node => Standing::Attached,
            Some(_) => Standing::Elsewhere,
            None => Standing::Ended,
        }
    }
}

/// Holds a console's duty against what a board says: ends what was ended elsewhere, attaches again what is still here.
/// Gives back why the console itself must end, if it must.
pub(crate) async fn hold(
    app: &App,
    viewer: &Viewer,
    place: &Place,
    duty: &watch::Sender<Duty>,
    board: &Board,
) -> Option<Why> {
    let now = duty.borrow().clone();
    if now.is_over(&viewer.operator, board.position, &board.city) {
        duty.send_modify(|duty| {
            *duty = Duty {
                console: duty.console.take(),
                ..Duty::default()
            };
        });
        return None;
    }
    match now.standing(board.position, &board.city, app.options.node.as_ref()) {
        Standing::Attached => None,
        Standing::Elsewhere => Some(Why::Replaced),
        Standing::Ended => {
            let mut again = now;
            attach_again(app, viewer, place, &mut again).await;
            duty.send_if_modified(|duty| {
                if duty.console == again.console && duty.site == again.site {
                    duty.since = duty.since.max(again.since);
                }
                // The page need not know.
                false
            });
            None
        }
    }
}

/// Attaches a console again that others have ended, with the sound it had.
async fn attach_again(app: &App, viewer: &Viewer, place: &Place, duty: &mut Duty) {
    let (Some(site), Some(console)) = (&duty.site, &duty.console) else {
        return;
    };
    let _turn = app.lines.turn(console).await;
    if place.ended().is_some() {
        return;
    }
    let operator = &viewer.operator;
    let attached = attached(app, site, operator, console);
    let sound = sounds(site, operator, console, false, duty.sound);
    match append(app, site, viewer, [attached].into_iter().chain(sound)).await {
        Ok(since) => duty.since = since,
        Err(failure) => {
            tracing::warn!(detail = ?failure.problem.detail, "a console was not attached again");
        }
    }
}

/// Whether an operator has a console at another process.
pub(crate) fn has_elsewhere(app: &App, operator: &OperatorId) -> bool {
    let board = app.shared.board();
    let mut consoles = board.city.duty.values().flat_map(|it| it.consoles.values());
    consoles.any(|row| row.operator == *operator && row.node != app.options.node)
}

/// Names a console. Where its operator is on duty already, the console is attached there.
pub(crate) async fn resume(
    app: &App,
    viewer: &Viewer,
    place: &Place,
    console: &str,
) -> Answer<Duty> {
    let console =
        ConsoleId::parse(console).map_err(|e| Failure::malformed(format!("console: {e}")))?;
    let _turn = app.lines.turn(&console).await;
    place.name(&console);
    let board = app.shared.board();
    let city = &board.city;
    let mut duty = Duty {
        console: Some(console.clone()),
        ..Duty::default()
    };
    let on_duty = city
        .duty
        .iter()
        .find(|(_, d)| d.operators.contains(&viewer.operator))
        .map(|(site, _)| site.clone());
    let Some(site) = on_duty else {
        return Ok(duty);
    };
    let parties = parties_of(&site, city);
    let party = parties.into_iter().find(|p| viewer.may_take_duty(p));
    let Some(party) = party else {
        return Ok(duty);
    };
    let attached = attached(app, &site, &viewer.operator, &console);
    duty.since = append(app, &site, viewer, vec![attached]).await?;
    duty.site = Some(site);
    duty.party = Some(party);
    Ok(duty)
}

/// Takes duty at a party.
pub(crate) async fn sign_on(
    app: &App,
    viewer: &Viewer,
    before: &Duty,
    word: &str,
    id: Option<&str>,
    sound: bool,
) -> Answer<Duty> {
    let console = before.console.clone();
    let console = console.ok_or_else(|| Failure::malformed("say resume first"))?;
    let party = crate::names::party_of(word, id);
    let party = party.ok_or_else(|| Failure::malformed("there is no such party"))?;
    if !viewer.may_take_duty(&party) {
        return Err(Failure::forbidden("this duty is not yours to take"));
    }
    let site = duty_site(&party).ok_or_else(|| Failure::malformed("there is no such party"))?;
    let _turn = app.lines.turn(&console).await;
    let board = app.shared.board();
    if board.city.site(&site).is_none() {
        return Err(Failure::not_found("site"));
    }
    if let Some(old) = before.site.as_ref().filter(|old| **old != site) {
        let left = leave(app, old, &viewer.operator, &console, true);
        append(app, old, viewer, left).await?;
    }
    let operator = viewer.operator.clone();
    let mut events = Vec::new();
    let known = board.city.duty.get(&site);
    if !known.is_some_and(|d| d.operators.contains(&operator)) {
        events.push(SiteEvent::OperatorSignedOn {
            site: site.clone(),
            operator: operator.clone(),
        });
    }
    if before.site.as_ref() != Some(&site) {
        events.push(attached(app, &site, &operator, &console));
    }
    let was_sound = before.sound && before.site.as_ref() == Some(&site);
    events.extend(sounds(&site, &operator, &console, was_sound, sound));
    let since = append(app, &site, viewer, events).await?;
    Ok(Duty {
        console: Some(console),
        site: Some(site),
        party: Some(party),
        sound,
        since: since.max(before.since),
    })
}

/// Ends duty.
pub(crate) async fn sign_off(app: &App, viewer: &Viewer, before: &Duty) -> Answer<Duty> {
    let after = Duty {
        console: before.console.clone(),
        ..Duty::default()
    };
    let (Some(site), Some(console)) = (&before.site, &before.console) else {
        return Ok(after);
    };
    let _turn = app.lines.turn(console).await;
    let events = leave(app, site, &viewer.operator, console, true);
    append(app, site, viewer, events).await?;
    Ok(after)
}

/// The page's sound works, or does not.
pub(crate) async fn sound(app: &App, viewer: &Viewer, before: &Duty, proven: bool) -> Answer<Duty> {
    let mut after = before.clone();
    if let (Some(site), Some(console)) = (&before.site, &before.console) {
        let events = sounds(site, &viewer.operator, console, before.sound, proven);
        append(app, site, viewer, events).await?;
        after.sound = proven;
    }
    Ok(after)
}

/// The console is gone. `ends`: its operator has signed out and has no other console.
pub(crate) async fn detach(app: &App, viewer: &Viewer, place: &Place, duty: &Duty, ends: bool) {
    let (Some(site), Some(console)) = (&duty.site, &duty.console) else {
        return;
    };
    let _turn = app.lines.turn(console).await;
    // The tab came back meanwhile, over another connection.
    if place.ended() == Some(Why::Replaced) {
        return;
    }
    let events = leave(app, site, &viewer.operator, console, ends);
    if let Err(failure) = append(app, site, viewer, events).await {
        tracing::error!(detail = ?failure.problem.detail, "a console's end was not written down");
    }
}

/// Writes down the end of consoles that this process left attached in an earlier life: it was killed and could not say
/// so. Their pages come back by themselves and attach again; until then nobody shall count on them. Consoles of other
/// processes are left alone; when one of those does not come back, the dispatcher ends its consoles.
pub(crate) async fn end_left_behind(
    casebook: &Casebook,
    city: &City,
    node: Option<&NodeId>,
) -> Result<(), BookError> {
    let at = casebook.now();
    for (site, duty) in &city.duty {
        let ours = duty.consoles.iter();
        let ours = ours.filter(|(_, row)| row.node.as_ref() == node);
        let gone = ours.map(|(console, row)| {
            let event = SiteEvent::ConsoleDetached {
                site: site.clone(),
                operator: row.operator.clone(),
                console: console.clone(),
                node: row.node.clone(),
            };
            let by = Actor::Operator(row.operator.clone());
            Draft::new(EventId(uuid::Uuid::new_v4()), at, by, event)
        });
        let gone: Vec<_> = gone.collect();
        if !gone.is_empty() {
            let stream = streams::site(site);
            let meta = Meta::default();
            casebook
                .append(Lane::Urgent, &stream, Expected::Any, gone, meta)
                .await?;
        }
    }
    Ok(())
}

fn attached(app: &App, site: &SiteId, operator: &OperatorId, console: &ConsoleId) -> SiteEvent {
    SiteEvent::ConsoleAttached {
        site: site.clone(),
        operator: operator.clone(),
        console: console.clone(),
        node: app.options.node.clone(),
    }
}

fn leave(
    app: &App,
    site: &SiteId,
    operator: &OperatorId,
    console: &ConsoleId,
    ends: bool,
) -> Vec<SiteEvent> {
    let detached = SiteEvent::ConsoleDetached {
        site: site.clone(),
        operator: operator.clone(),
        console: console.clone(),
        node: app.options.node.clone(),
    };
    let off = ends.then(|| SiteEvent::OperatorSignedOff {
        site: site.clone(),
        operator: operator.clone(),
    });
    [detached].into_iter().chain(off).collect()
}

fn sounds(
    site: &SiteId,
    operator: &OperatorId,
    console: &ConsoleId,
    was: bool,
    is: bool,
) -> Option<SiteEvent> {
    let (site, operator, console) = (site.clone(), operator.clone(), console.clone());
    match (was, is) {
        (false, true) => Some(SiteEvent::SoundProven {
            site,
            operator,
            console,
        }),
        (true, false) => Some(SiteEvent::SoundLost {
            site,
            operator,
            console,
        }),
        _ => None,
    }
}

async fn append(
    app: &App,
    site: &SiteId,
    viewer: &Viewer,
    events: impl IntoIterator<Item = SiteEvent>,
) -> Answer<Position> {
    let at = app.casebook.now();
    let by = Actor::Operator(viewer.operator.clone());
    let draft = |event| Draft::new(EventId(uuid::Uuid::new_v4()), at, by.clone(), event);
    let drafts: Vec<_> = events.into_iter().map(draft).collect();
    if drafts.is_empty() {
        return Ok(Position::START);
    }
    let stream = streams::site(site);
    let appended = app
        .casebook
        .append(
            Lane::Urgent,
            &stream,
            Expected::Any,
            drafts,
            Meta::default(),
        )
        .await;
    appended
        .map(|a| a.position)
        .map_err(|e| Failure::unavailable(e.to_string()))
}
