//! One record on its way.

use axum::body::Bytes;
use jiff::Timestamp;

/// A record as a line of NDJSON without the line's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordLine {
    pub(super) text: Bytes,
    /// CRC-32 of the text, made where the text was made, so that whatever changes one of them later is found out.
    pub(super) checksum: u32,
    /// When it was taken in, in microseconds since 1970.
    pub(super) recorded_at: i64,
}

impl RecordLine {
    pub(super) fn new(text: Bytes) -> Self {
        let checksum = crc32fast::hash(&text);
        Self { text, checksum, recorded_at: Timestamp::now().as_microsecond() }
    }

    /// Whether the text is still the one that the checksum was made of.
    pub(super) fn is_whole(&self) -> bool {
        crc32fast::hash(&self.text) == self.checksum
    }

    pub(super) fn size(&self) -> u64 {
        self.text.len() as u64
    }
}

/// How many records, and how many bytes they have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) records: usize,
    pub(super) bytes: u64,
}

impl Amount {
    /// All of these lines together.
    pub(super) fn of<'l>(lines: impl IntoIterator<Item = &'l RecordLine>) -> Self {
        lines.into_iter().fold(Self::default(), |sum, line| sum.plus(Self::one(line.size())))
    }

    pub(super) fn one(bytes: u64) -> Self {
        Self { records: 1, bytes }
    }

    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self { records: self.records + other.records, bytes: self.bytes + other.bytes }
    }

    /// Whether it is at least as many records and as many bytes as the other.
    pub(super) fn covers(self, other: Self) -> bool {
        self.records >= other.records && self.bytes >= other.bytes
    }

    /// What is left without the other; never less than nothing.
    #[must_use]
    pub(super) fn minus(self, other: Self) -> Self {
        Self { records: self.records.saturating_sub(other.records), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}
