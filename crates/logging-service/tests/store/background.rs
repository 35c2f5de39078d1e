//! Submissions under way while a test does something else.

use std::sync::Arc;

use logging_service::store::{Acknowledgement, Store, StoreError};
use prediction_record::PredictionRecord;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What a submission of new and known records is answered.
pub(crate) fn acknowledged(accepted: u64, duplicates: u64) -> Acknowledgement {
    Acknowledgement { accepted, duplicates }
}

/// Starts submitting and returns when the records are in the queue or with the writer.
pub(crate) async fn submit_in_background(
    store: &Arc<Store>,
    records: Vec<PredictionRecord>,
) -> JoinHandle<Result<Acknowledgement, StoreError>> {
    let store = Arc::clone(store);
    let (pushed, was_pushed) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut submission = std::pin::pin!(store.submit(records));
        tokio::select! {
            biased;
            outcome = &mut submission => return outcome,
            _ = std::future::ready(()) => {}
        }
        let _ = pushed.send(());
        submission.await
    });
    was_pushed.await.expect("answered before the lock was released");
    task
}
