//! `anling demo`: the newcomer's first minute.
//!
//! For: a synthetic Harbin on an embedded log, made once and continued, with a cast that plays and a door for visitors.
//! May not know: rules; everything the cast does goes through the public doors.

mod carer;
mod cast;
mod fresh;
mod greeting;
mod hand;
mod held;
mod lan;
mod line;
mod near;
mod panels;
mod people;
mod phone;
mod porter;
mod roles;
mod tidy;

use crate::{
    cli::Demo,
    doors,
    failure::{Doing, Failure},
    folder::{Folder, Purpose},
    ground::Ground,
    node::{self, Node, Setting, Sockets},
    roles::Roles,
    settings::Settings,
};
use console::ConsoleOptions;
use directory::harbin;
use dispatcher::DispatcherOptions;
use greeting::{Greeting, greet};
use indicatif::{ProgressBar, ProgressStyle};
use people::DemoDevice;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the city was made from; a continued city keeps it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Made {
    seed: u64,
    residents: u32,
    /// Milliseconds since 1970.
    at: i64,
    /// Everything is imported; otherwise the next start goes on with it.
    #[serde(default = "whole")]
    whole: bool,
}

fn whole() -> bool {
    true
}

const MADE: &str = "demo-city.json";

/// Devices the cast presses: the first of the city, whose homes lie all over it. Ours: at some 300 bytes each under 10 MB,
/// and inventing them takes a tenth of a second at each start.
const CAST_DEVICES: u32 = 20_000;

/// Runs the demo until it is told to stop.
pub(crate) async fn run(args: Demo) -> Result<(), Failure> {
    let mut settings = Settings::load(&args.given)?;
    if args.lan {
        lan::open(&mut settings);
    }
    if settings.roles != Roles::ALL {
        return Err(Failure::setting(
            "the demo has all roles; leave --roles out, or use `anling serve`",
        ));
    }
    if let (true, Some(database)) = (args.fresh, &settings.database) {
        return Err(Failure::setting(format!(
            "--fresh removes a folder, not what is in {database}; make a new database instead"
        )));
    }
    let sockets = Sockets::bind(&settings)?;
    if args.fresh && fresh::clear(&settings.data)? {
        println!();
        println!("  --fresh: 旧的城市已删除 / the old city was removed");
    }
    let folder = Folder::open(&settings.data, Purpose::Demo)?;
    let ground = Ground::open(&folder, &settings).await?;
    let (made, new) = city(&folder, &ground, &args).await?;
    let plan = harbin::Plan {
        seed: made.seed,
        residents: made.residents,
    };
    let accounts = Arc::new(people::read_accounts(&folder)?);
    let tidied = if new {
        0
    } else {
        tidy::close_old(&ground).await?
    };

    let listening = sockets.listening(args.lan)?;
    let backstage = (
        doors::bind("console_listen", lan::ANY_LOOPBACK)?,
        doors::bind("devices_listen", lan::ANY_LOOPBACK)?,
    );
    let inside = |listener: &std::net::TcpListener| {
        listener
            .local_addr()
            .map(|address| format!("http://{address}"))
            .doing("listen")
    };
    let (console_inside, devices_inside) = (inside(&backstage.0)?, inside(&backstage.1)?);
    let certificate = if args.lan {
        Some(lan::certificate(&folder, &listening).await?)
    } else {
        None
    };
    let secret =
        uuid::Uuid::new_v4().simple().to_string() + &uuid::Uuid::new_v4().simple().to_string();
    let exchange = phone::Exchange::new(&secret, &console_inside);
    let porter = porter::Porter::new(&console_inside);
    let phones = porter.phones();

    let public_url = match &certificate {
        Some(certificate) => certificate.console_url.clone(),
        None => settings
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", listening.console())),
    };
    let mut webhooks = node::webhooks(&settings, &public_url);
    if webhooks.duty_phone.is_none() {
        webhooks.duty_phone = Some(node::webhook(
            &format!("{console_inside}/demo/phone/ring"),
            &secret,
        ));
    }
    let setting = Setting {
        console: ConsoleOptions {
            public_url: public_url.clone(),
            tls: args.lan,
            demo: true,
            demo_accounts: roles::buttons(&accounts),
            duty_phone: settings.duty_phone.clone(),
            webhook_secret: webhooks
                .duty_phone
                .as_ref()
                .map(|hook| hook.secret.to_vec()),
            drive_speed: Some(args.drive_speed),
            ..ConsoleOptions::default()
        },
        dispatcher: DispatcherOptions {
            webhooks,
            ..DispatcherOptions::default()
        },
        beside: exchange.router(),
        tls: certificate
            .as_ref()
            .map(|certificate| certificate.config.clone()),
        backstage: Some(backstage),
        before: Box::new(move |router| porter.before(router)),
    };
    let directory = ground.directory.clone();
    let node = Node::start(folder.clone(), ground, &settings, sockets, setting).await?;
    let told = node::told_to_stop();
    let pressed = harbin::residents(&plan).take(CAST_DEVICES as usize);
    let devices: Vec<DemoDevice> = pressed.map(device).collect();
    greet(&Greeting {
        args: &args,
        settings: &settings,
        listening: &listening,
        public_url: &public_url,
        made,
        new,
        tidied,
        device: devices.first(),
        certificate: certificate.as_ref(),
    });

    let stop = CancellationToken::new();
    let cast = (!args.no_cast).then(|| {
        let stage = cast::Stage {
            console: console_inside,
            devices: devices_inside,
            accounts,
            presses: Arc::new(devices),
            directory,
            phones,
            calls_per_minute: args.calls_per_minute,
            drive_speed: args.drive_speed,
            seed: made.seed,
        };
        tokio::spawn(cast::play(stage, stop.clone()))
    });
    told.await;
    println!("正在停止 / stopping");
    stop.cancel();
    if let Some(cast) = cast {
        let _ = cast.await;
    }
    node.stop().await;
    Ok(())
}

/// The city of the folder: continued, or made now. A city half made by an earlier run is made whole.
async fn city(folder: &Folder, ground: &Ground, args: &Demo) -> Result<(Made, bool), Failure> {
    let made = match read_made(folder)? {
        Some(made) if made.whole => return Ok((made, false)),
        Some(made) => made,
        None if ground.log.head() != eventlog::Position::START => {
            return Err(Failure::new(format!(
                "{} is missing, and with it what this city was made from: put it back, or start anew with --fresh",
                folder.file(MADE).display()
            )));
        }
        None => begin(folder, ground, args)?,
    };
    let plan = harbin::Plan {
        seed: made.seed,
        residents: made.residents,
    };
    let known = people::read_accounts(folder)?;
    let password = known.first().map_or("", |account| &account.password);
    let hash = console::hash_password(password).doing("hash the demo password")?;
    let style = ProgressStyle::with_template("  建城 {bar:40.green} {pos}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    let registrar = ground.directory.registrar();
    let imported = registrar
        .found_city(
            &plan,
            |_| hash.clone(),
            |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            },
        )
        .await
        .doing("make the demo city")?;
    bar.finish_and_clear();
    ground
        .directory
        .caught_up(imported.position)
        .await
        .doing("read the demo city")?;
    panels::enrol(ground, &plan).await?;
    let made = Made {
        whole: true,
        ..made
    };
    write_made(folder, &made)?;
    Ok((made, true))
}

/// Writes down what the city will be made from, before the first of it stands in the log.
fn begin(folder: &Folder, ground: &Ground, args: &Demo) -> Result<Made, Failure> {
    let plan = harbin::Plan {
        seed: args.seed,
        residents: args.residents,
    };
    let password = uuid::Uuid::new_v4().simple().to_string()[..10].to_owned();
    people::write_accounts(folder, &roles::accounts(&harbin::city(&plan), &password))?;
    people::write_devices(folder, harbin::residents(&plan).map(device))?;
    let made = Made {
        seed: plan.seed,
        residents: plan.residents,
        at: ground.log.now_micros() / 1000,
        whole: false,
    };
    write_made(folder, &made)?;
    Ok(made)
}

fn read_made(folder: &Folder) -> Result<Option<Made>, Failure> {
    match std::fs::read_to_string(folder.file(MADE)) {
        Ok(text) => serde_json::from_str(&text)
            .doing("read demo-city.json; start anew with --fresh")
            .map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("read demo-city.json"),
    }
}

fn write_made(folder: &Folder, made: &Made) -> Result<(), Failure> {
    let text = serde_json::to_vec(made).expect("numbers are plain data");
    folder.write_private(MADE, &text)
}

fn device(resident: harbin::ResidentPlan) -> DemoDevice {
    DemoDevice {
        device: resident.device.to_string(),
        key: resident.device_key,
        resident: resident.resident.to_string(),
        district: resident.district,
        home_station: resident.home_station,
        lon_e6: resident.profile.lon_e6,
        lat_e6: resident.profile.lat_e6,
    }
}
