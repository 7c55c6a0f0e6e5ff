//! How fast the dispatcher starts, and how it stands a storm; on SQLite, in real time. Figures go to standard output.
//!
//! For: `cargo run --release -p anling-dispatcher --example measure -- [EVENTS] [PRESSES]`.
//! May not know: the dispatcher's inside.

use casebook::{Casebook, Draft, MasterKey, Meta, Vault, streams};
use directory::Directory;
use dispatcher::{Dispatcher, DispatcherOptions};
use domain::{
    Actor, AlarmId, DeviceId, IncidentId, OperatorId, ResponderId, SiteId, SubjectId, Timestamp,
    care::CareEvent,
    codes::{Action, Outcome, Reason},
    device::{DeviceEvent, Received},
    incident::{AlarmRef, IncidentEvent, OfferCause},
    party::{Means, Party, TravelSource},
    policy::RingPolicy,
    signal::SignalKind,
};
use eventlog::{EventId, Expected, Lane, Log, StreamAppend, SystemClock};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// Events in the life of one finished call below.
const CALL: u64 = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let events = numbers.next().transpose()?.unwrap_or(1_000_000);
    let presses = numbers.next().transpose()?.unwrap_or(10_000);
    let dir = tempfile::tempdir()?;
    let log = Log::open_sqlite(dir.path(), Arc::new(SystemClock)).await?;
    let vault = Vault::open(log.clone(), MasterKey::random()).await?;
    let casebook = Casebook::new(log.clone(), vault);
    let directory = Directory::open(casebook.clone(), None).await?;

    let began = Instant::now();
    write_calls(&casebook, events / CALL).await?;
    println!("{} events written in {:?}", log.head(), began.elapsed());

    let dispatcher = start(&casebook, &directory, "without a snapshot").await?;
    dispatcher.stop().await;
    let dispatcher = start(&casebook, &directory, "from a snapshot").await?;
    dispatcher.stop().await;
    write_calls(&casebook, 2_000).await?;
    let dispatcher = start(&casebook, &directory, "from a snapshot 20,000 events old").await?;
    dispatcher.stop().await;

    press(&casebook, presses).await?;
    let began = Instant::now();
    let dispatcher = start(&casebook, &directory, "on waiting alarms").await?;
    offered(&dispatcher, presses).await;
    let counters = dispatcher.metrics();
    println!(
        "{presses} waiting alarms opened and offered in {:?}",
        began.elapsed()
    );
    // One more press while all of these are being widened and telephoned.
    let began = Instant::now();
    press(&casebook, 1).await?;
    offered(&dispatcher, counters.opened + 1).await;
    println!("one more press offered after {:?}", began.elapsed());
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("{:?}", dispatcher.metrics());
    let began = Instant::now();
    dispatcher.stop().await;
    println!("stopped in {:?}", began.elapsed());
    let dispatcher = start(&casebook, &directory, "with all of them open").await?;
    dispatcher.stop().await;
    Ok(())
}

async fn start(
    casebook: &Casebook,
    directory: &Directory,
    how: &str,
) -> Result<Dispatcher, Box<dyn Error>> {
    let began = Instant::now();
    let policy = RingPolicy::default();
    let options = DispatcherOptions::default();
    let dispatcher = Dispatcher::start(casebook.clone(), directory.clone(), policy, options)?;
    dispatcher.ready().await;
    println!("ready {how}: {:?}", began.elapsed());
    Ok(dispatcher)
}

/// Waits until so many incidents were opened and offered.
async fn offered(dispatcher: &Dispatcher, count: u64) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    loop {
        let counters = dispatcher.metrics();
        if counters.opened >= count && counters.offers >= count {
            return;
        }
        looks.tick().await;
    }
}

fn received(device: &DeviceId) -> Received {
    Received {
        device: Some(device.clone()),
        press: "1".to_owned(),
        kind: SignalKind::Sos,
        kind_word: None,
        device_at: None,
        door: "measure".to_owned(),
        verified: true,
        problems: Vec::new(),
        source: None,
        location: None,
        battery_pct: None,
        text: None,
        raw: None,
    }
}

/// Presses of devices that nobody knows.
async fn press(casebook: &Casebook, count: u64) -> Result<(), Box<dyn Error>> {
    let mut left = count;
    while left > 0 {
        let mut appends = Vec::new();
        for _ in 0..left.min(64) {
            let id = Uuid::new_v4();
            let device = DeviceId::parse(&id.to_string())?;
            let event = DeviceEvent::AlarmReceived(received(&device));
            let draft = draft(casebook.now(), id, event);
            appends.push(one_stream(&streams::device(&device), vec![draft])?);
        }
        left = left.saturating_sub(64);
        casebook.log().append(Lane::Urgent, appends).await?;
    }
    Ok(())
}

/// Finished calls, [`CALL`] events each.
async fn write_calls(casebook: &Casebook, calls: u64) -> Result<(), Box<dyn Error>> {
    let mut left = calls;
    while left > 0 {
        let mut writing = tokio::task::JoinSet::new();
        for _ in 0..left.min(64) {
            let appends = call(casebook)?;
            let log = casebook.log().clone();
            writing.spawn(async move { log.append(Lane::Urgent, appends).await });
        }
        left = left.saturating_sub(64);
        while let Some(written) = writing.join_next().await {
            written??;
        }
    }
    Ok(())
}

fn call(casebook: &Casebook) -> Result<Vec<StreamAppend>, Box<dyn Error>> {
    let at = casebook.now();
    let alarm = AlarmId(Uuid::new_v4());
    let id = IncidentId::opened_by(alarm);
    let device = DeviceId::parse(&alarm.to_string())?;
    let subject = SubjectId::device(&device);
    let operator = OperatorId::parse("op-1")?;
    let responder = ResponderId::parse("nurse-1")?;
    let party = Party::Site(SiteId::parse("s-1")?);
    let incident = [
        IncidentEvent::IncidentOpened {
            incident: id,
            subject: subject.clone(),
            resident: None,
            alarm: AlarmRef {
                alarm,
                position: 1,
                device: Some(device.clone()),
                press: "1".to_owned(),
                kind: SignalKind::Sos,
                received_at: at,
                problems: Vec::new(),
                verified: true,
            },
            priority: SignalKind::Sos.priority(),
            district: None,
            place: None,
            previous: None,
            late_ms: None,
        },
        IncidentEvent::Offered {
            ring: 0,
            round: 0,
            cause: OfferCause::Ring,
            added: vec![party.clone()],
            means: vec![Means::Screen],
            widens_at: at + Duration::from_secs(15),
            as_of: 1,
            policy: 1,
            travel: TravelSource::Estimate,
            candidates: Vec::new(),
            late_ms: None,
        },
        IncidentEvent::Accepted {
            operator,
            party,
            first_step_by: at + Duration::from_mins(2),
        },
        IncidentEvent::TalkStarted {
            check_by: at + Duration::from_mins(5),
        },
        IncidentEvent::ResponderSent {
            responder: responder.clone(),
            from: None,
            eta: at + Duration::from_mins(9),
            seconds: 540,
        },
        IncidentEvent::ResponderArrived {
            responder,
            check_by: at + Duration::from_mins(20),
        },
        IncidentEvent::Resolved {
            reason: Reason::HelpSmall,
            actions: vec![Action::Talked],
            outcome: Outcome::Safe,
            note: None,
            machine: false,
        },
    ];
    let new = Uuid::new_v4;
    let incident = incident.map(|event| draft(at, new(), event));
    let alarmed = DeviceEvent::AlarmReceived(received(&device));
    let opened = CareEvent::CareOpened {
        incident: id,
        alarm,
    };
    let closed = CareEvent::CareClosed { incident: id };
    let care = vec![draft(at, new(), opened), draft(at, new(), closed)];
    Ok(vec![
        one_stream(&streams::device(&device), vec![draft(at, alarm.0, alarmed)])?,
        one_stream(&streams::incident(id), incident.to_vec())?,
        one_stream(&streams::care(&subject), care)?,
    ])
}

fn draft<E>(at: Timestamp, id: Uuid, event: E) -> Draft<E> {
    Draft::new(EventId(id), at, Actor::Dispatcher, event)
}

fn one_stream<E: casebook::Stored>(
    stream: &eventlog::StreamName,
    drafts: Vec<Draft<E>>,
) -> Result<StreamAppend, Box<dyn Error>> {
    let meta = Meta::default();
    let events = drafts
        .iter()
        .map(|draft| casebook::codec::new_event(draft.id, &draft.happened, &meta))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(StreamAppend {
        stream: stream.clone(),
        expected: Expected::Any,
        events,
    })
}
