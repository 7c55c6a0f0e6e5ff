//! Settings: file, then environment, then flags; the later one wins.
//!
//! For: one checked `Settings` for the rest of the binary, and plain words on what is wrong with one.
//! May not know: what the settings are used for.

use crate::{
    database::Database,
    eventstore,
    failure::Failure,
    notarize::NotarySettings,
    roles::Roles,
    settings_file::{Fault, File, Webhooks, syntax, utf8},
};
use casebook::streams;
use clap::Args;
use domain::{NodeId, policy::RingPolicy};
use eventstore_api::Reached;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// Where the console listens unless told otherwise.
const CONSOLE_LISTEN: &str = "127.0.0.1:7300";
/// Where devices are heard unless told otherwise.
const DEVICES_LISTEN: &str = "127.0.0.1:7310";
/// Where alarm panels are heard (SIA DC-09) unless told otherwise.
const DC09_LISTEN: &str = "127.0.0.1:7309";
/// How the names begin of streams that outside programs may change, unless told otherwise.
const EVENTSTORE_PREFIX: &str = "external-";
/// How the names of our own streams begin.
const OURS: [&str; 15] = [
    streams::DEVICE,
    streams::UNVERIFIED,
    streams::CARE,
    streams::INCIDENT,
    streams::RESIDENT,
    streams::SITE,
    streams::OPERATOR,
    streams::RESPONDER,
    streams::CROSSING,
    streams::CITY,
    streams::DISTRICT,
    streams::COMMUNITY,
    streams::GRID,
    streams::BARRIER,
    streams::POLICY,
];
/// How often panels are set to poll unless told otherwise, in seconds: EN 50136-1 reports a lost path of category SP3
/// within 30 minutes.
const PANEL_POLL_S: u32 = 1_800;
/// Shortest webhook secret taken, in characters. Ours: 32 characters of hexadecimal are 128 bits.
const SECRET_LENGTH_MIN: usize = 32;

/// Where a process without the console tells how it is, unless told otherwise.
const OPS_LISTEN: &str = "127.0.0.1:7399";

/// Where the log is, on the command line or in the environment; every command that needs the log knows these.
#[derive(Clone, Default, Args)]
pub(crate) struct Store {
    /// Settings file (TOML)
    #[arg(long, env = "ANLING_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the log and everything else that is kept [default: ./anling-data]
    #[arg(long, env = "ANLING_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// PostgreSQL database of the log, for several processes; better in the environment, where no one sees the password
    #[arg(
        long,
        env = "ANLING_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) database_url: Option<String>,
    /// Take a database server that may lose what it confirmed (fsync or synchronous_commit off)
    #[arg(long, env = "ANLING_ALLOW_UNSAFE_DATABASE")]
    pub(crate) allow_unsafe_database: bool,
    /// File of the master key, the same for every process of a log [default: DIR/master.key]
    #[arg(long, env = "ANLING_MASTER_KEY", value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
}

/// What may be said on the command line or in the environment.
#[derive(Clone, Default, Args)]
pub(crate) struct Given {
    #[command(flatten)]
    pub(crate) store: Store,
    /// Address and port of the console; port 0 picks a free one [default: 127.0.0.1:7300]
    #[arg(long, env = "ANLING_CONSOLE_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) console_listen: Option<String>,
    /// Address and port for devices; port 0 picks a free one [default: 127.0.0.1:7310]
    #[arg(long, env = "ANLING_DEVICES_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) devices_listen: Option<String>,
    /// Address and port of /healthz, /readyz and /metrics by themselves [default: 127.0.0.1:7399 without the console's
    /// role; none with it]
    #[arg(long, env = "ANLING_OPS_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) ops_listen: Option<String>,
    /// Roles of this process, separated by commas [default: ingest,dispatcher,console]
    #[arg(
        long,
        env = "ANLING_ROLES",
        value_delimiter = ',',
        value_name = "ROLES"
    )]
    pub(crate) roles: Option<Vec<String>>,
    /// This process's name among several [default: a lasting one of the data folder]
    #[arg(long, env = "ANLING_NODE", value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Address and port of the log for EventStoreDB clients; port 0 picks a free one [default: 127.0.0.1:2113]
    #[arg(long, env = "ANLING_EVENTSTORE_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) eventstore_listen: Option<String>,
    /// Address and port for alarm panels (SIA DC-09); port 0 picks a free one [default: 127.0.0.1:7309]
    #[arg(long, env = "ANLING_DC09_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) dc09_listen: Option<String>,
}

/// What the binary runs on.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    /// `None`: SQLite in the data folder.
    pub(crate) database: Option<Database>,
    pub(crate) roles: Roles,
    /// `None`: the data folder's own.
    pub(crate) node: Option<NodeId>,
    pub(crate) console_listen: SocketAddr,
    pub(crate) devices_listen: SocketAddr,
    /// For alarm panels, with the devices' role.
    pub(crate) dc09_listen: SocketAddr,
    /// Of the log for EventStoreDB clients, with the console's role.
    pub(crate) eventstore_listen: SocketAddr,
    /// How the names begin of streams that outside programs may change.
    pub(crate) eventstore_prefix: String,
    /// Where clients reach that door, whatever they say; `None`: as they did.
    pub(crate) eventstore_advertised: Option<Reached>,
    /// Certificate chain and key of that door, PEM files; `None`: no TLS.
    pub(crate) eventstore_tls: Option<(PathBuf, PathBuf)>,
    /// `None`: health and figures are told at the console's door only.
    pub(crate) ops_listen: Option<SocketAddr>,
    pub(crate) public_url: Option<String>,
    pub(crate) policy: RingPolicy,
    pub(crate) master_key: Option<PathBuf>,
    pub(crate) duty_phone: String,
    pub(crate) heartbeat_s: u32,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) panel_poll_s: u32,
    pub(crate) webhooks: Webhooks,
    /// Who signs the log, and where checkpoints go.
    pub(crate) notary: NotarySettings,
}

impl Settings {
    /// The settings, or every fault found in them.
    pub(crate) fn load(given: &Given) -> Result<Settings, Failure> {
        let (file, base) = match &given.store.config {
            None => (File::default(), PathBuf::new()),
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| {
                    Failure::setting(format!(
                        "cannot read {}: {error}; check --config",
                        path.display()
                    ))
                })?;
                let text = utf8(bytes).map_err(|fault| {
                    Failure::settings(vec![format!("{}, {}", path.display(), fault.told())])
                })?;
                let file = File::read(&text).map_err(|faults| {
                    let faults = faults.iter();
                    let faults = faults.map(|fault| format!("{}, {fault}", path.display()));
                    Failure::settings(faults.collect())
                })?;
                (file, path.parent().map(PathBuf::from).unwrap_or_default())
            }
        };
        let mut faults = Vec::new();
        let console_listen = address(
            "console_listen",
            "ANLING_CONSOLE_LISTEN",
            given
                .console_listen
                .as_ref()
                .or(file.console_listen.as_ref()),
            CONSOLE_LISTEN,
            &mut faults,
        );
        let devices_listen = address(
            "devices_listen",
            "ANLING_DEVICES_LISTEN",
            given
                .devices_listen
                .as_ref()
                .or(file.devices_listen.as_ref()),
            DEVICES_LISTEN,
            &mut faults,
        );
        let dc09_listen = address(
            "dc09_listen",
            "ANLING_DC09_LISTEN",
            given.dc09_listen.as_ref().or(file.dc09_listen.as_ref()),
            DC09_LISTEN,
            &mut faults,
        );
        let eventstore_listen = address(
            "eventstore_listen",
            "ANLING_EVENTSTORE_LISTEN",
            given
                .eventstore_listen
                .as_ref()
                .or(file.eventstore_listen.as_ref()),
            eventstore::LISTEN,
            &mut faults,
        );
        let eventstore_prefix = prefix(file.eventstore_prefix.as_deref(), &mut faults);
        let eventstore_advertised = advertised(&file, &mut faults);
        let eventstore_tls = certificate(&file, &base, &mut faults);
        let database = database(given, &file, &mut faults);
        let roles = roles(given, &file, database.is_some(), &mut faults);
        let node = node(given.node.as_ref().or(file.node.as_ref()), &mut faults);
        let ops = given.ops_listen.as_ref().or(file.ops_listen.as_ref());
        let ops_listen = (ops.is_some() || !roles.console).then(|| {
            let variable = "ANLING_OPS_LISTEN";
            address("ops_listen", variable, ops, OPS_LISTEN, &mut faults)
        });
        let doors = [
            ("console_listen", console_listen.filter(|_| roles.console)),
            ("devices_listen", devices_listen.filter(|_| roles.ingest)),
            ("dc09_listen", dc09_listen.filter(|_| roles.ingest)),
            (
                "eventstore_listen",
                eventstore_listen.filter(|_| roles.console),
            ),
            ("ops_listen", ops_listen.flatten()),
        ];
        check_apart(&doors, &mut faults);
        let policy = policy(
            file.policy.as_ref().map(|path| base.join(path)),
            &mut faults,
        );
        let heartbeat_s = file.heartbeat_s.unwrap_or(600);
        if !(10..=86_400).contains(&heartbeat_s) {
            faults.push(format!(
                "heartbeat_s is {heartbeat_s}; it must lie between 10 and 86400 seconds"
            ));
        }
        let panel_poll_s = file.panel_poll_s.unwrap_or(PANEL_POLL_S);
        // EN 50136-1 knows intervals from 20 s to 32 days.
        if !(10..=2_764_800).contains(&panel_poll_s) {
            faults.push(format!(
                "panel_poll_s is {panel_poll_s}; it must lie between 10 and 2764800 seconds"
            ));
        }
        check_webhooks(&file.webhooks, &mut faults);
        let notary = file.notary.clone().at(&base, &mut faults);
        check_address("notary.webhook", notary.webhook.as_deref(), &mut faults);
        let listens = (
            console_listen,
            devices_listen,
            dc09_listen,
            eventstore_listen,
        );
        match (listens, policy) {
            (
                (
                    Some(console_listen),
                    Some(devices_listen),
                    Some(dc09_listen),
                    Some(eventstore_listen),
                ),
                Some(policy),
            ) if faults.is_empty() => Ok(Settings {
                data: given
                    .store
                    .data
                    .clone()
                    .or(file.data.map(|path| base.join(path)))
                    .unwrap_or_else(|| PathBuf::from("./anling-data")),
                database,
                roles,
                node,
                console_listen,
                devices_listen,
                ops_listen: ops_listen.flatten(),
                dc09_listen,
                eventstore_listen,
                eventstore_prefix,
                eventstore_advertised,
                eventstore_tls,
                public_url: file.public_url,
                policy,
                master_key: given
                    .store
                    .master_key
                    .clone()
                    .or(file.master_key.map(|path| base.join(path))),
                duty_phone: file.duty_phone.unwrap_or_else(|| "12349".to_owned()),
                heartbeat_s,
                trusted_proxies: file.trusted_proxies,
                panel_poll_s,
                webhooks: file.webhooks,
                notary,
            }),
            _ => Err(Failure::settings(faults)),
        }
    }
}

impl Settings {
    /// The doors of the roles held, each with its setting's name: console, devices, panels, the log's, ops.
    pub(crate) fn doors(&self) -> [(&'static str, Option<SocketAddr>); 5] {
        let console = self.roles.console.then_some(self.console_listen);
        let devices = self.roles.ingest.then_some(self.devices_listen);
        [
            ("console_listen", console),
            ("devices_listen", devices),
            ("dc09_listen", self.roles.ingest.then_some(self.dc09_listen)),
            (
                "eventstore_listen",
                self.roles.console.then_some(self.eventstore_listen),
            ),
            ("ops_listen", self.ops_listen),
        ]
    }
}

fn address(
    name: &str,
    variable: &str,
    given: Option<&String>,
    default: &str,
    faults: &mut Vec<String>,
) -> Option<SocketAddr> {
    let text = given.map_or(default, String::as_str);
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            faults.push(format!("{name} ({variable}) is \"{text}\"; write an address and a port, for example {default}"));
            None
        }
    }
}

/// How names begin that outside programs may change: a word that none of our own streams begins with, and a dash.
fn prefix(given: Option<&str>, faults: &mut Vec<String>) -> String {
    let prefix = given.unwrap_or(EVENTSTORE_PREFIX);
    let word = prefix.strip_suffix('-').unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    if word.is_empty() || !word.bytes().all(plain) || OURS.contains(&word) {
        faults.push(format!(
            "eventstore_prefix is \"{prefix}\"; write a word that is no kind of stream of ours, and a dash, for example {EVENTSTORE_PREFIX}"
        ));
    }
    prefix.to_owned()
}

fn advertised(file: &File, faults: &mut Vec<String>) -> Option<Reached> {
    let text = file.eventstore_advertised.as_deref()?;
    let wrong = |how| faults.push(format!("eventstore_advertised is \"{text}\"; {how}"));
    text.parse().map_err(wrong).ok()
}

fn certificate(file: &File, base: &Path, faults: &mut Vec<String>) -> Option<(PathBuf, PathBuf)> {
    let certificate = file.eventstore_certificate.as_ref();
    match (certificate, file.eventstore_certificate_key.as_ref()) {
        (Some(certificate), Some(key)) => Some((base.join(certificate), base.join(key))),
        (None, None) => None,
        _ => {
            faults.push("eventstore_certificate and eventstore_certificate_key belong together; name both PEM files, or neither".to_owned());
            None
        }
    }
}

fn database(given: &Given, file: &File, faults: &mut Vec<String>) -> Option<Database> {
    let url = given
        .store
        .database_url
        .as_ref()
        .or(file.database_url.as_ref())?;
    let allow_unsafe = given.store.allow_unsafe_database || file.allow_unsafe_database;
    Database::read(url, allow_unsafe)
        .map_err(|fault| faults.push(fault))
        .ok()
}

fn roles(given: &Given, file: &File, shared: bool, faults: &mut Vec<String>) -> Roles {
    let Some(words) = given.roles.as_ref().or(file.roles.as_ref()) else {
        return Roles::ALL;
    };
    match Roles::read(words.iter().map(String::as_str)) {
        Ok(roles) => {
            if roles != Roles::ALL && !shared && faults.is_empty() {
                faults.push("on SQLite one process has all roles: only it may write the log's file; leave roles out, or name a PostgreSQL database with database_url".to_owned());
            }
            roles
        }
        Err(fault) => {
            faults.push(fault);
            Roles::ALL
        }
    }
}

fn node(word: Option<&String>, faults: &mut Vec<String>) -> Option<NodeId> {
    NodeId::parse(word?)
        .map_err(|error| faults.push(format!("node is \"{}\": {error}", word.map_or("", |it| it))))
        .ok()
}

/// Each door needs a port of its own; port 0 picks one.
fn check_apart(doors: &[(&str, Option<SocketAddr>)], faults: &mut Vec<String>) {
    for (index, (name, address)) in doors.iter().enumerate() {
        let Some(address) = address.filter(|address| address.port() != 0) else {
            continue;
        };
        for (other, _) in doors[..index].iter().filter(|(_, it)| *it == Some(address)) {
            faults.push(format!(
                "{other} and {name} are both {address}; give each its own port"
            ));
        }
    }
}

fn policy(path: Option<PathBuf>, faults: &mut Vec<String>) -> Option<RingPolicy> {
    let Some(path) = path else {
        return Some(RingPolicy::default());
    };
    let at = |fault: Fault| format!("the ring policy {}, {}", path.display(), fault.told());
    let read: Result<RingPolicy, String> = std::fs::read(&path)
        .map_err(|error| format!("cannot read the ring policy {}: {error}", path.display()))
        .and_then(|bytes| utf8(bytes).map_err(at))
        .and_then(|text| toml::from_str(&text).map_err(|error| at(syntax(&text, &error))));
    match read {
        Ok(policy) => {
            faults.extend(policy.check());
            Some(policy)
        }
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

/// What leaves the machine is encrypted.
fn check_address(name: &str, url: Option<&str>, faults: &mut Vec<String>) {
    let Some(url) = url else { return };
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    if !url.starts_with("https://") && !local.iter().any(|it| url.starts_with(it)) {
        faults.push(format!(
            "{name} is \"{url}\"; it must be an https:// address (http:// only on this machine)"
        ));
    }
}

fn check_webhooks(webhooks: &Webhooks, faults: &mut Vec<String>) {
    let urls = [
        ("duty_phone", &webhooks.duty_phone),
        ("sms", &webhooks.sms),
        ("work_chat", &webhooks.work_chat),
    ];
    for (name, url) in urls {
        check_address(&format!("webhooks.{name}"), url.as_deref(), faults);
    }
    let any = urls.iter().any(|(_, url)| url.is_some());
    if any
        && webhooks
            .secret
            .as_ref()
            .is_none_or(|secret| secret.len() < SECRET_LENGTH_MIN)
    {
        faults.push(format!("webhooks.secret is missing or shorter than {SECRET_LENGTH_MIN} characters; make one with `openssl rand -hex 32`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(config: PathBuf) -> Given {
        let store = Store {
            config: Some(config),
            ..Store::default()
        };
        Given {
            store,
            ..Given::default()
        }
    }

    fn with_file(text: &str) -> Result<Settings, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anling.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(&given(path))
    }

    #[test]
    fn nothing_given_listens_on_loopback() {
        let settings = Settings::load(&Given::default()).unwrap();
        assert!(
            settings.console_listen.ip().is_loopback()
                && settings.devices_listen.ip().is_loopback()
                && settings.dc09_listen.ip().is_loopback()
        );
    }

    #[test]
    fn flags_win_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anling.toml");
        std::fs::write(&path, "console_listen = \"127.0.0.1:1\"\ndata = \"kept\"\n").unwrap();
        let given = Given {
            console_listen: Some("127.0.0.1:2".into()),
            ..given(path)
        };
        let settings = Settings::load(&given).unwrap();
        assert_eq!(settings.console_listen.port(), 2);
        assert_eq!(settings.data, dir.path().join("kept"));
    }

    #[test]
    fn every_fault_is_told_at_once_and_says_what_to_do() {
        let failure = with_file("console_listen = \"here\"\nheartbeat_s = 1\n[webhooks]\nsms = \"http://example.org/\"\n").unwrap_err();
        let text = failure.to_string();
        for part in [
            "console_listen",
            "heartbeat_s",
            "https://",
            "webhooks.secret",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn unknown_entries_and_broken_files_are_refused() {
        for text in [
            "consol_listen = \"127.0.0.1:1\"",
            "console_listen = ",
            "data = 3",
            "trusted_proxies = [\"proxy.example\"]",
            "[webhooks]\nsecrets = \"x\"",
        ] {
            assert!(with_file(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fewer_than_all_roles_need_a_shared_database() {
        let failure = with_file("roles = [\"ingest\"]").unwrap_err().to_string();
        assert!(
            failure.contains("SQLite") && failure.contains("database_url"),
            "{failure}"
        );
        let text = "roles = [\"ingest\"]\ndatabase_url = \"postgres://a:b@c/d\"";
        let settings = with_file(text).unwrap();
        assert!(!settings.roles.console && settings.ops_listen.is_some());
        assert_eq!(with_file("").unwrap().ops_listen, None);
        let unknown = with_file("roles = [\"cook\"]").unwrap_err().to_string();
        assert!(unknown.contains("cook"), "{unknown}");
    }

    #[test]
    fn one_port_for_two_doors_is_refused() {
        for (one, other) in [
            ("console_listen", "devices_listen"),
            ("devices_listen", "dc09_listen"),
            ("console_listen", "dc09_listen"),
        ] {
            let text = format!("{one} = \"127.0.0.1:7000\"\n{other} = \"127.0.0.1:7000\"");
            let failure = with_file(&text).unwrap_err().to_string();
            assert!(
                failure.contains(one) && failure.contains(other),
                "{failure}"
            );
        }
        assert!(with_file("panel_poll_s = 5").is_err());
    }
}
