//! How long the decoding of an input may go on.
//!
//! Rule of thumb: nothing can end a decoder from outside, so each asks before its next piece of work: whether the request's
//! time is over, and whether its client still waits.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::error::InputError;

/// Bytes of a file between two questions. The densest file has a thousand times as many bytes of pixels.
const PIECE: usize = 512;

/// Until when an input is worth its decoding. Clones are about the same request.
#[derive(Clone, Debug, Default)]
pub struct DecodePatience {
    /// `None`: for ever.
    deadline: Option<Instant>,
    nobody_waits: Arc<AtomicBool>,
}

/// Held by whoever waits for the input. When it is dropped, the decoding ends.
#[must_use]
#[derive(Debug)]
pub struct DecodeWaiter(Arc<AtomicBool>);

impl Drop for DecodeWaiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl DecodePatience {
    /// Until this moment.
    #[must_use]
    pub fn until(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }

    /// As long as the waiter is there.
    pub fn waiter(&self) -> DecodeWaiter {
        DecodeWaiter(self.nobody_waits.clone())
    }

    /// Asks whether to go on.
    ///
    /// # Errors
    /// [`InputError::OutOfTime`].
    pub fn check(&self) -> Result<(), InputError> {
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late || self.nobody_waits.load(Ordering::Relaxed) { Err(InputError::OutOfTime) } else { Ok(()) }
    }
}

/// The bytes of a file, which end with an error when the patience does. They come in small pieces, so that a decoder that
/// makes much of few bytes is asked often.
pub(super) struct PatientBytes<'a> {
    bytes: Cursor<&'a [u8]>,
    patience: &'a DecodePatience,
    /// How many may be read before the next question.
    unasked: usize,
}

impl<'a> PatientBytes<'a> {
    pub(super) fn new(bytes: &'a [u8], patience: &'a DecodePatience) -> Self {
        Self { bytes: Cursor::new(bytes), patience, unasked: 0 }
    }

    /// How many bytes may be read now; at least one.
    fn piece(&mut self) -> io::Result<usize> {
        if self.unasked == 0 {
            self.patience.check().map_err(|over| io::Error::new(io::ErrorKind::TimedOut, over))?;
            self.unasked = PIECE;
        }
        Ok(self.unasked)
    }
}

impl Read for PatientBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.piece()?.min(buffer.len());
        let read = self.bytes.read(&mut buffer[..most])?;
        self.unasked -= read;
        Ok(read)
    }
}

impl BufRead for PatientBytes<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let most = self.piece()?;
        let rest = self.bytes.fill_buf()?;
        Ok(&rest[..rest.len().min(most)])
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
        self.unasked = self.unasked.saturating_sub(amount);
    }
}

impl Seek for PatientBytes<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_in_pieces_and_end_with_the_patience() {
        let bytes: Vec<u8> = (0..5000_u32).map(|number| number as u8).collect();
        let patience = DecodePatience::until(Instant::now() + std::time::Duration::from_secs(3600));
        let waiter = patience.waiter();
        let mut read = Vec::new();
        PatientBytes::new(&bytes, &patience).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
        let mut begun = PatientBytes::new(&bytes, &patience);
        begun.read_exact(&mut [0; 700]).unwrap();
        assert!(begun.fill_buf().unwrap().len() <= PIECE);
        drop(waiter);
        assert_eq!(begun.read_to_end(&mut read).unwrap_err().kind(), io::ErrorKind::TimedOut);
        let late = DecodePatience::until(Instant::now());
        assert!(PatientBytes::new(&bytes, &late).fill_buf().is_err());
    }
}
