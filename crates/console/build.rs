//! Builds the page and lists its files for the binary.
//!
//! For: one `cargo build` that holds the real page: inputs are copied to `OUT_DIR/web`, npm builds them there, and a
//! table of the files is written for `src/assets.rs`. The source tree stays clean.
//! May not know: what the page does.
//!
//! `CONSOLE_DIST=<folder>` takes a page built elsewhere (no Node needed); `CONSOLE_DIST=none` leaves the page out.

use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the page is built from. Never `web` itself: editors and tools write there.
const INPUTS: &[&str] = &[
    "src",
    ".env",
    "public",
    "build",
    "index.html",
    "m.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];

/// Without these there is no page.
const REQUIRED: &[&str] = &["src", "index.html", "package.json", "package-lock.json"];

/// The oldest Node that the page's tools run on.
const NODE: (u32, u32) = (20, 19);

/// How to get one. Debian 12's own package is 18; its npm brings a newer one, which stands first on the path.
const INSTALL: &str = "install it: sudo apt-get install npm && sudo npm install --global node@22   (or from https://nodejs.org)";

/// Stops the build with lines that say what to do.
fn fail(lines: &[&str]) -> ! {
    for line in lines {
        println!("cargo::error={line}");
    }
    std::process::exit(1);
}

fn main() {
    println!("cargo::rerun-if-env-changed=CONSOLE_DIST");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let dist = match env::var("CONSOLE_DIST") {
        _ if env::var_os("DOCS_RS").is_some() => None,
        Ok(none) if none == "none" => None,
        Ok(folder) if !folder.is_empty() => Some(prebuilt(Path::new(&folder))),
        _ => Some(build(&out.join("web"))),
    };
    write_table(&out, dist.as_deref());
}

fn prebuilt(folder: &Path) -> PathBuf {
    println!("cargo::rerun-if-changed={}", folder.display());
    if !folder.join("index.html").is_file() {
        fail(&[
            &format!("CONSOLE_DIST={} holds no index.html", folder.display()),
            "point it to a built page, or unset it to build the page here",
        ]);
    }
    folder.to_owned()
}

fn build(work: &Path) -> PathBuf {
    let web = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("web");
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", web.join(input).display());
    }
    for input in REQUIRED {
        if !web.join(input).exists() {
            let line = format!("crates/console/web/{input} is missing: the page cannot be built");
            fail(&[
                &line,
                "set CONSOLE_DIST=none to build without the page, or CONSOLE_DIST=<folder> to take a built one",
            ]);
        }
    }
    check_node();
    copy_inputs(&web, work);
    install(work);
    run_npm(work, &["run", "build"], "the page could not be built");
    let dist = work.join("dist");
    if !dist.join("index.html").is_file() {
        fail(&["the page was built but dist/index.html is not there"]);
    }
    dist
}

fn check_node() {
    let found = Command::new("node").arg("--version").output();
    let found = found.ok().filter(|output| output.status.success());
    let Some(found) = found else {
        fail(&[
            "Node.js is not installed, and the console's page is built with it (20.19 or newer; 22 is better)",
            INSTALL,
            "or build without the page: CONSOLE_DIST=none cargo build",
        ]);
    };
    let text = String::from_utf8_lossy(&found.stdout);
    let mut numbers = text.trim().trim_start_matches('v').split('.');
    let mut next = || numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let version: (u32, u32) = (next(), next());
    if version < NODE {
        let line = format!(
            "Node.js {} is too old: the console's page needs {}.{} or newer",
            text.trim(),
            NODE.0,
            NODE.1
        );
        fail(&[
            &line,
            INSTALL,
            "or build without the page: CONSOLE_DIST=none cargo build",
        ]);
    }
    let npm = Command::new("npm").arg("--version").output();
    if !npm.is_ok_and(|output| output.status.success()) {
        fail(&[
            "npm is not installed, and the console's page is built with it",
            "install it: sudo apt-get install npm",
        ]);
    }
}

/// Copies what the page is built from, and removes copies of what is gone.
fn copy_inputs(web: &Path, work: &Path) {
    let mut wanted = BTreeSet::new();
    for input in INPUTS {
        let from = web.join(input);
        if from.exists() {
            copy(&from, &work.join(input), &mut wanted);
        }
    }
    for input in INPUTS {
        remove_others(&work.join(input), &wanted);
    }
}

fn copy(from: &Path, to: &Path, wanted: &mut BTreeSet<PathBuf>) {
    if from.is_dir() {
        let entries = fs::read_dir(from).unwrap_or_else(|e| stop(from, &e));
        for entry in entries {
            let entry = entry.unwrap_or_else(|e| stop(from, &e));
            copy(&entry.path(), &to.join(entry.file_name()), wanted);
        }
        return;
    }
    wanted.insert(to.to_owned());
    let bytes = fs::read(from).unwrap_or_else(|e| stop(from, &e));
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return;
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).unwrap_or_else(|e| stop(folder, &e));
    }
    fs::write(to, bytes).unwrap_or_else(|e| stop(to, &e));
}

fn remove_others(path: &Path, wanted: &BTreeSet<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            remove_others(&entry.path(), wanted);
        }
    } else if path.is_file() && !wanted.contains(path) {
        fs::remove_file(path).unwrap_or_else(|e| stop(path, &e));
    }
}

/// Installs the build's packages when the lock file is another than last time.
fn install(work: &Path) {
    let lock = work.join("package-lock.json");
    let bytes = fs::read(&lock).unwrap_or_else(|e| stop(&lock, &e));
    let hash = hex(&Sha256::digest(&bytes));
    let stamp = work.join(".installed");
    let same = fs::read_to_string(&stamp).is_ok_and(|before| before == hash);
    if same && work.join("node_modules").is_dir() {
        return;
    }
    let _ = fs::remove_file(&stamp);
    run_npm(
        work,
        &[
            "ci",
            "--omit=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ],
        "the page's packages could not be installed",
    );
    fs::write(&stamp, hash).unwrap_or_else(|e| stop(&stamp, &e));
}

fn run_npm(work: &Path, args: &[&str], what: &str) {
    let run = Command::new("npm")
        .args(args)
        .current_dir(work)
        .env("NODE_ENV", "production")
        .output();
    let output = run.unwrap_or_else(|e| stop(Path::new("npm"), &e));
    if output.status.success() {
        return;
    }
    println!("cargo::error={what}: npm {} failed", args.join(" "));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    for line in &lines[lines.len().saturating_sub(20)..] {
        println!("cargo::error={line}");
    }
    fail(&["without a network, or to build without the page: CONSOLE_DIST=none cargo build"]);
}

fn stop(path: &Path, error: &std::io::Error) -> ! {
    fail(&[&format!("{}: {error}", path.display())])
}

fn write_table(out: &Path, dist: Option<&Path>) {
    let mut files = Vec::new();
    if let Some(dist) = dist {
        list(dist, dist, &mut files);
    }
    files.sort();
    let mut code = format!(
        "/// Whether there is no page.\npub(super) const PLACEHOLDER: bool = {};\n\
         /// The page's files, by path.\npub(super) static ASSETS: &[Asset] = &[\n",
        dist.is_none()
    );
    for (path, file) in &files {
        let bytes = fs::read(file).unwrap_or_else(|e| stop(file, &e));
        let hash = hex(&Sha256::digest(&bytes)[..12]);
        let packed = |ending: &str| {
            let packed = PathBuf::from(format!("{}.{ending}", file.display()));
            if packed.is_file() {
                format!("Some(include_bytes!({packed:?}))")
            } else {
                "None".to_owned()
            }
        };
        code.push_str(&format!(
            "    Asset {{ path: {path:?}, content_type: {:?}, etag: {hash:?}, immutable: {}, identity: include_bytes!({file:?}), \
             brotli: {}, gzip: {} }},\n",
            content_type(path),
            path.starts_with("assets/"),
            packed("br"),
            packed("gz"),
        ));
    }
    code.push_str("];\n");
    let table = out.join("assets.rs");
    fs::write(&table, code).unwrap_or_else(|e| stop(&table, &e));
}

fn list(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(root, &path, files);
            continue;
        }
        let packed = path.extension().is_some_and(|e| e == "br" || e == "gz");
        if let (false, Ok(name)) = (packed, path.strip_prefix(root)) {
            let name = name.to_string_lossy().replace('\\', "/");
            let full = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            files.push((name, full));
        }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
