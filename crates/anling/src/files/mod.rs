//! `anling import` and `anling export`: the directory in and out of files.
//!
//! For: the two commands, through the running process when there is one, alone otherwise.
//! May not know: what lines and columns mean (that is `directory::exchange`), how events are written.
//!
//! `desk`: who is asked, in pieces of bounded size; `import`: preview, passwords, writing; `export`: private files.

mod desk;
mod export;
mod import;
mod passwords;

use crate::settings::Store;
use clap::Args;
use directory::exchange::Kind;
use std::path::PathBuf;

pub(crate) use desk::{COMMAND, admin_reply};
pub(crate) use export::run as export;
pub(crate) use import::run as import;

pub(crate) const IMPORT_HELP: &str = "Kinds, in the order in which they build on each other:
  city districts communities barriers sites crossings responders grids operators residents devices
The columns are described in docs/directory-files.md; `anling export KIND` writes a file to begin with.
What a file does not name stays as it is; a line ends something with status closed, removed or retired.

Example:
  anling import sites sites.csv --dry-run      (预览: what would change; nothing is written)
  anling import sites sites.geojson
  anling import barriers rivers.geojson        (ways go over open crossings only)
  anling import residents 老人.csv              (UTF-8 or GBK)
  anling import operators staff.csv --passwords first-passwords.csv";

pub(crate) const EXPORT_HELP: &str = "Kinds:
  city districts communities barriers sites crossings responders grids operators residents devices

Example:
  anling export sites                          (writes sites.csv)
  anling export crossings --out bridges.geojson
  anling export residents --operator li --why 半年核对 --out residents.csv";

#[derive(Args)]
pub(crate) struct Import {
    /// What the file holds
    #[arg(value_parser = kind, value_name = "KIND")]
    kind: Kind,
    /// The file; .geojson and .json are read as GeoJSON, everything else as CSV
    file: PathBuf,
    /// 预览: say what would be added, changed, ended or refused, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Where the first passwords of new accounts are written [default: FILE.passwords.csv]
    #[arg(long, value_name = "FILE")]
    passwords: Option<PathBuf>,
    #[command(flatten)]
    at: Store,
}

#[derive(Args)]
pub(crate) struct Export {
    /// What to write out
    #[arg(value_parser = kind, value_name = "KIND")]
    kind: Kind,
    /// The file; .geojson and .json are written as GeoJSON [default: KIND.csv]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// For residents: who takes the records out; it is noted in every one of them
    #[arg(long, value_name = "OPERATOR")]
    operator: Option<String>,
    /// For residents: why; noted with it
    #[arg(long)]
    why: Option<String>,
    #[command(flatten)]
    at: Store,
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::parse(word).ok_or_else(|| {
        let words = Kind::ALL.map(Kind::word).join(", ");
        format!("没有这一类 / no such kind; there are {words}")
    })
}

/// Whether a file is GeoJSON by its name; only some kinds stand on a map.
fn is_map(kind: Kind, file: &std::path::Path) -> Result<bool, crate::failure::Failure> {
    let ending = file.extension().and_then(|it| it.to_str());
    let map = ending
        .is_some_and(|it| it.eq_ignore_ascii_case("geojson") || it.eq_ignore_ascii_case("json"));
    if map && !kind.on_map() {
        return Err(crate::failure::Failure::setting(format!(
            "{}不在地图上,只能用 CSV / {} are not on a map: use CSV",
            kind.chinese(),
            kind.word()
        )));
    }
    Ok(map)
}
