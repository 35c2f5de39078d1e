//! Memory that is freed goes back to the system.
//!
//! Source: mallopt(3). Left to itself, the allocator of glibc raises its bounds with the first large block that is freed, keeps
//! blocks like it from then on, and an attack's gigabyte with them. It also opens up to eight heaps for each core, small blocks of a
//! crowd lie in all of them, and a heap goes back only from its end. Bounds that are set stay where they are; they can only be set
//! from outside, before the program starts.
//!
//! Rule of thumb: no bound helps against many small blocks that are held for long, because what lives among them keeps the heap.
//! Whoever holds much for a client keeps it in few large blocks.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use tracing::warn;

/// Bytes of a block that has pages of its own, which go back when it is freed; bytes at the end of a heap that do; and how many
/// heaps there are.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_ARENA_MAX", "4")];

/// Says to the program that it was started once more. A loader that takes settings of the allocator away, as glibc's does from
/// programs with capabilities of their own, would else have it start without end.
const STARTED_AGAIN: &str = "ALLOCATOR_BOUNDS_SET";

/// What becomes of memory that is freed.
#[must_use]
pub enum FreedMemory {
    /// It goes back to the system.
    GoesBack,
    /// What a crowd took may stay, for this reason.
    Stays(String),
}

impl FreedMemory {
    /// Says in the log where it stays.
    pub fn tell(&self) {
        if let Self::Stays(reason) = self {
            warn!(reason, "freed_memory_stays");
        }
    }
}

/// Sets the allocator's bounds where they are not set, by starting this program once more in the same process. Call this in
/// `main` before anything is opened: it comes back only where there is nothing to do, or where it does not work.
pub fn return_freed_memory() -> FreedMemory {
    let missing = SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none());
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return FreedMemory::GoesBack;
    }
    if env::var_os(STARTED_AGAIN).is_some() {
        return FreedMemory::Stays("the settings of the allocator did not come through a second start".to_owned());
    }
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(problem) => return FreedMemory::Stays(format!("the program's file is not known: {problem}")),
    };
    let mut arguments = env::args_os();
    let mut again = Command::new(&program);
    again
        .arg0(arguments.next().unwrap_or_else(|| program.clone().into()))
        .args(arguments)
        .envs(missing)
        .env(STARTED_AGAIN, "1");
    let problem = again.exec();
    FreedMemory::Stays(format!("{} cannot be started again: {problem}", program.display()))
}
