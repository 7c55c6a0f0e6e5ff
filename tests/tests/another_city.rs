//! Another city than the built-in one, out of files alone: an empty folder, eleven imports, and a press is offered to the
//! station that is soonest there, which is not the nearest as the crow flies.
//!
//! For: what somebody who sets up their own city does with the real binary.
//! May not know: anything inside; files, command line and public protocols.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use journeys::{Account, Device, Node, Page, Store, on_both_stores};
use std::{
    path::{Path, PathBuf},
    process::Output,
};
use tokio::process::Command;
use wire::console::Act;

/// In the order in which they build on each other.
const KINDS: [&str; 11] = [
    "city",
    "districts",
    "communities",
    "barriers",
    "sites",
    "crossings",
    "responders",
    "grids",
    "operators",
    "residents",
    "devices",
];

fn file(kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cities/lumo");
    folder.join(format!("{kind}.csv"))
}

/// The commands of whoever keeps the city's data folder.
struct Keeper<'a> {
    store: &'a Store,
    data: &'a Path,
    key: &'a Path,
}

impl Keeper<'_> {
    async fn run(&self, words: &[&str]) -> Output {
        let done = Command::new(journeys::binary())
            .args(words)
            .arg("--data")
            .arg(self.data)
            .arg("--master-key")
            .arg(self.key)
            .envs(self.store.environment())
            .output();
        done.await.unwrap()
    }

    /// What it printed; a panic when it was refused.
    async fn done(&self, words: &[&str]) -> String {
        let done = self.run(words).await;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let complained = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{words:?}: {said}{complained}");
        said
    }
}

on_both_stores!(a_city_out_of_files_answers_a_press_from_its_soonest_station);

async fn a_city_out_of_files_answers_a_press_from_its_soonest_station(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let node = store.serve(&data).await;
    let key = data.join("master.key");
    // Where several processes may write, the command is one more of them, with a folder of its own.
    let own = match store {
        Store::Sqlite => data.clone(),
        Store::Postgres(_) => dir.path().join("keeper"),
    };
    let keeper = Keeper {
        store: &store,
        data: &own,
        key: &key,
    };
    let passwords = dir.path().join("passwords.csv");
    for kind in KINDS {
        let file = file(kind);
        let file = file.to_str().unwrap();
        let preview = keeper.done(&["import", kind, file, "--dry-run"]).await;
        assert!(preview.contains("nothing was written"), "{kind}: {preview}");
        let words = [
            "import",
            kind,
            file,
            "--passwords",
            passwords.to_str().unwrap(),
        ];
        let said = keeper.done(&words).await;
        let done = said.contains("lines written") || said.contains("nothing to write");
        assert!(done && !said.contains("refused 1"), "{kind}: {said}");
    }
    comes_out_as_it_went_in(&keeper, dir.path()).await;
    is_the_city_on_the_page(&node, &account(&passwords, "chief")).await;
    offers_a_press_to_the_soonest(&node, &passwords).await;
    node.stop().await;
}

/// Files of everything that holds no person are the same byte for byte.
async fn comes_out_as_it_went_in(keeper: &Keeper<'_>, dir: &Path) {
    for kind in KINDS
        .into_iter()
        .filter(|it| !matches!(*it, "residents" | "devices"))
    {
        let out = dir.join(format!("{kind}.csv"));
        keeper
            .done(&["export", kind, "--out", out.to_str().unwrap()])
            .await;
        let (wrote, gave) = (
            std::fs::read(&out).unwrap(),
            std::fs::read(file(kind)).unwrap(),
        );
        assert_eq!(
            String::from_utf8_lossy(&wrote),
            String::from_utf8_lossy(&gave),
            "{kind}"
        );
    }
    for kind in ["sites", "crossings", "barriers"] {
        let map = dir.join(format!("{kind}.geojson"));
        let map = map.to_str().unwrap();
        keeper.done(&["export", kind, "--out", map]).await;
        let said = keeper.done(&["import", kind, map]).await;
        assert!(said.contains("nothing to write"), "{kind}: {said}");
    }
    let harbin = dir.join("harbin.csv");
    let text =
        "city,name,name_latin,lon,lat,town_radius_m\nharbin,哈尔滨市,Harbin,126.63,45.762,12000\n";
    std::fs::write(&harbin, text).unwrap();
    let refused = keeper
        .run(&["import", "city", harbin.to_str().unwrap()])
        .await;
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("line 2: this is already the city lumo"),
        "{said}"
    );
}

/// Whose password the import wrote down.
fn account(passwords: &Path, name: &str) -> Account {
    let text = std::fs::read_to_string(passwords).unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(','));
    let (_, password) = lines.find(|(operator, _)| *operator == name).unwrap();
    Account {
        name: name.to_owned(),
        password: password.to_owned(),
        role: "operator".to_owned(),
        scope: "city".to_owned(),
        site: None,
        cast: false,
        button: None,
    }
}

async fn is_the_city_on_the_page(node: &Node, chief: &Account) {
    let token = node.sign_in(chief).await;
    let map = node.get(&token, "/v1/map").await;
    let ids = |what: &str| {
        let all = map[what].as_array().unwrap().iter();
        all.map(|it| it["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("barriers"), ["ilm"]);
    assert_eq!(map["barriers"][0]["points"].as_array().unwrap().len(), 3);
    assert_eq!(ids("crossings"), ["north-bridge"]);
    assert_eq!(ids("districts"), ["lumo-e", "lumo-w"]);
}

async fn offers_a_press_to_the_soonest(node: &Node, passwords: &Path) {
    let mut pages = Vec::new();
    for (name, site) in [("east", "LUMO-EAST"), ("west", "LUMO-WEST")] {
        let token = node.sign_in(&account(passwords, name)).await;
        let mut page = Page::open(node, &token, name, None).await;
        page.sign_on("site", Some(site), true).await;
        pages.push(page);
    }
    let device = Device {
        device: "LUMO-D1".to_owned(),
        key: "a-key-of-lumo".to_owned(),
        resident: "LUMO-R1".to_owned(),
        district: "lumo-e".to_owned(),
        account: String::new(),
    };
    let (press, _) = node.press_new(&device, "sos").await;
    let east = &mut pages[0];
    let card = east
        .until("the call at the east station", |card| card.offer.is_some())
        .await;
    let offer = card.offer.clone().unwrap();
    let first = &offer.rung[0].party;
    assert_eq!(first.id.as_deref(), Some("LUMO-EAST"), "{offer:#?}");
    let weighed: Vec<_> = offer
        .candidates
        .iter()
        .map(|it| (it.site.as_str(), it.via.as_deref()))
        .collect();
    // 600 m away, with the river between; and 1.5 km away on the same bank.
    assert_eq!(weighed, [("LUMO-EAST", None), ("LUMO-WEST", Some("北桥"))]);
    assert!(offer.candidates[1].metres > Some(10_000), "{offer:#?}");
    east.command(&card, Act::Accept).await.unwrap();
    let card = east
        .until("the call taken", |card| card.owner.is_some())
        .await;
    let resident = card.resident.as_ref().unwrap();
    assert_eq!(resident.community, "东岸街道柳林社区");
    assert_eq!(
        resident.grid_worker.as_deref(),
        Some("白石"),
        "assigned by the file"
    );
    let walks = card
        .can_send
        .iter()
        .find(|it| it.responder == "walker")
        .unwrap();
    assert!(
        walks.seconds.is_some(),
        "from the community's centre: {walks:?}"
    );
    node.until_stage(&device, &press, "heard").await;
}
