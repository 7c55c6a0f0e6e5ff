//! One measurement from start to end: floor, load, drain, floor again, and the check.
//!
//! For: the order of things.
//! May not know: how any of it is done, or shown.

use crate::{
    Doing, Failure, city,
    cli::{Press, Store},
    crew::{self, Console, Ended, Heard},
    figures::{self, Latencies},
    floor::{self, Bare, Floor},
    http,
    ledger::{Ledger, Row},
    lookup,
    presser::{self, Counts, Presses},
    report::{self, Ledgered},
    schedule::Schedule,
    scrape,
    server::Service,
    verify::{self, LookedUp},
    watch::{self, Watched},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{runtime::Handle, sync::watch as signal, task::JoinHandle, time::Instant};

/// Between the moment everything is ready and the first press: threads come up, nothing else is measured.
const LEAD: Duration = Duration::from_millis(500);

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Measures as the flags say.
pub async fn press(args: &Press) -> Result<report::Measured, Failure> {
    let folder = tempfile::tempdir().doing("make a folder for the run")?;
    // Chosen once; the client asks for one even when it speaks plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bar = ProgressBar::new(0).with_style(style());
    bar.set_message("city");
    let mut service = Service::find_or_start(args, folder.path()).await?;
    let measured = measure(args, &mut service, folder.path(), &bar).await;
    bar.finish_and_clear();
    let stopped = service.stop().await;
    let measured = measured?;
    stopped.map(|()| measured)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("  {msg:24} {bar:40.green} {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

async fn measure(
    args: &Press,
    service: &mut Service,
    folder: &std::path::Path,
    bar: &ProgressBar,
) -> Result<report::Measured, Failure> {
    let presses = u64::from(args.rate) * u64::from(args.seconds);
    if presses > service.residents.len() as u64 {
        return Err(Failure(format!(
            "{} a second for {} s are {presses} presses, but only {} residents have a device; every press needs another \
             one, so that each opens an incident",
            args.rate,
            args.seconds,
            service.residents.len()
        )));
    }
    let schedule = Schedule::new(args.arrival, args.rate, args.seconds, args.seed);
    let bare = match (args.store, &service.database_url) {
        (Store::Postgres, Some(url)) => Bare::postgres(url, args.consoles).await?,
        _ => Bare::sqlite(folder).await?,
    };
    let sockets = args.consoles as usize;
    let short = schedule.first(Duration::from_secs(u64::from(args.floor_seconds)));
    bar.set_message("floor before");
    let before = floor::measure(&bare, short.clone(), sockets).await?;
    let loaded = load(args, service, schedule, bar).await?;
    bar.set_message("floor after");
    let after = floor::measure(&bare, short, sockets).await?;
    bare.clear().await;
    bar.set_message("looking everything up");
    let verdict = check(args, service, &loaded, bar).await?;
    Ok(measured(args, service, loaded, (before, after), verdict))
}

/// What the load left behind.
struct Loaded {
    ledger: Arc<Ledger>,
    counts: Arc<Counts>,
    heard: Arc<Heard>,
    ended: Vec<Ended>,
    used: Vec<watch::Used>,
    counted: scrape::Metrics,
    drained: bool,
}

async fn load(
    args: &Press,
    service: &Service,
    schedule: Schedule,
    bar: &ProgressBar,
) -> Result<Loaded, Failure> {
    let client = reqwest::Client::new();
    let crew = Crew::open(args, service, &client, bar).await?;
    let count = schedule.due().len();
    let doors: Vec<String> = service
        .devices
        .iter()
        .map(|door| authority(door))
        .collect::<Result<_, _>>()?;
    let residents = &service.residents[..count];
    let requests = residents.iter().enumerate().map(|(n, device)| {
        let body = wire::device::SignalIn {
            device: device.id.clone(),
            press: press_name(args),
            kind: "sos".to_owned(),
            at: None,
            location: None,
            battery_pct: None,
            text: None,
        };
        let body = serde_json::to_string(&body).expect("a signal is plain data");
        http::post(&doors[n % doors.len()], "/v1/signals", &device.key, &body)
    });
    let presses = Presses {
        requests: requests.collect(),
        doors,
    };
    let before = scrape::metrics(&client, &service.metrics).await;
    let ids = residents.iter().map(|device| device.id.clone());
    let ledger = Arc::new(Ledger::new(Instant::now() + LEAD, &schedule, ids));
    let (counts, heard) = (Arc::new(Counts::default()), Arc::new(Heard::default()));
    let (stop, stopped) = signal::channel(false);
    let working = crew.work(&ledger, &heard, &stopped);
    let own = Watched {
        name: "loadtest".to_owned(),
        pid: std::process::id(),
        family: false,
    };
    let watched = service.watched.iter().cloned().chain([own]).collect();
    let watching = tokio::spawn(watch::sample(watched, ledger.start(), stopped));
    let (runtime, to, told) = (Handle::current(), Arc::clone(&ledger), Arc::clone(&counts));
    let pacing =
        std::thread::spawn(move || presser::press(&runtime, &schedule, presses, &to, &told));
    let drained = drain(args, &ledger, &counts, bar).await;
    pacing
        .join()
        .map_err(|_| Failure("the schedule broke".to_owned()))?;
    let after = scrape::metrics(&client, &service.metrics).await;
    stop.send_replace(true);
    let ended = working.await.doing("end the consoles")?;
    let used = watching.await.doing("end the sampling")?;
    Ok(Loaded {
        ledger,
        counts,
        heard,
        ended,
        used,
        counted: scrape::since(&before, &after),
        drained,
    })
}

/// The consoles, on a thread of their own: what reading cards costs must not stand before a press.
struct Crew {
    consoles: Vec<Console>,
    runtime: tokio::runtime::Runtime,
}

impl Crew {
    async fn open(
        args: &Press,
        service: &Service,
        client: &reqwest::Client,
        bar: &ProgressBar,
    ) -> Result<Self, Failure> {
        let seats = city::seats(&service.accounts, args.consoles as usize);
        if seats.is_empty() {
            return Err(Failure(
                "no account of this city is scoped to a district".to_owned(),
            ));
        }
        bar.set_message("consoles");
        bar.set_length(seats.len() as u64);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let mut crew = Self {
            consoles: Vec::new(),
            runtime: runtime.doing("make a runtime")?,
        };
        for (number, seat) in seats.into_iter().enumerate() {
            let door = service.consoles[number % service.consoles.len()].clone();
            let client = client.clone();
            let opening = async move { Console::open(&client, &door, &seat, number).await };
            let opened = crew.runtime.spawn(opening).await.doing("open a console")?;
            match opened {
                Ok(console) => crew.consoles.push(console),
                Err(failure) => {
                    crew.runtime.shutdown_background();
                    return Err(failure);
                }
            }
            bar.set_position(number as u64 + 1);
        }
        Ok(crew)
    }

    /// Sets everybody to work; their reports when they have been told to stop.
    fn work(
        self,
        ledger: &Arc<Ledger>,
        heard: &Arc<Heard>,
        stop: &signal::Receiver<bool>,
    ) -> JoinHandle<Vec<Ended>> {
        let spawn = |console: Console| {
            self.runtime
                .spawn(console.work(Arc::clone(ledger), Arc::clone(heard), stop.clone()))
        };
        let working: Vec<_> = self.consoles.into_iter().map(spawn).collect();
        let runtime = self.runtime;
        tokio::spawn(async move {
            let mut ended = Vec::new();
            for console in working {
                ended.push(console.await.unwrap_or_default());
            }
            runtime.shutdown_background();
            ended
        })
    }
}

/// Until every press is answered and every call closed, or the time is over; whether all was done.
async fn drain(args: &Press, ledger: &Ledger, counts: &Counts, bar: &ProgressBar) -> bool {
    let seconds = u64::from(args.seconds) + u64::from(args.drain_seconds);
    let last = ledger.start() + Duration::from_secs(seconds);
    let presses = ledger.rows().len();
    bar.set_message("presses answered");
    bar.set_length(presses as u64);
    while Instant::now() < last {
        tokio::time::sleep(LOOK_EVERY).await;
        let answered = ledger.count(|row| row.answered.get().is_some());
        let closed = ledger.count(|row| row.resolved.get().is_some());
        let unanswered = usize::try_from(counts.unanswered.load(Relaxed)).unwrap_or(usize::MAX);
        let sent = answered + unanswered >= presses;
        bar.set_message(if sent {
            "calls closed"
        } else {
            "presses answered"
        });
        bar.set_position(if sent { closed } else { answered } as u64);
        if sent && closed >= ledger.count(Row::acknowledged) {
            return true;
        }
    }
    false
}

async fn check(
    args: &Press,
    service: &Service,
    loaded: &Loaded,
    bar: &ProgressBar,
) -> Result<verify::Verdict, Failure> {
    let rows = loaded
        .ledger
        .rows()
        .iter()
        .zip(&service.residents)
        .filter(|(row, _)| row.acknowledged());
    let asked = rows.map(|(row, device)| {
        let press = LookedUp {
            device: device.id.clone(),
            position: row.position.load(Relaxed),
            status: 0,
            stage: String::new(),
            incident: None,
            resolved: row.resolved.get().is_some(),
        };
        (press, device.key.clone())
    });
    let asked: Vec<_> = asked.collect();
    bar.set_length(asked.len() as u64);
    let presses = lookup::presses(
        &authority(&service.devices[0])?,
        &press_name(args),
        asked,
        bar,
    )
    .await;
    let overseer = city::overseer(&service.accounts);
    let overseer = overseer
        .ok_or_else(|| Failure("no account of this city may see every incident".to_owned()))?;
    let session = crew::sign_in(&reqwest::Client::new(), &service.consoles[0], overseer).await?;
    let token = session.token.unwrap_or_default();
    let listed = lookup::incidents(&authority(&service.consoles[0])?, &token, bar).await?;
    let mut verdict = verify::verify(&presses, &listed);
    verify::seen(
        &mut verdict,
        loaded.ended.iter().flat_map(|ended| &ended.incidents),
    );
    Ok(verdict)
}

fn measured(
    args: &Press,
    service: &Service,
    loaded: Loaded,
    (before, after): (Floor, Floor),
    verdict: verify::Verdict,
) -> report::Measured {
    let ledger = &loaded.ledger;
    let lateness = ledger
        .rows()
        .iter()
        .filter_map(|row| Some(row.sent.get()?.saturating_sub(row.due)));
    report::Measured {
        settings: report::Settings::of(args, service.watched.len()),
        lateness: Latencies::of(lateness),
        answer: Latencies::until(ledger, |row| &row.answered),
        frame: Latencies::until(ledger, |row| &row.framed),
        offer: Latencies::until(ledger, |row| &row.offered),
        floor: before.clone().and(&after),
        before,
        after,
        seconds: figures::seconds(ledger),
        ledgered: Ledgered::of(
            ledger,
            &loaded.counts,
            &loaded.heard,
            &loaded.ended,
            loaded.drained,
        ),
        counted: loaded.counted,
        used: loaded.used,
        verdict,
    }
}

/// Every run of a seed presses under a name of its own: a city that runs on keeps its presses.
fn press_name(args: &Press) -> String {
    format!("load-{}-{}", std::process::id(), args.seed)
}

fn authority(door: &str) -> Result<String, Failure> {
    let plain = door.strip_prefix("http://").map(str::to_owned);
    plain.ok_or_else(|| {
        Failure(format!(
            "{door}: the generator speaks plain HTTP; name a door http://host:port"
        ))
    })
}
