//! `anling import`: the whole file is looked at first; only then anything is written.
//!
//! For: the preview, every fault with its line, and writing in chunks that can be sent again.
//! May not know: rules about records.
//!
//! A file with a fault imports nothing. When the writing breaks off, what is written is said, and running it again goes
//! on: what stands there already is unchanged.

use super::{
    Import,
    desk::{Asked, Chunk, Desk, Need, Told},
    is_map, passwords,
};
use crate::failure::{Doing, Failure};
use directory::exchange::{
    Fault, Kind, Row, Verdict, map,
    table::{self, Encoding},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::{BTreeMap, HashMap},
    os::unix::fs::MetadataExt,
    path::Path,
};
use uuid::Uuid;

/// Faults printed; the rest is counted.
const FAULTS_SHOWN: usize = 50;

/// Lines printed of each sort in a preview.
const LINES_SHOWN: usize = 10;

/// The lines of a file.
struct Lines {
    /// Its text is not UTF-8 and was read as GB18030.
    is_gb18030: bool,
    each: Box<dyn Iterator<Item = table::Line> + Send>,
}

/// Carries out `anling import`.
pub(crate) async fn run(args: Import) -> Result<(), Failure> {
    let need = match args.dry_run {
        true => Need::Preview,
        false => Need::Write,
    };
    let desk = Desk::open(&args.at, need).await?;
    let done = imported(&args, &desk).await;
    desk.close().await;
    done
}

async fn imported(args: &Import, desk: &Desk) -> Result<(), Failure> {
    let was = state(&args.file)?;
    let mut seen = Seen::default();
    let bar = bar("核对 checking");
    match lines(args) {
        Ok(lines) => look(desk, lines, &mut seen, &bar).await?,
        Err(faults) => faults.into_iter().for_each(|fault| seen.fault(fault)),
    }
    bar.finish_and_clear();
    seen.print(args);
    if seen.faults > 0 {
        return Err(Failure::new(format!(
            "文件有 {n} 处错误,什么都没有导入 / the file has {n} faults; nothing was imported",
            n = seen.faults
        )));
    }
    if args.dry_run {
        println!("只是预览,什么都没有写入 / a preview only; nothing was written");
        return Ok(());
    }
    if seen.to_write() == 0 {
        println!("没有要写的 / nothing to write");
        return Ok(());
    }
    let accounts = std::mem::take(&mut seen.accounts);
    let mut hashes = passwords::first(args, accounts).await?;
    if state(&args.file)? != was {
        return Err(Failure::new(
            "文件在核对之后变了,什么都没有导入;请再运行一次 / the file changed after it was checked; nothing was imported: run it again",
        ));
    }
    let written = write(desk, args, seen.lines, &mut hashes).await?;
    println!("已导入,{written} 行写入 / imported, {written} lines written");
    Ok(())
}

/// Every line looked at, and compared with the directory.
async fn look(
    desk: &Desk,
    lines: Lines,
    seen: &mut Seen,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    if lines.is_gb18030 {
        println!(
            "文件不是 UTF-8,按 GB18030 (GBK) 读 / the file is not UTF-8; read as GB18030 (GBK)"
        );
    }
    let mut chunk = Chunk::default();
    for (line, row) in lines.each {
        let row = match row {
            Ok(row) => row,
            Err(faults) => {
                faults.into_iter().for_each(|fault| seen.fault(fault));
                continue;
            }
        };
        if let Some(first) = seen.ids.insert(row.id().to_owned(), line) {
            let (zh, en) = (
                format!("和第 {first} 行是同一个"),
                format!("the same as line {first}"),
            );
            seen.fault(Fault::line(line, zh, en));
            continue;
        }
        if let Some(full) = chunk.push(line, row) {
            compare(desk, full, seen).await?;
        }
        bar.inc(1);
    }
    compare(desk, chunk, seen).await
}

async fn compare(desk: &Desk, chunk: Chunk, seen: &mut Seen) -> Result<(), Failure> {
    if chunk.rows.is_empty() {
        return Ok(());
    }
    let about: Vec<(u64, String, Kind)> = chunk
        .lines
        .iter()
        .zip(&chunk.rows)
        .map(|(line, row)| (*line, row.id().to_owned(), row.kind()))
        .collect();
    let Told::Verdicts(verdicts) = desk.ask(Asked::Compare(chunk.rows)).await? else {
        return Err(Failure::new("another question was answered"));
    };
    for ((line, id, kind), verdict) in about.into_iter().zip(verdicts) {
        seen.verdict(line, id, kind, verdict);
    }
    Ok(())
}

/// Writes the file's lines, which were all looked at; tells how many changed something.
async fn write(
    desk: &Desk,
    args: &Import,
    total: u64,
    hashes: &mut HashMap<String, String>,
) -> Result<u64, Failure> {
    let import = Uuid::new_v4();
    let bar = bar("导入 importing");
    bar.set_length(total);
    let mut done = Done::default();
    let mut chunk = Chunk::default();
    let lines = lines(args).map_err(|faults| broken_off(&done, &Failure::new(&faults[0])))?;
    for (line, row) in lines.each {
        let mut row = row.map_err(|faults| broken_off(&done, &Failure::new(&faults[0])))?;
        if let Row::Operator {
            operator, password, ..
        } = &mut row
        {
            *password = hashes.remove(operator.as_str());
        }
        if let Some(full) = chunk.push(line, row) {
            send(desk, import, full, &mut done, &bar).await?;
        }
    }
    send(desk, import, chunk, &mut done, &bar).await?;
    bar.finish_and_clear();
    Ok(done.written)
}

/// How far the writing got.
#[derive(Debug, Default)]
struct Done {
    written: u64,
    last_line: u64,
}

async fn send(
    desk: &Desk,
    import: Uuid,
    chunk: Chunk,
    done: &mut Done,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    if chunk.rows.is_empty() {
        return Ok(());
    }
    let told = desk.ask(Asked::Apply(import, chunk.rows)).await;
    let told = told.map_err(|error| broken_off(done, &error))?;
    let Told::Verdicts(verdicts) = told else {
        return Err(Failure::new("another question was answered"));
    };
    let mut refused = None;
    for (line, verdict) in chunk.lines.iter().zip(&verdicts) {
        match verdict {
            Verdict::Refused(zh, en) => {
                refused = refused.or(Some(Fault::line(*line, zh.as_str(), en.as_str())));
            }
            Verdict::Unchanged => {}
            _ => done.written += 1,
        }
        done.last_line = *line;
        bar.inc(1);
    }
    match refused {
        Some(fault) => Err(broken_off(done, &Failure::new(fault))),
        None => Ok(()),
    }
}

fn broken_off(done: &Done, why: &Failure) -> Failure {
    let Done { written, last_line } = done;
    Failure::new(format!(
        "导入中断:{why}\n到第 {last_line} 行为止的 {written} 行已写入,再运行一次会接着做 / \
         broken off: {written} lines, up to line {last_line}, are written; run it again to go on"
    ))
}

/// The file's lines, from the first.
fn lines(args: &Import) -> Result<Lines, Vec<Fault>> {
    let is_map = is_map(args.kind, &args.file);
    if !is_map.map_err(|error| vec![Fault::file(error.to_string(), "")])? {
        let lines = table::open(&args.file, args.kind)?;
        return Ok(Lines {
            is_gb18030: lines.encoding() == Encoding::Gb18030,
            each: Box::new(lines),
        });
    }
    let unread = |why: String| {
        vec![Fault::file(
            format!("读不了:{why}"),
            format!("cannot be read: {why}"),
        )]
    };
    let bytes = std::fs::metadata(&args.file).map_err(|error| unread(error.to_string()))?;
    if bytes.len() > map::FILE_BYTES {
        let limit = map::FILE_BYTES >> 20;
        return Err(unread(format!("larger than {limit} MiB")));
    }
    let text = std::fs::read_to_string(&args.file).map_err(|error| unread(error.to_string()))?;
    Ok(Lines {
        is_gb18030: false,
        each: Box::new(map::read(args.kind, &text)?.into_iter()),
    })
}

/// What tells whether a file is still the one that was checked.
fn state(file: &Path) -> Result<(u64, u64, i64, i64), Failure> {
    let doing = format!("read {}", file.display());
    let it = std::fs::metadata(file).doing(&doing)?;
    Ok((it.ino(), it.size(), it.mtime(), it.mtime_nsec()))
}

fn bar(what: &'static str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("  {msg} {wide_bar:.green} {pos}/{len} {per_sec} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length()
        .with_style(style)
        .with_message(what)
}

/// What was seen of a file.
#[derive(Debug, Default)]
struct Seen {
    /// Where each id stands.
    ids: HashMap<String, u64>,
    lines: u64,
    counts: BTreeMap<&'static str, u64>,
    first: Vec<String>,
    shown: BTreeMap<&'static str, usize>,
    faults: u64,
    first_faults: Vec<Fault>,
    /// New accounts, which need a password.
    accounts: Vec<String>,
}

const ADDED: &str = "新增 added";
const CHANGED: &str = "变更 changed";
const UNCHANGED: &str = "不变 unchanged";
const ENDED: &str = "停用 ended";
const REFUSED: &str = "拒绝 refused";

impl Seen {
    fn fault(&mut self, fault: Fault) {
        self.faults += 1;
        if self.first_faults.len() < FAULTS_SHOWN {
            self.first_faults.push(fault);
        }
    }

    fn to_write(&self) -> u64 {
        let count = |name| self.counts.get(name).copied().unwrap_or(0);
        count(ADDED) + count(CHANGED) + count(ENDED)
    }

    fn verdict(&mut self, line: u64, id: String, kind: Kind, verdict: Verdict) {
        self.lines += 1;
        let (name, more) = match verdict {
            Verdict::Added => (ADDED, String::new()),
            Verdict::Changed(columns) => (CHANGED, format!(": {}", columns.join(", "))),
            Verdict::Unchanged => (UNCHANGED, String::new()),
            Verdict::Ended => (ENDED, String::new()),
            Verdict::Refused(zh, en) => {
                *self.counts.entry(REFUSED).or_default() += 1;
                return self.fault(Fault::line(line, zh, en));
            }
        };
        *self.counts.entry(name).or_default() += 1;
        if name == ADDED && kind == Kind::Operators {
            self.accounts.push(id.clone());
        }
        let shown = self.shown.entry(name).or_default();
        if name != UNCHANGED && *shown < LINES_SHOWN {
            *shown += 1;
            self.first
                .push(format!("  第 {line} 行 line {line}  {name}  {id}{more}"));
        }
    }

    /// Counts, the first lines of each sort, and the faults with what to do.
    fn print(&self, args: &Import) {
        let (kind, file) = (args.kind, args.file.display());
        println!("{} {} ← {file}", kind.chinese(), kind.word());
        let count = |name: &&str| format!("{name} {}", self.counts.get(name).unwrap_or(&0));
        let counts: Vec<String> = [ADDED, CHANGED, UNCHANGED, ENDED, REFUSED]
            .iter()
            .map(count)
            .collect();
        println!("  {}", counts.join(" · "));
        for line in &self.first {
            println!("{line}");
        }
        for fault in &self.first_faults {
            eprintln!("  {fault}");
        }
        let more = self.faults.saturating_sub(self.first_faults.len() as u64);
        if more > 0 {
            eprintln!("  …还有 {more} 处 / and {more} more");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::desk::tests::demo, *};
    use crate::ground::Ground;
    use directory::exchange::table::Writer;

    fn args(kind: Kind, file: &Path, dry_run: bool) -> Import {
        Import {
            kind,
            file: file.to_path_buf(),
            dry_run,
            passwords: None,
            at: crate::settings::Store::default(),
        }
    }

    async fn exported(ground: &Ground, kind: Kind, file: &Path) {
        let page = directory::exchange::collect::page(&ground.directory, kind, None, None).await;
        let mut writer = Writer::new(Vec::new(), kind).unwrap();
        page.unwrap()
            .rows
            .iter()
            .for_each(|row| writer.row(row).unwrap());
        std::fs::write(file, writer.finish().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_file_with_one_fault_imports_nothing_and_a_preview_writes_nothing() {
        let (dir, ground) = (tempfile::tempdir().unwrap(), demo().await);
        let file = dir.path().join("sites.csv");
        exported(&ground, Kind::Sites, &file).await;
        let text = std::fs::read_to_string(&file)
            .unwrap()
            .replace("08:00,20:00", "09:00,20:00");
        let log = ground.log.clone();
        let before = log.head();
        let desk = Desk::Alone(Box::new(ground));

        std::fs::write(&file, format!("{text}S-1,station\n")).unwrap();
        let error = imported(&args(Kind::Sites, &file, false), &desk)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("nothing was imported"),
            "{error}"
        );
        std::fs::write(&file, format!("{text}{}\n", text.lines().nth(3).unwrap())).unwrap();
        assert!(
            imported(&args(Kind::Sites, &file, false), &desk)
                .await
                .is_err(),
            "one twice"
        );
        std::fs::write(&file, &text).unwrap();
        imported(&args(Kind::Sites, &file, true), &desk)
            .await
            .unwrap();
        assert_eq!(log.head(), before);

        imported(&args(Kind::Sites, &file, false), &desk)
            .await
            .unwrap();
        let after = log.head();
        assert!(after > before);
        imported(&args(Kind::Sites, &file, false), &desk)
            .await
            .unwrap();
        assert_eq!(log.head(), after, "a second time there is nothing to write");
    }

    #[tokio::test]
    async fn new_accounts_sign_in_with_the_passwords_of_the_file_beside() {
        let (dir, ground) = (tempfile::tempdir().unwrap(), demo().await);
        let file = dir.path().join("staff.csv");
        let text = "operator,name,post,role,scope\nwang-2,王秀英,护理员,operator,city\n";
        std::fs::write(&file, text).unwrap();
        let directory = ground.directory.clone();
        let desk = Desk::Alone(Box::new(ground));
        imported(&args(Kind::Operators, &file, false), &desk)
            .await
            .unwrap();
        let passwords =
            std::fs::read_to_string(dir.path().join("staff.csv.passwords.csv")).unwrap();
        let line = passwords.lines().nth(1).unwrap();
        assert!(line.starts_with("wang-2,") && line.len() > 12, "{line}");
        let city = directory.city();
        let (_, row) = city
            .operators
            .iter()
            .find(|(id, _)| id.as_str() == "wang-2")
            .unwrap();
        assert!(row.password.starts_with("$argon2id$"));
        assert!(!row.password.contains(&line[7..]));
    }

    #[tokio::test]
    async fn what_broke_off_says_how_far_it_came() {
        let done = Done {
            written: 512,
            last_line: 514,
        };
        let text = broken_off(&done, &Failure::new("the log is closed")).to_string();
        assert!(text.contains("512") && text.contains("514") && text.contains("run it again"));
    }
}
