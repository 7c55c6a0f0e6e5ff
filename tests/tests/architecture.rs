//! `ARCHITECTURE.md` holds: the crate graph is the one it lists, and every file says what it is for.
//!
//! For: keeping the written plan and the tree the same.
//! May not know: anything of the running system.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Crate → crates of ours it uses, from the manifests; development uses do not count. The load generator stands beside the
/// crates and is held to the same list.
fn edges_in_manifests() -> BTreeMap<String, BTreeSet<String>> {
    let mut rooms: BTreeMap<String, PathBuf> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .collect();
    rooms.insert("loadtest".to_owned(), root().join("loadtest"));
    rooms
        .iter()
        .map(|(name, path)| {
            let text = fs::read_to_string(path.join("Cargo.toml")).unwrap();
            let uses = text
                .split("\n[")
                .find(|section| section.starts_with("dependencies]"))
                .unwrap_or_default()
                .lines()
                .filter_map(|line| line.split(['.', ' ', '=']).next())
                .filter(|used| rooms.contains_key(*used))
                .map(str::to_owned)
                .collect();
            (name.clone(), uses)
        })
        .collect()
}

/// The same from the lines `crate → crate, crate` of the code block under "The crate graph".
fn edges_in_architecture() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let block = text
        .split("## The crate graph")
        .nth(1)
        .unwrap()
        .split("```")
        .nth(1)
        .unwrap()
        .to_owned();
    block
        .lines()
        .filter_map(|line| line.split_once('→'))
        .map(|(name, uses)| {
            let uses = uses
                .split(',')
                .map(str::trim)
                .filter(|used| !used.is_empty() && *used != "nothing")
                .map(str::to_owned)
                .collect();
            (name.trim().to_owned(), uses)
        })
        .collect()
}

#[test]
fn the_crate_graph_is_the_one_written_down() {
    assert_eq!(edges_in_manifests(), edges_in_architecture());
}

#[test]
fn leaves_and_neighbours_keep_apart() {
    let edges = edges_in_manifests();
    for leaf in ["domain", "eventlog", "wire"] {
        assert!(
            edges[leaf].is_empty(),
            "{leaf} is a leaf and uses {:?}",
            edges[leaf]
        );
    }
    let neighbours = ["ingest", "dispatcher", "console"];
    for room in neighbours {
        for other in neighbours {
            assert!(
                !edges[room].contains(other),
                "{room} and {other} meet in the log only"
            );
        }
    }
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    sources(&root().join("tests"), &mut files);
    sources(&root().join("loadtest"), &mut files);
    sources(&root().join("bench"), &mut files);
    let silent: Vec<_> = files
        .iter()
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .collect();
    assert!(silent.is_empty(), "no header: {silent:#?}");
    assert!(files.len() > 50, "found only {} files", files.len());
}

#[test]
fn only_the_binary_reads_the_environment() {
    let mut files = Vec::new();
    for room in fs::read_dir(root().join("crates")).unwrap().flatten() {
        if room.file_name() != "anling" {
            sources(&room.path().join("src"), &mut files);
        }
    }
    let readers: Vec<_> = files
        .iter()
        // Golden files are rewritten on request; that is a test's own matter.
        .filter(|path| !path.components().any(|part| part.as_os_str() == "tests"))
        .filter(|path| fs::read_to_string(path).unwrap().contains("std::env::var"))
        .collect();
    assert!(readers.is_empty(), "{readers:#?}");
}
