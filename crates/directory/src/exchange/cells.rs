//! The cells of one line: texts into values, and values into texts.
//!
//! For: identifiers, degrees, times of day, yes and no, lists; each fault with its line and column.
//! May not know: which columns a kind has.

use domain::{IdError, geography::LATITUDE_LIMIT};
use serde::{Serialize, de::DeserializeOwned};

use super::{Fault, Kind};

/// Longest cell, in characters. Ours: a page of notes.
pub(super) const CELL_CHARS: usize = 4_000;

/// Where a city can lie at all, in millionths of a degree; whether it is this one is seen in `misfit`.
const LON_E6: std::ops::RangeInclusive<i32> = -180_000_000..=180_000_000;
const LAT_E6: std::ops::RangeInclusive<i32> =
    -LATITUDE_LIMIT * 1_000_000..=LATITUDE_LIMIT * 1_000_000;

/// The full-width semicolon, which Chinese keyboards write.
const WIDE: char = '\u{ff1b}';

/// One line's cells, and what was found wrong with them.
pub(super) struct Cells<'a> {
    kind: Kind,
    pub(super) line: u64,
    /// In the order of [`Kind::columns`].
    values: &'a [String],
    pub(super) faults: Vec<Fault>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(kind: Kind, line: u64, values: &'a [String]) -> Self {
        let mut cells = Self {
            kind,
            line,
            values,
            faults: Vec::new(),
        };
        for (column, value) in kind.columns().iter().zip(values) {
            if value.chars().count() > CELL_CHARS {
                let zh = format!("超过 {CELL_CHARS} 个字");
                cells.fault(column, zh, format!("longer than {CELL_CHARS} characters"));
            }
            if value.contains('\u{fffd}') {
                let en = "unreadable characters; save the file as UTF-8 or GB18030";
                cells.fault(column, "有读不出的字符,请把文件另存为 UTF-8 或 GB18030", en);
            }
        }
        cells
    }

    pub(super) fn fault(&mut self, column: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.faults.push(Fault::cell(self.line, column, zh, en));
    }

    /// The trimmed text; empty when the file has no such column.
    pub(super) fn text(&self, column: &str) -> &'a str {
        let at = self.kind.columns().iter().position(|it| *it == column);
        at.and_then(|at| self.values.get(at))
            .map_or("", |it| it.trim())
    }

    pub(super) fn filled(&mut self, column: &str) -> String {
        let text = self.text(column);
        if text.is_empty() {
            self.fault(column, "不能空", "must not be empty");
        }
        text.to_owned()
    }

    pub(super) fn id<T>(
        &mut self,
        column: &str,
        parse: fn(&str) -> Result<T, IdError>,
    ) -> Option<T> {
        let read = parse(self.text(column));
        let bad = |error: &IdError| match error {
            IdError::Empty => ("不能空", "must not be empty"),
            IdError::TooLong => (
                "编号超过 64 个字符",
                "an identifier has at most 64 characters",
            ),
            IdError::Character => (
                "编号里有空格或 / $ ? # \" \\ 之类的字符",
                "an identifier holds no spaces and none of / $ ? # \" \\",
            ),
        };
        read.inspect_err(|error| {
            let (zh, en) = bad(error);
            self.fault(column, zh, en);
        })
        .ok()
    }

    /// `Some(None)`: the cell is empty.
    pub(super) fn maybe_id<T>(
        &mut self,
        column: &str,
        parse: fn(&str) -> Result<T, IdError>,
    ) -> Option<Option<T>> {
        match self.text(column) {
            "" => Some(None),
            _ => self.id(column, parse).map(Some),
        }
    }

    pub(super) fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &mut self,
        column: &str,
        from: T,
        to: T,
    ) -> Option<T> {
        let read = self.text(column).parse::<T>().ok();
        let read = read.filter(|it| (&from..=&to).contains(&it));
        if read.is_none() {
            let zh = format!("要写 {from} 到 {to} 之间的整数");
            self.fault(column, zh, format!("a whole number from {from} to {to}"));
        }
        read
    }

    /// Longitude and latitude, WGS-84, in millionths of a degree.
    pub(super) fn place(&mut self) -> Option<(i32, i32)> {
        let (lon, lat) = (degrees(self.text("lon")), degrees(self.text("lat")));
        let form = (
            "要写十进制度数,如 126.642",
            "decimal degrees, for example 126.642",
        );
        for (column, read) in [("lon", lon), ("lat", lat)] {
            if read.is_none() {
                self.fault(column, form.0, form.1);
            }
        }
        let (lon, lat) = (lon?, lat?);
        if LON_E6.contains(&lon) && LAT_E6.contains(&lat) {
            return Some((lon, lat));
        }
        if LON_E6.contains(&lat) && LAT_E6.contains(&lon) {
            self.fault(
                "lon",
                "经度和纬度写反了",
                "longitude and latitude are swapped",
            );
        } else {
            self.fault(
                "lon",
                "不是城市所在的经纬度 (WGS-84)",
                "no city lies at such a longitude and latitude (WGS-84)",
            );
        }
        None
    }

    /// One of an enumeration's words, as they stand in events.
    pub(super) fn word<T: DeserializeOwned>(&mut self, column: &str, words: &str) -> Option<T> {
        let read = of_word(self.text(column));
        if read.is_none() {
            self.fault(column, format!("只能写 {words}"), format!("one of {words}"));
        }
        read
    }

    pub(super) fn yes(&mut self, column: &str) -> Option<bool> {
        let read = yes(self.text(column));
        if read.is_none() {
            self.fault(column, "只能写 yes 或 no (是、否)", "yes or no");
        }
        read
    }

    /// Minutes after midnight of `HH:MM`.
    pub(super) fn minutes(&mut self, column: &str) -> Option<u16> {
        let read = self.text(column).split_once(':').and_then(|(h, m)| {
            let (h, m) = (h.parse::<u16>().ok()?, m.parse::<u16>().ok()?);
            (h < 24 && m < 60).then_some(h * 60 + m)
        });
        if read.is_none() {
            self.fault(
                column,
                "要写时刻,如 08:00",
                "a time of day, for example 08:00",
            );
        }
        read
    }

    /// Whether the record is ended; an empty cell means it is not.
    pub(super) fn ended(&mut self, runs: &str, ended: &str) -> Option<bool> {
        match self.text("status") {
            "" => Some(false),
            it if it == runs => Some(false),
            it if it == ended => Some(true),
            _ => {
                let zh = format!("只能写 {runs} 或 {ended}");
                self.fault("status", zh, format!("{runs} or {ended}"));
                None
            }
        }
    }

    pub(super) fn list(&self, column: &str) -> Vec<String> {
        split(self.text(column), ';')
    }
}

pub(super) fn status(is_ended: bool, runs: &str, ended: &str) -> String {
    if is_ended { ended } else { runs }.to_owned()
}

/// Millionths of a degree of a decimal text, rounded half away from zero; no floating point.
pub(super) fn degrees(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let mut e6 = whole.parse::<i32>().ok()?;
    for place in 0..6 {
        let digit = part
            .as_bytes()
            .get(place)
            .map_or(0, |byte| i32::from(byte - b'0'));
        e6 = e6.checked_mul(10)?.checked_add(digit)?;
    }
    let up = part.as_bytes().get(6).is_some_and(|byte| *byte >= b'5');
    Some(sign * (e6 + i32::from(up)))
}

/// A decimal text of millionths of a degree.
pub(super) fn of_degrees(e6: i32) -> String {
    let sign = if e6 < 0 { "-" } else { "" };
    let e6 = e6.unsigned_abs();
    format!("{sign}{}.{:06}", e6 / 1_000_000, e6 % 1_000_000)
}

pub(super) fn of_minutes(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

pub(super) fn yes(text: &str) -> Option<bool> {
    match text {
        "yes" | "是" | "true" | "1" => Some(true),
        "no" | "否" | "false" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn of_yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// A word of an enumeration, as it stands in events.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(super) fn of_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// Joins the parts of a list; what would look like a separator is marked with `\`.
pub(super) fn join<T: AsRef<str>>(parts: impl IntoIterator<Item = T>, separator: char) -> String {
    let mut text = String::new();
    for (n, part) in parts.into_iter().enumerate() {
        if n > 0 {
            text.push(separator);
        }
        for c in part.as_ref().chars() {
            if c == '\\' || c == separator || (separator == ';' && c == WIDE) {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

/// The parts of a list, trimmed; an empty text has none. A full-width semicolon separates as well.
pub(super) fn split(text: &str, separator: char) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let end = c == separator || (separator == ';' && c == WIDE);
        if end {
            parts.push(String::new());
            continue;
        }
        let c = if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        };
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_read_and_written_to_the_millionth() {
        for text in ["126.642000", "45.000001", "0.500000", "-1.250000"] {
            assert_eq!(of_degrees(degrees(text).unwrap()), text);
        }
        assert_eq!(degrees("126.6"), Some(126_600_000));
        assert_eq!(degrees("126.61234567"), Some(126_612_346));
        for odd in ["", "126,6", "1e2", "+5", "12a", "1234.5", ".5", "١"] {
            assert_eq!(degrees(odd), None, "{odd}");
        }
    }

    #[test]
    fn lists_come_back_whatever_stands_in_them() {
        for parts in [
            vec![],
            vec!["a;b", "c\\", "d\u{ff1b}e"],
            vec!["一", "二|三"],
        ] {
            let text = join(&parts, ';');
            assert_eq!(split(&text, ';'), parts, "{text}");
        }
        assert_eq!(split("高血压\u{ff1b}糖尿病; 心脏病", ';').len(), 3);
    }
}
