//! `anling export`: a kind of the directory into a file that only its owner may read.
//!
//! For: whole files or none, a bar, and for residents the note of who took the records out.
//! May not know: what lines and columns mean.

use super::{
    Export,
    desk::{Asked, Desk, Need, Told},
    is_map,
};
use crate::failure::{Doing, Failure};
use directory::exchange::{Kind, Row, map, table};
use domain::OperatorId;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Carries out `anling export`.
pub(crate) async fn run(args: Export) -> Result<(), Failure> {
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.csv", args.kind.word())));
    let is_map = is_map(args.kind, &out)?;
    let who = looking(&args)?;
    if out.exists() && !args.force {
        return Err(Failure::setting(format!(
            "{path} 已经有了;换个名字,或加 --force / {path} is there already; choose another --out, or --force",
            path = out.display()
        )));
    }
    let desk = Desk::open(&args.at, Need::Read).await?;
    let fresh = beside(&out);
    let done = exported(&desk, &args, who, is_map, &fresh).await;
    desk.close().await;
    let (rows, forgotten) = done.inspect_err(|_| drop(std::fs::remove_file(&fresh)))?;
    std::fs::rename(&fresh, &out).doing(&format!("write {}", out.display()))?;
    println!(
        "{} {}: {rows} 行 → {} (只有本人可读) / {rows} lines, readable by you alone",
        args.kind.chinese(),
        args.kind.word(),
        out.display()
    );
    if forgotten > 0 {
        println!(
            "  {forgotten} 位已被遗忘的老人不在其中 / {forgotten} forgotten residents are left out"
        );
    }
    if args.kind == Kind::Residents {
        println!("  文件里是老人的个人信息:用完请删除。导出人和原因已记入每一份档案。");
        println!(
            "  personal data: delete the file after use. Who took it out, and why, now stands in every record."
        );
    }
    Ok(())
}

/// Who takes residents' records out, and why; both must be said.
fn looking(args: &Export) -> Result<Option<OperatorId>, Failure> {
    let why = args.why.as_deref().unwrap_or("").trim();
    match (&args.operator, args.kind) {
        (Some(operator), Kind::Residents) if !why.is_empty() => OperatorId::parse(operator)
            .doing("read --operator")
            .map(Some),
        (_, Kind::Residents) => Err(Failure::setting(
            "导出老人档案要写 --operator 谁 和 --why 为什么 / taking residents' records out needs --operator and --why",
        )),
        _ => Ok(None),
    }
}

async fn exported(
    desk: &Desk,
    args: &Export,
    who: Option<OperatorId>,
    is_map: bool,
    fresh: &Path,
) -> Result<(u64, u64), Failure> {
    let doing = format!("write {}", fresh.display());
    let Told::Count(total) = desk.ask(Asked::Count(args.kind)).await? else {
        return Err(Failure::new("another question was answered"));
    };
    let style = ProgressStyle::with_template(
        "  导出 exporting {wide_bar:.green} {pos}/{len} {per_sec} {eta}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total).with_style(style);
    let mut sheet = Sheet::new(private(fresh).doing(&doing)?, args.kind, is_map).doing(&doing)?;
    let (mut after, mut rows, mut left_out) = (None, 0, 0);
    loop {
        let asked = Asked::Page {
            kind: args.kind,
            after,
            operator: who.clone(),
            why: args.why.clone().unwrap_or_default(),
        };
        let Told::Page {
            rows: page,
            next,
            forgotten,
        } = desk.ask(asked).await?
        else {
            return Err(Failure::new("another question was answered"));
        };
        rows += page.len() as u64;
        left_out += u64::from(forgotten);
        bar.inc(page.len() as u64);
        sheet.rows(page).doing(&doing)?;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    sheet.finish().doing(&doing)?;
    bar.finish_and_clear();
    Ok((rows, left_out))
}

/// The file being written. What stands on a map is small and written at once.
enum Sheet {
    Table(table::Writer<BufWriter<File>>),
    Map(Kind, Vec<Row>, File),
}

impl Sheet {
    fn new(file: File, kind: Kind, is_map: bool) -> std::io::Result<Self> {
        if is_map {
            return Ok(Self::Map(kind, Vec::new(), file));
        }
        table::Writer::new(BufWriter::new(file), kind).map(Self::Table)
    }

    fn rows(&mut self, page: Vec<Row>) -> std::io::Result<()> {
        match self {
            Self::Table(writer) => page.iter().try_for_each(|row| writer.row(row)),
            Self::Map(_, rows, _) => {
                rows.extend(page);
                Ok(())
            }
        }
    }

    /// On the disk once this returns.
    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Table(writer) => writer
                .finish()?
                .into_inner()
                .map_err(|it| it.into_error())?
                .sync_all(),
            Self::Map(kind, rows, mut file) => {
                file.write_all(map::write(kind, &rows).as_bytes())?;
                file.sync_all()
            }
        }
    }
}

/// Where the file grows until it is whole.
fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// A new file that only its owner may read; one left behind by a broken export is replaced.
fn private(path: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}
