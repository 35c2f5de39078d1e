//! What goes on beside ingestion: waiting labels and events, retention, the evaluation of windows, backups.
//!
//! Rule of thumb: everything is done in steps through the writer's queue, between other people's records, so that
//! ingestion never waits for it. A step that fails is tried again at the next turn.

mod backup;
mod metrics;

use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::app::App;
use crate::ingest;
use crate::store::row::floor_microseconds;
use crate::store::{StoreError, events, labels, retention};
use metrics::DeletedBecause;

pub(crate) use metrics::{EventOutcome, FeedbackOutcome, UpkeepMetrics};

const DAY: i64 = 86_400 * 1_000_000;
/// Counts of windows are kept for longer than any rows: for comparing a year with the one before.
const COUNTS_KEPT: i64 = 800 * DAY;
/// Steps of one kind in one turn, so that one kind does not keep the others waiting.
const STEPS: usize = 50;

/// The tasks; they end when this is dropped.
pub(crate) struct Upkeep(Vec<JoinHandle<()>>);

impl Upkeep {
    /// Starts all of it.
    pub(crate) fn start(app: &App) -> Self {
        let turns = tokio::spawn({
            let app = app.clone();
            async move {
                let mut pace = tokio::time::interval(Duration::from_secs_f64(app.config.evaluate_seconds));
                pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                loop {
                    pace.tick().await;
                    if let Err(problem) = turn(&app).await {
                        warn!(%problem, "upkeep_postponed");
                    }
                }
            }
        });
        let mut tasks = vec![turns];
        if let Some(folder) = app.config.backup_dir.clone() {
            app.upkeep.backups_scheduled();
            tasks.push(tokio::spawn(backup::schedule(app.clone(), folder)));
        }
        Self(tasks)
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn turn(app: &App) -> Result<(), StoreError> {
    let now = floor_microseconds(Timestamp::now());
    settle_labels(app, now).await?;
    let wait = Duration::from_secs_f64(app.config.event_wait_seconds).as_micros();
    ingest::events::expire(app, now.saturating_sub(i64::try_from(wait).unwrap_or(i64::MAX))).await?;
    retain(app, now).await?;
    let (labels, events, oldest) = app
        .store
        .read(|session| Ok((labels::waiting(session)?, events::waiting(session)?, retention::oldest(session)?)))
        .await?;
    app.upkeep.standing(labels, events, oldest.map_or(0.0, |time| time as f64 / 1e6));
    app.evaluator.evaluate(&app.store).await
}

async fn settle_labels(app: &App, now: i64) -> Result<(), StoreError> {
    let mut after = Some(0);
    for _ in 0..STEPS {
        let Some(from) = after else { return Ok(()) };
        after = app.store.write(0, move |tx| labels::settle_waiting(tx, from, now)).await?;
    }
    Ok(())
}

async fn retain(app: &App, now: i64) -> Result<(), StoreError> {
    if let Some(days) = app.config.retention_days {
        let until = now - i64::from(days) * DAY;
        delete(app, DeletedBecause::Age, until, u64::MAX).await?;
        delete_rest(app, until, now).await?;
    }
    if let Some(limit) = app.config.retention_bytes {
        // Measured once in a turn, so that what was just deleted is not measured and deleted again.
        let excess = app.store.excess(limit).await?;
        delete(app, DeletedBecause::Size, i64::MAX, excess).await?;
        if excess > 0
            && let Some(oldest) = app.store.read(|session| retention::oldest(session)).await?
        {
            delete_rest(app, oldest, now).await?;
        }
    }
    Ok(())
}

/// Deletes the oldest predictions from before `until`, a step at a time and at most so many.
async fn delete(app: &App, because: DeletedBecause, until: i64, most: u64) -> Result<(), StoreError> {
    let mut deleted = 0;
    for _ in 0..STEPS {
        let left = most - deleted;
        if left == 0 {
            break;
        }
        let step = app.store.write(0, move |tx| retention::predictions(tx, until, left)).await?;
        app.upkeep.deleted(because, step);
        deleted += step;
        if step == 0 {
            break;
        }
    }
    if deleted > 0 {
        info!(deleted, reason = monitoring::LabelEnum::as_str(because), "predictions_deleted");
    }
    Ok(())
}

/// Deletes labels that came before `until`, for their predictions are gone, and counts of windows of long ago.
async fn delete_rest(app: &App, until: i64, now: i64) -> Result<(), StoreError> {
    for _ in 0..STEPS {
        if app.store.write(0, move |tx| retention::rest(tx, until, now - COUNTS_KEPT)).await? == 0 {
            break;
        }
    }
    Ok(())
}
