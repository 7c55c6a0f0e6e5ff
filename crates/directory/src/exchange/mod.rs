//! The directory as files: what spreadsheets and maps bring in and take out.
//!
//! For: lines of a file read into [`Row`]s or into faults with their line, rows compared with what stands in the
//! directory, written as events, and read out again.
//! May not know: where files lie, who asks, how the lines reach us; that is the binary. Passwords in the clear.
//!
//! Modules in reading order: [`kind`] (kinds and their columns), [`fault`], `cells` (one line's cells), [`row`], `area`, `barrier`
//! and `person` (a line as a record, and back), [`table`] (CSV), [`map`] (GeoJSON), `misfit` (what a row refers to and is not there),
//! [`compare`], [`apply`], [`collect`].

pub mod apply;
mod area;
mod barrier;
mod cells;
pub mod collect;
pub mod compare;
pub mod fault;
pub mod kind;
pub mod map;
mod misfit;
mod person;
pub mod row;
pub mod table;

pub use compare::Verdict;
pub use fault::Fault;
pub use kind::Kind;
pub use row::Row;
