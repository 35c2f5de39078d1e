//! A file that is read from its beginning to its end, packed or not.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

const BUFFER: usize = 256 * 1024;

/// How much of a file was read.
#[derive(Clone, Default)]
pub(super) struct FileShare {
    read: Arc<AtomicU64>,
    bytes: u64,
}

impl FileShare {
    /// From 0 to 1.
    pub(super) fn get(&self) -> f64 {
        let read = self.read.load(Ordering::Relaxed);
        if self.bytes == 0 { 1.0 } else { (read as f64 / self.bytes as f64).min(1.0) }
    }
}

/// A file that counts what is read of it.
pub(super) struct CountedFile {
    file: File,
    read: Arc<AtomicU64>,
}

impl CountedFile {
    pub(super) fn new(file: File) -> io::Result<(Self, FileShare)> {
        let share = FileShare { read: Arc::default(), bytes: file.metadata()?.len() };
        Ok((Self { file, read: Arc::clone(&share.read) }, share))
    }

    /// The content, unpacked if it is gzip. It is unpacked piece by piece, so it may be of any size.
    pub(super) fn unpacked(self, is_packed: bool) -> Box<dyn Read + Send> {
        let file = BufReader::with_capacity(BUFFER, self);
        if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) }
    }
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
