//! How far a run is, for whoever waits.
//!
//! For: one line on the terminal; nothing where there is none.
//! May not know: what is measured.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line is drawn anew.
const EVERY: Duration = Duration::from_millis(250);

const TEMPLATE: &str = "{elapsed_precise} [{bar:24}] {pos}/{len} {prefix}: {msg}";

/// The line.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well formed");
        let bar = ProgressBar::new(0).with_style(style.progress_chars("=> "));
        bar.enable_steady_tick(EVERY);
        Self(bar)
    }

    /// A section begins with so many steps.
    pub(crate) fn section(&self, name: &'static str, steps: u64) {
        self.0.set_prefix(name);
        self.0.set_length(steps);
        self.0.set_position(0);
    }

    /// The next step begins.
    pub(crate) fn step(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }

    /// A step is done, or so many are.
    pub(crate) fn stepped(&self, steps: u64) {
        self.0.inc(steps);
    }

    pub(crate) fn done(&self) {
        self.0.finish_and_clear();
    }
}
