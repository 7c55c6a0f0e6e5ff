//! What the console counted.
//!
//! For: numbers for the binary's metrics page.
//! May not know: how they are published.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Counters since the start; `connections` and `replays` are how many there are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ConsoleMetrics {
    pub connections: i64,
    pub replays: i64,
    pub connections_refused: u64,
    pub frames: u64,
    pub snapshots: u64,
    /// Snapshots sent because a console had fallen too far behind.
    pub collapsed: u64,
    pub commands: u64,
    pub commands_refused: u64,
    pub sign_ins: u64,
    pub sign_ins_refused: u64,
    /// Consoles dropped because they had gone silent or took nothing.
    pub dropped: u64,
    /// The last position the board shows.
    pub position: u64,
}

impl ConsoleMetrics {
    /// Each as (name, help, value), for a metrics page.
    pub fn figures(&self) -> [(&'static str, &'static str, u64); 12] {
        let now = |n: i64| u64::try_from(n).unwrap_or(0);
        [
            (
                "anling_console_connections",
                "Live consoles now",
                now(self.connections),
            ),
            ("anling_console_replays", "Replays now", now(self.replays)),
            (
                "anling_console_connections_refused_total",
                "Consoles turned away because too many were open",
                self.connections_refused,
            ),
            (
                "anling_console_frames_total",
                "Frames sent to live consoles",
                self.frames,
            ),
            (
                "anling_console_snapshots_total",
                "Frames that were snapshots",
                self.snapshots,
            ),
            (
                "anling_console_collapsed_total",
                "Snapshots because a console lagged too far behind",
                self.collapsed,
            ),
            (
                "anling_console_commands_total",
                "Commands asked",
                self.commands,
            ),
            (
                "anling_console_commands_refused_total",
                "Commands not done",
                self.commands_refused,
            ),
            ("anling_console_sign_ins_total", "Sign-ins", self.sign_ins),
            (
                "anling_console_sign_ins_refused_total",
                "Sign-ins refused",
                self.sign_ins_refused,
            ),
            (
                "anling_console_dropped_total",
                "Consoles that went silent or took nothing",
                self.dropped,
            ),
            (
                "anling_console_position",
                "The last position the board shows",
                self.position,
            ),
        ]
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicI64,
    pub(crate) replays: AtomicI64,
    refused: AtomicU64,
    frames: AtomicU64,
    snapshots: AtomicU64,
    collapsed: AtomicU64,
    commands: AtomicU64,
    commands_refused: AtomicU64,
    sign_ins: AtomicU64,
    sign_ins_refused: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    pub(crate) fn sign_ins(&self) {
        self.sign_ins.fetch_add(1, Relaxed);
    }

    pub(crate) fn sign_ins_refused(&self) {
        self.sign_ins_refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn command(&self, done: bool) {
        self.commands.fetch_add(1, Relaxed);
        self.commands_refused.fetch_add(u64::from(!done), Relaxed);
    }

    pub(crate) fn frame(&self) {
        self.frames.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self, collapsed: bool) {
        self.snapshots.fetch_add(1, Relaxed);
        self.collapsed.fetch_add(u64::from(collapsed), Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(crate) fn turned_away(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self, position: u64) -> ConsoleMetrics {
        ConsoleMetrics {
            connections: self.connections.load(Relaxed),
            replays: self.replays.load(Relaxed),
            connections_refused: self.refused.load(Relaxed),
            frames: self.frames.load(Relaxed),
            snapshots: self.snapshots.load(Relaxed),
            collapsed: self.collapsed.load(Relaxed),
            commands: self.commands.load(Relaxed),
            commands_refused: self.commands_refused.load(Relaxed),
            sign_ins: self.sign_ins.load(Relaxed),
            sign_ins_refused: self.sign_ins_refused.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            position,
        }
    }
}
