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

fn sources(dir: &Path, kinds: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                sources(&path, kinds, found);
            }
        } else if let Some(kind) = path.extension()
            && kinds.iter().any(|wanted| kind == *wanted)
        {
            found.push(path);
        }
    }
}

/// How a file's first line begins when it says what the file is for, by the kind of file.
const HEADERS: [(&str, &str); 8] = [
    ("rs", "//! "),
    ("ts", "// "),
    ("mjs", "// "),
    ("svelte", "<!-- For: "),
    ("css", "/* "),
    ("py", "\"\"\""),
    ("sql", "-- "),
    ("proto", "// "),
];

#[test]
fn every_file_says_what_it_is_for() {
    for (kind, begins) in HEADERS {
        let mut files = Vec::new();
        for dir in ["crates", "tests", "loadtest", "bench"] {
            sources(&root().join(dir), &[kind], &mut files);
        }
        let silent: Vec<_> = files
            .iter()
            .filter(|path| !fs::read_to_string(path).unwrap().starts_with(begins))
            .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
            .collect();
        assert!(silent.is_empty(), "no header: {silent:#?}");
        assert!(!files.is_empty(), "there are files of kind {kind}");
    }
}

#[test]
fn every_crate_has_its_invariant_written_down() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = text.split("## Code map").nth(1).unwrap();
    let map = map.split("\n## ").next().unwrap();
    for (room, _) in edges_in_manifests() {
        let entry = map
            .split("\n\n")
            .find(|entry| entry.starts_with(&format!("**`{room}`**")));
        let entry = entry.unwrap_or_else(|| panic!("{room} is not on the code map"));
        assert!(
            entry.contains("*Invariant: "),
            "{room} has no invariant: {entry}"
        );
    }
}

/// What the rules may not use: state must be the same fold on every machine.
const NOT_IN_RULES: [&str; 14] = [
    "f32",
    "f64",
    "HashMap",
    "HashSet",
    "async",
    "await",
    "Instant",
    "SystemTime",
    "rand",
    "tokio",
    "fs",
    "net",
    "env",
    "thread",
];

#[test]
fn the_rules_have_no_clock_no_chance_no_floats_and_no_hash_order() {
    let mut files = Vec::new();
    sources(&root().join("crates/domain/src"), &["rs"], &mut files);
    // Tests of the rules read and write their golden files.
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "tests"));
    let mut found = Vec::new();
    for path in &files {
        for (number, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if let Some(word) = words.find(|word| NOT_IN_RULES.contains(word)) {
                found.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(files.len() > 20, "found only {} files", files.len());
}

#[test]
fn only_the_binary_reads_the_environment() {
    let mut files = Vec::new();
    for room in fs::read_dir(root().join("crates")).unwrap().flatten() {
        if room.file_name() != "anling" {
            sources(&room.path().join("src"), &["rs"], &mut files);
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
