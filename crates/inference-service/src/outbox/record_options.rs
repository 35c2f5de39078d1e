//! How records are kept until they are delivered.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::line::Amount;

/// How much may wait in memory.
pub(super) const MEMORY_BOUND: Amount = Amount::bound(100_000, 64 * 1024 * 1024);
/// Records that may wait in the spool, whatever their size.
const SPOOL_RECORDS: usize = 10_000_000;

/// What a recorded prediction survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// The end of this process: a record is with the operating system before its prediction is answered.
    Process,
    /// The end of the power as well: a record is on the disk before its prediction is answered.
    Power,
    /// Nothing: records wait in memory.
    Memory,
}

impl Durability {
    /// The word of the flag.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Power => "power",
            Self::Memory => "memory",
        }
    }
}

/// What happens when no more records fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenFull {
    /// The newest record is dropped and counted.
    DropNewest,
    /// The oldest records are dropped and counted.
    DropOldest,
    /// Predictions are refused until there is room: none is answered without its record.
    Refuse,
}

/// The flags that say how records are kept.
#[derive(Args, Clone, Debug)]
pub struct RecordOptions {
    /// Folder of the spool, in which records wait until they are delivered. Only one process may use it.
    #[arg(long, env = "SPOOL_DIR", default_value = "data/spool")]
    pub spool: PathBuf,

    /// What a recorded prediction survives.
    #[arg(long, env = "RECORD_DURABILITY", default_value = "process")]
    pub record: Durability,

    /// What happens when no more records fit.
    #[arg(long, env = "SPOOL_FULL", default_value = "drop-newest")]
    pub spool_full: WhenFull,

    /// Most bytes of records that may wait in the spool; those of refused requests get a tenth of them.
    #[arg(long, env = "SPOOL_LIMIT_BYTES", default_value_t = 1 << 30, value_parser = clap::value_parser!(u64).range(1 << 16..))]
    pub spool_limit_bytes: u64,
}

impl RecordOptions {
    /// Where the spool is; `None` where records wait in memory.
    pub(super) fn folder(&self) -> Option<&Path> {
        (self.record != Durability::Memory).then_some(&self.spool)
    }

    /// How much may wait.
    pub(super) fn bound(&self) -> Amount {
        match self.record {
            Durability::Memory => MEMORY_BOUND,
            Durability::Process | Durability::Power => Amount::bound(SPOOL_RECORDS, self.spool_limit_bytes),
        }
    }
}
