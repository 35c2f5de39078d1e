//! One turn of the lake: what is new in the log, and the days that are to be written.
//!
//! Rule of thumb: a failure ends the turn, and the next one begins where it ended. A day that the lake knows better than
//! the database is passed over, and told.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use tracing::{error, info};

use super::day_writer::{DayWriter, LakeGrowth};
use super::layout::day_name;
use super::object_lake::{LakeError, ObjectLake};
use super::options::LakeOptions;
use crate::store::Store;
use crate::store::lake_books::{self, LakeDay, day_of};
use crate::store::lake_files;
use crate::store::lake_scan::{self, LakeSource, SettledIds};
use crate::store::time::DAY;

/// The longest wait between two files for rows that came late to one day.
const LONGEST_PAUSE: i64 = DAY;

/// A lake.
pub(crate) struct Lake {
    pub(super) objects: ObjectLake,
    pub(super) options: LakeOptions,
}

/// What one turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeTurn {
    /// What was written.
    pub(crate) growth: LakeGrowth,
    /// Days that were closed and still have rows outside of the lake.
    pub(crate) waiting: u64,
    /// Days that were passed over, because the lake knows more of them than the database.
    pub(crate) disagreements: u64,
    /// Whether another program keeps the lake.
    pub(crate) is_elsewhere: bool,
}

impl Lake {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, options: LakeOptions) -> Self {
        Self { objects: ObjectLake::new(store), options }
    }

    /// The time between two turns.
    pub(crate) fn pause(&self) -> Duration {
        self.options.pause
    }

    /// Settles what was left, and writes the days that are due. `now` is in microseconds since 1970.
    ///
    /// # Errors
    /// [`LakeError`]; what was written before stays.
    pub(crate) async fn take_turn(&self, store: &Store, now: i64) -> Result<LakeTurn, LakeError> {
        let mut writer = DayWriter::new(&self.objects, store, &self.options);
        if !writer.claim().await? {
            return Ok(LakeTurn { is_elsewhere: true, ..LakeTurn::default() });
        }
        let mut turn = LakeTurn::default();
        for day in store.read(lake_files::unsettled).await? {
            turn.note(day, writer.settle(day).await.map(|()| None))?;
        }
        let settled = know_new_rows(store).await?;
        let closed = day_of(now.saturating_sub(i64::from(self.options.after_days) * DAY));
        let unwritten = store.read(move |session| lake_books::unwritten(session, closed)).await?;
        for day in unwritten.iter().filter(|day| self.is_due(day, now)) {
            let outcome = writer.write(day, settled).await;
            turn.note(day.day, outcome.map(Some))?;
        }
        turn.waiting = store.read(move |session| lake_books::unwritten(session, closed)).await?.len() as u64;
        Ok(turn)
    }

    /// Whether a day is to be written now. Rows that come late wait, the longer the more often the day was written, so that
    /// a trickle makes few files.
    fn is_due(&self, day: &LakeDay, now: i64) -> bool {
        let pause = i64::try_from(self.options.pause.as_micros()).unwrap_or(i64::MAX);
        let doublings = u32::try_from(day.revision.min(32)).unwrap_or(32);
        let wait = pause.saturating_mul(1_i64 << doublings).min(LONGEST_PAUSE);
        day.revision == 0 || now.saturating_sub(day.written_at) >= wait
    }
}

/// Finds out to which days the rows and labels belong that came since the last time. Gives the numbers of the newest ones.
async fn know_new_rows(store: &Store) -> Result<SettledIds, LakeError> {
    let mut settled = SettledIds::default();
    for source in LakeSource::ALL {
        let newest = store.write(0, move |transaction| lake_scan::settled_id(transaction, source)).await?;
        match source {
            LakeSource::Predictions => settled.rows = newest,
            LakeSource::Labels => settled.labels = newest,
        }
        loop {
            let scanned = store.read(move |session| lake_scan::scan(session, source, newest)).await?;
            let is_unfinished = scanned.is_unfinished;
            store.write(0, move |transaction| lake_scan::enter_scanned(transaction, &scanned)).await?;
            if !is_unfinished {
                break;
            }
        }
    }
    Ok(settled)
}

impl LakeTurn {
    /// Notes the outcome of one day. A day on which the lake disagrees keeps no other from being written.
    fn note(&mut self, day: i64, outcome: Result<Option<LakeGrowth>, LakeError>) -> Result<(), LakeError> {
        match outcome {
            Ok(None) => Ok(()),
            Ok(Some(LakeGrowth { rows, bytes })) => {
                self.growth.rows += rows;
                self.growth.bytes += bytes;
                info!(day = day_name(day), rows, bytes, "lake_day_written");
                Ok(())
            }
            Err(problem @ LakeError::Disagrees(_)) => {
                error!(day = day_name(day), %problem, "lake_day_disagrees");
                self.disagreements += 1;
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }
}
