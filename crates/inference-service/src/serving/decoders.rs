//! Turns on the threads that decode.
//!
//! Rule of thumb: what is large waits for what is large. A request with an ordinary picture finds a decoder soon, however many
//! others bring pictures of fifty million pixels.

use std::sync::Arc;

use monitoring::{ApiError, ErrorCode, HeldKind, MemoryRoom, off_worker};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::input::DecodePatience;

/// Bodies of more bytes take more than a millisecond to read or to write.
const SMALL_BODY: usize = 32 * 1024;

/// How long a turn takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeSize {
    /// Milliseconds, or some dozens of them.
    Middle,
    /// Up to a second or two.
    Large,
}

/// The turns that may be taken at one time; the others wait, in the order in which they came.
pub(crate) struct Decoders {
    room: MemoryRoom,
    middle: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Decoders {
    /// As many turns as threads for what is of middle size, and half as many for what is large.
    pub(crate) fn new(threads: usize, room: MemoryRoom) -> Self {
        Self { room, middle: Arc::new(Semaphore::new(threads)), large: Arc::new(Semaphore::new(threads.div_ceil(2))) }
    }

    /// Does the work that the bytes of a request or of an answer make: at once if they are few, else when it is its turn, while
    /// other requests go on.
    ///
    /// # Errors
    /// None that happens: `internal` once no more turns are given.
    pub(crate) async fn by_size<T>(&self, bytes: usize, work: impl FnOnce() -> T) -> Result<T, ApiError> {
        if bytes <= SMALL_BODY {
            return Ok(work());
        }
        let _turn = self.middle.acquire().await.map_err(ApiError::internal)?;
        Ok(off_worker(work))
    }

    /// Does work that takes so many bytes of memory on a thread that may block, when it is its turn, unless its time is over then.
    ///
    /// # Errors
    /// `deadline_exceeded`, `overloaded` where there is no memory, or those of the work.
    pub(crate) async fn turn<T: Send + 'static>(
        &self,
        size: DecodeSize,
        bytes: usize,
        patience: &DecodePatience,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turns = match size {
            DecodeSize::Middle => &self.middle,
            DecodeSize::Large => &self.large,
        };
        let turn = turns.clone().acquire_owned().await.map_err(ApiError::internal)?;
        let mut hold = self.room.hold(HeldKind::Picture);
        // What is larger than anything may be alone.
        hold.grow(bytes.min(self.room.largest_hold())).await?;
        let patience = patience.clone();
        let working = spawn_blocking(move || {
            // They move along: if the client leaves, they stay taken until the work has really ended.
            let _held = (turn, hold);
            patience.check().map_err(|_| out_of_time())?;
            work()
        });
        working.await.map_err(ApiError::internal)?
    }
}

/// The refusal of a request whose time is over before its input is decoded.
pub(crate) fn out_of_time() -> ApiError {
    ApiError::new(ErrorCode::DeadlineExceeded, "The request's time was over before it was decoded.")
}
