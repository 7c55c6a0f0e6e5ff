//! `anling demo`: the newcomer's first minute.
//!
//! For: a synthetic Harbin on an embedded log, made once and continued, with a cast that plays and a door for visitors.
//! May not know: rules; everything the cast does goes through the public doors.

mod cast;
mod hand;
mod lan;
mod panels;
mod people;
mod phone;
mod tidy;

use crate::{
    cli::Demo,
    doors::{self, Listening},
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
use domain::{
    operator::{Role, Scope},
    site::SiteKind,
};
use indicatif::{ProgressBar, ProgressStyle};
use people::{DemoAccount, DemoDevice};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
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
    if args.fresh {
        Folder::clear_demo(&settings.data)?;
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
            demo_accounts: buttons(&accounts),
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
    });
    if let Some(certificate) = &certificate {
        certificate.greet(devices.first());
    }

    let stop = CancellationToken::new();
    let cast = (!args.no_cast).then(|| {
        let stage = cast::Stage {
            console: console_inside,
            devices: devices_inside,
            accounts,
            presses: Arc::new(devices),
            directory,
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
    people::write_accounts(folder, &accounts(&harbin::city(&plan), &password))?;
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

/// Every account; the first of each site is the cast's, and some of the others become buttons.
fn accounts(city: &harbin::CityPlan, password: &str) -> Vec<DemoAccount> {
    let mut manned = BTreeSet::new();
    let mut shown = BTreeSet::new();
    city.accounts
        .iter()
        .map(|account| {
            let site = match &account.scope {
                Scope::Site(site) => Some(site.clone()),
                _ => None,
            };
            let cast = site
                .as_ref()
                .is_some_and(|site| manned.insert(site.clone()));
            let record = city
                .sites
                .iter()
                .find(|record| Some(&record.site) == site.as_ref());
            let button = button(account, record)
                .filter(|(key, ..)| !cast && shown.insert(*key))
                .map(|(_, zh, en)| (zh, en));
            DemoAccount {
                name: account.operator.to_string(),
                password: password.to_owned(),
                role: role(account.role).to_owned(),
                scope: match &account.scope {
                    Scope::Site(site) => format!("site:{site}"),
                    Scope::District(district) => format!("district:{district}"),
                    Scope::City => "city".to_owned(),
                },
                site,
                cast,
                button,
            }
        })
        .collect()
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Operator => "operator",
        Role::DistrictManager => "district_manager",
        Role::Administrator => "administrator",
        Role::Auditor => "auditor",
    }
}

/// One button of each kind; sites that are open day and night, so that the visitor's call comes at any hour.
fn button(
    account: &harbin::AccountPlan,
    record: Option<&domain::site::SiteRecord>,
) -> Option<(&'static str, String, String)> {
    let all_day = record.is_some_and(|record| record.hours.opens_min == record.hours.closes_min);
    match (account.role, record.map(|record| record.kind)) {
        (Role::Operator, Some(SiteKind::Station)) if all_day => {
            let record = record?;
            Some((
                "station",
                format!("服务站值班员 · {}", record.name),
                format!("Station operator · {}", record.name_latin),
            ))
        }
        (Role::Operator, Some(SiteKind::Facility)) if all_day => {
            let record = record?;
            Some((
                "facility",
                format!("养老机构值班员 · {}", record.name),
                format!("Facility operator · {}", record.name_latin),
            ))
        }
        (Role::Operator, Some(SiteKind::DistrictDesk)) => {
            let record = record?;
            Some((
                "desk",
                format!("区调度员 · {}", record.name),
                format!("District desk · {}", record.name_latin),
            ))
        }
        (Role::Operator, None) => Some((
            "supervisor",
            format!("值班长 · {}", account.name),
            "Shift supervisor".to_owned(),
        )),
        (Role::DistrictManager, _) => Some((
            "manager",
            format!("区经理 · {}", account.name),
            "District manager".to_owned(),
        )),
        (Role::Administrator, _) => {
            Some(("admin", "系统管理员".to_owned(), "Administrator".to_owned()))
        }
        _ => None,
    }
}

fn buttons(accounts: &[DemoAccount]) -> Vec<wire::console::DemoAccount> {
    accounts
        .iter()
        .filter_map(|account| {
            let (label, label_en) = account.button.clone()?;
            Some(wire::console::DemoAccount {
                name: account.name.clone(),
                password: account.password.clone(),
                label,
                label_en,
                role: account.role.clone(),
            })
        })
        .collect()
}

struct Greeting<'a> {
    args: &'a Demo,
    settings: &'a Settings,
    listening: &'a Listening,
    public_url: &'a str,
    made: Made,
    new: bool,
    tidied: usize,
    device: Option<&'a DemoDevice>,
}

fn greet(greeting: &Greeting<'_>) {
    let Greeting {
        args,
        settings,
        listening,
        public_url,
        made,
        new,
        tidied,
        device,
    } = greeting;
    let since = jiff::Timestamp::from_millisecond(made.at)
        .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default();
    println!();
    println!(
        "  安铃 Anling {} · 演示城市 demo city (合成数据 synthetic data)",
        env!("CARGO_PKG_VERSION")
    );
    println!(
        "  {}",
        if *new {
            format!(
                "新城市,{} 位老人 / a new city of {} residents",
                made.residents, made.residents
            )
        } else {
            format!("继续 {since} 建的城市 / continued from {since}")
        }
    );
    if *tidied > 0 {
        println!(
            "  停了一阵:{tidied} 件旧的求助已由系统办结并标明 / {tidied} old incidents were closed by the machine, marked as such"
        );
    }
    println!();
    println!("  控制台 console     {public_url}/");
    println!("  值班手机 phone     {public_url}/demo/phone");
    let (scheme, devices) = (listening.scheme(), listening.devices_here());
    println!("  设备 devices       {scheme}://{}", devices);
    if let Some(address) = &listening.dc09 {
        println!("  报警主机 panels    {address} (SIA DC-09, TCP)");
    }
    if let Some(device) = device {
        println!(
            "  按钮页 button      {scheme}://{}/sos?device={}#key={}",
            devices, device.device, device.key
        );
        println!();
        println!("  按一下 press:");
        let insecure = if listening.tls { "-k " } else { "" };
        println!(
            "    curl {insecure}{scheme}://{}/v1/signals -H 'Authorization: Bearer {}' \\",
            devices, device.key
        );
        println!(
            "      -H 'Content-Type: application/json' -d '{{\"device\":\"{}\",\"press\":\"1\",\"kind\":\"sos\"}}'",
            device.device
        );
    }
    println!();
    println!(
        "  数据 data          {} (demo-accounts.json, demo-devices.csv)",
        settings.data.display()
    );
    let cast = if args.no_cast {
        "没有 none".to_owned()
    } else {
        let (calls, speed) = (args.calls_per_minute, args.drive_speed);
        let s = if calls == 1 { "" } else { "s" };
        format!("每分钟 {calls} 次呼叫,行车 ×{speed} / {calls} call{s} a minute, driving ×{speed}")
    };
    println!("  演员 cast          {cast}");
    println!("  Ctrl-C 停止 stops; 再次启动,一切还在 start again and everything is still there");
    println!();
}
