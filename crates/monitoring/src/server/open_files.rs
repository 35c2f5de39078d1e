//! How many files and connections the process may have open, and what that leaves for connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Files that are no client's connection: the database, the spool, models, connections to other services.
const OTHER_FILES: u64 = 256;

/// Raises the limit of open files as far as the system lets the process, and returns it.
pub(super) fn raised_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    // No limit at all is refused where the kernel has its own; the limit then stays as it was.
    if setrlimit(Resource::Nofile, raised).is_ok() { maximum.unwrap_or(u64::MAX) } else { current.unwrap_or(u64::MAX) }
}

/// Most connections of each of `ports` ports under this limit of open files.
pub(super) fn connections_within(limit: u64, ports: usize) -> usize {
    let left = limit - OTHER_FILES.min(limit / 2);
    usize::try_from(left / ports.max(1) as u64).unwrap_or(usize::MAX)
}

/// The number of connections that is wanted, or as many as the limit of open files leaves.
pub(super) fn fitting(wanted: usize, ports: usize) -> usize {
    let limit = raised_limit();
    let most = connections_within(limit, ports);
    if wanted > most {
        let sentence = "the limit of open files (ulimit -n, LimitNOFILE) leaves room for fewer connections";
        warn!(connections = most, wanted, open_files = limit, reason = sentence, "connections_lowered");
    }
    wanted.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        for (limit, ports, most) in [(1_048_576, 1, 1_048_320), (1_024, 1, 768), (1_024, 3, 256), (64, 1, 32)] {
            assert_eq!(connections_within(limit, ports), most, "{limit} files, {ports} ports");
        }
    }
}
