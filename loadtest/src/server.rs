//! The service under load: started for the run, or already there.
//!
//! For: doors, accounts, devices and process numbers, wherever they come from.
//! May not know: what is measured.

use crate::{
    Doing, Failure, city,
    city::{Account, Device},
    cli::{Press, Processes, Store},
    postgres::Postgres,
    watch::Watched,
};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};

/// How long a new city may take until it listens. Ours: half a million residents at a few thousand a second.
const START_WITHIN: Duration = Duration::from_secs(600);

/// How long a process may take to end in order.
const END_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether it listens.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A service with its doors, `http://host:port` each.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Service {
    pub consoles: Vec<String>,
    pub devices: Vec<String>,
    /// Where each process tells what it counted.
    pub metrics: Vec<String>,
    pub accounts: Vec<Account>,
    pub residents: Vec<Device>,
    pub watched: Vec<Watched>,
    /// The floor's database, when the store is PostgreSQL.
    pub database_url: Option<String>,
    started: Started,
}

#[derive(Debug, Default)]
struct Started {
    children: Vec<Child>,
    postgres: Option<Postgres>,
}

#[derive(Debug, Deserialize)]
struct Listening {
    console: Option<String>,
    devices: Option<String>,
    /// Of a process without a console, which tells its figures there.
    ops: Option<String>,
}

impl Service {
    /// The one that runs, or a new one in `folder`.
    pub async fn find_or_start(args: &Press, folder: &Path) -> Result<Self, Failure> {
        match (&args.accounts, &args.devices_file) {
            (Some(accounts), Some(devices)) if !args.console.is_empty() => {
                Self::given(args, accounts, devices)
            }
            _ => Self::start(args, folder).await,
        }
    }

    fn given(args: &Press, accounts: &Path, devices: &Path) -> Result<Self, Failure> {
        let watched = args.pid.iter().map(|pid| Watched {
            name: format!("process {pid}"),
            pid: *pid,
            family: false,
        });
        if args.store == Store::Postgres && args.database_url.is_none() {
            return Err(Failure(
                "the floor of a running city on PostgreSQL needs --database-url".to_owned(),
            ));
        }
        let plain = |url: &String| url.trim_end_matches('/').to_owned();
        Ok(Self {
            consoles: args.console.iter().map(plain).collect(),
            devices: args.devices.iter().map(plain).collect(),
            metrics: args.console.iter().chain(&args.ops).map(plain).collect(),
            accounts: city::accounts(accounts)?,
            residents: city::devices(devices)?,
            watched: watched.collect(),
            database_url: args.database_url.clone(),
            started: Started::default(),
        })
    }

    async fn start(args: &Press, folder: &Path) -> Result<Self, Failure> {
        if args.processes == Processes::Roles && args.store == Store::Sqlite {
            return Err(Failure(
                "several processes need PostgreSQL: add --store postgres".to_owned(),
            ));
        }
        let mut started = Started::default();
        let mut watched = Vec::new();
        let mut database_url = args
            .database_url
            .clone()
            .filter(|_| args.store == Store::Postgres);
        if args.store == Store::Postgres && database_url.is_none() {
            let postgres = Postgres::start(folder).await?;
            watched.push(Watched {
                name: "postgres".to_owned(),
                pid: postgres.pid,
                family: true,
            });
            database_url = Some(postgres.url());
            started.postgres = Some(postgres);
        }
        let city = Starting {
            binary: binary(args)?,
            database_url: database_url.as_deref(),
        };
        let data = folder.join("city");
        let residents = args.residents.to_string();
        let demo = ["demo", "--no-cast", "--residents", &residents];
        // Making the city leaves its traces in the memory of the process that made it; measured is one that goes on from
        // the log, as a city does.
        let (maker, _) = city.up(&demo, &data).await?;
        end(maker).await?;
        let key = data.join("master.key");
        let key = key.to_string_lossy();
        let role = |role| {
            [
                "serve",
                "--roles",
                role,
                "--node",
                role,
                "--master-key",
                &*key,
            ]
        };
        let processes = match args.processes {
            Processes::One => vec![("anling", data.clone(), demo.to_vec())],
            Processes::Roles => ["ingest", "dispatcher", "console"]
                .map(|name| (name, folder.join(name), role(name).to_vec()))
                .into(),
        };
        let (mut consoles, mut devices, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
        let door = |address: String| format!("http://{address}");
        for (name, data, flags) in processes {
            let (child, listening) = city.up(&flags, &data).await?;
            watched.push(watched_child(name, &child));
            started.children.push(child);
            let figures = listening.console.clone().or(listening.ops);
            metrics.extend(figures.map(door));
            consoles.extend(listening.console.map(door));
            devices.extend(listening.devices.map(door));
        }
        Ok(Self {
            consoles,
            devices,
            metrics,
            accounts: city::accounts(&data.join("demo-accounts.json"))?,
            residents: city::devices(&data.join("demo-devices.csv"))?,
            watched,
            database_url,
            started,
        })
    }

    /// Ends what was started.
    pub async fn stop(mut self) -> Result<(), Failure> {
        for child in &mut self.started.children {
            child.kill().await.doing("end a process")?;
        }
        match &self.started.postgres {
            Some(postgres) => postgres.stop().await,
            None => Ok(()),
        }
    }
}

/// Asks a process to end, and waits for it.
async fn end(mut child: Child) -> Result<(), Failure> {
    if let Some(pid) = child.id() {
        let told = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await;
        told.doing("end a process")?;
    }
    let ended = tokio::time::timeout(END_WITHIN, child.wait()).await;
    ended
        .doing("end a process in time")?
        .doing("end a process")?;
    Ok(())
}

fn watched_child(name: &str, child: &Child) -> Watched {
    Watched {
        name: name.to_owned(),
        pid: child.id().unwrap_or(0),
        family: false,
    }
}

struct Starting<'a> {
    binary: PathBuf,
    database_url: Option<&'a str>,
}

impl Starting<'_> {
    /// Starts the binary on a data folder and free ports; returns when it listens.
    async fn up(&self, args: &[&str], data: &Path) -> Result<(Child, Listening), Failure> {
        std::fs::create_dir_all(data).doing("make a data folder")?;
        let log = std::fs::File::create(data.with_extension("log")).doing("make a log file")?;
        let both = log.try_clone().doing("make a log file")?;
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .args([
                "--console-listen",
                "127.0.0.1:0",
                "--devices-listen",
                "127.0.0.1:0",
                "--dc09-listen",
                "127.0.0.1:0",
                "--eventstore-listen",
                "127.0.0.1:0",
                "--ops-listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data);
        if let Some(url) = self.database_url {
            command.args(["--database-url", url]);
        }
        command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(both)
            .kill_on_drop(true);
        let file = data.join("listening.json");
        let _ = std::fs::remove_file(&file);
        let mut child = command
            .spawn()
            .doing(&format!("start {}", self.binary.display()))?;
        let listening = tokio::time::timeout(START_WITHIN, async {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Some(status) = child.try_wait().doing("look at a process")? {
                    let said =
                        std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
                    return Err(Failure(format!(
                        "{} ended with {status}:\n{said}",
                        self.binary.display()
                    )));
                }
                let text = std::fs::read(&file).unwrap_or_default();
                if let Ok(listening) = serde_json::from_slice::<Listening>(&text) {
                    return Ok(listening);
                }
            }
        });
        let listening = listening.await.doing("wait for the city")??;
        Ok((child, listening))
    }
}

/// The binary named, or the one beside this program.
fn binary(args: &Press) -> Result<PathBuf, Failure> {
    if let Some(binary) = &args.binary {
        return Ok(binary.clone());
    }
    let own = std::env::current_exe().doing("find this program")?;
    let beside = own.with_file_name("anling");
    if beside.exists() {
        return Ok(beside);
    }
    Err(Failure(format!(
        "{} is missing; build it first: cargo build --release -p anling",
        beside.display()
    )))
}
