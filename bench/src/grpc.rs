//! Clients over gRPC: the `kurrentdb` crate against the log, UmaDB's protocol against UmaDB.
//!
//! For: what a program of its own sees, client and server in processes of their own, both servers alike.
//! May not know: the protocols.

use std::path::Path;
use std::process::Stdio;

use loadtest::{Doing, Failure};
use tokio::process::Command;

use crate::cli::{Settings, WARM};
use crate::figures::{Cell, Section, Target};
use crate::progress::Progress;
use crate::servers::Server;

/// Of UmaDB's rate, up to so many clients.
const OF_UMADB: [(usize, f64); 2] = [(16, 1.0), (usize::MAX, 0.7)];

pub(crate) async fn run(settings: &Settings, progress: &Progress) -> Result<Section, Failure> {
    let mut section = Section::new("over gRPC, one event to an append");
    let Some(anling) = &settings.anling else {
        let why = "no binary: `cargo build --release -p anling`, or --anling FILE";
        section.skipped.push(why.to_owned());
        return Ok(section);
    };
    if settings.umadb.is_none() {
        let why = "UmaDB: `cargo install umadb --version 0.7.8 --root PEERS`, then --peers PEERS";
        section.skipped.push(why.to_owned());
    }
    let steps = settings.rounds * settings.clients.len() as u64;
    progress.section(section.name, steps);
    for _ in 0..settings.rounds {
        for &count in &settings.clients {
            progress.step(format!("{count} clients"));
            let ours = ours(settings, anling, count).await?;
            section.cell(format!("{count} clients of the log"), ours);
            if let Some(umadb) = &settings.umadb {
                let theirs = theirs(settings, umadb, count).await?;
                section.cell(format!("{count} clients of UmaDB"), theirs);
                let target = OF_UMADB.iter().find(|(most, _)| count <= *most);
                let target = target.map_or(Target::None, |(_, least)| Target::AtLeast(*least));
                let name = format!("{count} clients, of UmaDB");
                section.figure(name, ours.rate() / theirs.rate(), target);
            }
            progress.stepped(1);
        }
    }
    Ok(section)
}

async fn ours(settings: &Settings, binary: &Path, count: usize) -> Result<Cell, Failure> {
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let server = Server::anling(binary, &dir.path().join("data")).await?;
    let cell = clients(settings, "kurrentdb", server.port, count).await?;
    server.stop().await?;
    Ok(cell)
}

async fn theirs(settings: &Settings, binary: &Path, count: usize) -> Result<Cell, Failure> {
    let dir = tempfile::tempdir_in(&settings.dir).doing("make a folder")?;
    let server = Server::umadb(binary, &dir.path().join("data")).await?;
    let cell = clients(settings, "umadb", server.port, count).await?;
    server.stop().await?;
    Ok(cell)
}

/// Runs the client process.
async fn clients(
    settings: &Settings,
    speaks: &str,
    port: u16,
    count: usize,
) -> Result<Cell, Failure> {
    let own = std::env::current_exe().doing("find this program")?;
    let output = Command::new(own)
        .args(["client", "--speaks", speaks])
        .args(["--port", &port.to_string()])
        .args(["--count", &count.to_string()])
        .args(["--warm-ms", &WARM.as_millis().to_string()])
        .args(["--measure-ms", &settings.measure.as_millis().to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .doing("run the clients")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure(format!("the clients failed: {said}")));
    }
    serde_json::from_slice(&output.stdout).doing("read the clients' figures")
}
