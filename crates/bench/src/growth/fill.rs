//! A log that has grown: so many rows, evenly over so many days until now.

use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, ensure};
use fastrand::Rng;
use jiff::Timestamp;
use prediction_record::PredictionRecord;
use terminal::say;
use uuid::Builder;

use crate::bare::BATCH;
use crate::connection;
use crate::load_result::LoadResult;
use crate::program::ServiceProgram;
use crate::rows::{self, RequestIds};
use crate::table::thousands;

/// Rows that are made before they are sent.
const CHUNK: usize = 100_000;
const SENDERS: usize = 3;
/// Rows between two reports.
const TELL_EVERY: usize = 500_000;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What is in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrownLog {
    pub(super) rows: usize,
    pub(super) days: u32,
    /// When the first row was made, in microseconds since 1970.
    pub(super) beginning: i64,
    /// Microseconds between two rows.
    pub(super) apart: i64,
}

impl GrownLog {
    /// Rows that are to be spread over the days until now.
    ///
    /// # Errors
    /// Where there are more rows than microseconds.
    pub(super) fn spread(rows: usize, days: u32) -> Result<Self> {
        let apart = DAY * i64::from(days) / i64::try_from(rows)?;
        ensure!(apart > 0, "so many rows do not fit into {days} days");
        let beginning = Timestamp::now().as_microsecond() - DAY * i64::from(days);
        Ok(Self { rows, days, beginning, apart })
    }

    /// When the row of this number was made.
    pub(super) fn time_of(&self, row: usize) -> Timestamp {
        let microseconds = self.beginning + self.apart * i64::try_from(row).unwrap_or_default();
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }

    /// Sends them all; gives the line about it.
    ///
    /// # Errors
    /// Where a batch is not taken.
    pub(super) fn fill(&self, service: &ServiceProgram) -> Result<Vec<String>> {
        let (started, mut sending, mut slowest) = (Instant::now(), 0.0, 0.0_f64);
        for first in (0..self.rows).step_by(CHUNK) {
            let count = CHUNK.min(self.rows - first);
            let sent = self.send(service, first, count)?;
            sending += sent.seconds;
            slowest = slowest.max(sent.quantile(1.0));
            if (first + count).is_multiple_of(TELL_EVERY) || first + count == self.rows {
                let speed = thousands((first + count) as f64 / sending);
                let so_far = thousands((first + count) as f64);
                say(format_args!("{so_far} rows in {:.0} s, at {speed} rows/s", started.elapsed().as_secs_f64()));
            }
        }
        let speed = format!("{} rows/s", thousands(self.rows as f64 / sending));
        Ok(vec!["filled, batches of 1,000".into(), speed, String::new(), milliseconds(slowest), String::new()])
    }

    /// Sends so many rows from the row `first` on, which may lie behind the last.
    ///
    /// # Errors
    /// Where a batch is not taken.
    pub(super) fn send(&self, service: &ServiceProgram, first: usize, count: usize) -> Result<LoadResult> {
        self.send_at(service, first, count, |row| self.time_of(row))
    }

    /// Sends so many rows with other times.
    ///
    /// # Errors
    /// Where a batch is not taken.
    pub(super) fn send_at(
        &self,
        service: &ServiceProgram,
        first: usize,
        count: usize,
        time_of: impl FnMut(usize) -> Timestamp,
    ) -> Result<LoadResult> {
        let records = self.records(first, count, time_of);
        let request = |batch| Ok(connection::post("/log", "application/x-ndjson", &rows::ndjson(batch)?));
        let requests: Vec<Vec<u8>> = records.chunks(BATCH).map(request).collect::<Result<_>>()?;
        LoadResult::send_each(service.address, &Rc::new(requests), SENDERS)
    }

    /// The rows, with times, and event ids that begin with them.
    fn records(
        &self,
        first: usize,
        count: usize,
        mut time_of: impl FnMut(usize) -> Timestamp,
    ) -> Vec<PredictionRecord> {
        let mut rng = Rng::with_seed(!(first as u64));
        let mut records = rows::records(first, count, self.rows, RequestIds::Random);
        for (row, record) in (first..).zip(&mut records) {
            let time = time_of(row);
            let mut random = [0; 10];
            rng.fill(&mut random);
            let since_1970 = time.as_millisecond().unsigned_abs();
            record.event_id = Some(Builder::from_unix_timestamp_millis(since_1970, &random).into_uuid());
            record.occurred_at = Some(time);
        }
        records
    }
}

/// Seconds, as they stand in the table.
pub(super) fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_lie_evenly_in_the_days_until_now_and_so_do_their_ids() {
        let log = GrownLog::spread(800, 400).unwrap();
        let records = log.records(100, 700, |row| log.time_of(row));
        assert!(records.is_sorted_by_key(|record| record.event_id) && records.is_sorted_by_key(|it| it.occurred_at));
        records.iter().for_each(|record| record.validate().unwrap());
        let half_a_day = log.time_of(101).as_microsecond() - log.time_of(100).as_microsecond();
        assert_eq!(half_a_day, DAY / 2);
        assert!(log.time_of(800) <= Timestamp::now() && log.time_of(802) > Timestamp::now());
    }
}
