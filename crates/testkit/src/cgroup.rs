//! Control groups that bound the memory of a process, as its container would.
//!
//! Sources: cgroups(7), and the kernel's documents cgroup-v1/memory.rst and cgroup-v2.rst.
//!
//! Rule of thumb: only root can make one, so without it such a test is skipped, and says so. The process is in its group
//! before it begins, because it looks at its limit when it starts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::skip;

/// How often the removal of a group is tried: a process that was killed leaves it a moment later.
const REMOVALS: u32 = 50;
/// How long to wait between two of these.
const PAUSE: Duration = Duration::from_millis(20);

/// The two versions of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A group of processes that together may have so much memory. Gone when this is dropped, after its processes.
pub struct Cgroup {
    folder: PathBuf,
    version: Version,
}

impl Cgroup {
    /// A group with this limit in bytes; or says on stderr that `what` is not tested.
    ///
    /// # Panics
    /// On a build server, where nothing is skipped.
    pub fn with_memory(bytes: u64, what: &str) -> Option<Self> {
        let mounts = [(Version::One, "/sys/fs/cgroup/memory"), (Version::Two, "/sys/fs/cgroup")];
        let mut problem = "there is no hierarchy for memory".to_owned();
        for (version, mount) in mounts {
            match Self::made(version, Path::new(mount), bytes) {
                Ok(group) => return Some(group),
                Err(error) => problem = format!("{mount}: {error}"),
            }
        }
        skip(&format!("no control group can be made ({problem}), so {what} is not tested"));
        None
    }

    fn made(version: Version, mount: &Path, bytes: u64) -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        if version == Version::Two {
            // Groups below have a limit only where the one above hands the controller on.
            fs::write(mount.join("cgroup.subtree_control"), "+memory")?;
        }
        let name = format!("glasshouse-test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let group = Self { folder: mount.join(name), version };
        fs::create_dir(&group.folder)?;
        let limit = match version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        fs::write(group.folder.join(limit), bytes.to_string())?;
        Ok(group)
    }

    /// The file that takes the ids of the processes in it.
    pub(crate) fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// How many of its processes were killed because there was no memory left.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn killed(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let events = fs::read_to_string(self.folder.join(file)).expect("the group says what happened");
        let line = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok()).expect("a count of killed processes")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..REMOVALS {
            if fs::remove_dir(&self.folder).is_ok() || !self.folder.exists() {
                return;
            }
            sleep(PAUSE);
        }
    }
}
