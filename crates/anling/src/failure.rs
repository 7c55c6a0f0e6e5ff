//! Why a command stopped, in words that say what to do next.
//!
//! For: the one error type of the command line.
//! May not know: how the parts word their own errors; it carries their words.

use std::fmt;

/// A failure, as printed after `anling: `.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    code: u8,
}

/// Exit code for wrong settings or usage; 1 is everything else.
const USAGE: u8 = 2;

impl Failure {
    /// Something went wrong while running.
    pub(crate) fn new(text: impl fmt::Display) -> Failure {
        Failure {
            text: text.to_string(),
            code: 1,
        }
    }

    /// A setting is wrong.
    pub(crate) fn setting(text: impl fmt::Display) -> Failure {
        Failure {
            text: text.to_string(),
            code: USAGE,
        }
    }

    /// Several settings are wrong.
    pub(crate) fn settings(faults: Vec<String>) -> Failure {
        let list: Vec<String> = faults.iter().map(|fault| format!("  - {fault}")).collect();
        Failure::setting(format!("the settings need mending:\n{}", list.join("\n")))
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Puts what was being done before the error's own words.
pub(crate) trait Doing<T> {
    /// `doing`: "open the log", "listen on 127.0.0.1:7300" …
    fn doing(self, doing: &str) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, doing: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("could not {doing}: {error}")))
    }
}
