//! Duty of one console: signing on and off, attaching, sound.
//!
//! For: writing into the log who could see and hear; what is not recorded cannot be replayed.
//! May not know: frames, cards.

use crate::{
    app::App,
    lines::Place,
    names::party_view,
    problem::{Answer, Failure},
    viewer::{Viewer, duty_site, parties_of},
};
use casebook::{BookError, Casebook, Draft, Meta, streams};
use directory::City;
use domain::{Actor, ConsoleId, OperatorId, SiteId, party::Party, site::SiteEvent};
use eventlog::{EventId, Expected, Lane, Position};
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
    pub(crate) fn is_over(&self, operator: &OperatorId, position: Position, city: &City) -> bool {
        let Some(site) = &self.site else {
            return false;
        };
        let on = |duty: &directory::Duty| duty.operators.contains(operator);
        position >= self.since && !city.duty.get(site).is_some_and(on)
    }
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
    let attached = SiteEvent::ConsoleAttached {
        site: site.clone(),
        operator: viewer.operator.clone(),
        console,
    };
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
        let left = leave(old, &viewer.operator, &console, true);
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
        events.push(SiteEvent::ConsoleAttached {
            site: site.clone(),
            operator: operator.clone(),
            console: console.clone(),
        });
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
    let events = leave(site, &viewer.operator, console, true);
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
    if place.ended() == Some(crate::lines::Why::Replaced) {
        return;
    }
    let events = leave(site, &viewer.operator, console, ends);
    if let Err(failure) = append(app, site, viewer, events).await {
        tracing::error!(detail = ?failure.problem.detail, "a console's end was not written down");
    }
}

/// Writes down the end of consoles that a process before this one left attached: it was killed and could not say so.
/// Their pages come back by themselves and attach again; until then nobody shall count on them.
pub(crate) async fn end_left_behind(casebook: &Casebook, city: &City) -> Result<(), BookError> {
    let at = casebook.now();
    for (site, duty) in &city.duty {
        let gone = duty.consoles.iter().map(|(console, row)| {
            let event = SiteEvent::ConsoleDetached {
                site: site.clone(),
                operator: row.operator.clone(),
                console: console.clone(),
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

fn leave(site: &SiteId, operator: &OperatorId, console: &ConsoleId, ends: bool) -> Vec<SiteEvent> {
    let detached = SiteEvent::ConsoleDetached {
        site: site.clone(),
        operator: operator.clone(),
        console: console.clone(),
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
