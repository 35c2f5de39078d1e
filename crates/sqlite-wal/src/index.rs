//! The header of the log's index, the file `-shm`: it says which frame the last commit ended with.
//!
//! SQLite writes it after the log was flushed, so it never promises too much. A kill of the program leaves it as it was; a
//! power failure may leave an older one, which then promises too little.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::checksum::{LogSum, WordOrder};

/// Bytes of the header, which stands there twice.
const INDEX_HEADER: usize = 48;
/// Bytes that its checksum counts.
const SUMMED: usize = 40;

/// What the index says of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogIndex {
    /// Frames up to the end of the last commit.
    pub(crate) committed: usize,
    pub(crate) salts: [u8; 8],
    pub(crate) page_size: usize,
    pub(crate) order: WordOrder,
    /// Pages of the database after the last commit.
    pub(crate) pages: u32,
}

impl LogIndex {
    /// Reads the index at `path`; nothing where there is none, or where a write of it was interrupted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut bytes = [0; 2 * INDEX_HEADER];
        match File::open(path).and_then(|mut file| file.read_exact(&mut bytes)) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let (header, copy) = bytes.split_at(INDEX_HEADER);
        let word = |at: usize| native(header, at);
        let sum = LogSum::default().with(&header[..SUMMED], WordOrder::NATIVE);
        let is_sound = header == copy && header[12] == 1 && (word(40), word(44)) == (sum.first, sum.second);
        if !is_sound {
            return Ok(None);
        }
        let mut salts = [0; 8];
        salts.copy_from_slice(&header[32..SUMMED]);
        // The size is a number of 16 bits, in which 65,536 is written as 1.
        let size = usize::from(u16::from_ne_bytes([header[14], header[15]]));
        Ok(Some(Self {
            committed: word(16) as usize,
            salts,
            page_size: if size == 1 { 65_536 } else { size },
            order: if header[13] == 1 { WordOrder::Big } else { WordOrder::Little },
            pages: word(20),
        }))
    }
}

fn native(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
