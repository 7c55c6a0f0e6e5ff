//! Silence and return, on a paused clock.

use super::*;
use casebook::{MasterKey, Vault};
use eventlog::{Clock, Log, Position, TokioClock};

async fn house(devices: usize) -> (Liveness, CancellationToken, Casebook, Vec<DeviceId>) {
    let clock = Arc::new(TokioClock::starting_at(1_768_435_200_000_000));
    let log = Log::memory(clock as Arc<dyn Clock>);
    let casebook = over(log).await;
    let (liveness, stop) = start(&casebook);
    let id = |n| DeviceId::parse(&format!("HRB-{n}")).unwrap();
    (liveness, stop, casebook, (0..devices).map(id).collect())
}

async fn over(log: Log) -> Casebook {
    let vault = Vault::open(log.clone(), MasterKey::from_bytes([7; 32])).await;
    Casebook::new(log, vault.unwrap())
}

fn start(casebook: &Casebook) -> (Liveness, CancellationToken) {
    let options = IngestOptions::default();
    let (liveness, recorder) = Liveness::new(casebook.clone(), &options, Arc::default());
    let stop = CancellationToken::new();
    tokio::spawn(recorder.run(stop.clone()));
    tokio::spawn(liveness.clone().run(stop.clone()));
    (liveness, stop)
}

async fn said(casebook: &Casebook) -> Vec<String> {
    let log = casebook.log();
    let all = log
        .read_all(Position::START, Direction::Forward, 10_000)
        .await;
    let tell = |it: &Arc<eventlog::Recorded>| format!("{} {}", it.kind, it.stream);
    all.unwrap().iter().map(tell).collect()
}

#[tokio::test(start_paused = true)]
async fn three_missed_beats_are_silence_and_the_next_is_a_return() {
    let (liveness, _stop, casebook, ids) = house(2).await;
    let beating = |id: &DeviceId| liveness.beat(id);
    beating(&ids[0]);
    beating(&ids[1]);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        beating(&ids[1]);
    }
    assert_eq!(said(&casebook).await, ["DeviceFellSilent device-HRB-0"]);
    beating(&ids[0]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let both = [
        "DeviceFellSilent device-HRB-0",
        "DeviceReturned device-HRB-0",
    ];
    assert_eq!(said(&casebook).await, both);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_never_beat_is_not_supervised_and_a_press_is_a_sign_of_life() {
    let (liveness, _stop, casebook, ids) = house(2).await;
    liveness.heard(&ids[0]);
    liveness.beat(&ids[1]);
    assert_eq!(liveness.len(), 1);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(100)).await;
        liveness.heard(&ids[1]);
    }
    assert_eq!(said(&casebook).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_panel_is_silent_only_after_its_own_interval() {
    let (liveness, _stop, casebook, ids) = house(1).await;
    liveness.poll(&ids[0]);
    let limit = liveness.panel_silent_after();
    assert!(limit > Duration::from_secs(3 * 1_800), "{limit:?}");
    tokio::time::sleep(limit - Duration::from_secs(1)).await;
    liveness.poll(&ids[0]);
    tokio::time::sleep(limit - Duration::from_secs(1)).await;
    assert_eq!(said(&casebook).await, Vec::<String>::new());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(said(&casebook).await, ["DeviceFellSilent device-HRB-0"]);
}

#[tokio::test(start_paused = true)]
async fn many_silent_at_once_are_recorded_a_minute_at_a_time_and_none_is_forgotten() {
    let (liveness, _stop, casebook, ids) = house(150).await;
    for id in &ids {
        liveness.beat(id);
    }
    tokio::time::sleep(Duration::from_secs(210)).await;
    assert_eq!(said(&casebook).await.len(), SILENT_PER_MINUTE);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(said(&casebook).await.len(), 2 * SILENT_PER_MINUTE);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(said(&casebook).await.len(), 150);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_fell_silent_before_a_restart_returns_after_it() {
    let (liveness, stop, casebook, ids) = house(1).await;
    liveness.beat(&ids[0]);
    tokio::time::sleep(Duration::from_secs(300)).await;
    stop.cancel();
    let casebook = over(casebook.log().fork_after_crash().unwrap()).await;
    let (liveness, _stop) = start(&casebook);
    liveness.beat(&ids[0]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let both = [
        "DeviceFellSilent device-HRB-0",
        "DeviceReturned device-HRB-0",
    ];
    assert_eq!(said(&casebook).await, both);
    liveness.beat(&ids[0]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(said(&casebook).await.len(), 2, "told once");
}

#[tokio::test(start_paused = true)]
async fn a_silence_the_log_did_not_take_is_recorded_later() {
    let (liveness, _stop, casebook, ids) = house(1).await;
    liveness.beat(&ids[0]);
    tokio::time::sleep(Duration::from_secs(190)).await;
    casebook.log().faults().fail_appends(3);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(said(&casebook).await, ["DeviceFellSilent device-HRB-0"]);
}

/// One of several processes.
fn start_as(casebook: &Casebook, node: &str) -> (Liveness, CancellationToken) {
    let node = NodeId::parse(node).unwrap();
    let options = IngestOptions {
        node: Some(node.clone()),
        ..IngestOptions::default()
    };
    let (liveness, recorder) = Liveness::new(casebook.clone(), &options, Arc::default());
    let stop = CancellationToken::new();
    tokio::spawn(recorder.run(stop.clone()));
    tokio::spawn(liveness.clone().run(stop.clone()));
    tokio::spawn(liveness.clone().exchange(node, stop.clone()));
    (liveness, stop)
}

#[tokio::test(start_paused = true)]
async fn a_device_that_talks_to_another_process_is_not_silent_and_one_that_talks_to_none_is_so_once()
 {
    let (_, stop, casebook, ids) = house(3).await;
    stop.cancel();
    let (a, _stop) = start_as(&casebook, "a");
    let (b, _stop) = start_as(&casebook, "b");
    // One talks to the first only, one moves to the second, one talks to either by turns and then to none.
    a.beat(&ids[1]);
    for minute in 0..30 {
        a.beat(&ids[0]);
        b.beat(&ids[1]);
        if minute < 10 {
            if minute % 2 == 0 { &a } else { &b }.beat(&ids[2]);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(said(&casebook).await, ["DeviceFellSilent device-HRB-2"]);
    a.beat(&ids[2]);
    b.beat(&ids[2]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let both = [
        "DeviceFellSilent device-HRB-2",
        "DeviceReturned device-HRB-2",
    ];
    assert_eq!(said(&casebook).await, both, "each once");
}

#[tokio::test(start_paused = true)]
async fn a_panel_that_moves_to_another_process_is_not_silent_there_between_its_polls() {
    let (_, stop, casebook, ids) = house(1).await;
    stop.cancel();
    let (a, _stop) = start_as(&casebook, "a");
    let (b, _stop) = start_as(&casebook, "b");
    a.poll(&ids[0]);
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_secs(1_800)).await;
        b.poll(&ids[0]);
    }
    assert_eq!(said(&casebook).await, Vec::<String>::new());
    tokio::time::sleep(b.panel_silent_after() + Duration::from_secs(600)).await;
    assert_eq!(said(&casebook).await, ["DeviceFellSilent device-HRB-0"]);
}

#[tokio::test(start_paused = true)]
async fn who_talked_to_a_process_that_died_is_missed_by_whoever_heard_it_before() {
    let (_, stop, casebook, ids) = house(1).await;
    stop.cancel();
    let (a, _stop) = start_as(&casebook, "a");
    let (b, stop) = start_as(&casebook, "b");
    a.beat(&ids[0]);
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        b.beat(&ids[0]);
    }
    stop.cancel();
    assert_eq!(said(&casebook).await, Vec::<String>::new());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(said(&casebook).await, ["DeviceFellSilent device-HRB-0"]);
}

#[test]
fn the_next_beat_moves_a_little() {
    let options = IngestOptions::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let liveness = runtime.block_on(async {
        let log = Log::memory(Arc::new(eventlog::SystemClock));
        Liveness::new(over(log).await, &options, Arc::default()).0
    });
    let next: std::collections::BTreeSet<u32> =
        (0..1_000).map(|_| liveness.next_heartbeat_s()).collect();
    assert!(
        next.len() > 5 && next.iter().all(|it| (54..=66).contains(it)),
        "{next:?}"
    );
}
