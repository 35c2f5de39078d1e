//! The turns of the lake, beside everything else.

use jiff::Timestamp;
use tracing::warn;

use crate::app::App;
use crate::erasure;
use crate::lake::Lake;
use crate::store::time::floor_microseconds;

/// Takes turns for ever.
pub(super) async fn keep(app: App, lake: std::sync::Arc<Lake>) {
    loop {
        // What is to be erased goes before more is written.
        let turn = match erasure::go_on(&app.store, Some(&lake)).await {
            Ok(_) => lake.take_turn(&app.store, floor_microseconds(Timestamp::now())).await,
            Err(problem) => Err(problem),
        };
        match turn {
            Ok(turn) => app.lake_metrics.observe_turn(&turn),
            Err(problem) => {
                app.lake_metrics.observe_failure(&problem);
                warn!(%problem, "lake_postponed");
            }
        }
        tokio::time::sleep(lake.pause()).await;
    }
}
