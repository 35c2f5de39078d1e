//! What goes on beside ingestion: waiting labels and events, retention, the lake, the evaluation of
//! windows, backups.
//!
//! Rule of thumb: everything is done in steps through the writer's queue, between submissions, so that ingestion never
//! waits for it. A step that fails is tried again at the next turn.

mod backup;
mod label_turns;
mod lake;
mod retention;

use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::app::App;
use crate::erasure;
use crate::ingest::events::expire;
use crate::metrics::upkeep::UpkeepStanding;
use crate::store::time::floor_microseconds;
use crate::store::{StoreError, buckets, erasures, events, labels};
use label_turns::LabelTurns;

/// Steps of one kind in one turn, so that one kind does not keep the others waiting.
const STEPS: usize = 50;

/// The tasks; they end when this is dropped.
pub(crate) struct UpkeepTasks(Vec<JoinHandle<()>>);

impl UpkeepTasks {
    /// Starts all of them.
    pub(crate) fn start(app: &App) -> Self {
        let turns = tokio::spawn({
            let app = app.clone();
            async move {
                let mut pace = tokio::time::interval(Duration::from_secs_f64(app.config.evaluate_seconds));
                pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                let mut label_turns = LabelTurns::default();
                loop {
                    pace.tick().await;
                    if let Err(problem) = take_turn(&app, &mut label_turns).await {
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
        if let Some(lake) = app.lake.clone() {
            app.lake_metrics.set_enabled();
            tasks.push(tokio::spawn(lake::keep(app.clone(), lake)));
        }
        Self(tasks)
    }
}

impl Drop for UpkeepTasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn take_turn(app: &App, label_turns: &mut LabelTurns) -> Result<(), StoreError> {
    let now = floor_microseconds(Timestamp::now());
    label_turns.take(app, now).await?;
    merge_windows(app, now).await?;
    if app.lake.is_none()
        && let Err(problem) = erasure::go_on(&app.store, None).await
    {
        warn!(%problem, "erasure_postponed");
    }
    let wait = Duration::from_secs_f64(app.config.event_wait_seconds).as_micros();
    expire(app, now.saturating_sub(i64::try_from(wait).unwrap_or(i64::MAX))).await?;
    retention::apply(app, now).await?;
    let standing = app.store.read(|session| {
        Ok(UpkeepStanding {
            labels_waiting: labels::waiting(session)?,
            labels_uncounted: labels::uncounted(session)?,
            events_waiting: events::waiting(session)?,
            erasures_unfinished: erasures::count_unfinished(session)?,
            oldest_prediction: crate::store::retention::oldest(session)?,
        })
    });
    app.upkeep.set_standing(&standing.await?);
    app.commits.prefer(&app.evaluator.evaluate(&app.store).await?);
    Ok(())
}

async fn merge_windows(app: &App, now: i64) -> Result<(), StoreError> {
    for _ in 0..STEPS {
        if app.store.write(0, move |transaction| buckets::merge_closed(transaction, now)).await? == 0 {
            break;
        }
    }
    Ok(())
}
