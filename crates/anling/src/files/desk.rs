//! Who is asked about the directory: the running process over its admin socket, or the folder itself.
//!
//! For: one way of asking for both, in pieces that fit a line of the socket.
//! May not know: files.

use crate::{
    failure::Failure,
    folder::{Folder, Found, Purpose},
    ground::Ground,
    operator::ground_alone,
    settings::{Given, Settings, Store},
};
use casebook::{Casebook, MasterKey, Vault};
use directory::{
    Directory, DirectoryError,
    exchange::{
        Kind, Row, Verdict,
        apply::apply,
        collect::{self, Looking},
        compare::compare,
    },
};
use domain::OperatorId;
use eventlog::{
    Log, SystemClock,
    admin::{self, AdminError, AdminReply, AdminRequest},
};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc};
use uuid::Uuid;

/// The admin command all of this goes by.
pub(crate) const COMMAND: &str = "directory_files";

/// Rows sent at once, at most. Ours: some tenths of a second of work in the bulk lane, and a bar that moves.
const ROWS_AT_ONCE: usize = 512;

/// Bytes of rows sent or given back at once; half of what a line of the socket takes.
const BYTES_AT_ONCE: usize = eventlog::ADMIN_LINE_BYTES / 2;

/// How often rows are compared anew when somebody else writes between comparing and writing.
const TRIES: u32 = 5;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    /// What would these rows do?
    Compare(Vec<Row>),
    /// Write them; the id marks everything of one import.
    Apply(Uuid, Vec<Row>),
    /// How many are there?
    Count(Kind),
    /// The rows after this id.
    Page {
        kind: Kind,
        after: Option<String>,
        operator: Option<OperatorId>,
        why: String,
    },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    Verdicts(Vec<Verdict>),
    Count(u64),
    Page {
        rows: Vec<Row>,
        next: Option<String>,
        forgotten: u32,
    },
}

/// What the desk is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Importing.
    Write,
    /// Saying what an import would do.
    Preview,
    /// Exporting.
    Read,
}

/// Who is asked.
pub(crate) enum Desk {
    /// A process runs on this folder.
    Running(PathBuf),
    /// Nobody does, so we hold it.
    Alone(Box<Ground>),
}

impl Desk {
    /// Finds out whether a process runs; opens the folder otherwise. A folder where nothing was begun yet is begun only
    /// to write into it.
    pub(crate) async fn open(at: &Store, need: Need) -> Result<Self, Failure> {
        let settings = Settings::load(&Given {
            store: at.clone(),
            ..Given::default()
        })?;
        // Several may write to a shared log: nobody need be asked.
        if settings.database.is_some() {
            return Ok(Self::Alone(Box::new(ground_alone(&settings).await?)));
        }
        let data = &settings.data;
        let running = Self::Running(data.clone());
        let probe = AdminRequest {
            command: COMMAND.to_owned(),
            args: serde_json::to_value(Asked::Count(Kind::Sites)).map_err(Failure::new)?,
        };
        match admin::call(data, &probe).await {
            Ok(AdminReply::Ok(_)) => Ok(running),
            Ok(AdminReply::Error(text)) => Err(Failure::new(text)),
            Err(AdminError::NotRunning { .. }) => {
                // Refused, as a service's folder is for a demo, is begun as well.
                let found = Folder::check(data, Purpose::Demo);
                let begun = !matches!(found, Ok(Found::Nothing));
                match need {
                    Need::Read if !begun => {
                        let dir = data.display();
                        return Err(Failure::new(format!(
                            "{dir} 里还没有数据;用 --data 指明文件夹 / there is nothing in {dir} yet; say which folder with --data"
                        )));
                    }
                    Need::Preview if !begun => return Ok(Self::Alone(Box::new(nothing().await?))),
                    _ => {}
                }
                let ground = ground_alone(&settings).await?;
                Ok(Self::Alone(Box::new(ground)))
            }
            Err(error) => Err(Failure::new(error)),
        }
    }

    /// Lets go of the folder.
    pub(crate) async fn close(self) {
        if let Self::Alone(ground) = self {
            ground.close().await;
        }
    }

    pub(crate) async fn ask(&self, asked: Asked) -> Result<Told, Failure> {
        let dir = match self {
            Self::Alone(ground) => return answer(ground, asked).await.map_err(Failure::new),
            Self::Running(dir) => dir,
        };
        let request = AdminRequest {
            command: COMMAND.to_owned(),
            args: serde_json::to_value(asked).map_err(Failure::new)?,
        };
        match admin::call(dir, &request).await.map_err(Failure::new)? {
            AdminReply::Ok(told) => serde_json::from_value(told).map_err(Failure::new),
            AdminReply::Error(text) => Err(Failure::new(text)),
        }
    }
}

/// Answers for the admin socket.
pub(crate) async fn admin_reply(ground: &Ground, args: serde_json::Value) -> AdminReply {
    let asked = match serde_json::from_value(args) {
        Ok(asked) => asked,
        Err(error) => return AdminReply::Error(format!("not about directory files: {error}")),
    };
    let told = answer(ground, asked).await;
    let told = told.and_then(|told| serde_json::to_value(told).map_err(|it| it.to_string()));
    told.map_or_else(AdminReply::Error, AdminReply::Ok)
}

/// The empty directory of a folder where nothing was begun.
async fn nothing() -> Result<Ground, Failure> {
    let log = Log::memory(Arc::new(SystemClock));
    let vault = Vault::open(log.clone(), MasterKey::random()).await;
    let book = Casebook::new(log.clone(), vault.map_err(Failure::new)?);
    let directory = Directory::open(book.clone(), None)
        .await
        .map_err(Failure::new)?;
    Ok(Ground {
        log,
        book,
        directory,
        shared: false,
        lock: None,
    })
}

async fn answer(ground: &Ground, asked: Asked) -> Result<Told, String> {
    let directory = &ground.directory;
    let told = match asked {
        Asked::Compare(rows) => {
            let head = ground.log.head();
            directory
                .caught_up(head)
                .await
                .map_err(|it| it.to_string())?;
            compare(directory, &rows).await.map(Told::Verdicts)
        }
        Asked::Apply(import, rows) => applied(ground, import, rows).await.map(Told::Verdicts),
        Asked::Count(kind) => collect::count(directory, kind).await.map(Told::Count),
        Asked::Page {
            kind,
            after,
            operator,
            why,
        } => {
            let looking = operator.map(|operator| Looking { operator, why });
            let page = collect::page(directory, kind, after.as_deref(), looking.as_ref());
            page.await.map(fitting)
        }
    };
    told.map_err(|error| error.to_string())
}

async fn applied(
    ground: &Ground,
    import: Uuid,
    rows: Vec<Row>,
) -> Result<Vec<Verdict>, DirectoryError> {
    let mut tries = 1;
    loop {
        match apply(&ground.directory, import, rows.clone()).await {
            Ok(applied) => return Ok(applied.verdicts),
            Err(DirectoryError::Conflict(why)) if tries < TRIES => {
                tracing::debug!(why, "comparing anew");
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// As much of a page as fits a line; the rest comes with the next.
fn fitting(page: collect::Page) -> Told {
    let collect::Page {
        mut rows,
        mut next,
        forgotten,
    } = page;
    let mut bytes = 0;
    let fits = rows.iter().take_while(|row| {
        bytes += size(row);
        bytes <= BYTES_AT_ONCE
    });
    let fits = fits.count().max(1);
    if fits < rows.len() {
        rows.truncate(fits);
        next = rows.last().map(|row| row.id().to_owned());
    }
    Told::Page {
        rows,
        next,
        forgotten,
    }
}

fn size(row: &Row) -> usize {
    serde_json::to_string(row).map_or(0, |text| text.len())
}

/// Rows gathered until they fill a request.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) lines: Vec<u64>,
    pub(crate) rows: Vec<Row>,
    bytes: usize,
}

impl Chunk {
    /// Adds a row; gives back the full chunk it no longer fits into.
    pub(crate) fn push(&mut self, line: u64, row: Row) -> Option<Chunk> {
        let size = size(&row);
        let full = self.rows.len() >= ROWS_AT_ONCE || self.bytes + size > BYTES_AT_ONCE;
        let done = (full && !self.rows.is_empty()).then(|| std::mem::take(self));
        self.lines.push(line);
        self.rows.push(row);
        self.bytes += size;
        done
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A small synthetic city in memory.
    pub(crate) async fn demo() -> Ground {
        let ground = nothing().await.unwrap();
        let plan = directory::harbin::Plan {
            residents: 20,
            ..Default::default()
        };
        let registrar = ground.directory.registrar();
        let founded = registrar.found_city(&plan, |_| "$argon2id$none".to_owned(), |_, _| {});
        let position = founded.await.unwrap().position;
        ground.directory.caught_up(position).await.unwrap();
        ground
    }

    #[tokio::test]
    async fn the_socket_is_answered_like_the_folder_itself() {
        let ground = demo().await;
        let page = Asked::Page {
            kind: Kind::Sites,
            after: None,
            operator: None,
            why: String::new(),
        };
        let reply = admin_reply(&ground, serde_json::to_value(page).unwrap()).await;
        let AdminReply::Ok(told) = reply else {
            panic!("{reply:?}");
        };
        let Told::Page { rows, .. } = serde_json::from_value(told).unwrap() else {
            panic!("a page");
        };
        let asked = serde_json::to_value(Asked::Compare(rows)).unwrap();
        let AdminReply::Ok(told) = admin_reply(&ground, asked).await else {
            panic!("compared");
        };
        let Told::Verdicts(verdicts) = serde_json::from_value(told).unwrap() else {
            panic!("verdicts");
        };
        assert!(verdicts.len() == 175 && verdicts.iter().all(|it| *it == Verdict::Unchanged));
        let odd = admin_reply(&ground, serde_json::json!({ "dance": 1 })).await;
        assert!(matches!(odd, AdminReply::Error(_)));
    }

    fn device(notes: usize) -> Row {
        let cells = ["D-1", &"m".repeat(notes), "", "", "", ""];
        let cells = cells.map(str::to_owned);
        Row::read(Kind::Devices, 2, &cells).unwrap()
    }

    #[test]
    fn a_request_is_full_by_rows_and_by_bytes() {
        let mut chunk = Chunk::default();
        for line in 0..ROWS_AT_ONCE as u64 {
            assert!(chunk.push(line, device(1)).is_none());
        }
        let full = chunk.push(9, device(1)).unwrap();
        assert_eq!((full.rows.len(), chunk.rows.len()), (ROWS_AT_ONCE, 1));
        let mut chunk = Chunk::default();
        let sent = (0..1_000).filter_map(|line| chunk.push(line, device(4_000)));
        for full in sent {
            let bytes: usize = full.rows.iter().map(size).sum();
            assert!(bytes <= BYTES_AT_ONCE && full.rows.len() > 100);
        }
    }

    #[test]
    fn a_page_too_long_for_a_line_goes_on_after_its_last_row() {
        let rows = vec![device(4_000); 200];
        let page = collect::Page {
            rows,
            next: None,
            forgotten: 0,
        };
        let Told::Page { rows, next, .. } = fitting(page) else {
            panic!("a page");
        };
        assert!(rows.len() < 200 && !rows.is_empty());
        assert_eq!(next.as_deref(), Some("D-1"));
    }
}
