//! Counting the labels whose predictions have arrived meanwhile.
//!
//! Rule of thumb: new predictions are held against the labels, so it does not matter how many labels wait. Those that wait
//! are looked at in turns, only to find what was overlooked and to give up what never came.

use crate::app::App;
use crate::store::{StoreError, arrivals, settlement};

/// Steps of one kind in one turn, so that one kind does not keep the others waiting.
const STEPS: usize = 50;

/// How far predictions and waiting labels have been looked through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LabelTurns {
    /// Number of the last prediction.
    prediction: Option<i64>,
    /// Number of the last waiting label; 0 at the end.
    waiting: i64,
}

impl LabelTurns {
    /// Goes on for one turn. `now` is in microseconds since 1970.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn take(&mut self, app: &App, now: i64) -> Result<(), StoreError> {
        for _ in 0..STEPS {
            let after = self.prediction;
            let found = app.store.read(move |session| arrivals::search(session, after)).await?;
            for labels in found.labels.chunks(settlement::STEP as usize).map(<[i64]>::to_vec) {
                app.store.write(0, move |transaction| settlement::settle_again(transaction, &labels, now)).await?;
            }
            self.prediction = Some(found.next);
            if !found.is_unfinished {
                break;
            }
        }
        for _ in 0..STEPS {
            let from = self.waiting;
            let next =
                app.store.write(0, move |transaction| settlement::settle_waiting(transaction, from, now)).await?;
            self.waiting = next.unwrap_or_default();
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }
}
