//! A bound for what one row may take of a stream.
//!
//! Rule of thumb: whoever reads rows renews the budget before each of them.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::limits::MAX_ROW_BYTES;

/// The bytes that may still be read for a row. Clones share it.
#[derive(Clone)]
pub(super) struct RowBudget(Arc<AtomicUsize>);

impl RowBudget {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(MAX_ROW_BYTES)))
    }

    /// Another row begins.
    pub(super) fn renew(&self) {
        self.0.store(MAX_ROW_BYTES, Ordering::Relaxed);
    }
}

/// A stream that ends with an error when the budget is spent.
pub(super) struct BoundedRead<R> {
    pub(super) stream: R,
    pub(super) budget: RowBudget,
}

impl<R: Read> Read for BoundedRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.0.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::other(format!(
                "a row has more than {MAX_ROW_BYTES} bytes; perhaps a quote is not closed"
            )));
        }
        let read = self.stream.read(buffer)?;
        self.budget.0.store(left.saturating_sub(read), Ordering::Relaxed);
        Ok(read)
    }
}
