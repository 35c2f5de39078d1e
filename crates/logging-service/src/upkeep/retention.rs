//! Deletes what is older than the configuration says, or more than it allows.

use std::time::{Duration, Instant};

use tracing::info;

use crate::app::App;
use crate::metrics::upkeep::DeletionReason;
use crate::store::retention::LabelExpiry;
use crate::store::time::DAY;
use crate::store::{Expiry, StoreError, WriteTransaction, lake_books, retention};

/// Counts of windows are kept for longer than any rows, so that a year can be compared with the one before.
const COUNTS_KEPT: i64 = 800 * DAY;
/// The share of the time between two turns for which predictions are deleted, where there are so many. Ingestion goes on
/// between the steps, and the other upkeep has the rest.
const SHARE: f64 = 0.5;
/// Steps of one turn for labels and counts, of which there are fewer.
const STEPS: usize = 50;

/// Deletes by age and by size, as far as the time of one turn reaches. `now` is in microseconds since 1970.
///
/// # Errors
/// The store's.
pub(super) async fn apply(app: &App, now: i64) -> Result<(), StoreError> {
    if let Some(days) = app.config.retention_days {
        let until = now - i64::from(days) * DAY;
        delete_predictions(app, DeletionReason::Age, until, u64::MAX).await?;
        delete_labels_and_counts(app, until, now).await?;
    }
    if let Some(limit) = app.config.retention_bytes {
        // Measured once in a turn, so that what was just deleted is not measured and deleted again.
        let excess = app.store.excess(limit).await?;
        delete_predictions(app, DeletionReason::Size, i64::MAX, excess).await?;
        if excess > 0
            && let Some(oldest) = app.store.read(|session| retention::oldest(session)).await?
        {
            delete_labels_and_counts(app, oldest, now).await?;
        }
    }
    Ok(())
}

/// Deletes the oldest predictions from before `until`, a step at a time and at most so many.
async fn delete_predictions(app: &App, reason: DeletionReason, until: i64, most: u64) -> Result<(), StoreError> {
    let mut deleted = app.store.drop_expired(Expiry { until, most, is_for_lake: app.lake.is_some() }).await?;
    app.upkeep.count_deleted(reason, deleted);
    let ends = Instant::now() + Duration::from_secs_f64(app.config.evaluate_seconds.min(3_600.0) * SHARE);
    loop {
        let left = most - deleted;
        if left == 0 {
            break;
        }
        let step = match app.lake {
            Some(_) => delete_cold(app, until, left).await?,
            None => Some(app.store.write(0, move |tx| retention::delete_predictions(tx, until, left)).await?),
        };
        app.upkeep.count_deleted(reason, step.unwrap_or_default());
        deleted += step.unwrap_or_default();
        if step.is_none() || step == Some(0) && app.lake.is_none() || Instant::now() >= ends {
            break;
        }
    }
    if deleted > 0 {
        info!(deleted, reason = monitoring::LabelEnum::as_str(reason), "predictions_deleted");
    }
    Ok(())
}

/// Deletes one step of the oldest day that is in the lake and ends before `until`; `None` where there is none. Rows that
/// are not in the lake stay, however old they are and however many.
async fn delete_cold(app: &App, until: i64, most: u64) -> Result<Option<u64>, StoreError> {
    let oldest = app.store.read(move |session| lake_books::oldest_doubled(session, until)).await?;
    let Some(day) = oldest else { return Ok(None) };
    app.store.write(0, move |tx| retention::delete_of_day(tx, &day, most)).await.map(Some)
}

/// Deletes labels that came before `until`, whose predictions are gone, and counts of windows of long ago.
async fn delete_labels_and_counts(app: &App, until: i64, now: i64) -> Result<(), StoreError> {
    let expiry = LabelExpiry { until, counts_until: now - COUNTS_KEPT, is_for_lake: app.lake.is_some() };
    for _ in 0..STEPS {
        let delete =
            move |transaction: &mut dyn WriteTransaction| retention::delete_labels_and_counts(transaction, expiry);
        if app.store.write(0, delete).await? == 0 {
            break;
        }
    }
    Ok(())
}
