//! Erasing what belongs to a request or a tag: predictions and labels, in the database and in the lake.
//!
//! Rule of thumb: counts of windows stay, because they are about nobody. Whoever goes on, a command or the service, does
//! the next stage of the oldest erasure.

use jiff::Timestamp;
use tracing::info;

use crate::lake::{Lake, LakeError};
use crate::store::erased_rows::{self, ErasedPrediction};
use crate::store::erasures::{self, Erasure, ErasureStage};
use crate::store::time::floor_microseconds;
use crate::store::{MAX_PAGE, Store, lake_files};

/// Predictions of one step, during which no record is stored.
const STEP: usize = 200;

/// Goes on with all erasures. Gives the one that another program has to go on with, because it keeps the lake.
///
/// # Errors
/// [`LakeError`]; the next attempt goes on where this one ended. [`LakeError::Disagrees`] where there is a lake, and none was
/// given.
pub(crate) async fn go_on(store: &Store, lake: Option<&Lake>) -> Result<Option<Erasure>, LakeError> {
    while let Some(erasure) = store.read(erasures::unfinished).await? {
        let is_done = match erasure.stage {
            ErasureStage::Predictions => erase_predictions(store, &erasure).await.map(|()| true)?,
            ErasureStage::Labels => erase_labels(store, &erasure).await.map(|()| true)?,
            ErasureStage::LakePredictions | ErasureStage::LakeLabels => match lake {
                Some(lake) => lake.erase(store, &erasure).await?,
                None => store.read(lake_files::is_empty).await.map_err(LakeError::from).and_then(nothing_there)?,
            },
            ErasureStage::Done => true,
        };
        if !is_done {
            return Ok(Some(erasure));
        }
        let (id, from) = (erasure.id, erasure.stage);
        let now = floor_microseconds(Timestamp::now());
        store.write(0, move |transaction| erasures::advance(transaction, id, from, now)).await?;
        if from.next() == ErasureStage::Done
            && let Some(Erasure { in_database, in_lake, .. }) =
                store.read(move |session| erasures::erasure(session, id)).await?
        {
            let [predictions, labels] = in_database;
            let [lake_predictions, lake_labels] = in_lake;
            info!(erasure = id, predictions, labels, lake_predictions, lake_labels, "erasure_finished");
        }
    }
    Ok(None)
}

fn nothing_there(is_empty: bool) -> Result<bool, LakeError> {
    let sentence = "an erasure has to go on in the lake, and --lake does not say where that is";
    if is_empty { Ok(true) } else { Err(LakeError::Disagrees(sentence.to_owned())) }
}

/// Erases the predictions in the database, the newest first.
async fn erase_predictions(store: &Store, erasure: &Erasure) -> Result<(), LakeError> {
    let id = erasure.id;
    if let Some(request_id) = erasure.filter.request_id.clone() {
        store.write(0, move |transaction| erased_rows::note_request(transaction, &request_id)).await?;
    }
    let mut cursor = None;
    loop {
        let page = store.list(&erasure.filter, MAX_PAGE, cursor.as_deref()).await?;
        let erased: Vec<ErasedPrediction> = page
            .predictions
            .into_iter()
            .filter_map(|row| {
                Some(ErasedPrediction {
                    event_id: row.record.event_id?,
                    request_id: row.record.request_id.unwrap_or_default(),
                    occurred_at: row.record.occurred_at.map_or(0, floor_microseconds),
                })
            })
            .collect();
        for step in erased.chunks(STEP).map(<[ErasedPrediction]>::to_vec) {
            let erase = move |transaction: &mut dyn crate::store::WriteTransaction| {
                erased_rows::erase_predictions(transaction, id, &step)
            };
            store.write(STEP, erase).await?;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// Erases the labels in the database that name an erased prediction or its request.
async fn erase_labels(store: &Store, erasure: &Erasure) -> Result<(), LakeError> {
    let id = erasure.id;
    loop {
        let labels = store.read(erased_rows::labels_to_erase).await?;
        if labels.is_empty() {
            return Ok(());
        }
        store.write(labels.len(), move |transaction| erased_rows::erase_labels(transaction, id, &labels)).await?;
    }
}
