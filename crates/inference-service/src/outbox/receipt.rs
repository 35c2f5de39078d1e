//! What became of records that were handed over, for whoever waits to answer.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::books::Books;
use super::record_options::WhenFull;

/// Why a prediction is not answered although the model has answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotKept {
    /// There is no room for its record.
    #[error("The prediction log is full, and no prediction is answered without its record.")]
    Full,
}

/// Tells what became of records that were handed over.
#[must_use = "the prediction is answered when its record is kept"]
pub(crate) struct RecordReceipt {
    pub(super) books: Books,
    pub(super) kept: Option<oneshot::Receiver<bool>>,
    pub(super) refused: bool,
}

/// How often somebody who waits for a record looks whether the disk still answers.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl RecordReceipt {
    /// Waits until the records are kept as asked. Where the disk does not answer, they wait in memory, as they do while it
    /// fails.
    ///
    /// # Errors
    /// [`NotKept`]: the records are not kept, and predictions without one are refused.
    pub(crate) async fn kept(self) -> Result<(), NotKept> {
        let Self { books, kept, refused } = self;
        let refuses = books.when_full() == WhenFull::Refuse;
        let verdict = |is_kept: bool| if refuses && (refused || !is_kept) { Err(NotKept::Full) } else { Ok(()) };
        let Some(mut kept) = kept else { return verdict(true) };
        loop {
            let patience = if books.is_disk_stalled() { Duration::ZERO } else { LOOK_AGAIN };
            match timeout(patience, &mut kept).await {
                // The thread is gone if it does not answer.
                Ok(answer) => return verdict(answer.unwrap_or(false)),
                Err(_) if books.is_disk_stalled() => return verdict(false),
                Err(_) => {}
            }
        }
    }
}
