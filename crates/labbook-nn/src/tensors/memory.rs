use std::fs;
use std::path::Path;

/// The bytes that this process could have: all that there is for it, and what of it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) whole: u64,
    pub(crate) free: u64,
}

impl Memory {
    /// What the system tells, or the control group that the process is in where that allows less:
    /// a container's or a job's limit.
    pub(crate) fn of_system() -> Option<Self> {
        let told = fs::read_to_string("/proc/meminfo").ok()?;
        let whole = kibibytes(&told, "MemTotal:")?;
        let free = kibibytes(&told, "MemAvailable:")?;
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let groups = groups.lines().flat_map(of_group);
        Some(groups.fold(Self { whole, free }, Self::least))
    }

    fn least(self, other: Self) -> Self {
        Self {
            whole: self.whole.min(other.whole),
            free: self.free.min(other.free),
        }
    }
}

/// The bytes that the system could give out, where it tells.
pub(crate) fn available_memory() -> Option<u64> {
    Memory::of_system().map(|memory| memory.free)
}

fn kibibytes(told: &str, name: &str) -> Option<u64> {
    let line = told.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>();
    kibibytes.ok()?.checked_mul(1024)
}

/// The limits of a line of `/proc/self/cgroup`, such as `0::/slurm/job_7`, and of all groups above it.
fn of_group(line: &str) -> Vec<Memory> {
    let mut parts = line.splitn(3, ':');
    let (_, kinds, path) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let (root, limit, used) = match kinds {
        Some("") => ("/sys/fs/cgroup", "memory.max", "memory.current"),
        Some(kinds) if kinds.split(',').any(|kind| kind == "memory") => (
            "/sys/fs/cgroup/memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
        ),
        _ => return Vec::new(),
    };
    let within = Path::new(root).join(path.trim_start_matches('/'));
    let folders = within
        .ancestors()
        .take_while(|folder| folder.starts_with(root));
    folders
        .filter_map(|folder| limits(folder, limit, used))
        .collect()
}

/// The limit of one group; `None` where there is none.
fn limits(folder: &Path, limit: &str, used: &str) -> Option<Memory> {
    let number = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let whole = number(limit)?;
    // Files that were read can be forgotten.
    let files = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let files = files
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "));
    let files = files
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0);
    let used = number(used)?.saturating_sub(files);
    Some(Memory {
        whole,
        free: whole.saturating_sub(used),
    })
}

pub(crate) fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// In kilobytes, megabytes or gigabytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        ..99_500 => format!("{:.0} KB", (bytes as f64 / 1e3).ceil()),
        99_500..9_950_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        9_950_000..999_500_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => gigabytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_and_no_group_has_more() {
        let memory = Memory::of_system().expect("Linux tells");
        assert!(
            memory.free <= memory.whole && memory.whole > 1 << 20,
            "{memory:?}"
        );
        assert_eq!(
            kibibytes("A: 3 kB\nMemTotal:  12 kB\n", "MemTotal:"),
            Some(12 * 1024)
        );
        assert_eq!(kibibytes("A: 3 kB\n", "MemTotal:"), None);
    }

    #[test]
    fn a_group_s_limit_counts_without_the_files_that_can_be_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let write =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        write("memory.max", "max\n");
        write("memory.current", "600\n");
        let found = || limits(folder.path(), "memory.max", "memory.current");
        assert_eq!(found(), None);
        write("memory.max", "1000\n");
        write("memory.stat", "anon 400\ninactive_file 150\n");
        let expected = Memory {
            whole: 1000,
            free: 550,
        };
        assert_eq!(found(), Some(expected));
        assert_eq!(of_group("4:cpu:/a"), []);
    }

    #[test]
    fn bytes_are_told_in_a_unit_that_suits_them() {
        let told = [12_300, 2_340_000, 87_600_000, 3_210_000_000].map(megabytes);
        assert_eq!(told, ["13 KB", "2.3 MB", "88 MB", "3.2 GB"]);
    }
}
