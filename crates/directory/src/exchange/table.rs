//! Directory files as CSV (RFC 4180), as spreadsheets write and read them.
//!
//! For: lines in UTF-8, with or without its mark, UTF-16 with its mark, or GB18030 (which holds GBK); cells that a
//! spreadsheet would run as formulas made harmless on the way out, and read back as they were.
//! May not know: what the cells mean. A file is read line by line and never held whole.

use std::{
    borrow::Cow,
    fs::File,
    io::{Read, Write},
    path::Path,
};

use csv::StringRecord;
use domain::area::BARRIER_POINTS;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::{Fault, Kind, Row, barrier};

/// Largest file read, in bytes. Ours: a million residents.
pub const FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Bytes looked at a time for the encoding.
const SNIFF_BYTES: usize = 64 * 1024;

/// How a file's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Encoding {
    Utf8,
    Gb18030,
}

/// A line's number, counted from 1 with the header, and its row or its faults.
pub type Line = (u64, Result<Row, Vec<Fault>>);

/// A CSV file being read: each line's number, counted from 1 with the header, and its row or its faults. The lines of a
/// barrier are one row, with the number of the first.
pub struct Lines {
    kind: Kind,
    encoding: Encoding,
    reader: csv::Reader<Box<dyn Read + Send>>,
    /// For each of [`Kind::columns`], where it stands in the file.
    order: Vec<Option<usize>>,
    width: usize,
    record: StringRecord,
    ended: bool,
    /// A line that was read to see whether it belongs to those before it.
    held: Option<Cut>,
}

/// A line cut into cells, in the order of [`Kind::columns`].
type Cut = (u64, Result<Vec<String>, Vec<Fault>>);

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({})", self.kind.word())
    }
}

/// Opens a file and reads its header.
pub fn open(path: &Path, kind: Kind) -> Result<Lines, Vec<Fault>> {
    let failed = |error: std::io::Error| {
        let path = path.display();
        vec![Fault::file(
            format!("读不了 {path}:{error}"),
            format!("cannot read {path}: {error}"),
        )]
    };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES {
        let (zh, en) = ("文件超过 1 GiB,请分成几个", "larger than 1 GiB; split it");
        return Err(vec![Fault::file(zh, en)]);
    }
    let encoding = File::open(path).and_then(sniff).map_err(failed)?;
    let file = File::open(path).map_err(failed)?;
    lines(Box::new(file), kind, encoding)
}

fn lines(from: Box<dyn Read + Send>, kind: Kind, encoding: Encoding) -> Result<Lines, Vec<Fault>> {
    let gb18030 = (encoding == Encoding::Gb18030).then_some(encoding_rs::GB18030);
    let decoder = DecodeReaderBytesBuilder::new()
        .encoding(gb18030)
        .strip_bom(true)
        .build(from);
    let from: Box<dyn Read + Send> = Box::new(decoder);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(from);
    let header = reader
        .headers()
        .map_err(|error| vec![broken(&error)])?
        .clone();
    let order = order(kind, &header)?;
    Ok(Lines {
        kind,
        encoding,
        reader,
        order,
        width: header.len(),
        record: StringRecord::new(),
        ended: false,
        held: None,
    })
}

impl Lines {
    /// How its text is written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn cut(&self, line: u64) -> Result<Vec<String>, Vec<Fault>> {
        if self.record.len() != self.width {
            let (has, wants) = (self.record.len(), self.width);
            return Err(vec![Fault::line(
                line,
                format!("有 {has} 格,表头有 {wants} 格;含逗号的格要加双引号"),
                format!("{has} cells, but the header has {wants}; quote cells that hold commas"),
            )]);
        }
        let cell = |at: &Option<usize>| {
            let text = at.and_then(|at| self.record.get(at)).unwrap_or("");
            unguarded(text).to_owned()
        };
        Ok(self.order.iter().map(cell).collect())
    }

    fn line(&mut self) -> Option<Cut> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        while !self.ended {
            match self.reader.read_record(&mut self.record) {
                Ok(false) => return None,
                // Spreadsheets leave rows of nothing but commas behind.
                Ok(true) if self.record.iter().all(|cell| cell.trim().is_empty()) => {}
                Ok(true) => {
                    let line = self.record.position().map_or(0, csv::Position::line);
                    return Some((line, self.cut(line)));
                }
                Err(error) => {
                    self.ended = true;
                    let fault = broken(&error);
                    return Some((fault.line, Err(vec![fault])));
                }
            }
        }
        None
    }

    /// The lines after `first` that belong to the same barrier, and it; one more than there may be at most.
    fn barrier(&mut self, first: (u64, Vec<String>)) -> Vec<(u64, Vec<String>)> {
        let mut lines = vec![first];
        while lines.len() <= BARRIER_POINTS {
            match self.line() {
                Some((line, Ok(values))) if barrier::is_same(&lines[0].1, &values) => {
                    lines.push((line, values));
                }
                other => {
                    self.held = other;
                    break;
                }
            }
        }
        lines
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, values) = self.line()?;
        let row = values.and_then(|values| match self.kind {
            Kind::Barriers => barrier::read(&self.barrier((line, values))),
            kind => Row::read(kind, line, &values),
        });
        Some((line, row))
    }
}

/// Where each column stands in the file; every fault of the header.
fn order(kind: Kind, header: &StringRecord) -> Result<Vec<Option<usize>>, Vec<Fault>> {
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    let mut faults = Vec::new();
    if names.len() == 1 && names[0].contains([';', '\t']) {
        let zh = "各格要用逗号隔开:另存为“CSV UTF-8(逗号分隔)”";
        return Err(vec![Fault::line(
            1,
            zh,
            "cells are separated by commas: save as CSV (comma)",
        )]);
    }
    for (at, name) in names.iter().enumerate() {
        if !kind.columns().contains(name) {
            let all = kind.columns().join(", ");
            let zh = format!("没有这一列;可用的列:{all}");
            faults.push(Fault::cell(
                1,
                name,
                zh,
                format!("no such column; there are {all}"),
            ));
        } else if names[..at].contains(name) {
            faults.push(Fault::cell(
                1,
                name,
                "这一列有两个",
                "this column stands twice",
            ));
        }
    }
    let place = |column: &&'static str| names.iter().position(|name| name == column);
    for column in kind.columns() {
        if place(column).is_none() && !kind.may_miss(column) {
            faults.push(Fault::cell(1, column, "缺这一列", "this column is missing"));
        }
    }
    if faults.is_empty() {
        return Ok(kind.columns().iter().map(place).collect());
    }
    Err(faults)
}

fn broken(error: &csv::Error) -> Fault {
    let line = error.position().map_or(0, csv::Position::line);
    Fault::line(
        line,
        format!("读不下去:{error}"),
        format!("cannot be read: {error}"),
    )
}

/// UTF-8 unless some byte says otherwise; a file with a byte order mark is what it says.
fn sniff(mut file: impl Read) -> std::io::Result<Encoding> {
    let mut buffer = vec![0; SNIFF_BYTES];
    let (mut kept, mut first) = (0, true);
    loop {
        let read = file.read(&mut buffer[kept..])?;
        let bytes = &buffer[..kept + read];
        if first && (bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])) {
            return Ok(Encoding::Utf8);
        }
        first = first && bytes.len() < 2;
        match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_some() => return Ok(Encoding::Gb18030),
            Err(error) if read == 0 && error.valid_up_to() < bytes.len() => {
                return Ok(Encoding::Gb18030);
            }
            // A character may go on in the next bytes.
            Err(error) => {
                let from = error.valid_up_to();
                kept = bytes.len() - from;
                buffer.copy_within(from..from + kept, 0);
            }
            Ok(_) => kept = 0,
        }
        if read == 0 {
            return Ok(Encoding::Utf8);
        }
    }
}

/// A CSV file being written: UTF-8 with its mark, by which spreadsheets know it.
pub struct Writer<W: Write>(csv::Writer<W>);

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub fn new(mut to: W, kind: Kind) -> std::io::Result<Self> {
        to.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(kind.columns())?;
        Ok(Self(writer))
    }

    /// Writes the lines of a row, most often one.
    pub fn row(&mut self, row: &Row) -> std::io::Result<()> {
        for cells in row.lines() {
            let cells = cells.iter().map(|cell| guarded(cell).into_owned());
            self.0.write_record(cells)?;
        }
        Ok(())
    }

    /// Writes what is held back, and gives the file back.
    pub fn finish(self) -> std::io::Result<W> {
        self.0.into_inner().map_err(|error| error.into_error())
    }
}

/// With these a spreadsheet takes a cell for a formula (OWASP, "CSV Injection").
fn runs(text: &str) -> bool {
    text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// A cell that no spreadsheet runs: an apostrophe before what it would take for a formula, or for such an apostrophe.
fn guarded(cell: &str) -> Cow<'_, str> {
    if runs(cell.trim_start_matches('\'')) {
        return Cow::Owned(format!("'{cell}"));
    }
    Cow::Borrowed(cell)
}

/// What stood there before [`guarded`].
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if runs(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], kind: Kind) -> Result<Vec<Line>, Vec<Fault>> {
        let encoding = sniff(bytes).unwrap();
        let lines = lines(
            Box::new(std::io::Cursor::new(bytes.to_vec())),
            kind,
            encoding,
        )?;
        Ok(lines.collect())
    }

    const DEVICES: &str = "device,model,resident,key\nD-1,手环,R1,k\n\n,,,\nD-2,pendant,,'=k\n";

    #[test]
    fn every_encoding_spreadsheets_write_is_read() {
        let plain = read(DEVICES.as_bytes(), Kind::Devices).unwrap();
        assert_eq!(plain.len(), 2);
        assert_eq!(
            (plain[0].0, plain[1].0),
            (2, 5),
            "lines as an editor counts them"
        );
        let marked = format!("\u{feff}{DEVICES}");
        assert_eq!(read(marked.as_bytes(), Kind::Devices).unwrap(), plain);
        let (gbk, _, _) = encoding_rs::GBK.encode(DEVICES);
        assert_eq!(sniff(&*gbk).unwrap(), Encoding::Gb18030);
        assert_eq!(read(&gbk, Kind::Devices).unwrap(), plain);
        let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide, Kind::Devices).unwrap(), plain);
    }

    #[test]
    fn a_character_cut_in_two_by_the_buffer_is_still_utf8() {
        for shift in 0..4 {
            let text = format!("{}{}", "a".repeat(SNIFF_BYTES - 2 - shift), "铃".repeat(3));
            assert_eq!(sniff(text.as_bytes()).unwrap(), Encoding::Utf8);
        }
        assert_eq!(sniff(&"铃".as_bytes()[..2]).unwrap(), Encoding::Gb18030);
    }

    #[test]
    fn formulas_are_made_harmless_and_come_back() {
        for cell in [
            "=1+1", "+86 451", "-1", "@x", "\tx", "'=x", "''-", "'quoted'", "'", "", "plain",
        ] {
            let out = guarded(cell);
            assert!(!runs(&out), "{out}");
            assert_eq!(unguarded(&out), cell);
        }
    }

    #[test]
    fn every_fault_of_a_file_is_told_with_its_line() {
        let faults = read(b"device,modell,device\n", Kind::Devices).unwrap_err();
        let columns: Vec<_> = faults
            .iter()
            .filter_map(|it| it.column.as_deref())
            .collect();
        assert_eq!(columns, ["modell", "device", "model", "resident"]);
        assert!(read(b"device;model\n", Kind::Devices).is_err());
        let text = "device,model,resident\nD 1,,\nD-2,a\n\"D-3\",b,R1\n";
        let lines = read(text.as_bytes(), Kind::Devices).unwrap();
        let faults: Vec<String> = lines
            .iter()
            .filter_map(|(_, row)| row.as_ref().err())
            .flatten()
            .map(ToString::to_string)
            .collect();
        assert_eq!(faults.len(), 3, "{faults:#?}");
        assert!(faults[0].starts_with("第 2 行 device:"), "{}", faults[0]);
        assert!(faults[2].contains("line 3: 2 cells"), "{}", faults[2]);
    }
}
