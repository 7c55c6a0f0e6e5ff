//! The data folder: whose it is, and what stands in it.
//!
//! For: never writing into a folder that is not ours, and the small files beside the log.
//! May not know: what the log holds.

use crate::{
    database::Database,
    failure::{Doing, Failure},
};
use domain::NodeId;
use rustix::fs::Access;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The file by which we know our own folder.
pub(crate) const MARK: &str = "anling.json";

/// What a folder is for; written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// A real service.
    Service,
    /// The synthetic city.
    Demo,
    /// A log of outside programs (`anling eventstore`).
    Eventstore,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    purpose: Purpose,
    format: u32,
    /// A log was begun here: when it is not there any more, it is lost and not new.
    #[serde(default)]
    begun: bool,
    /// How the log in a database begins that the folder's process works on: another log begins otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<Uuid>,
    /// What the folder's process is called among several; drawn once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<Uuid>,
}

/// The layout this version writes and reads.
const FORMAT: u32 = 1;
/// The log's file, as `eventlog` names it.
pub(crate) const LOG: &str = "log.sqlite";

/// What stands in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Our mark.
    Ours,
    /// Nothing, or no folder.
    Nothing,
}

/// A folder that is ours.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens or makes the folder. A folder that holds other things, or serves another purpose, is refused.
    pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Folder, Failure> {
        fs::create_dir_all(path).map_err(|error| {
            Failure::new(format!(
                "cannot make the folder {}: {error}; choose another with --data",
                path.display()
            ))
        })?;
        if Self::check(path, purpose)? == Found::Nothing {
            let mark = Mark {
                purpose,
                format: FORMAT,
                begun: false,
                log: None,
                node: None,
            };
            write_mark(path, &mark)?;
        }
        private(path)?;
        Ok(Folder {
            path: path.to_path_buf(),
        })
    }

    /// Looks without touching: ours, nothing yet, or refused with the reason.
    pub(crate) fn check(path: &Path, purpose: Purpose) -> Result<Found, Failure> {
        let mark = path.join(MARK);
        match fs::read_to_string(&mark) {
            Ok(text) => check_mark(path, &text, purpose).map(|()| Found::Ours),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let Ok(mut entries) = fs::read_dir(path) else {
                    return Ok(Found::Nothing);
                };
                match entries.next() {
                    None => Ok(Found::Nothing),
                    Some(strange) => {
                        let strange = strange.doing("read the data folder")?.file_name();
                        Err(Failure::new(format!(
                            "{} is not a folder of anling's: it holds {}; choose an empty or new one with --data",
                            path.display(),
                            strange.to_string_lossy()
                        )))
                    }
                }
            }
            Err(error) => Err(Failure::new(format!(
                "cannot read {}: {error}; make it readable or choose another with --data",
                mark.display()
            ))),
        }
    }

    /// Says whether we may write into it, or make it.
    pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
        let there = path.ancestors().find(|dir| dir.exists());
        let there = match there {
            None => Path::new("."),
            Some(dir) if dir.as_os_str().is_empty() => Path::new("."),
            Some(dir) => dir,
        };
        let allowed = rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK);
        allowed.map_err(|error| {
            Failure::new(format!(
                "cannot write to {}: {error}; make it writable or choose another with --data",
                there.display()
            ))
        })
    }

    /// What a folder is for, where it is ours.
    pub(crate) fn purpose(path: &Path) -> Option<Purpose> {
        read_mark(path).ok().map(|mark| mark.purpose)
    }

    /// Notes that a log stands here from now on.
    pub(crate) fn has_begun(&self) -> Result<(), Failure> {
        self.change_mark(|mark| mark.begun = true)
    }

    /// Refuses a folder whose process works on a shared database: a log of its own would be a second truth.
    pub(crate) fn must_not_be_shared(&self) -> Result<(), Failure> {
        if read_mark(&self.path)?.log.is_none() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} belongs to a process on a PostgreSQL database; name the database with database_url, or choose another folder with --data",
            self.path.display()
        )))
    }

    /// Notes which log the folder's process works on. One that is gone, or another than before, is refused.
    pub(crate) fn must_know(
        &self,
        database: &Database,
        beginning: Option<Uuid>,
    ) -> Result<(), Failure> {
        let mark = read_mark(&self.path)?;
        let path = self.path.display();
        if mark.begun {
            return Err(Failure::new(format!(
                "{path} holds a log of its own; choose another folder with --data for a process on {database}"
            )));
        }
        match (mark.log, beginning) {
            (Some(known), Some(first)) if known != first => Err(Failure::new(format!(
                "{database} holds another log than the one {path} has worked on; check database_url, or choose another folder with --data"
            ))),
            (Some(_), None) => Err(Failure::new(format!(
                "the log in {database} is gone: every call and device is in it; put it back from a backup, \
                 or begin a new one with another folder (--data)"
            ))),
            (None, Some(first)) => self.change_mark(|mark| mark.log = Some(first)),
            _ => Ok(()),
        }
    }

    /// What this folder's process is called among several, the same after every restart.
    pub(crate) fn node(&self) -> Result<NodeId, Failure> {
        let node = match read_mark(&self.path)?.node {
            Some(node) => node,
            None => {
                let node = Uuid::new_v4();
                self.change_mark(|mark| mark.node = Some(node))?;
                node
            }
        };
        NodeId::parse(&node.simple().to_string()).doing("name this process")
    }

    fn change_mark(&self, change: impl FnOnce(&mut Mark)) -> Result<(), Failure> {
        let mut mark = read_mark(&self.path)?;
        change(&mut mark);
        write_mark(&self.path, &mark)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner may read, whole or not at all.
    pub(crate) fn write_private(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let fresh = self.path.join(format!(".{name}.new"));
        let doing = format!("write {}", self.path.join(name).display());
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .doing(&doing)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .doing(&doing)?;
        fs::rename(&fresh, self.path.join(name)).doing(&doing)
    }
}

fn read_mark(path: &Path) -> Result<Mark, Failure> {
    let text = fs::read_to_string(path.join(MARK)).doing("read the data folder's mark")?;
    serde_json::from_str(&text).map_err(|_| damaged(path))
}

fn damaged(path: &Path) -> Failure {
    Failure::new(format!(
        "{} is damaged; if the folder is anling's, restore it from a backup",
        path.join(MARK).display()
    ))
}

/// Written beside and put into place, so that a crash leaves a whole mark.
fn write_mark(path: &Path, mark: &Mark) -> Result<(), Failure> {
    let text = serde_json::to_string(mark).expect("a mark is plain data");
    let fresh = path.join(format!(".{MARK}.new"));
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path.join(MARK)));
    written.map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::StorageFull => "free some room on its disk",
            _ => "make it writable",
        };
        Failure::new(format!(
            "cannot write to {}: {error}; {remedy} or choose another with --data",
            path.display()
        ))
    })
}

fn check_mark(path: &Path, text: &str, purpose: Purpose) -> Result<(), Failure> {
    let mark: Mark = serde_json::from_str(text).map_err(|_| damaged(path))?;
    if mark.format > FORMAT {
        return Err(Failure::new(format!(
            "{} was written by a newer anling; run that version, or choose another folder with --data",
            path.display()
        )));
    }
    let other = match (mark.purpose == purpose, mark.purpose) {
        (true, _) => None,
        (false, Purpose::Demo) => Some("a demo city"),
        (false, Purpose::Service) => Some("a real service's log"),
        (false, Purpose::Eventstore) => {
            Some("a log of outside programs, made by `anling eventstore`")
        }
    };
    if let Some(other) = other {
        return Err(Failure::new(format!(
            "{} holds {other}; choose another folder with --data",
            path.display()
        )));
    }
    let log = path.join(LOG);
    let there = fs::metadata(&log).is_ok_and(|file| file.len() > 0);
    if mark.begun && !there {
        return Err(Failure::new(format!(
            "the log {} is gone: every call and device is in it; put it back from a backup (or mount its disk), \
             or begin a new one in another folder with --data",
            log.display()
        )));
    }
    Ok(())
}

fn private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .doing("make the data folder private")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_other_things_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("holiday.jpg"), b"x").unwrap();
        let text = Folder::open(dir.path(), Purpose::Service)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("holiday.jpg") && text.contains("--data"),
            "{text}"
        );
    }

    #[test]
    fn a_demo_city_is_not_a_service() {
        let dir = tempfile::tempdir().unwrap();
        Folder::open(dir.path(), Purpose::Demo).unwrap();
        assert!(Folder::open(dir.path(), Purpose::Demo).is_ok());
        assert!(Folder::open(dir.path(), Purpose::Service).is_err());
        assert!(
            Folder::open(dir.path(), Purpose::Service)
                .unwrap_err()
                .to_string()
                .contains("demo")
        );
    }

    #[test]
    fn a_log_that_is_gone_is_not_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), Purpose::Service).unwrap();
        assert!(
            Folder::open(dir.path(), Purpose::Service).is_ok(),
            "nothing was begun yet"
        );
        fs::write(folder.file(LOG), b"a log").unwrap();
        folder.has_begun().unwrap();
        assert!(Folder::open(dir.path(), Purpose::Service).is_ok());
        for lost in [true, false] {
            if lost {
                fs::remove_file(folder.file(LOG)).unwrap();
            } else {
                fs::write(folder.file(LOG), b"").unwrap();
            }
            let text = Folder::open(dir.path(), Purpose::Service)
                .unwrap_err()
                .to_string();
            assert!(
                text.contains("log.sqlite") && text.contains("backup"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_log_in_a_database_is_known_again_and_no_other_is_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), Purpose::Service).unwrap();
        let database = Database::read("postgres://a:b@c/d", false).unwrap();
        let know = |first| folder.must_know(&database, first);
        assert!(know(None).is_ok(), "nothing was begun yet");
        let first = Some(Uuid::new_v4());
        assert!(know(first).is_ok() && know(first).is_ok());
        let gone = know(None).unwrap_err().to_string();
        assert!(gone.contains("gone") && gone.contains("backup"), "{gone}");
        let other = know(Some(Uuid::new_v4())).unwrap_err().to_string();
        assert!(other.contains("another log"), "{other}");
        let alone = folder.must_not_be_shared().unwrap_err().to_string();
        assert!(alone.contains("database_url"), "{alone}");
        let node = folder.node().unwrap();
        assert_eq!(folder.node().unwrap(), node, "for ever");
    }
}
