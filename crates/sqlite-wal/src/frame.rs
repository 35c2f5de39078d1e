//! A frame of the log: a page as a transaction wrote it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::checksum::{FlippedBit, LogSum, SumChange, WordOrder, big_endian};
use super::header::{HEADER, LogHeader};

/// Bytes in front of a page.
const FRAME_HEADER: usize = 24;
/// Bytes in front of a page that its checksum counts: the number of the page and the size of the database.
const SUMMED: usize = 8;

/// A frame as it lies in the file.
pub(crate) struct LogFrame {
    /// What its checksum counts: the first bytes of its header, then the page.
    summed: Vec<u8>,
    salts: [u8; 8],
    stored: LogSum,
}

impl LogFrame {
    /// Reads the frame with this number, counted from 0.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn read(file: &File, header: &LogHeader, number: usize) -> io::Result<Self> {
        let mut bytes = vec![0; FRAME_HEADER + header.page_size()];
        file.read_exact_at(&mut bytes, place(header, number))?;
        let mut salts = [0; 8];
        salts.copy_from_slice(&bytes[SUMMED..16]);
        let stored = LogSum::stored(&bytes[16..FRAME_HEADER]);
        bytes.drain(SUMMED..FRAME_HEADER);
        Ok(Self { summed: bytes, salts, stored })
    }

    /// Frames that a file of this length holds whole.
    pub(crate) fn count(header: &LogHeader, length: u64) -> usize {
        let frames = length.saturating_sub(HEADER as u64) / (FRAME_HEADER + header.page_size()) as u64;
        usize::try_from(frames).unwrap_or(usize::MAX)
    }

    /// Pages of the database after the transaction that ends with this frame; 0 for any other frame.
    pub(crate) fn commit(&self) -> u32 {
        big_endian(&self.summed, 4)
    }

    /// The number of the page.
    pub(crate) fn page(&self) -> u32 {
        big_endian(&self.summed, 0)
    }

    /// Makes it the end of a transaction after which the database has so many pages.
    pub(crate) fn set_commit(&mut self, pages: u32) {
        self.summed[4..SUMMED].copy_from_slice(&pages.to_be_bytes());
    }

    pub(crate) fn salts(&self) -> [u8; 8] {
        self.salts
    }

    /// The checksum that stands in its header.
    pub(crate) fn stored(&self) -> LogSum {
        self.stored
    }

    /// The checksum that goes on from the frame before.
    pub(crate) fn sum(&self, before: LogSum, order: WordOrder) -> LogSum {
        before.with(&self.summed, order)
    }

    /// What keeps its checksum from being the stored one.
    pub(crate) fn change(&self, found: LogSum, order: WordOrder) -> SumChange {
        FlippedBit::between(&self.summed, order, self.stored, found)
    }

    /// Flips a bit back.
    pub(crate) fn flip(&mut self, bit: FlippedBit) {
        bit.flip(&mut self.summed[bit.byte]);
    }

    /// Its bytes in a log with this header, after a frame with this checksum; and its own checksum.
    pub(crate) fn bytes(&self, header: &LogHeader, before: LogSum) -> (Vec<u8>, LogSum) {
        let sum = self.sum(before, header.order());
        let mut bytes = Vec::with_capacity(FRAME_HEADER + header.page_size());
        bytes.extend_from_slice(&self.summed[..SUMMED]);
        bytes.extend_from_slice(&header.salts());
        bytes.extend_from_slice(&sum.bytes());
        bytes.extend_from_slice(&self.summed[SUMMED..]);
        (bytes, sum)
    }
}

fn place(header: &LogHeader, number: usize) -> u64 {
    (HEADER + number * (FRAME_HEADER + header.page_size())) as u64
}
