//! A throw-away PostgreSQL server for one run.
//!
//! For: `--store postgres` without a database: a cluster of its own in the run's folder, on a free port, under the
//! postgres account where we are root (it refuses to run as root).
//! May not know: what is stored in it.

use crate::{Doing, Failure};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// The account under which the server runs when we are root.
const ACCOUNT: &str = "postgres";

/// A running server; stopped with [`Postgres::stop`].
#[derive(Debug)]
pub struct Postgres {
    tools: Tools,
    cluster: PathBuf,
    port: u16,
    /// Its first process; the others are its children.
    pub pid: u32,
}

#[derive(Debug)]
struct Tools {
    bin: PathBuf,
    as_root: bool,
}

impl Tools {
    /// Where the distribution keeps them, newest first, or wherever `PATH` finds them.
    async fn find() -> Result<Self, Failure> {
        let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .filter(|(_, bin)| bin.join("initdb").exists())
            .collect();
        found.sort();
        let bin = found.pop().map(|(_, bin)| bin).unwrap_or_default();
        let id = Command::new("id")
            .arg("-u")
            .output()
            .await
            .doing("ask who we are")?;
        Ok(Self {
            bin,
            as_root: id.stdout.starts_with(b"0\n"),
        })
    }

    async fn run(&self, program: &str, args: &[&str]) -> Result<(), Failure> {
        let program = self.bin.join(program);
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", ACCOUNT, "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        command
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let doing = format!("run {} (is PostgreSQL installed?)", program.display());
        match command.status().await.doing(&doing)? {
            status if status.success() => Ok(()),
            status => Err(Failure(format!("could not {doing}: {status}"))),
        }
    }
}

impl Postgres {
    /// Makes a cluster in `folder` and starts it.
    pub async fn start(folder: &Path) -> Result<Self, Failure> {
        let tools = Tools::find().await?;
        let home = folder.join("postgres");
        std::fs::create_dir(&home).doing("make a folder for PostgreSQL")?;
        if tools.as_root {
            reachable(folder)?;
            let owned = Command::new("chown").arg(ACCOUNT).arg(&home).status().await;
            owned.doing("give PostgreSQL its folder")?;
        }
        let cluster = home.join("cluster");
        let (at, sockets) = (text(&cluster)?, text(&home)?);
        tools
            .run(
                "initdb",
                &[
                    "-D",
                    &at,
                    "-U",
                    ACCOUNT,
                    "-A",
                    "trust",
                    "--no-locale",
                    "-E",
                    "UTF8",
                ],
            )
            .await?;
        let port = free_port()?;
        let options =
            format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={sockets}");
        let log = text(&home.join("log"))?;
        tools
            .run(
                "pg_ctl",
                &["-D", &at, "-l", &log, "-w", "-o", &options, "start"],
            )
            .await?;
        let pid = std::fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
        let pid = pid
            .lines()
            .next()
            .and_then(|line| line.parse().ok())
            .unwrap_or(0);
        Ok(Self {
            tools,
            cluster,
            port,
            pid,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("postgres://{ACCOUNT}@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it.
    pub async fn stop(&self) -> Result<(), Failure> {
        let at = text(&self.cluster)?;
        self.tools
            .run("pg_ctl", &["-D", &at, "-m", "immediate", "-w", "stop"])
            .await
    }
}

/// The run's folder is ours alone; the server must be able to pass through it.
fn reachable(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder, open).doing("let PostgreSQL into the run's folder")
}

/// A port nobody has just now.
pub fn free_port() -> Result<u16, Failure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").doing("find a free port")?;
    Ok(listener.local_addr().doing("find a free port")?.port())
}

fn text(path: &Path) -> Result<String, Failure> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure("the run's folder has an odd name".to_owned()))
}
