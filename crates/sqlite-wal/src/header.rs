//! The header of the log: its page size, and the salts that all frames of this log have.

use super::checksum::{LogSum, WordOrder, big_endian};

/// Bytes of the header.
pub(crate) const HEADER: usize = 32;
/// Bytes that its checksum counts.
const SUMMED: usize = 24;
/// Words are summed as little-endian with this magic number, and as big-endian with the next.
const MAGIC: u32 = 0x377f_0682;
/// The one version of the format there is.
const VERSION: u32 = 3_007_000;

/// A sound header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogHeader([u8; HEADER]);

impl LogHeader {
    /// The header, if it is sound.
    pub(crate) fn sound(bytes: [u8; HEADER]) -> Option<Self> {
        let header = Self(bytes);
        let is_known = big_endian(&bytes, 0) & !1 == MAGIC && big_endian(&bytes, 4) == VERSION;
        let is_sound = is_known && is_page_size(header.page_size()) && header.summed() == header.sum();
        is_sound.then_some(header)
    }

    /// The headers that these bytes may have been before one bit flipped.
    pub(crate) fn restored(bytes: [u8; HEADER]) -> impl Iterator<Item = Self> {
        (0..HEADER * 8).filter_map(move |bit| {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            Self::sound(flipped)
        })
    }

    /// A header for frames of this page size with these salts.
    pub(crate) fn new(page_size: usize, salts: [u8; 8], order: WordOrder) -> Option<Self> {
        if !is_page_size(page_size) {
            return None;
        }
        let mut header = Self([0; HEADER]);
        let words = [MAGIC + u32::from(order == WordOrder::Big), VERSION, u32::try_from(page_size).ok()?, 0];
        for (place, word) in header.0.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        header.0[16..SUMMED].copy_from_slice(&salts);
        let sum = header.summed().bytes();
        header.0[SUMMED..].copy_from_slice(&sum);
        Some(header)
    }

    pub(crate) fn bytes(&self) -> &[u8; HEADER] {
        &self.0
    }

    pub(crate) fn page_size(&self) -> usize {
        big_endian(&self.0, 8) as usize
    }

    pub(crate) fn salts(&self) -> [u8; 8] {
        let mut salts = [0; 8];
        salts.copy_from_slice(&self.0[16..SUMMED]);
        salts
    }

    pub(crate) fn order(&self) -> WordOrder {
        if big_endian(&self.0, 0) & 1 == 1 { WordOrder::Big } else { WordOrder::Little }
    }

    /// The checksum that stands in it, from which that of the first frame goes on.
    pub(crate) fn sum(&self) -> LogSum {
        LogSum::stored(&self.0[SUMMED..])
    }

    fn summed(&self) -> LogSum {
        LogSum::default().with(&self.0[..SUMMED], self.order())
    }
}

fn is_page_size(size: usize) -> bool {
    size.is_power_of_two() && (512..=65_536).contains(&size)
}
