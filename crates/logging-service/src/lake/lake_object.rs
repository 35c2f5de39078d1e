//! A file of the lake, as the reader of Parquet files asks for it.
//!
//! Rule of thumb: a row group is fetched at once and held until the next one is asked for, because a request takes as long
//! as some megabytes do.

use std::io::Cursor;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

use super::object_lake::ObjectLake;

/// What is fetched of the end of a file, where its index is.
const TAIL_BYTES: u64 = 256 << 10;

/// A file of the lake. Reading blocks, so it belongs on a thread where that is allowed.
pub(super) struct LakeObject {
    pub(super) lake: ObjectLake,
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Where the row groups are, once the index is read.
    pub(super) groups: Arc<OnceLock<Vec<Range<u64>>>>,
    pub(super) runtime: Handle,
    /// What was fetched last, and where it begins.
    pub(super) held: Mutex<HeldBytes>,
}

/// A part of a file.
#[derive(Default)]
pub(super) struct HeldBytes {
    start: u64,
    bytes: Bytes,
}

impl HeldBytes {
    /// From `start` on, if at least so many bytes are held there.
    fn from(&self, start: u64, length: usize) -> Option<Bytes> {
        let skipped = usize::try_from(start.checked_sub(self.start)?).ok()?;
        (skipped.checked_add(length)? <= self.bytes.len()).then(|| self.bytes.slice(skipped..))
    }
}

impl LakeObject {
    /// The bytes from `start` on, at least so many.
    fn held_from(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = held.from(start, length) {
            return Ok(found);
        }
        let end = start.saturating_add(length as u64);
        if end > self.bytes {
            return Err(ParquetError::EOF(format!("{} has {} bytes", self.path, self.bytes)));
        }
        let group = self.groups.get().into_iter().flatten().find(|group| group.start <= start && end <= group.end);
        let range = group.cloned().unwrap_or(start.min(self.bytes.saturating_sub(TAIL_BYTES))..self.bytes);
        // The former part goes before the next one comes.
        *held = HeldBytes::default();
        let fetched = self.runtime.block_on(self.lake.read_range(&self.path, range.clone()));
        *held =
            HeldBytes { start: range.start, bytes: fetched.map_err(|problem| ParquetError::External(problem.into()))? };
        held.from(start, length).ok_or_else(|| ParquetError::EOF(format!("{} was cut short", self.path)))
    }
}

impl Length for LakeObject {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for LakeObject {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.held_from(start, 1).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.held_from(start, length).map(|bytes| bytes.slice(..length))
    }
}
