//! Several processes of each role on one log: a device is told its stages wherever it is connected, presses are taken
//! while no dispatcher runs, a console's process may die, and nothing is done twice.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{
    Account, Channel, Cluster, Node, Page,
    load::{self, of_type},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use wire::{console::Act, device::Stage};

fn city_desk(node: &Node) -> Account {
    let accounts = node.accounts().into_iter();
    let mut desks = accounts.filter(|it| it.scope == "city" && it.role == "operator");
    desks.next().expect("the city has supervisors")
}

async fn at_the_city_desk(node: &Node, token: &str, tab: &str) -> Page {
    let mut page = Page::open(node, token, tab, None).await;
    page.sign_on("city_desk", None, true).await;
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_reaches_a_device_at_another_ingest_process() {
    let cluster = Cluster::found(20).await;
    let (a, b) = tokio::join!(
        cluster.start("ingest-a", "ingest"),
        cluster.start("ingest-b", "ingest")
    );
    let rest = cluster.start("rest", "dispatcher,console").await;
    assert!(
        a.console.is_empty() && rest.devices.is_empty(),
        "only doors of the roles"
    );
    let token = rest.sign_in(&city_desk(&rest)).await;
    let mut page = at_the_city_desk(&rest, &token, "tab").await;
    let device = a.device_list().remove(0);
    let mut channel = Channel::open(&b, &device).await;
    let (press, _) = a.press_new(&device, "sos").await;
    channel.until(&press, Stage::Received).await;
    let card = page
        .until("the call", |card| card.accept_as.is_some())
        .await;
    page.command(&card, Act::Accept).await.unwrap();
    let heard = channel.until(&press, Stage::Heard).await;
    assert!(heard.say.contains("已接单"), "{heard:?}");
    // Both tell the same to whoever asks.
    for door in [&a, &b] {
        door.until_stage(&device, &press, "heard").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_dispatcher_runs_presses_are_taken_and_afterwards_the_urgent_and_old_go_first() {
    const EACH: usize = 100;
    let cluster = Cluster::found(2 * EACH as u32).await;
    let door = cluster.start("ingest", "ingest").await;
    let devices = door.device_list();
    let (calm, urgent) = devices.split_at(EACH);
    let mut kinds = BTreeMap::new();
    for (some, kind) in [(calm, "service"), (urgent, "sos")] {
        for device in some {
            let (press, _) = door.press_new(device, kind).await;
            let stage = door.stage(device, &press).await;
            assert_eq!(stage["stage"], "received", "{stage}");
            kinds.insert(device.device.clone(), kind);
        }
    }
    let console = cluster.start("console", "console").await;
    let token = console.sign_in(&city_desk(&console)).await;
    let mut page = at_the_city_desk(&console, &token, "tab").await;
    assert!(page.cards.is_empty(), "nobody has opened anything");
    let _dispatcher = cluster.start("dispatcher", "dispatcher").await;
    while page.cards.len() < 2 * EACH || page.cards.values().any(|card| card.offer.is_none()) {
        page.hear().await;
    }
    let log = load::read_log(cluster.store(), &cluster.city()).await;
    load::nothing_is_doubled(&log);
    let device_of: BTreeMap<_, _> = of_type(&log, "IncidentOpened")
        .map(|event| {
            let device = event["data"]["alarm"]["device"].as_str().unwrap();
            (event["stream"].as_str().unwrap(), device)
        })
        .collect();
    let first = |event: &&Value| event["data"]["ring"] == 0 && event["data"]["round"] == 0;
    let offered: Vec<_> = of_type(&log, "Offered").filter(first).collect();
    assert_eq!(offered.len(), 2 * EACH);
    for event in &offered {
        assert!(
            event["data"]["late_ms"].as_u64().is_some(),
            "not marked late: {event}"
        );
    }
    let order: Vec<&str> = offered
        .iter()
        .map(|event| device_of[event["stream"].as_str().unwrap()])
        .collect();
    // As many are in hand at once as the dispatcher takes; among those the order is the store's.
    let early = order[..EACH / 2].iter();
    assert!(
        early.clone().all(|device| kinds[*device] == "sos"),
        "urgent first: {order:?}"
    );
    let old: Vec<_> = urgent[..EACH * 3 / 4]
        .iter()
        .map(|it| &*it.device)
        .collect();
    let oldest = early.filter(|device| old.contains(*device)).count();
    assert!(oldest >= EACH / 2 * 9 / 10, "oldest first: {oldest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_process_dies_and_its_people_go_on_at_the_other() {
    let cluster = Cluster::found(20).await;
    let rest = cluster.start("rest", "ingest,dispatcher").await;
    let (a, b) = tokio::join!(
        cluster.start("console-a", "console"),
        cluster.start("console-b", "console")
    );
    let accounts: Vec<_> = a
        .accounts()
        .into_iter()
        .filter(|it| it.scope == "city" && it.role == "operator")
        .collect();
    let token = a.sign_in(&accounts[0]).await;
    let mut moves = at_the_city_desk(&a, &token, "moves").await;
    let lost = a.sign_in(&accounts[1]).await;
    let _lost = at_the_city_desk(&a, &lost, "lost").await;
    let devices = rest.device_list();
    rest.press_new(&devices[0], "sos").await;
    let card = moves
        .until("the call", |card| card.accept_as.is_some())
        .await;
    let id = uuid::Uuid::new_v4().to_string();
    let seen = Some(card.revision);
    let done = moves.command_as(&card.id, &id, seen, Act::Accept).await;
    let done = done.unwrap();
    let (position, cards) = (moves.position, std::mem::take(&mut moves.cards));
    a.kill_nine().await;

    // The session made at one process is good at the other, and so is the command's number.
    let mut moves = Page::open(&b, &token, "moves", Some(position)).await;
    moves.cards = cards;
    let again = moves.command_as(&card.id, &id, seen, Act::Accept).await;
    let again = again.unwrap();
    assert!(again.repeated && again.revision == done.revision);
    moves.until("still mine", |card| card.mine).await;
    moves
        .say(&wire::console::FromPage::Sound { proven: true })
        .await;
    // Who does not come back is not counted on; who came back is.
    let sounding = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        loop {
            ticks.tick().await;
            let sound = sounding_consoles(&b, &token).await;
            let consoles = load::read_log(cluster.store(), &cluster.city()).await;
            let ended = of_type(&consoles, "ConsoleDetached").any(|event| {
                event["data"]["console"] == "lost" && event["data"]["node"] == "console-a"
            });
            if ended && sound == 1 {
                return;
            }
        }
    };
    tokio::select! {
        done = tokio::time::timeout(Duration::from_secs(40), sounding) => {
            done.expect("the consoles of the dead process are ended");
        }
        () = moves.stay() => {}
    }
    // Its next life ends nothing of the others.
    let a = cluster.start("console-a", "console").await;
    rest.press_new(&devices[1], "sos").await;
    moves
        .until("another call", |other| {
            other.id != card.id && other.accept_as.is_some()
        })
        .await;
    let sounding = sounding_consoles(&a, &token).await;
    assert_eq!(
        sounding, 1,
        "the console at the other process is attached still"
    );
}

async fn sounding_consoles(node: &Node, token: &str) -> u64 {
    let sites = node.get(token, "/v1/sites").await;
    let sites = sites.as_array().unwrap().iter();
    sites.map(|site| site["with_sound"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_do_every_press_once() {
    // Calls that nobody takes ring on and on, so that more of them than a slow machine can show never become fewer.
    // `ANLING_PRESSES=1000` for a long run on a quick one.
    let presses: u32 = std::env::var("ANLING_PRESSES").map_or(300, |it| it.parse().unwrap());
    let cluster = Cluster::found(presses).await;
    let presses = presses as usize;
    let names = ["a", "b"];
    let mut nodes = Vec::new();
    for role in ["ingest", "dispatcher", "console"] {
        for name in names {
            nodes.push(cluster.start(&format!("{role}-{name}"), role).await);
        }
    }
    let (doors, consoles) = (&nodes[..2], &nodes[4..]);
    let accounts: Vec<_> = doors[0]
        .accounts()
        .into_iter()
        .filter(|it| it.scope == "city" && it.role == "operator")
        .collect();
    let mut pages = Vec::new();
    for ((node, account), tab) in consoles.iter().zip(&accounts).zip(names) {
        let token = node.sign_in(account).await;
        pages.push(at_the_city_desk(node, &token, tab).await);
    }
    let devices = doors[0].device_list();
    let pressing = devices.chunks(presses / 10).map(|some| async move {
        for (index, device) in some.iter().enumerate() {
            // Each press goes to both at once: the network sent it twice.
            let (one, two) = tokio::join!(
                doors[index % 2].press(device, "1", "sos"),
                doors[(index + 1) % 2].press(device, "1", "sos")
            );
            let ((first, one), (second, two)) = (one.unwrap(), two.unwrap());
            assert_eq!(one["position"], two["position"], "{one} {two}");
            let mut statuses = [first, second];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 201]);
        }
    });
    let left = Arc::new(AtomicUsize::new(pages.len()));
    // Each page reads on a task of its own: what reading hundreds of cards costs one must not keep the other from answering.
    let watching = pages.into_iter().map(|mut page| {
        let left = Arc::clone(&left);
        tokio::spawn(async move {
            // A call that nobody takes rings on elsewhere: each is seen ringing once, not all of them at one moment.
            let mut rung = BTreeSet::new();
            while rung.len() < presses {
                page.hear().await;
                let ringing = page.cards.values().filter(|card| card.offer.is_some());
                rung.extend(ringing.map(|card| card.id.clone()));
            }
            left.fetch_sub(1, Ordering::Relaxed);
            // Whoever sees everything first listens on, or would be taken for gone.
            let others = async {
                let mut ticks = tokio::time::interval(Duration::from_millis(50));
                while left.load(Ordering::Relaxed) > 0 {
                    ticks.tick().await;
                }
            };
            tokio::select! { () = others => {}, () = page.stay() => {} }
            page
        })
    });
    let watching: Vec<_> = watching.collect();
    futures_util::future::join_all(pressing).await;
    let mut pages = Vec::new();
    for page in watching {
        pages.push(page.await.unwrap());
    }
    // Both consoles reach for the same calls.
    let [first, second] = &mut pages[..] else {
        panic!("two pages");
    };
    let wanted: Vec<_> = first.cards.values().take(50).cloned().collect();
    for card in wanted {
        let ids = [(); 2].map(|()| uuid::Uuid::new_v4().to_string());
        let results = tokio::join!(
            first.command_as(&card.id, &ids[0], None, Act::Accept),
            second.command_as(&card.id, &ids[1], None, Act::Accept)
        );
        let refused = match results {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            both => panic!("exactly one wins: {both:?}"),
        };
        assert_eq!(refused.code.as_deref(), Some("already_accepted"));
    }
    let log = load::read_log(cluster.store(), &cluster.city()).await;
    load::nothing_is_doubled(&log);
    assert_eq!(of_type(&log, "AlarmReceived").count(), presses);
    assert_eq!(of_type(&log, "IncidentOpened").count(), presses);
    assert_eq!(of_type(&log, "Accepted").count(), 50);
}
