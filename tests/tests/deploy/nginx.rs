//! nginx before a running Anling, with the example's own lines.

use crate::{deploy, run};
use journeys::{Node, Store};
use reqwest::{Client, StatusCode};
use serde_json::json;
use std::{fs, net::TcpListener, path::Path, time::Duration};
use tokio::process::{Child, Command};

const NAMES: [&str; 2] = ["console.example.org", "devices.example.org"];

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A running nginx, ended with the test.
struct Proxy {
    _child: Child,
    port: u16,
    client: Client,
}

impl Proxy {
    /// The example with this machine's ports, a certificate of its own, and nothing else changed.
    async fn before(node: &Node, dir: &Path) -> Proxy {
        let (port, plain) = (free_port(), free_port());
        let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).unwrap();
        for name in ["console", "devices"] {
            fs::write(dir.join(format!("{name}.pem")), made.cert.pem()).unwrap();
            fs::write(
                dir.join(format!("{name}.key")),
                made.signing_key.serialize_pem(),
            )
            .unwrap();
        }
        let door = |url: &str| url.trim_start_matches("http://").to_owned();
        let text = fs::read_to_string(deploy("nginx/anling.conf")).unwrap();
        let lines = text.lines().filter(|line| !line.contains("listen [::]"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let text = text
            .replace("listen 443", &format!("listen 127.0.0.1:{port}"))
            .replace("listen 80", &format!("listen 127.0.0.1:{plain}"))
            .replace("/etc/anling/tls", dir.to_str().unwrap())
            .replace(
                "    server 127.0.0.1:7300",
                &format!("    server {}", door(&node.console)),
            )
            .replace(
                "    server 127.0.0.1:7310",
                &format!("    server {}", door(&node.devices)),
            );
        fs::write(dir.join("anling.conf"), text).unwrap();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temp: String = temp
            .map(|name| format!("{name}_temp_path {}/{name};\n", dir.display()))
            .concat();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log stderr crit;\nevents {{ }}\nhttp {{\naccess_log off;\n{temp}include \
             {0}/anling.conf;\n}}\n",
            dir.display()
        );
        let config = dir.join("nginx.conf");
        fs::write(&config, main).unwrap();
        let (content, said) = run(std::process::Command::new("nginx")
            .args(["-t", "-e", "stderr", "-c"])
            .arg(&config));
        assert!(
            content && said.contains("test is successful") && !said.contains("[warn]"),
            "{said}"
        );
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-c"])
            .arg(&config)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = ([127, 0, 0, 1], port).into();
        let client = NAMES.iter().fold(Client::builder(), |client, name| {
            client.resolve(name, address)
        });
        let certificate = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
        let client = client.tls_certs_only([certificate]).build().unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let listening = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_err()
            {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), listening)
            .await
            .expect("nginx listens");
        Proxy {
            _child: child,
            port,
            client,
        }
    }

    fn url(&self, name: &str, path: &str) -> String {
        format!("https://{name}:{}{path}", self.port)
    }

    async fn upgraded(&self, name: &str, path: &str, key: &str) -> StatusCode {
        let request = self.client.get(self.url(name, path)).bearer_auth(key);
        let request = request
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        let request = request
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.send().await.unwrap().status()
    }
}

async fn start(dir: &Path) -> Node {
    let config = dir.join("anling.toml");
    fs::write(&config, "trusted_proxies = [\"127.0.0.1\"]\n").unwrap();
    let flags = [
        "demo",
        "--no-cast",
        "--residents",
        "30",
        "--config",
        config.to_str().unwrap(),
    ];
    Store::Sqlite.start_with(&dir.join("data"), &flags).await
}

#[tokio::test]
async fn through_nginx_alarms_are_never_limited_and_both_websockets_open() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    let proxy = Proxy::before(&node, dir.path()).await;
    let [console, devices] = NAMES;

    let device = node.device_list().remove(0);
    for number in 0..100 {
        let press = json!({ "device": device.device, "press": number.to_string(), "kind": "sos" });
        let request = proxy
            .client
            .post(proxy.url(devices, "/v1/signals"))
            .bearer_auth(&device.key);
        assert_eq!(
            request.json(&press).send().await.unwrap().status(),
            StatusCode::CREATED
        );
    }
    // A body far above any bound is an alarm with problems, not a refusal.
    let long = proxy
        .client
        .post(proxy.url(devices, "/v1/signals"))
        .bearer_auth(&device.key);
    let status = long
        .body("x".repeat(2_000_000))
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(status, StatusCode::ACCEPTED);
    let channel = format!("/v1/devices/{}/channel", device.device);
    let opened = proxy.upgraded(devices, &channel, &device.key).await;
    assert_eq!(opened, StatusCode::SWITCHING_PROTOCOLS);

    let account = node.account("city");
    let body = json!({ "name": account.name, "password": account.password });
    let answer = proxy
        .client
        .post(proxy.url(console, "/v1/session"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for name in [
        "strict-transport-security",
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "x-frame-options",
    ] {
        assert_eq!(answer.headers().get_all(name).iter().count(), 1, "{name}");
    }
    let session: serde_json::Value = answer.json().await.unwrap();
    let opened = proxy
        .upgraded(console, "/v1/console", session["token"].as_str().unwrap())
        .await;
    assert_eq!(opened, StatusCode::SWITCHING_PROTOCOLS);

    let mut refused = 0;
    for _ in 0..40 {
        let status = proxy
            .client
            .get(proxy.url(console, "/v1/session"))
            .send()
            .await
            .unwrap()
            .status();
        refused += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0, "sign-ins are limited");
    node.stop().await;
}

#[tokio::test]
async fn whoever_guesses_behind_a_proxy_is_in_nobody_elses_way() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    let guess = |from: &'static str| {
        let body = json!({ "name": "nobody", "password": "guessed" });
        let request = node.client.post(format!("{}/v1/session", node.console));
        request.header("x-forwarded-for", from).json(&body).send()
    };
    let mut last = StatusCode::OK;
    for _ in 0..9 {
        // What stands before the last address was written by the asker, and changes nothing.
        last = guess("198.51.100.1, 203.0.113.7").await.unwrap().status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        guess("203.0.113.8").await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    node.stop().await;
}
