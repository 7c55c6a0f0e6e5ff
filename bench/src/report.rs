//! A run as a table and as JSON.
//!
//! For: whoever started it, and whoever compares it later.
//! May not know: how anything was measured.

use std::fmt::Write as _;
use std::path::Path;

use loadtest::{Doing, Failure};
use serde::Serialize;

use crate::figures::{Cell, Figure, Section, Series, Target, median};
use crate::machine::Machine;

/// Everything measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    sections: Vec<Section>,
}

impl Report {
    pub(crate) fn new(machine: Machine, sections: Vec<Section>) -> Self {
        Self { machine, sections }
    }

    /// Whether every target was reached.
    pub(crate) fn holds(&self) -> bool {
        let mut figures = self.sections.iter().flat_map(|section| &section.figures);
        figures.all(Figure::holds)
    }

    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(self).doing("write the figures")?;
        std::fs::write(file, json).doing("write the figures")
    }

    /// Medians of the rounds; times in milliseconds.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}", self.machine.line());
        for section in &self.sections {
            let _ = writeln!(
                out,
                "\n{:<58}{:>12}{:>11}{:>11}",
                section.name, "per second", "p50 ms", "p99 ms"
            );
            for series in &section.series {
                series_line(&mut out, series);
            }
            for figure in &section.figures {
                figure_line(&mut out, figure);
            }
            for skipped in &section.skipped {
                let _ = writeln!(out, "  left out: {skipped}");
            }
        }
        out
    }
}

fn series_line(out: &mut String, series: &Series) {
    let of = |pick: &dyn Fn(&Cell) -> f64| median(series.rounds.iter().map(pick));
    let _ = writeln!(
        out,
        "  {:<56}{:>12.0}{:>11.3}{:>11.3}",
        series.name,
        of(&Cell::rate),
        of(&|cell| cell.p50_us as f64 / 1e3),
        of(&|cell| cell.p99_us as f64 / 1e3)
    );
}

fn figure_line(out: &mut String, figure: &Figure) {
    let target = match figure.target {
        Target::AtLeast(least) => format!("at least {least}"),
        Target::AtMost(most) => format!("at most {most}"),
        Target::None => String::new(),
    };
    let rounds = figure.rounds.iter().map(|round| format!("{round:.3}"));
    let _ = writeln!(
        out,
        "  = {:<54}{:>12.3}  {:<18}{:<8}({})",
        figure.name,
        figure.value(),
        target,
        if figure.holds() { "" } else { "MISSED" },
        rounds.collect::<Vec<_>>().join(" ")
    );
}
