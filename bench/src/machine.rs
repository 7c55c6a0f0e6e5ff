//! What was measured on.
//!
//! For: figures that say which machine they are of.
//! May not know: what was measured.

use std::path::Path;
use std::thread::available_parallelism;

use serde::Serialize;

/// The machine, as far as it tells.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    memory_mib: u64,
    system: String,
    /// Of the folder that was measured in.
    file_system: String,
    debug_build: bool,
}

impl Machine {
    pub(crate) fn look(dir: &Path) -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let after = |text: &str, key: &str| -> String {
            let line = text.lines().find(|line| line.starts_with(key));
            let value = line.and_then(|line| line.split_once(':'));
            value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        let memory: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        Self {
            cores: available_parallelism().map_or(0, usize::from),
            processor: after(&read("/proc/cpuinfo"), "model name"),
            memory_mib: memory / 1024,
            system: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(dir, &read("/proc/mounts")),
            debug_build: cfg!(debug_assertions),
        }
    }

    pub(crate) fn line(&self) -> String {
        format!(
            "{} cores ({}), {} MiB, Linux {}, {}{}",
            self.cores,
            self.processor,
            self.memory_mib,
            self.system,
            self.file_system,
            if self.debug_build {
                ", DEBUG BUILD"
            } else {
                ""
            }
        )
    }
}

/// Memory of this process that is resident, in MiB.
pub(crate) fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The type of the mount that holds `dir`; a `tmpfs` would make every durable commit free.
fn file_system(dir: &Path, mounts: &str) -> String {
    let dir = dir.canonicalize().unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let holding = mounts.filter(|(at, _)| dir.starts_with(at));
    let nearest = holding.max_by_key(|(at, _)| at.len());
    nearest.map_or_else(String::new, |(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_tells_the_file_system() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /proc tmpfs rw 0 0\n";
        assert_eq!(file_system(Path::new("/"), mounts), "ext4");
        assert_eq!(file_system(Path::new("/proc"), mounts), "tmpfs");
    }
}
