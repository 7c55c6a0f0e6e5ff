//! What is wrong with a file, and where.
//!
//! For: sentences that whoever keeps the spreadsheet can act on, Chinese first.
//! May not know: how many are shown. Never a value of a personal cell: faults are printed and passed on.

use serde::{Deserialize, Serialize};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Counted from 1, the header included; 0: the file as a whole.
    pub line: u64,
    /// The column, when it is one cell's.
    pub column: Option<String>,
    /// What to do, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

impl Fault {
    /// A fault of a line.
    pub fn line(line: u64, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            line,
            column: None,
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// A fault of the whole file.
    pub fn file(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::line(0, zh, en)
    }

    /// A fault of a cell.
    pub fn cell(line: u64, column: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            column: Some(column.to_owned()),
            ..Self::line(line, zh, en)
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            line,
            column,
            zh,
            en,
        } = self;
        match (line, column) {
            (0, _) => write!(f, "{zh} / {en}"),
            (_, None) => write!(f, "第 {line} 行:{zh} / line {line}: {en}"),
            (_, Some(column)) => {
                write!(
                    f,
                    "第 {line} 行 {column}:{zh} / line {line}, {column}: {en}"
                )
            }
        }
    }
}
