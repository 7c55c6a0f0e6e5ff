//! message-db under pgbench.
//!
//! For: its own `write_message`, called by many clients at once on a server of ours.
//! May not know: the log.

use std::path::Path;
use std::process::Stdio;

use loadtest::figures::Latencies;
use loadtest::{Doing, Failure};
use tokio::process::Command;
use tokio::time::Duration;

use crate::event;
use crate::figures::Cell;

const DATABASE: &str = "message_store";

/// The server's account; a throw-away server asks nobody for a password.
const ACCOUNT: &str = "postgres";

/// Which categories the clients write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Categories {
    /// All the same one.
    One,
    /// Each client its own.
    PerClient,
}

/// Installs its tables and functions.
pub(crate) async fn install(package: &Path, port: u16) -> Result<(), Failure> {
    let output = Command::new("bash")
        .arg(package.join("database/install.sh"))
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", port.to_string())
        .env("PGUSER", ACCOUNT)
        .env("DATABASE_NAME", DATABASE)
        .stdin(Stdio::null())
        .output()
        .await
        .doing("install message-db")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure(format!("could not install message-db: {said}")));
    }
    Ok(())
}

/// So many clients for so long.
pub(crate) async fn run(
    port: u16,
    folder: &Path,
    clients: usize,
    categories: Categories,
    measure: Duration,
) -> Result<Cell, Failure> {
    let script = folder.join("write.sql");
    std::fs::write(&script, statement(categories)).doing("write pgbench's script")?;
    let log = folder.join("pgbench");
    let seconds = measure.as_secs().max(1);
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-j", "2", "-l"])
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", ACCOUNT])
        .args(["-c", &clients.to_string(), "-T", &seconds.to_string()])
        .arg("-f")
        .arg(&script)
        .arg("--log-prefix")
        .arg(&log)
        .arg(DATABASE)
        .env("PGOPTIONS", "-c search_path=message_store,public")
        .stdin(Stdio::null())
        .output()
        .await
        .doing("run pgbench (is PostgreSQL installed?)")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure(format!("pgbench failed: {said}")));
    }
    let latencies = latencies(folder)?;
    Ok(Cell::of(&latencies, Duration::from_secs(seconds)))
}

fn statement(categories: Categories) -> String {
    let category = match categories {
        Categories::One => "'device-'",
        Categories::PerClient => "'device' || :client_id || '-'",
    };
    let (body, meta) = (event::body(1), event::meta(1));
    format!(
        "\\set stream random(0, {})\n\
         SELECT write_message(gen_random_uuid()::varchar, ({category} || :stream)::varchar, 'AlarmReceived'::varchar, \
         '{body}'::jsonb, '{meta}'::jsonb);\n",
        event::STREAMS - 1
    )
}

/// From pgbench's logs, one line for each transaction: client, number, microseconds, … Reads them and takes them away.
fn latencies(folder: &Path) -> Result<Latencies, Failure> {
    let mut all = Latencies::default();
    for entry in std::fs::read_dir(folder).doing("look for pgbench's log")? {
        let path = entry.doing("look for pgbench's log")?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with("pgbench.")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).doing("read pgbench's log")?;
        let times = text
            .lines()
            .filter_map(|line| line.split(' ').nth(2)?.parse().ok());
        times.for_each(|us| all.add(us));
        std::fs::remove_file(&path).doing("take away pgbench's log")?;
    }
    Ok(all)
}
