//! `--fresh`: the folder of a demo city made empty.
//!
//! For: starting anew without taking away anything that is not the demo's.
//! May not know: what the files hold.

use crate::{
    failure::{Doing, Failure},
    folder::{Folder, LOG, MARK, Purpose},
};
use std::{fs, path::Path};

/// How the names of a demo city's files begin; SQLite puts its own words behind some.
const OURS: [&str; 12] = [
    MARK,
    LOG,
    ".admin",
    "admin.sock",
    "demo-",
    "directory.sqlite",
    "keys.sqlite",
    "lan-",
    "listening.json",
    "master.key",
    "notary.",
    "writer.lock",
];

/// Removes everything of ours in the folder, so that it is new again; says whether there was anything. Only a demo's
/// folder, never a service's; and nothing is removed while something stands in it that is not ours.
pub(super) fn clear(path: &Path) -> Result<bool, Failure> {
    if !path.join(MARK).exists() {
        return Ok(false);
    }
    let shown = path.display();
    if Folder::purpose(path) != Some(Purpose::Demo) {
        return Err(Failure::new(format!(
            "{shown} does not hold a demo city; choose another folder with --data"
        )));
    }
    // The lock is taken and let go, so that a running process's folder is never pulled away.
    eventlog::check_unlocked(path).map_err(Failure::new)?;
    let mut ours = Vec::new();
    for entry in fs::read_dir(path).doing("read the data folder")? {
        let entry = entry.doing("read the data folder")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_ours(&name) {
            return Err(Failure::new(format!(
                "{shown} holds {name}, which is not the demo city's: move it elsewhere, or choose another folder with --data"
            )));
        }
        ours.push(entry.path());
    }
    // The mark last: whatever is left when this is cut short is still known as ours. The folder itself stays, it may be
    // a mounted disk.
    ours.sort_by_key(|path| path.ends_with(MARK));
    for path in ours {
        let removed = if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.doing("remove the old demo city")?;
    }
    Ok(true)
}

/// Whether a name in a demo's folder is one that we give.
fn is_ours(name: &str) -> bool {
    let half_written = name.starts_with('.') && name.ends_with(".new");
    half_written || OURS.iter().any(|ours| name.starts_with(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demo_folder_is_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("service");
        Folder::open(&path, Purpose::Service).unwrap();
        assert!(clear(&path).is_err());
        assert!(path.join(MARK).exists());
    }

    #[test]
    fn a_cleared_folder_is_there_and_empty_and_nothing_of_others_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!clear(dir.path()).unwrap(), "nothing there");
        let folder = Folder::open(dir.path(), Purpose::Demo).unwrap();
        for name in ["log.sqlite-wal", "demo-devices.csv", ".demo-city.json.new"] {
            fs::write(folder.file(name), b"x").unwrap();
        }
        fs::write(folder.file("anling.toml"), b"settings").unwrap();
        let text = clear(dir.path()).unwrap_err().to_string();
        assert!(text.contains("anling.toml"), "{text}");
        assert!(folder.file("demo-devices.csv").exists(), "all of it stays");
        fs::remove_file(folder.file("anling.toml")).unwrap();
        assert!(clear(dir.path()).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
