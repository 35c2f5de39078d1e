//! How much memory the process may have: the limit of its container, or else what the machine has.
//!
//! Sources: cgroups(7), and the kernel's documents cgroup-v1/memory.rst and cgroup-v2.rst. A group is also bound by the
//! limits of the groups around it, so the least of them counts. In a container the path in `/proc/self/cgroup` may be
//! that of the host, which is not there; the folders above it are, up to the container's own.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit as large as this is none: version 1 says so with the largest number of pages.
const UNLIMITED: u64 = 1 << 60;

/// How much memory there is for the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// Bytes that the container, or another control group, lets it have.
    Container(u64),
    /// Bytes that the machine has.
    Machine(u64),
}

/// How much memory this process may have; `None` if the system does not say.
#[must_use]
pub fn memory_limit() -> Option<MemoryLimit> {
    limit_below(Path::new("/"))
}

fn limit_below(root: &Path) -> Option<MemoryLimit> {
    let machine = machine_bytes(&fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default());
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(memory_group).flat_map(|(mount, file, group)| {
        let mount = root.join(mount);
        let folders: Vec<PathBuf> =
            Path::new(group.trim_start_matches('/')).ancestors().map(|folder| mount.join(folder).join(file)).collect();
        folders.into_iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
    });
    let container = limits.min().filter(|bytes| *bytes < UNLIMITED);
    match (container, machine) {
        (Some(container), Some(machine)) if container > machine => Some(MemoryLimit::Machine(machine)),
        (Some(container), _) => Some(MemoryLimit::Container(container)),
        (None, machine) => machine.map(MemoryLimit::Machine),
    }
}

/// Where the hierarchy of a line of `/proc/self/cgroup` is mounted, which file has the limit, and the group; `None` for a
/// hierarchy that has none.
fn memory_group(line: &str) -> Option<(&'static str, &'static str, &str)> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    if controllers.split(',').any(|controller| controller == "memory") {
        return Some(("sys/fs/cgroup/memory", "memory.limit_in_bytes", group));
    }
    (number == "0" && controllers.is_empty()).then_some(("sys/fs/cgroup", "memory.max", group))
}

fn machine_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn limit(files: &[(&str, &str)]) -> Option<MemoryLimit> {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        limit_below(root.path())
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:       24683112 kB\nMemFree: 1 kB\n");
    const OF_MACHINE: Option<MemoryLimit> = Some(MemoryLimit::Machine(24_683_112 * 1024));

    #[test]
    fn the_least_limit_around_the_process_counts() {
        let gib = Some(MemoryLimit::Container(1 << 30));
        let v1 = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n");
        let v2 = ("proc/self/cgroup", "0::/kubepods/pod1/c1\n");
        let of_v1 = |path: &'static str, bytes: &'static str| limit(&[MACHINE, v1, (path, bytes)]);
        // Seen from within the container, its own group is the mount's root.
        assert_eq!(of_v1("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"), gib);
        assert_eq!(of_v1("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "1073741824\n"), gib);
        assert_eq!(of_v1("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), OF_MACHINE);
        let within = ("sys/fs/cgroup/kubepods/pod1/c1/memory.max", "max\n");
        let around = ("sys/fs/cgroup/kubepods/memory.max", "1073741824\n");
        assert_eq!(limit(&[MACHINE, v2, within, around]), gib);
        assert_eq!(limit(&[MACHINE, v2, within]), OF_MACHINE);
        assert_eq!(limit(&[MACHINE, v2, ("sys/fs/cgroup/memory.max", "1073741824")]), gib);
    }

    #[test]
    fn a_limit_above_the_machine_and_files_that_are_not_there_change_nothing() {
        let v2 = ("proc/self/cgroup", "0::/\n");
        assert_eq!(limit(&[MACHINE, v2, ("sys/fs/cgroup/memory.max", "99999999999999")]), OF_MACHINE);
        assert_eq!(limit(&[MACHINE]), OF_MACHINE);
        assert_eq!(limit(&[("proc/self/cgroup", "nonsense\n:\n0:")]), None);
        assert!(memory_limit().is_some(), "this machine says how much it has");
    }
}
