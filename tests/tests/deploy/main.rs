//! What stands in `deploy/` is read by the programs it is for: systemd, nginx, PostgreSQL, a shell, and Anling itself.
#![expect(
    clippy::unwrap_used,
    reason = "a journey that meets the unexpected has failed, and says where"
)]

mod nginx;

use journeys::{Node, binary};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A file of `deploy/`.
pub(crate) fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(file)
}

/// Runs it to its end; what it said, and whether it was content.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs what is missing"));
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn systemd_understands_the_units_and_finds_little_to_attack() {
    let dir = tempfile::tempdir().unwrap();
    for (unit, instance) in [
        ("anling.service", "anling.service"),
        ("anling@.service", "anling@ingest.service"),
    ] {
        let text = fs::read_to_string(deploy("systemd").join(unit)).unwrap();
        assert!(text.contains("ExecStart=/usr/bin/anling serve"));
        // Or all threads would be as urgent as those that take alarms; the filter before it takes the call away.
        let (_, after) = text.split_once("~@privileged @resources\n").unwrap();
        assert!(after.contains("SystemCallFilter=setpriority\n"));
        // The program where this test finds it; systemd looks whether it is there.
        let text = text.replace("/usr/bin/anling", binary().to_str().unwrap());
        fs::write(dir.path().join(unit), text).unwrap();
        let unit = dir.path().join(instance);
        let (content, said) = run(Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&unit));
        assert!(content && said.trim().is_empty(), "{said}");
        // Of 10.0, in tenths: below 2 is what systemd calls OK with room to spare.
        let security = ["security", "--no-pager", "--offline=true", "--threshold=20"];
        let template = dir.path().join(
            unit.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .replace("ingest", ""),
        );
        let (content, said) = run(Command::new("systemd-analyze").args(security).arg(template));
        assert!(content, "{said}");
    }
}

/// `anling check` on a file, with ports and a folder that are free here.
fn check(config: &Path, data: &Path) -> (bool, String) {
    let free = "127.0.0.1:0";
    let database = "postgres://anling:secret@127.0.0.1/anling";
    run(Command::new(binary())
        .args(["check", "--config"])
        .arg(config)
        .arg("--data")
        .arg(data)
        .env("ANLING_DATABASE_URL", database)
        .envs(
            [
                "ANLING_CONSOLE_LISTEN",
                "ANLING_DEVICES_LISTEN",
                "ANLING_DC09_LISTEN",
                "ANLING_OPS_LISTEN",
            ]
            .map(|name| (name, free)),
        ))
}

#[test]
fn anling_accepts_the_settings_files() {
    let dir = tempfile::tempdir().unwrap();
    let (content, said) = check(&deploy("anling.toml"), &dir.path().join("data"));
    assert!(content, "{said}");
    // The webhooks of the examples are there to be filled in: with a secret they are accepted as well.
    let text = fs::read_to_string(deploy("anling.toml")).unwrap();
    let text = text
        .replace("# [webhooks]", "[webhooks]")
        .replace("# duty_phone = \"https", "duty_phone = \"https");
    let text = text.replace(
        "# secret = \"\"",
        "secret = \"0123456789abcdef0123456789abcdef\"",
    );
    let filled = dir.path().join("filled.toml");
    fs::write(&filled, text).unwrap();
    let (content, said) = check(&filled, &dir.path().join("data"));
    assert!(content, "{said}");
}

#[test]
fn anling_accepts_the_settings_of_each_role() {
    for role in ["ingest", "dispatcher", "console"] {
        let file = deploy("three-roles").join(format!("{role}.toml"));
        let dir = tempfile::tempdir().unwrap();
        let (content, said) = check(&file, &dir.path().join("data"));
        assert!(
            content && said.contains(&format!("roles    {role}\n")),
            "{role}: {said}"
        );
    }
}

/// The newest PostgreSQL on this machine.
fn postgresql(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let found = versions.map(|version| version.path().join("bin").join(program));
    let found = found.filter(|program| program.exists()).max();
    found.unwrap_or_else(|| PathBuf::from(program))
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &str) -> Command {
    let root =
        fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    let program = postgresql(program);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

#[test]
fn postgresql_reads_its_settings() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let data = dir.path().join("data");
    let (content, said) = run(as_postgres("initdb")
        .args(["--no-sync", "--auth=reject", "-D"])
        .arg(&data));
    assert!(content, "{said}");
    fs::copy(deploy("postgresql/anling.conf"), data.join("anling.conf")).unwrap();
    fs::set_permissions(data.join("anling.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    let main = data.join("postgresql.conf");
    let text = fs::read_to_string(&main).unwrap() + "\ninclude 'anling.conf'\n";
    fs::write(&main, text).unwrap();
    for (name, expected) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("max_connections", "320"),
    ] {
        let (content, said) = run(as_postgres("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-C", name]));
        assert!(content && said.trim() == expected, "{name}: {said}");
    }
}

#[tokio::test]
async fn the_container_is_made_of_what_is_there_and_its_health_command_works() {
    let text = fs::read_to_string(deploy("Containerfile")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let after = |word: &str| {
        let words = lines.iter().filter_map(|line| line.strip_prefix(word));
        words.map(str::to_owned).collect::<Vec<String>>()
    };
    for copied in after("COPY ")
        .iter()
        .filter(|copied| !copied.starts_with("--from"))
    {
        let from: Vec<_> = copied.split(' ').collect();
        for path in &from[..from.len() - 1] {
            assert!(deploy("..").join(path).exists(), "{path}");
        }
    }
    let copied = after("COPY ").join("\n");
    let workspace = fs::read_to_string(deploy("../Cargo.toml")).unwrap();
    let members = workspace.split("\nmembers = [").nth(1).unwrap();
    for member in members.split(']').next().unwrap().split(", ") {
        let folder = member.trim_matches('"').trim_end_matches("/*");
        assert!(copied.contains(&format!("{folder} {folder}")), "{folder}");
    }
    let images = after("FROM ");
    assert!(
        images
            .iter()
            .all(|image| !image.contains('/') && image.contains(':')),
        "{images:?}"
    );
    assert_eq!(after("USER "), ["10001:10001"], "never root");

    let health = after("HEALTHCHECK ").remove(0);
    let (_, command) = health.split_once("CMD ").unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let healthy = |port: &str| {
        run(Command::new(&command[0])
            .args(&command[1..])
            .env("ANLING_HEALTH_PORT", port))
    };
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir.path().join("data"), 5).await;
    for door in [&node.console, &node.devices] {
        let port = door.rsplit(':').next().unwrap().to_owned();
        let (content, said) = healthy(&port);
        assert!(content, "{said}");
    }
    let port = node.console.rsplit(':').next().unwrap().to_owned();
    node.stop().await;
    assert!(!healthy(&port).0, "nobody is there any more");
}

/// The image that compiles has no Node.js: with the page's folder named as the Containerfile does, none is asked for.
#[test]
fn the_containers_compiler_asks_for_no_nodejs() {
    let text = fs::read_to_string(deploy("Containerfile")).unwrap();
    let page = text
        .lines()
        .find_map(|line| line.strip_prefix("ENV CONSOLE_DIST="));
    let page = page.unwrap();
    let fetched = format!("COPY --from=page /page/dist {page}");
    assert!(text.lines().any(|line| line == fetched), "{fetched}");
    let asked = |dist: &str| {
        run(Command::new(deploy("../.cargo/rustc"))
            .args(["/bin/true", "-vV"])
            .env("PATH", "/nowhere")
            .env("CONSOLE_DIST", dist))
    };
    let (content, said) = asked(page);
    assert!(content, "{said}");
    let (content, said) = asked("");
    assert!(!content && said.contains("Node.js"), "{said}");
}
