//! How records are kept until they are delivered.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::log_service::LogRoute;

/// Records that may wait in memory.
const MEMORY_RECORDS: usize = 100_000;
/// Records that may wait in the spool, whatever their size.
const SPOOL_RECORDS: usize = 10_000_000;
/// Bytes of records that may wait in memory.
const MEMORY_BYTES: u64 = 64 * 1024 * 1024;

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

/// All that an outbox is told.
#[derive(Clone, Debug)]
pub(crate) struct RecordOptions {
    /// Where records are delivered to; `None`: predictions are not logged.
    pub(crate) log: Option<LogRoute>,
    pub(crate) durability: Durability,
    pub(crate) when_full: WhenFull,
    /// The folder of the spool.
    pub(crate) spool: PathBuf,
    /// Bytes of records that may wait in the spool.
    pub(crate) spool_limit: u64,
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordBound {
    pub(crate) records: usize,
    pub(crate) bytes: u64,
}

impl RecordBound {
    /// What may wait in memory.
    pub(crate) const MEMORY: Self = Self { records: MEMORY_RECORDS, bytes: MEMORY_BYTES };

    /// Whether this much may wait.
    pub(crate) fn holds(self, records: usize, bytes: u64) -> bool {
        bytes <= self.bytes && records <= self.records
    }
}

impl RecordOptions {
    /// Where the spool is; `None` where records wait in memory.
    pub(crate) fn folder(&self) -> Option<&PathBuf> {
        (self.log.is_some() && self.durability != Durability::Memory).then_some(&self.spool)
    }

    /// How much may wait.
    pub(crate) fn bound(&self) -> RecordBound {
        match self.durability {
            Durability::Memory => RecordBound::MEMORY,
            Durability::Process | Durability::Power => RecordBound { records: SPOOL_RECORDS, bytes: self.spool_limit },
        }
    }
}
