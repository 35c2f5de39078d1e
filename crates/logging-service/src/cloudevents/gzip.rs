//! Unpacks gzip within a bound, because a few kilobytes of it can hold gigabytes.

use std::borrow::Cow;

use monitoring::ErrorCode;

use super::{EventError, MAX_UNPACKED_BYTES};

/// The first bytes of gzip data. KServe's logger sends packed payloads without a header that says so.
const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The most bytes that are unpacked for one request, those of refused events included.
const MAX_WORK_BYTES: usize = 8 * MAX_UNPACKED_BYTES;

/// Unpacks the bodies of one request, which share one bound. An event that is too large takes nothing from the others' room.
pub(super) struct GzipUnpacker {
    left: usize,
    work_left: usize,
}

impl GzipUnpacker {
    pub(super) fn new() -> Self {
        Self { left: MAX_UNPACKED_BYTES, work_left: MAX_WORK_BYTES }
    }

    /// The bytes, unpacked if they are gzip.
    pub(super) fn unpack<'a>(&mut self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, EventError> {
        let unpacked = if bytes.starts_with(&MAGIC) { self.gunzip(bytes)?.into() } else { Cow::Borrowed(bytes) };
        self.left = self.left.checked_sub(unpacked.len()).ok_or(EventError::TooLarge)?;
        Ok(unpacked)
    }

    fn gunzip(&mut self, bytes: &[u8]) -> Result<Vec<u8>, EventError> {
        let limit = self.left.min(self.work_left);
        match monitoring::unpack_gzip(bytes, limit) {
            Ok(unpacked) => {
                self.work_left -= unpacked.len();
                Ok(unpacked)
            }
            Err(refusal) => {
                // However far it came, no more than this was unpacked.
                self.work_left -= limit;
                let is_too_large = refusal.code == ErrorCode::TooLarge;
                Err(if is_too_large { EventError::TooLarge } else { EventError::Gzip(DAMAGED.to_owned()) })
            }
        }
    }
}

const DAMAGED: &str = "it is damaged or cut";
