//! Looks into a write-ahead log before SQLite does.
//!
//! SQLite reads the log up to the first frame whose checksum is wrong, and silently leaves out the rest. At
//! the end of the log that is right: a crash leaves a torn frame there. Later frames of the same log mean that
//! something in the middle was damaged, and with it records that were safe. The format is documented at
//! <https://www.sqlite.org/fileformat2.html#walformat>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Checksums are made of words that are little-endian with this magic number, and big-endian with the next.
const MAGIC: u32 = 0x377f_0682;
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// What a write-ahead log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WalState {
    /// There is none, or nothing in it.
    Empty,
    /// All frames up to the last one of this log are whole; a torn one at the end is no damage.
    Whole,
    /// Frames of this log come after a damaged one, or after a damaged header.
    Damaged,
}

/// Reads the log at `path` once, from the beginning to the end.
///
/// # Errors
/// The file cannot be read. Its absence is no error.
pub(super) fn inspect(path: &Path) -> io::Result<WalState> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(WalState::Empty),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER];
    if !read_whole(&mut reader, &mut header)? {
        return Ok(WalState::Empty);
    }
    let big_endian = word(&header, 0) == MAGIC + 1;
    let page_size = word(&header, 8);
    let mut sum = WalChecksum { big_endian, ..WalChecksum::default() };
    sum.add(&header[..24]);
    let sound = word(&header, 0) & !1 == MAGIC && PAGE_SIZES.contains(&page_size) && sum.is(&header[24..]);
    if !sound {
        // A crash of the machine can tear a header before anything follows it.
        return Ok(if reader.read(&mut [0])? == 0 { WalState::Empty } else { WalState::Damaged });
    }
    let salts = &header[16..24];
    let mut frame = vec![0; FRAME_HEADER + page_size as usize];
    let mut torn = false;
    while read_whole(&mut reader, &mut frame)? {
        // Frames with other salts are left over from before the log was begun anew.
        let current = &frame[8..16] == salts;
        if torn && current {
            return Ok(WalState::Damaged);
        }
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER..]);
        torn |= !current || !sum.is(&frame[16..24]);
    }
    Ok(WalState::Whole)
}

/// The cumulative checksum of a log.
#[derive(Clone, Copy, Default)]
struct WalChecksum {
    big_endian: bool,
    first: u32,
    second: u32,
}

impl WalChecksum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let words = [word(pair, 0), word(pair, 4)];
            let [one, two] = if self.big_endian { words } else { words.map(u32::swap_bytes) };
            self.first = self.first.wrapping_add(one).wrapping_add(self.second);
            self.second = self.second.wrapping_add(two).wrapping_add(self.first);
        }
    }

    /// Whether these eight bytes, which are big-endian in any log, are the sum so far.
    fn is(self, stored: &[u8]) -> bool {
        (word(stored, 0), word(stored, 4)) == (self.first, self.second)
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// Fills the buffer; false where the file ends before.
fn read_whole(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;

    /// A log that SQLite has written.
    struct SampleLog {
        folder: TempDir,
        path: PathBuf,
        bytes: Vec<u8>,
    }

    fn sample_log(commits: usize) -> SampleLog {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        for number in 0..commits {
            connection.execute("INSERT INTO t VALUES (?)", [format!("{number:3000}")]).unwrap();
        }
        let wal = folder.path().join("a.db-wal");
        let bytes = fs::read(&wal).unwrap();
        let copy = folder.path().join("copy");
        fs::write(&copy, &bytes).unwrap();
        SampleLog { folder, path: copy, bytes }
    }

    fn state_of(path: &Path, bytes: &[u8]) -> WalState {
        fs::write(path, bytes).unwrap();
        inspect(path).unwrap()
    }

    #[test]
    fn a_log_of_sqlite_is_whole_wherever_it_is_cut() {
        let SampleLog { folder, path, bytes } = sample_log(5);
        assert_eq!(inspect(&path).unwrap(), WalState::Whole);
        for length in (0..bytes.len()).step_by(1000) {
            assert_ne!(state_of(&path, &bytes[..length]), WalState::Damaged, "{length}");
        }
        assert_eq!(inspect(&folder.path().join("absent")).unwrap(), WalState::Empty);
    }

    #[test]
    fn a_flipped_bit_is_damage_unless_it_is_in_the_last_frame() {
        let SampleLog { folder: _folder, path, bytes } = sample_log(5);
        let last_frame = bytes.len() - FRAME_HEADER - 4096;
        // Every bit of a header counts in its checksum.
        for at in (0..bytes.len()).step_by(531) {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            let expected = if at < last_frame { WalState::Damaged } else { WalState::Whole };
            assert_eq!(state_of(&path, &changed), expected, "{at}");
        }
    }
}
