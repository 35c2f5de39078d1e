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
    /// Whether it tells of a request that was refused or failed. Such records cost clients nothing, so they have a small share
    /// of the room.
    pub(super) is_refusal: bool,
}

impl RecordLine {
    /// The record of an answered prediction.
    pub(super) fn new(text: Bytes) -> Self {
        let checksum = crc32fast::hash(&text);
        Self { text, checksum, recorded_at: Timestamp::now().as_microsecond(), is_refusal: false }
    }

    /// The record of a request that was refused or failed.
    pub(super) fn of_refusal(text: Bytes) -> Self {
        Self { is_refusal: true, ..Self::new(text) }
    }

    /// Whether the text is still the one that the checksum was made of.
    pub(super) fn is_whole(&self) -> bool {
        crc32fast::hash(&self.text) == self.checksum
    }

    pub(super) fn size(&self) -> u64 {
        self.text.len() as u64
    }

    pub(super) fn amount(&self) -> Amount {
        let bytes = self.size();
        Amount { records: 1, bytes, refusal_bytes: if self.is_refusal { bytes } else { 0 } }
    }
}

/// How many records, and how many bytes they have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) records: usize,
    pub(super) bytes: u64,
    /// Bytes of the records that tell of refusals. Of a bound: the most of them.
    pub(super) refusal_bytes: u64,
}

impl Amount {
    /// All of these lines together.
    pub(super) fn of<'l>(lines: impl IntoIterator<Item = &'l RecordLine>) -> Self {
        lines.into_iter().fold(Self::default(), |sum, line| sum.plus(line.amount()))
    }

    /// A bound of so many records and bytes, of which refusals get a tenth: they can be had in any number for nothing, and
    /// must not push out what was paid for with work.
    pub(super) const fn bound(records: usize, bytes: u64) -> Self {
        Self { records, bytes, refusal_bytes: bytes / 10 }
    }

    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            bytes: self.bytes + other.bytes,
            refusal_bytes: self.refusal_bytes + other.refusal_bytes,
        }
    }

    /// Whether it is at least as many records and as many bytes as the other.
    pub(super) fn covers(self, other: Self) -> bool {
        self.records >= other.records && self.bytes >= other.bytes
    }

    /// Whether a line fits into this bound, now that so much is in it.
    pub(super) fn has_room(self, held: Self, line: &RecordLine) -> bool {
        let then = held.plus(line.amount());
        self.covers(then) && (!line.is_refusal || then.refusal_bytes <= self.refusal_bytes)
    }

    /// What is left without the other; never less than nothing.
    #[must_use]
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_sub(other.records),
            bytes: self.bytes.saturating_sub(other.bytes),
            refusal_bytes: self.refusal_bytes.saturating_sub(other.refusal_bytes),
        }
    }
}
