//! One running Anling: the parts wired together, and ended in order.
//!
//! For: opening the log, starting ingest, dispatcher and console, and stopping them so that nothing is lost.
//! May not know: what the parts do.

use crate::{
    cli::Serve,
    doors::{self, Listening, Served},
    failure::{Doing, Failure},
    folder::{Folder, Purpose},
    operator, ops, proxy,
    settings::Settings,
};
use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use casebook::{Casebook, MasterKey, Vault};
use console::{Console, ConsoleOptions};
use directory::Directory;
use dispatcher::{Dispatcher, DispatcherOptions};
use eventlog::{Log, Position, SystemClock, admin};
use ingest::{Ingest, IngestOptions};
use std::{net::TcpListener, sync::Arc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The roles a process may have.
const ROLES: [&str; 3] = ["ingest", "dispatcher", "console"];

/// What everything stands on: the log, its typed reading, and who and where.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) log: Log,
    pub(crate) book: Casebook,
    pub(crate) directory: Directory,
}

impl Ground {
    /// Opens the log for writing; a second process is refused.
    pub(crate) async fn open(
        folder: &Folder,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Ground, Failure> {
        let log = Log::open_sqlite(folder.path(), Arc::new(SystemClock))
            .await
            .map_err(Failure::new)?;
        let key = settings
            .master_key
            .clone()
            .unwrap_or_else(|| folder.file("master.key"));
        let key = if log.head() == Position::START {
            MasterKey::load_or_create(&key)
        } else if key.exists() {
            MasterKey::load(&key)
        } else {
            return Err(Failure::new(format!(
                "the master key {} is missing: without it nobody's name or address can be read; put it back from your backup of the key",
                key.display()
            )));
        };
        let key = key.map_err(Failure::new)?;
        let vault = Vault::open(log.clone(), key).await.map_err(Failure::new)?;
        let book = Casebook::new(log.clone(), vault);
        let directory = Directory::open(book.clone(), Some(folder.path()))
            .await
            .map_err(Failure::new)?;
        folder.has_begun(purpose)?;
        let head = log.head();
        directory.caught_up(head).await.map_err(Failure::new)?;
        Ok(Ground {
            log,
            book,
            directory,
        })
    }

    /// Ends what `open` began.
    pub(crate) async fn close(self) {
        self.directory.stop().await;
        self.log.close().await;
    }
}

/// What differs between a service and the demo.
pub(crate) struct Setting {
    pub(crate) console: ConsoleOptions,
    pub(crate) dispatcher: DispatcherOptions,
    /// Routes beside the console's own.
    pub(crate) beside: Router,
    pub(crate) tls: Option<RustlsConfig>,
    /// A plain console door on loopback for the demo's cast.
    pub(crate) backstage: Option<(TcpListener, TcpListener)>,
}

/// Sockets bound before anything is promised.
pub(crate) struct Sockets {
    pub(crate) console: TcpListener,
    pub(crate) devices: TcpListener,
    pub(crate) dc09: TcpListener,
}

impl Sockets {
    /// Binds all doors, or says which is taken.
    pub(crate) fn bind(settings: &Settings) -> Result<Sockets, Failure> {
        Ok(Sockets {
            console: doors::bind("console_listen", settings.console_listen)?,
            devices: doors::bind("devices_listen", settings.devices_listen)?,
            dc09: doors::bind("dc09_listen", settings.dc09_listen)?,
        })
    }

    /// Where they ended up.
    pub(crate) fn listening(&self, tls: bool) -> Result<Listening, Failure> {
        let address = |listener: &TcpListener| {
            listener
                .local_addr()
                .map(|address| address.to_string())
                .doing("listen")
        };
        Ok(Listening {
            console: address(&self.console)?,
            devices: address(&self.devices)?,
            dc09: address(&self.dc09)?,
            tls,
        })
    }
}

/// Everything running.
pub(crate) struct Node {
    folder: Folder,
    ground: Ground,
    ingest: Arc<Ingest>,
    dispatcher: Dispatcher,
    console: Console,
    served: Vec<Served>,
    admin: JoinHandle<()>,
    stop: CancellationToken,
}

impl Node {
    /// Starts the parts and opens the doors; `listening.json` is written last.
    pub(crate) async fn start(
        folder: Folder,
        ground: Ground,
        settings: &Settings,
        sockets: Sockets,
        setting: Setting,
    ) -> Result<Node, Failure> {
        let stop = CancellationToken::new();
        let listening = sockets.listening(setting.tls.is_some())?;
        let (book, directory) = (ground.book.clone(), ground.directory.clone());
        let options = IngestOptions {
            heartbeat_s: settings.heartbeat_s,
            panel_poll_s: settings.panel_poll_s,
            ..IngestOptions::default()
        };
        let ingest = Arc::new(Ingest::start(book.clone(), directory.clone(), options));
        let dispatcher = Dispatcher::start(
            book.clone(),
            directory.clone(),
            settings.policy.clone(),
            setting.dispatcher,
        )
        .doing("start the dispatcher")?;
        let console = Console::start(book, directory, settings.policy.clone(), setting.console)
            .await
            .doing("start the console")?;
        if !dispatcher.ready().await {
            return Err(Failure::new(
                "the dispatcher ended before it was ready; the lines above say why",
            ));
        }

        let ops = ops::router(ops::Watched {
            ground: ground.clone(),
            dispatcher: Arc::new(dispatcher.counters()),
            console: console.metrics(),
            ingest: Arc::clone(&ingest),
        });
        let desk = console.router().merge(setting.beside).merge(ops);
        let desk = proxy::behind(&settings.trusted_proxies, desk);
        let device_door = proxy::behind(&settings.trusted_proxies, ingest.router());
        let mut served = Vec::new();
        if let Some((console, devices)) = setting.backstage {
            served.push(doors::serve(console, desk.clone(), None)?);
            served.push(doors::serve(devices, device_door.clone(), None)?);
        }
        served.push(doors::serve(sockets.console, desk, setting.tls.clone())?);
        served.push(doors::serve(sockets.devices, device_door, setting.tls)?);
        ingest.serve_panels(tokio::net::TcpListener::from_std(sockets.dc09).doing("listen")?);
        let socket = admin::bind(folder.path()).map_err(Failure::new)?;
        let admin =
            tokio::spawn(socket.serve(operator::admin_handler(ground.clone()), stop.clone()));
        listening.write(&folder)?;
        Ok(Node {
            folder,
            ground,
            ingest,
            dispatcher,
            console,
            served,
            admin,
            stop,
        })
    }

    /// Doors first, then the parts, the log last.
    pub(crate) async fn stop(self) {
        Listening::remove(&self.folder);
        self.stop.cancel();
        let _ = self.admin.await;
        self.console.stop().await;
        self.ingest.stop().await;
        for served in self.served {
            served.stop().await;
        }
        self.dispatcher.stop().await;
        self.ground.close().await;
    }
}

/// Resolves at the first SIGINT or SIGTERM.
pub(crate) async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

/// A webhook with the secret both sides hold.
pub(crate) fn webhook(url: &str, secret: &str) -> dispatcher::Webhook {
    dispatcher::Webhook {
        url: url.to_owned(),
        secret: secret.as_bytes().to_vec().into(),
    }
}

/// What webhooks the dispatcher rings.
pub(crate) fn webhooks(settings: &Settings, public_url: &str) -> dispatcher::Webhooks {
    let hooks = &settings.webhooks;
    let secret = hooks.secret.as_deref().unwrap_or_default();
    let hook = |url: &Option<String>| url.as_ref().map(|url| webhook(url, secret));
    dispatcher::Webhooks {
        duty_phone: hook(&hooks.duty_phone),
        sms: hook(&hooks.sms),
        work_chat: hook(&hooks.work_chat),
        callback: format!("{}/v1/duty-phone/answers", public_url.trim_end_matches('/')),
    }
}

/// `anling serve`.
pub(crate) async fn serve(args: Serve) -> Result<(), Failure> {
    check_roles(&args.roles)?;
    let settings = Settings::load(&args.given)?;
    let sockets = Sockets::bind(&settings)?;
    let folder = Folder::open(&settings.data, Purpose::Service)?;
    let ground = Ground::open(&folder, &settings, Purpose::Service).await?;
    let listening = sockets.listening(false)?;
    let public_url = settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", listening.console));
    let dispatcher = DispatcherOptions {
        webhooks: webhooks(&settings, &public_url),
        ..DispatcherOptions::default()
    };
    let setting = Setting {
        console: ConsoleOptions {
            tls: public_url.starts_with("https://"),
            public_url,
            duty_phone: settings.duty_phone.clone(),
            webhook_secret: settings.webhooks.secret.clone().map(String::into_bytes),
            ..ConsoleOptions::default()
        },
        dispatcher,
        beside: Router::new(),
        tls: None,
        backstage: None,
    };
    let nobody = ground.directory.city().operators.is_empty();
    let node = Node::start(folder, ground, &settings, sockets, setting).await?;
    println!("安铃 Anling {} 已就绪 / ready", env!("CARGO_PKG_VERSION"));
    println!("  控制台 console  http://{}", listening.console);
    println!("  设备   devices  http://{}", listening.devices);
    println!("  报警主机 panels  {} (SIA DC-09, TCP)", listening.dc09);
    println!("  数据   data     {}", settings.data.display());
    if nobody {
        println!("  还没有值班员账号: anling operator add --help / no accounts yet");
    }
    told_to_stop().await;
    println!("正在停止 / stopping");
    node.stop().await;
    Ok(())
}

fn check_roles(roles: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = roles.iter().find(|role| !ROLES.contains(&role.as_str())) {
        return Err(Failure::setting(format!(
            "there is no role \"{unknown}\"; the roles are {}",
            ROLES.join(", ")
        )));
    }
    if ROLES
        .iter()
        .any(|role| !roles.iter().any(|given| given == role))
    {
        return Err(Failure::setting(
            "on SQLite one process has all roles: only it may write the log's file; leave --roles out",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_roles;

    #[test]
    fn fewer_than_all_roles_are_refused_with_the_reason() {
        let text = check_roles(&["ingest".to_owned()]).unwrap_err().to_string();
        assert!(text.contains("SQLite"), "{text}");
        let all: Vec<String> = super::ROLES.iter().map(|role| (*role).to_owned()).collect();
        assert!(check_roles(&all).is_ok());
        assert!(
            check_roles(&["cook".to_owned()])
                .unwrap_err()
                .to_string()
                .contains("cook")
        );
    }
}
