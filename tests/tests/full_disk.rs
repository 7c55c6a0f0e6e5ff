//! The disk fills up: presses hear "not accepted", nothing that was acknowledged is lost, and when there is room again
//! their retries are taken, without a restart.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::Node;
use std::{path::Path, process::Command, time::Duration};

/// Size of the little disk.
const DISK: &str = "size=24m";

/// A file system of its own in memory, gone with the value.
struct LittleDisk<'a>(&'a Path);

impl<'a> LittleDisk<'a> {
    /// `None` where this user may not mount.
    fn mount(path: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", DISK, "tmpfs"])
            .arg(path)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(path))
    }
}

impl Drop for LittleDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Fills the disk to the last byte.
fn fill(path: &Path) {
    let mut left = 64 * 1024 * 1024;
    let mut piece = 1024 * 1024;
    let mut file = std::fs::File::create(path).unwrap();
    while left > 0 && piece >= 512 {
        match std::io::Write::write_all(&mut file, &vec![7_u8; piece]) {
            Ok(()) => left -= piece,
            Err(_) => piece /= 2,
        }
    }
    let _ = file.sync_all();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_presses_and_takes_their_retries_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("disk");
    let Some(disk) = LittleDisk::mount(&mount) else {
        // Only root may mount; the store's own tests fill the log on any machine.
        assert!(!is_root(), "root could not mount a file system in memory");
        return;
    };
    let node = Node::start(&mount.join("data"), 20).await;
    let device = node.device_list().remove(0);
    let mut kept = Vec::new();
    for n in 0..20 {
        let press = format!("before-{n}");
        let (status, body) = node.press(&device, &press, "sos").await.unwrap();
        assert_eq!(status, 201);
        kept.push((press, body["position"].clone()));
    }

    let filler = mount.join("filler");
    fill(&filler);
    // What is free inside the log's own files may still take some presses; then one is refused.
    let mut refused = None;
    for n in 0..20_000 {
        let press = format!("full-{n}");
        match node.press(&device, &press, "sos").await.unwrap() {
            (201, body) => kept.push((press, body["position"].clone())),
            (503, body) => {
                refused = Some((press, body));
                break;
            }
            (status, body) => panic!("neither taken nor refused: {status} {body}"),
        }
    }
    let (press, body) = refused.expect("a full disk is noticed");
    assert!(body["status"] == 503 && body["title"].is_string(), "{body}");
    let why = until_ready_is(&node, false).await;
    assert!(why.contains("no room left on the disk"), "{why}");

    std::fs::remove_file(&filler).unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    let taken = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            ticks.tick().await;
            if let (200 | 201, _) = node.press(&device, &press, "sos").await.unwrap() {
                return;
            }
        }
    });
    taken.await.expect("the retry is taken once there is room");
    for (press, position) in kept {
        let (status, body) = node.press(&device, &press, "sos").await.unwrap();
        assert_eq!((status, &body["position"]), (200, &position), "{press}");
    }
    until_ready_is(&node, true).await;
    node.stop().await;

    fill(&filler);
    let said = refused_start(&mount.join("data"));
    assert!(said.contains("no room left on the disk"), "{said}");
    let said = refused_start(&mount.join("new"));
    assert!(said.contains("free some room on its disk"), "{said}");
    drop(disk);
}

/// What a start that cannot be says.
fn refused_start(data: &Path) -> String {
    let started = Command::new(journeys::binary())
        .args(["demo", "--no-cast", "--data"])
        .arg(data)
        .args(["--console-listen", "127.0.0.1:0"])
        .args(["--devices-listen", "127.0.0.1:0"])
        .args(["--dc09-listen", "127.0.0.1:0"])
        .args(["--eventstore-listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(!started.status.success());
    String::from_utf8_lossy(&started.stderr).into_owned()
}

/// What `/readyz` says once it is ready, or is not.
async fn until_ready_is(node: &Node, wanted: bool) -> String {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let seen = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            ticks.tick().await;
            let asked = node.client.get(format!("{}/readyz", node.console));
            let said = asked.send().await.unwrap().text().await.unwrap();
            if said.contains(&format!("\"ready\":{wanted}")) {
                return said;
            }
        }
    });
    seen.await.expect("readiness follows the disk")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.starts_with(b"0")
}
