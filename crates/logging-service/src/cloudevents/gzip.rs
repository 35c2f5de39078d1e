//! Unpacks gzip within a bound, because a few kilobytes of it can hold gigabytes.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::{EventError, MAX_UNPACKED_BYTES, shortened};

/// The first bytes of gzip data. KServe's logger sends packed payloads without a header that says so.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Unpacks the bodies of one request, which share one bound.
pub(super) struct GzipUnpacker {
    left: usize,
}

impl GzipUnpacker {
    pub(super) fn new() -> Self {
        Self { left: MAX_UNPACKED_BYTES }
    }

    /// The bytes, unpacked if they are gzip.
    pub(super) fn unpack<'a>(&mut self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, EventError> {
        let unpacked = if bytes.starts_with(&MAGIC) { self.gunzip(bytes)?.into() } else { Cow::Borrowed(bytes) };
        self.left = self.left.checked_sub(unpacked.len()).ok_or(EventError::TooLarge)?;
        Ok(unpacked)
    }

    fn gunzip(&self, bytes: &[u8]) -> Result<Vec<u8>, EventError> {
        let mut unpacked = Vec::new();
        // One byte more than is allowed, so that too much can be told from just enough.
        let mut bounded = MultiGzDecoder::new(bytes).take(self.left as u64 + 1);
        bounded.read_to_end(&mut unpacked).map_err(|error| EventError::Gzip(shortened(&error.to_string(), 200)))?;
        Ok(unpacked)
    }
}
