//! The process: started on free ports, ended with its test.
//!
//! For: `Node::start`, `kill_nine`, `stop`, and presses and lists over HTTP.
//! May not know: the console's WebSocket; that is `page`.

use crate::Store;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How long a node may take until it listens; a new city is made within.
const START_WITHIN: Duration = Duration::from_secs(240);

/// A device of the demo city.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its identifier.
    pub device: String,
    /// Its key.
    pub key: String,
    /// Whose it is.
    pub resident: String,
    /// District code.
    pub district: String,
    /// The account of the home's alarm panel; empty where there is none.
    pub account: String,
}

/// An account of the demo city.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Account {
    /// To sign in with.
    pub name: String,
    /// To sign in with.
    pub password: String,
    /// `operator` …
    pub role: String,
    /// `site:…`, `district:…`, `city`.
    pub scope: String,
    /// Where duty is taken.
    pub site: Option<String>,
    /// Played by the cast.
    pub cast: bool,
    /// What its button on the sign-in page says, in both languages; absent when it has none.
    pub button: Option<(String, String)>,
}

/// A running binary.
#[derive(Debug)]
pub struct Node {
    child: Child,
    /// The city's folder, where its devices and accounts are listed; its data folder, where one process does all.
    pub data: PathBuf,
    /// `http://address:port`; empty without this door.
    pub console: String,
    /// `http://address:port`; empty without this door.
    pub devices: String,
    /// `address:port` of the panels' door; empty without it.
    pub dc09: String,
    /// `address:port` of the log's own door; empty without it.
    pub eventstore: String,
    /// `http://address:port`; empty without this door.
    pub ops: String,
    /// What it printed until it was ready.
    pub said: String,
    /// For plain requests.
    pub client: reqwest::Client,
}

/// The binary beside this test's own: built with the workspace, in the same target folder.
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test has a path");
    path.pop();
    if path.ends_with("deps") || path.ends_with("examples") {
        path.pop();
    }
    let path = path.join("anling");
    assert!(
        path.exists(),
        "build the binary first: cargo build ({})",
        path.display()
    );
    path
}

/// The TLS back end is chosen once; the client asks for one even when it speaks plain HTTP.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Node {
    /// The demo city without its cast, of `residents` residents, on SQLite and free ports.
    pub async fn start(data: &Path, residents: u32) -> Node {
        Store::Sqlite.start(data, residents).await
    }

    /// The binary with these words on free ports; ready when it has said `greeting`. `city` is where the demo city's
    /// devices and accounts are listed.
    pub(crate) async fn launch(
        store: &Store,
        data: &Path,
        city: &Path,
        words: &[&str],
        greeting: &str,
    ) -> Node {
        let listening = data.join("listening.json");
        let _ = std::fs::remove_file(&listening);
        let mut child = Command::new(binary())
            .args(words)
            .args(["--console-listen", "127.0.0.1:0"])
            .args(["--devices-listen", "127.0.0.1:0"])
            .args(["--dc09-listen", "127.0.0.1:0"])
            .args(["--eventstore-listen", "127.0.0.1:0"])
            .args(["--ops-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .envs(store.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let mut said = String::new();
        // The greeting comes when everything is ready; waiting for it is waiting for the event itself.
        let ready = tokio::time::timeout(START_WITHIN, async {
            while let Some(line) = lines.next_line().await.expect("stdout is text") {
                said += &line;
                said.push('\n');
                if line.contains(greeting) {
                    return true;
                }
            }
            false
        })
        .await
        .expect("ready in time");
        assert!(
            ready,
            "anling ended before it was ready: {:?}",
            child.wait().await
        );
        // Somebody has to read on, or the process would stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let text = std::fs::read_to_string(&listening).expect("listening.json is written");
        let listening: Value = serde_json::from_str(&text).expect("listening.json is JSON");
        let url = |door: &str| match listening[door].as_str() {
            Some(address) => format!("http://{address}"),
            None => String::new(),
        };
        Node {
            child,
            data: city.to_path_buf(),
            console: url("console"),
            devices: url("devices"),
            dc09: listening["dc09"].as_str().unwrap_or_default().to_owned(),
            eventstore: listening["eventstore"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            ops: url("ops"),
            said,
            client: client(),
        }
    }

    /// Ends it without a word, and waits until it is gone.
    pub async fn kill_nine(mut self) {
        self.child.kill().await.expect("it was running");
    }

    /// Asks it to stop, and waits.
    pub async fn stop(mut self) {
        let pid = self.child.id().expect("it was running").to_string();
        let told = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .expect("kill is there");
        assert!(told.success());
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait())
            .await
            .expect("it stops in time");
        assert!(ended.expect("it ends").success());
    }

    /// The city's devices.
    pub fn device_list(&self) -> Vec<Device> {
        let text = std::fs::read_to_string(self.data.join("demo-devices.csv"))
            .expect("the demo writes its devices");
        text.lines()
            .skip(1)
            .map(|line| {
                let row: Vec<&str> = line.split(',').collect();
                Device {
                    device: row[0].into(),
                    key: row[1].into(),
                    resident: row[2].into(),
                    district: row[3].into(),
                    account: row[4].into(),
                }
            })
            .collect()
    }

    /// The city's accounts.
    pub fn accounts(&self) -> Vec<Account> {
        let text = std::fs::read_to_string(self.data.join("demo-accounts.json"))
            .expect("the demo writes its accounts");
        serde_json::from_str(&text).expect("accounts are JSON")
    }

    /// The first account whose scope begins so.
    pub fn account(&self, scope: &str) -> Account {
        self.accounts()
            .into_iter()
            .find(|account| account.scope.starts_with(scope))
            .expect("such an account")
    }

    /// One press; status and body.
    pub async fn press(
        &self,
        device: &Device,
        press: &str,
        kind: &str,
    ) -> reqwest::Result<(u16, Value)> {
        let body = json!({ "device": device.device, "press": press, "kind": kind });
        let answer = self
            .client
            .post(format!("{}/v1/signals", self.devices))
            .bearer_auth(&device.key)
            .json(&body)
            .send()
            .await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or(Value::Null)))
    }

    /// A press with a number of its own; panics unless it was taken.
    pub async fn press_new(&self, device: &Device, kind: &str) -> (String, Value) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let press = format!(
            "{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let (status, body) = self
            .press(device, &press, kind)
            .await
            .expect("the door answers");
        assert_eq!(status, 201, "{body}");
        (press, body)
    }

    /// How far help is.
    pub async fn stage(&self, device: &Device, press: &str) -> Value {
        let answer = self
            .client
            .get(format!(
                "{}/v1/signals/{}/{press}",
                self.devices, device.device
            ))
            .bearer_auth(&device.key)
            .send()
            .await;
        answer
            .expect("the door answers")
            .json()
            .await
            .expect("a stage is JSON")
    }

    /// Asks until the device is told this stage.
    pub async fn until_stage(&self, device: &Device, press: &str, wanted: &str) -> Value {
        let is = |stage: &Value| stage["stage"] == wanted;
        self.until_told(device, press, wanted, is).await
    }

    /// Asks until the device is told something like this.
    pub async fn until_told(
        &self,
        device: &Device,
        press: &str,
        wanted: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        let seen = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                ticks.tick().await;
                let stage = self.stage(device, press).await;
                if is(&stage) {
                    return stage;
                }
            }
        });
        seen.await
            .unwrap_or_else(|_| panic!("the device never heard {wanted}"))
    }

    /// A session's bearer token.
    pub async fn sign_in(&self, account: &Account) -> String {
        let token = self.try_sign_in(account).await;
        token.expect("the account is known")
    }

    /// The same; `None` while the account is not known, or nobody can say.
    pub async fn try_sign_in(&self, account: &Account) -> Option<String> {
        let body = json!({ "name": account.name, "password": account.password });
        let answer = self
            .client
            .post(format!("{}/v1/session", self.console))
            .json(&body)
            .send()
            .await
            .expect("the door answers");
        if answer.status() != 200 {
            return None;
        }
        let session: Value = answer.json().await.expect("a session is JSON");
        session["token"].as_str().map(str::to_owned)
    }

    /// `GET` at the console.
    pub async fn get(&self, token: &str, path: &str) -> Value {
        let answer = self
            .client
            .get(format!("{}{path}", self.console))
            .bearer_auth(token)
            .send()
            .await
            .expect("the door answers");
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.expect("JSON")
    }
}
