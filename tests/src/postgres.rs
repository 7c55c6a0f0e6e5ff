//! Throw-away PostgreSQL servers for tests.
//!
//! For: a real server with its real durability, on loopback and a free port, gone with the test that started it however
//! that ends. Other crates' tests include this file by its path.
//! May not know: what is stored in it; any crate but `std`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Settings of every server: small, many connections, and as durable as PostgreSQL is by itself.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nfsync = on\nsynchronous_commit = on\nfull_page_writes = on\n\
    max_connections = 300\nshared_buffers = 32MB\nlog_min_messages = warning\n";

/// How often another port is tried when somebody else was quicker.
const PORTS: u32 = 5;

/// A server of its own, and its folder.
#[derive(Debug)]
pub struct PostgresServer {
    dir: PathBuf,
    port: u16,
    account: Option<(u32, u32)>,
    /// Stops the server and removes the folder as soon as its standard input ends: with us, however we end.
    undertaker: Option<Child>,
}

impl PostgresServer {
    /// The server all tests of this process share; take a schema of your own in it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(""))
    }

    /// A server with more settings, one `name = value` per line.
    pub fn start(settings: &str) -> Self {
        let account = account();
        let dir = folder(account);
        let mut server = Self {
            undertaker: None,
            dir,
            port: 0,
            account,
        };
        let data = server.data();
        let mut make = server.tool("initdb");
        make.arg("-D").arg(&data).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]);
        done(&make.output().expect("initdb runs"), "initdb");
        server.undertaker = Some(server.hire());
        for attempt in 1..=PORTS {
            server.port = free_port();
            server.settings(settings);
            let started = server.try_resume();
            if started.status.success() {
                break;
            }
            assert!(attempt < PORTS, "{}", server.log());
        }
        server
    }

    /// Where it is, for `sqlx` and `psql`.
    pub fn url(&self) -> String {
        self.url_through(self.port)
    }

    /// The same by another port, such as a proxy's.
    pub fn url_through(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A name no other test of this process uses.
    pub fn fresh_schema() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Replaces the settings; they hold after `reload` or the next `resume`.
    pub fn settings(&self, settings: &str) {
        let text = format!(
            "{SETTINGS}port = {}\nunix_socket_directories = '{}'\n{settings}",
            self.port,
            self.dir.display()
        );
        let path = self.data().join("postgresql.auto.conf");
        fs::write(&path, text).expect("the settings can be written");
        self.give(&path);
    }

    /// Lets the running server read its settings again.
    pub fn reload(&self) {
        done(&self.control("reload", &[]), "pg_ctl reload");
    }

    /// Stops it at once, as a crash would; it can be resumed.
    pub fn crash(&self) {
        done(&self.control("stop", &["-m", "immediate"]), "pg_ctl stop");
    }

    /// Starts it again on the same port, and returns when it takes connections.
    pub fn resume(&self) {
        let started = self.try_resume();
        assert!(started.status.success(), "{}", self.log());
    }

    /// Runs a statement as the database's owner, and gives back its rows, columns parted by `|`.
    pub fn sql(&self, sql: &str) -> String {
        self.sql_at(&self.url(), sql)
    }

    /// The same in another database of this server.
    pub fn sql_at(&self, url: &str, sql: &str) -> String {
        let asked = self
            .tool("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
            .output()
            .expect("psql runs");
        done(&asked, sql);
        String::from_utf8_lossy(&asked.stdout).trim().to_owned()
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Everything the server keeps: tables, write-ahead log, its own log.
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn try_resume(&self) -> Output {
        let log = self.dir.join("log");
        self.control("start", &["-w", "-l", &log.display().to_string()])
    }

    fn control(&self, what: &str, more: &[&str]) -> Output {
        let mut command = self.tool("pg_ctl");
        command.arg(what).arg("-s").arg("-D").arg(self.data());
        command.args(more).output().expect("pg_ctl runs")
    }

    /// One of PostgreSQL's programs, under the account it accepts.
    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(programs().join(name));
        command.stdin(Stdio::null()).current_dir(&self.dir);
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Somebody who outlives us: a shell that reads until our end of the pipe closes, which the system does even when
    /// we are killed.
    fn hire(&self) -> Child {
        const SCRIPT: &str = "trap '' INT TERM HUP; read -r _; \
             \"$1/pg_ctl\" stop -s -m immediate -D \"$2/data\" 2>/dev/null; cd /; rm -rf \"$2\"";
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "undertaker"])
            .arg(programs())
            .arg(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        if let Some((uid, gid)) = self.account {
            shell.uid(uid).gid(gid);
        }
        shell.spawn().expect("a shell runs")
    }

    fn give(&self, path: &Path) {
        if let Some((uid, gid)) = self.account {
            chown(path, Some(uid), Some(gid)).expect("root may give files away");
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut undertaker) = self.undertaker.take() {
            drop(undertaker.stdin.take());
            drop(undertaker.wait());
        }
    }
}

/// The folder with PostgreSQL's own programs: the newest of Debian's, or the one `PATH` names.
fn programs() -> PathBuf {
    let version = |path: &Path| -> u32 {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = debian
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| version(path));
    if let Some(newest) = newest {
        return newest.join("bin");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    found.expect("PostgreSQL's server programs are installed (Debian: apt-get install postgresql)")
}

/// PostgreSQL refuses to run as root: then it runs as its own account, here its user and group.
fn account() -> Option<(u32, u32)> {
    let ours = fs::metadata("/proc/self").expect("there is /proc").uid();
    if ours != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("there are accounts");
    let line = accounts.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line
        .expect("there is a postgres account")
        .split(':')
        .collect();
    let number = |field: usize| fields[field].parse().expect("a number");
    Some((number(2), number(3)))
}

/// A new folder for the account, with a short name: a socket's path is short.
fn folder(account: Option<(u32, u32)>) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!(
        "anling-pg-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let dir = std::env::temp_dir().join(name);
    fs::create_dir(&dir).expect("a new folder");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("our folder");
    if let Some((uid, gid)) = account {
        chown(&dir, Some(uid), Some(gid)).expect("root may give folders away");
    }
    dir
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn done(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
}
