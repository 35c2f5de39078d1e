//! How a lake is kept.

use std::time::Duration;

/// A file of at least so many bytes is ended, and the next one begun.
const FILE_BYTES: u64 = 256 << 20;

/// How a lake is kept.
#[derive(Clone, Debug)]
pub(crate) struct LakeOptions {
    /// Days after the end of a day before it is written.
    pub(crate) after_days: u32,
    /// The program, by a name that it has after a restart as well, so that it goes on with what it has begun.
    pub(crate) holder: String,
    /// The time between two turns.
    pub(crate) pause: Duration,
    /// A file of at least so many bytes is ended, and the next one begun.
    pub(crate) file_bytes: u64,
}

impl LakeOptions {
    /// The usual ones, for a program that others tell from its neighbours by `name`.
    pub(crate) fn new(after_days: u32, pause: Duration, name: &str) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self { after_days, holder: format!("{}:{name}", host.trim()), pause, file_bytes: FILE_BYTES }
    }
}
