//! One running Anling: the parts wired together, and ended in order.
//!
//! For: opening the log, starting ingest, dispatcher and console, and stopping them so that nothing is lost.
//! May not know: what the parts do.

use crate::{
    cli::Serve,
    doors::{self, Listening, Served},
    failure::{Doing, Failure},
    folder::{Folder, Purpose},
    gate,
    ground::Ground,
    notarize, operator, ops, proxy,
    settings::Settings,
    threads::{self, Threads},
};
use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use console::{Console, ConsoleOptions};
use dispatcher::{Dispatcher, DispatcherOptions};
use domain::NodeId;
use eventlog::admin;
use eventstore_api::EventStore;
use ingest::{Ingest, IngestOptions};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// What differs between a service and the demo.
pub(crate) struct Setting {
    pub(crate) console: ConsoleOptions,
    pub(crate) dispatcher: DispatcherOptions,
    /// Routes beside the console's own.
    pub(crate) beside: Router,
    pub(crate) tls: Option<RustlsConfig>,
    /// A plain console door on loopback for the demo's cast.
    pub(crate) backstage: Option<(TcpListener, TcpListener)>,
    /// Who stands before the console's outer door.
    pub(crate) before: Box<dyn FnOnce(Router) -> Router + Send>,
}

/// Sockets bound before anything is promised: those of the roles held, and no other.
pub(crate) struct Sockets {
    pub(crate) console: Option<TcpListener>,
    pub(crate) devices: Option<TcpListener>,
    pub(crate) dc09: Option<TcpListener>,
    pub(crate) eventstore: Option<TcpListener>,
    pub(crate) ops: Option<TcpListener>,
}

impl Sockets {
    /// Binds the doors, or says which is taken.
    pub(crate) fn bind(settings: &Settings) -> Result<Sockets, Failure> {
        let bind = |name: &str, address: Option<SocketAddr>| {
            address
                .map(|address| doors::bind(name, address))
                .transpose()
        };
        let [console, devices, dc09, eventstore, ops] =
            settings.doors().map(|(name, address)| bind(name, address));
        Ok(Sockets {
            console: console?,
            devices: devices?,
            dc09: dc09?,
            eventstore: eventstore?,
            ops: ops?,
        })
    }

    /// Where they ended up.
    pub(crate) fn listening(&self, tls: bool) -> Result<Listening, Failure> {
        let address = |listener: &Option<TcpListener>| {
            let address = listener.as_ref().map(TcpListener::local_addr).transpose();
            let address = address.doing("listen")?;
            Ok::<_, Failure>(address.map(|address| address.to_string()))
        };
        Ok(Listening {
            console: address(&self.console)?,
            devices: address(&self.devices)?,
            ops: address(&self.ops)?,
            dc09: address(&self.dc09)?,
            eventstore: address(&self.eventstore)?,
            tls,
        })
    }
}

/// Everything running.
pub(crate) struct Node {
    folder: Folder,
    ground: Ground,
    parts: Parts,
    eventstore: Option<EventStore>,
    served: Vec<Served>,
    notary: Option<notary::Notary>,
    admin: JoinHandle<()>,
    stop: CancellationToken,
}

/// The parts of this process's roles.
struct Parts {
    ingest: Option<Arc<Ingest>>,
    dispatcher: Option<Dispatcher>,
    console: Option<Console>,
    /// Last, so that they end after what runs on them.
    ringing: Threads,
    _pages: Threads,
}

impl Parts {
    async fn start(
        ground: &Ground,
        settings: &Settings,
        node: Option<NodeId>,
        options: (DispatcherOptions, ConsoleOptions),
    ) -> Result<Parts, Failure> {
        let roles = settings.roles;
        let ringing = Threads::start(threads::RINGING)?;
        let pages = Threads::start(threads::PAGES)?;
        let (book, directory) = (ground.book.clone(), ground.directory.clone());
        let ingest = roles.ingest.then(|| {
            let options = IngestOptions {
                heartbeat_s: settings.heartbeat_s,
                panel_poll_s: settings.panel_poll_s,
                node: node.clone(),
                ..IngestOptions::default()
            };
            Arc::new(Ingest::start(book.clone(), directory.clone(), options))
        });
        let policy = settings.policy.clone();
        let dispatcher = roles.dispatcher.then(|| {
            let options = DispatcherOptions {
                shared: ground.shared,
                name: node.as_ref().map(NodeId::to_string).unwrap_or_default(),
                ..options.0
            };
            // What it starts runs where it was started.
            let ringing = ringing.handle();
            let _here = ringing.as_ref().map(Handle::enter);
            Dispatcher::start(book.clone(), directory.clone(), policy.clone(), options)
                .doing("start the dispatcher")
        });
        let dispatcher = dispatcher.transpose()?;
        let console = if roles.console {
            let options = ConsoleOptions {
                node,
                pages: pages.handle(),
                ..options.1
            };
            // What people ask is done beside what rings them.
            let start = Console::start(book, directory, policy, options);
            let started = match ringing.handle() {
                Some(ringing) => ringing.spawn(start).await.doing("start the console")?,
                None => start.await,
            };
            Some(started.doing("start the console")?)
        } else {
            None
        };
        if let Some(dispatcher) = &dispatcher
            && !dispatcher.ready().await
        {
            return Err(Failure::new(
                "the dispatcher ended before it was ready; the lines above say why",
            ));
        }
        Ok(Parts {
            ingest,
            dispatcher,
            console,
            ringing,
            _pages: pages,
        })
    }

    fn watched(&self, ground: &Ground, notary: notarize::Told) -> ops::Watched {
        let dispatcher = self.dispatcher.as_ref();
        ops::Watched {
            ground: ground.clone(),
            notary,
            dispatcher: dispatcher.map(|it| Arc::new(it.counters()) as ops::Counted),
            console: self.console.as_ref().map(Console::metrics),
            ingest: self.ingest.clone(),
        }
    }
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
        let node = match (&settings.node, ground.shared) {
            (Some(node), true) => Some(node.clone()),
            (None, true) => Some(folder.node()?),
            (_, false) => None,
        };
        let holder = node
            .as_ref()
            .map_or_else(|| "notary".to_owned(), NodeId::to_string);
        let options = (setting.dispatcher, setting.console);
        let parts = Parts::start(&ground, settings, node, options).await?;

        let (notary, told) = notarize::start(&folder, &ground, settings, holder).await;
        let ops = ops::router(parts.watched(&ground, told));
        let behind = |router| proxy::behind(&settings.trusted_proxies, router);
        let desk = parts.console.as_ref();
        let desk = desk.map(|it| it.router().merge(setting.beside).merge(ops.clone()));
        let desk = desk.map(behind);
        let device_door = parts.ingest.as_ref().map(|it| behind(it.router()));
        let mut served = Vec::new();
        let ringing = parts.ringing.handle();
        let (console_inside, devices_inside) = setting.backstage.unzip();
        let desk_outside = desk.clone().map(setting.before);
        let doors = [
            (devices_inside, device_door.clone(), None, None),
            (sockets.devices, device_door, setting.tls.clone(), None),
            (console_inside, desk, None, ringing.clone()),
            (sockets.console, desk_outside, setting.tls, ringing.clone()),
            (sockets.ops, Some(ops), None, ringing.clone()),
        ];
        for (socket, router, tls, threads) in doors {
            if let (Some(socket), Some(router)) = (socket, router) {
                // Devices speak to the threads that take alarms, everybody else beside them.
                let _here = threads.as_ref().map(Handle::enter);
                served.push(doors::serve(socket, router, tls)?);
            }
        }
        if let (Some(socket), Some(ingest)) = (sockets.dc09, &parts.ingest) {
            ingest.serve_panels(tokio::net::TcpListener::from_std(socket).doing("listen")?);
        }
        let mut eventstore = None;
        if let (Some(socket), Some(console)) = (sockets.eventstore, &parts.console) {
            let door = gate::door(
                &ground,
                console,
                settings,
                socket.local_addr().doing("listen")?,
            );
            let tls = gate::tls(settings).await?;
            let _here = ringing.as_ref().map(Handle::enter);
            served.push(doors::serve_grpc(socket, door.router(), tls)?);
            eventstore = Some(door);
        }
        let socket = admin::bind(folder.path()).map_err(Failure::new)?;
        let handler = operator::admin_handler(ground.clone(), settings.clone());
        let admin = tokio::spawn(socket.serve(handler, stop.clone()));
        listening.write(&folder)?;
        Ok(Node {
            folder,
            ground,
            parts,
            eventstore,
            served,
            notary,
            admin,
            stop,
        })
    }

    /// Doors first, then the parts, the notary when all is written, the log last.
    pub(crate) async fn stop(self) {
        Listening::remove(&self.folder);
        self.stop.cancel();
        let _ = self.admin.await;
        if let Some(console) = &self.parts.console {
            console.stop().await;
        }
        if let Some(ingest) = &self.parts.ingest {
            ingest.stop().await;
        }
        if let Some(door) = &self.eventstore {
            door.close().await;
        }
        for served in self.served {
            served.stop().await;
        }
        if let Some(dispatcher) = self.parts.dispatcher {
            dispatcher.stop().await;
        }
        if let Some(notary) = self.notary {
            notary.stop().await;
        }
        self.ground.close().await;
    }
}

/// Resolves at the first SIGINT or SIGTERM from now on. To be called before anybody is told that all is ready: whoever
/// hears that may say stop in the same moment.
pub(crate) fn told_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async move {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            _ => std::future::pending().await,
        }
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
    let settings = Settings::load(&args.given)?;
    let sockets = Sockets::bind(&settings)?;
    let folder = Folder::open(&settings.data, Purpose::Service)?;
    let ground = Ground::open(&folder, &settings).await?;
    let listening = sockets.listening(false)?;
    let public_url = settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", listening.console()));
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
        before: Box::new(|router| router),
    };
    let nobody = ground.directory.city().operators.is_empty();
    let node = Node::start(folder, ground, &settings, sockets, setting).await?;
    let told = told_to_stop();
    println!("安铃 Anling {} 已就绪 / ready", env!("CARGO_PKG_VERSION"));
    if settings.database.is_some() {
        println!("  角色   roles    {}", settings.roles);
    }
    let doors = [
        ("控制台 console ", &listening.console),
        ("设备   devices ", &listening.devices),
        ("运维   ops     ", &listening.ops),
    ];
    for (name, address) in doors {
        if let Some(address) = address {
            println!("  {name} http://{address}");
        }
    }
    if let Some(address) = &listening.dc09 {
        println!("  报警主机 panels  {address} (SIA DC-09, TCP)");
    }
    if let Some(address) = &listening.eventstore {
        println!("  日志   log      {address} (EventStoreDB gRPC)");
    }
    if let Some(database) = &settings.database {
        println!("  数据库 database {database}");
    }
    println!("  数据   data     {}", settings.data.display());
    if nobody {
        println!("  还没有值班员账号: anling operator add --help / no accounts yet");
    }
    told.await;
    println!("正在停止 / stopping");
    node.stop().await;
    Ok(())
}
