//! What a page asks over its console: the half of a connection that hears.
//!
//! For: duty one message after the other, calls side by side within a bound, each call's own in order.
//! May not know: frames, how messages leave; answers go to the half that speaks (`live`).

use crate::{
    app::App,
    card::rung_here,
    duty::{self, Duty},
    http,
    lines::Place,
    live::{Post, refusal, result},
    options::ASKED_AT_ONCE,
    orders,
    problem::{Answer, Failure},
    socket::{Ear, Heard},
    viewer::Viewer,
};
use domain::{CommandId, IncidentId, incident::IncidentCommand};
use eventlog::Position;
use std::{collections::BTreeSet, future::Future, sync::Arc};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use wire::console::{CommandIn, FromPage, ToPage};

/// The half that hears a page out and does what it asks. Duty is taken one message after the other; calls are worked on
/// side by side, what is asked of one call one after the other.
pub(crate) struct Reader<'a> {
    pub(crate) app: &'a Arc<App>,
    pub(crate) hang_up: CancellationToken,
    pub(crate) viewer: Viewer,
    pub(crate) place: &'a Place,
    pub(crate) duty: &'a watch::Sender<Duty>,
    pub(crate) post: mpsc::Sender<Post>,
}

/// What a page has asked of calls and is not done yet: at most [`ASKED_AT_ONCE`], one of each call.
#[derive(Default)]
struct Asked {
    work: JoinSet<String>,
    calls: BTreeSet<String>,
}

impl Asked {
    /// Waits until there is room for one more, and nothing is under way with this call.
    async fn room_for(&mut self, call: &str) {
        while self.work.len() >= ASKED_AT_ONCE || self.calls.contains(call) {
            self.one_done().await;
        }
    }

    /// Waits until something is done; for ever when nothing is under way.
    async fn one_done(&mut self) {
        match self.work.join_next().await {
            Some(Ok(call)) => {
                self.calls.remove(&call);
            }
            // A bug stopped one: whose it was is not known, so all are waited for.
            Some(Err(_)) => {
                while self.work.join_next().await.is_some() {}
                self.calls.clear();
            }
            None => std::future::pending().await,
        }
    }

    fn start(
        &mut self,
        orders: &Handle,
        call: String,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.calls.insert(call.clone());
        let work = async move {
            work.await;
            call
        };
        self.work.spawn_on(work, orders);
    }
}

impl Reader<'_> {
    /// Until the page has gone or is to be left; then what was asked is finished first.
    pub(crate) async fn run(self, mut ear: Ear) {
        let mut asked = Asked::default();
        loop {
            let heard = tokio::select! {
                heard = ear.next() => heard,
                () = asked.one_done() => continue,
                () = self.hang_up.cancelled() => break,
            };
            let Some(heard) = heard else { break };
            let said = match heard {
                Heard::Message(message) => self.hear(message, &mut asked).await,
                Heard::Malformed(detail) => Some(refusal("", Failure::malformed(detail))),
                Heard::Broken(bye) => {
                    if self.post.send(Post::Broken(bye)).await.is_ok() {
                        self.hang_up.cancelled().await;
                    }
                    break;
                }
            };
            if let Some(said) = said
                && self.post.send(Post::Say(said)).await.is_err()
            {
                break;
            }
        }
        // What was asked is finished also when the page has gone.
        while asked.work.join_next().await.is_some() {}
    }

    async fn hear(&self, message: FromPage, asked: &mut Asked) -> Option<ToPage> {
        let app = self.app.as_ref();
        let before = self.duty.borrow().clone();
        match message {
            FromPage::Resume { console, position } => {
                let duty = duty::resume(app, &self.viewer, self.place, &console).await;
                let refused = self.settle(duty, "resume");
                // The page may come from a process that was further than this one.
                if let Some(position) = position {
                    orders::until_shown(app, position).await;
                }
                let position = position.map(Position);
                let _ = self.post.send(Post::Resumed(position)).await;
                refused
            }
            FromPage::SignOn { party, id, sound } => {
                let duty =
                    duty::sign_on(app, &self.viewer, &before, &party, id.as_deref(), sound).await;
                self.settle(duty, "sign_on")
            }
            FromPage::SignOff => {
                let duty = duty::sign_off(app, &self.viewer, &before).await;
                self.settle(duty, "sign_off")
            }
            FromPage::Sound { proven } => {
                let duty = duty::sound(app, &self.viewer, &before, proven).await;
                self.settle(duty, "sound")
            }
            FromPage::Command { incident, command } => {
                asked.room_for(&incident).await;
                let (app, viewer) = (Arc::clone(self.app), self.viewer.clone());
                let (post, call) = (self.post.clone(), incident.clone());
                asked.start(&self.app.orders, call, async move {
                    let said = command_done(&app, viewer, &before, &incident, command).await;
                    let _ = post.send(Post::Say(said)).await;
                });
                None
            }
            FromPage::Shown {
                incident, sounded, ..
            } => {
                asked.room_for(&incident).await;
                let (app, viewer) = (Arc::clone(self.app), self.viewer.clone());
                asked.start(&self.app.orders, incident.clone(), async move {
                    shown(&app, &viewer, &before, &incident, sounded).await;
                });
                None
            }
            FromPage::Seek { .. } => Some(refusal(
                "seek",
                Failure::malformed("seek belongs to a replay; open /v1/console?at=<position>"),
            )),
            FromPage::Ping { n } => Some(ToPage::Pong {
                n,
                now: app.casebook.now().0,
            }),
        }
    }

    /// Takes a new duty over, or says why not. The writing half tells the page.
    fn settle(&self, duty: Answer<Duty>, what: &str) -> Option<ToPage> {
        match duty {
            Ok(duty) => {
                self.duty.send_replace(duty);
                None
            }
            Err(failure) => Some(refusal(what, failure)),
        }
    }
}

/// Done in a task of its own, so that it is finished also when the page goes away meanwhile.
async fn command_done(
    app: &Arc<App>,
    viewer: Viewer,
    duty: &Duty,
    incident: &str,
    command: CommandIn,
) -> ToPage {
    let id = command.id.clone();
    let incident = match http::incident_id(incident) {
        Ok(incident) => incident,
        Err(failure) => return refusal(&id, failure),
    };
    let (own, site) = (Arc::clone(app), duty.site.clone());
    let done = app
        .tasks
        .spawn(async move { orders::act(&own, &viewer, site.as_ref(), incident, command).await });
    match done.await {
        Ok(Ok(done)) => result(id, done),
        Ok(Err(failure)) => refusal(&id, failure),
        Err(_) => refusal(
            &id,
            Failure::unavailable("the command was not finished; send it again"),
        ),
    }
}

/// Writes down that an offer was shown here, for every party this console answers for.
async fn shown(app: &App, viewer: &Viewer, duty: &Duty, incident: &str, sounded: bool) {
    let (Some(site), Some(console), Ok(id)) =
        (&duty.site, &duty.console, http::incident_id(incident))
    else {
        return;
    };
    let board = app.shared.board();
    let Some(entry) = board.get(&id) else {
        return;
    };
    // What this process has written just now the board may not show yet.
    let known = app.casebook.known_incident(id);
    let known = known.filter(|known| known.revision > entry.incident.revision);
    let incident = known.as_ref().unwrap_or(&entry.incident);
    for party in rung_here(incident, site, &board.city) {
        // Another console of the place has said as much of this offer before.
        let mut rung = incident.rung_now().filter(|rung| rung.party == party);
        if rung.all(|rung| rung.shown && (rung.sounded || !sounded)) {
            continue;
        }
        let command = IncidentCommand::Show {
            party,
            operator: viewer.operator.clone(),
            console: console.clone(),
            sounded,
        };
        note_shown(app, viewer, id, command).await;
    }
}

async fn note_shown(app: &App, viewer: &Viewer, id: IncidentId, command: IncidentCommand) {
    let by = domain::Actor::Operator(viewer.operator.clone());
    let casebook = &app.casebook;
    let asked = casebook.asked(by, None, command);
    let command_id = CommandId(uuid::Uuid::new_v4());
    // Refused: the offer has moved on since it was shown.
    if let Err(casebook::ActError::Unavailable(error)) = casebook.act(id, command_id, asked).await {
        tracing::warn!(%error, "an offer that was shown could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn what_is_asked_of_one_call_waits_for_what_was_asked_of_it_before() {
        let mut asked = Asked::default();
        let (go, order) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (first, began) = (Arc::clone(&go), Arc::clone(&order));
        asked.room_for("a").await;
        asked.start(&Handle::current(), "a".to_owned(), async move {
            first.notified().await;
            began.store(1, SeqCst);
        });
        asked.room_for("b").await;
        asked.start(&Handle::current(), "b".to_owned(), async move {
            go.notify_one()
        });
        asked.room_for("a").await;
        assert_eq!(order.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn no_more_calls_are_worked_on_than_the_bound() {
        let mut asked = Asked::default();
        let free = Arc::new(Notify::new());
        for n in 0..ASKED_AT_ONCE {
            let waits = Arc::clone(&free);
            asked.room_for(&n.to_string()).await;
            asked.start(&Handle::current(), n.to_string(), async move {
                waits.notified().await
            });
        }
        let mut room = Box::pin(asked.room_for("one more"));
        assert!(futures_util::poll!(&mut room).is_pending());
        free.notify_one();
        room.await;
    }
}
