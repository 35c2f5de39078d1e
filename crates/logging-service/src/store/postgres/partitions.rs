//! One partition for each day of predictions, by the time with which their event ids begin.
//!
//! Rule of thumb: a partition is there before its day. Rows that belong to no day's partition lie in the default one; only
//! speed depends on it.

use jiff::Timestamp;
use uuid::Uuid;

use super::super::error::DatabaseError;
use super::super::session::rows;
use super::super::value::RowColumns;
use super::advisory_lock::AdvisoryLock;
use super::connection::ServerConnection;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Milliseconds until another attempt, after something was in the way, such as a long query.
const RETRY: i64 = 60_000;

/// The partitions, and until when there is nothing to do for them.
#[derive(Default)]
pub(super) struct DayPartitions {
    /// Milliseconds since 1970.
    ready_until: i64,
}

impl DayPartitions {
    /// Makes the partitions of today and tomorrow, and drops those of past days that retention has emptied.
    ///
    /// # Errors
    /// The server's. Another attempt follows after a minute; until then rows go to the default partition.
    pub(super) fn maintain(&mut self, connection: &mut ServerConnection) -> Result<(), DatabaseError> {
        let now = Timestamp::now().as_millisecond();
        if now < self.ready_until {
            return Ok(());
        }
        self.ready_until = now + RETRY;
        let today = now.div_euclid(DAY);
        for day in [today, today + 1] {
            if !exists(connection, &name(day))? {
                connection.transaction(|connection| create(connection, day))?;
            }
        }
        for name in past(connection, today - 1)? {
            if is_empty(connection, &name)? {
                connection.transaction(|connection| drop_if_empty(connection, &name))?;
            }
        }
        self.ready_until = (today + 1) * DAY;
        Ok(())
    }
}

/// `predictions_pYYYYMMDD`.
fn name(day: i64) -> String {
    let begins = Timestamp::from_millisecond(day * DAY).unwrap_or(Timestamp::MAX);
    format!("predictions_p{}", begins.strftime("%Y%m%d"))
}

/// The least UUID that begins with the first millisecond of the day.
fn begin(day: i64) -> Uuid {
    Uuid::from_u128(u128::from((day * DAY).unsigned_abs()) << 80)
}

fn exists(connection: &mut ServerConnection, name: &str) -> Result<bool, DatabaseError> {
    Ok(connection.integer("SELECT to_regclass($1) IS NOT NULL", &[name.into()])? == 1)
}

/// Locks the partitions. The wait is short, because the statements that follow wait for queries that run, and new queries
/// wait for those statements.
fn lock(connection: &mut ServerConnection) -> Result<(), DatabaseError> {
    connection.batch("SET LOCAL lock_timeout = '2s'")?;
    AdvisoryLock::Partitions.take(connection)
}

fn create(connection: &mut ServerConnection, day: i64) -> Result<(), DatabaseError> {
    lock(connection)?;
    let name = name(day);
    if exists(connection, &name)? {
        return Ok(()); // Another program was faster.
    }
    let (from, to) = (begin(day), begin(day + 1));
    // A sender whose clock is fast has put rows of this day into the default partition, which they must leave first.
    connection.batch(&format!(
        "LOCK TABLE predictions, predictions_default IN ACCESS EXCLUSIVE MODE;
         CREATE TEMPORARY TABLE early ON COMMIT DROP AS
             SELECT * FROM predictions_default WHERE event_id >= '{from}' AND event_id < '{to}';
         DELETE FROM predictions_default WHERE event_id >= '{from}' AND event_id < '{to}';
         CREATE TABLE {name} PARTITION OF predictions FOR VALUES FROM ('{from}') TO ('{to}');
         INSERT INTO predictions OVERRIDING SYSTEM VALUE SELECT * FROM early"
    ))?;
    tracing::info!(partition = name, "partition_created");
    Ok(())
}

/// The partitions of days before this one.
fn past(connection: &mut ServerConnection, day: i64) -> Result<Vec<String>, DatabaseError> {
    let sql = "SELECT CAST(c.relname AS TEXT) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = to_regclass('predictions')
                 AND c.relname ~ '^predictions_p[0-9]{8}$' AND CAST(c.relname AS TEXT) COLLATE \"C\" < $1";
    rows(connection, sql, &[name(day).into()], RowColumns::text)
}

fn is_empty(connection: &mut ServerConnection, name: &str) -> Result<bool, DatabaseError> {
    Ok(connection.integer(&format!("SELECT NOT EXISTS (SELECT 1 FROM {name})"), &[])? == 1)
}

fn drop_if_empty(connection: &mut ServerConnection, name: &str) -> Result<(), DatabaseError> {
    lock(connection)?;
    if !exists(connection, name)? {
        return Ok(());
    }
    connection.batch(&format!("LOCK TABLE predictions, {name} IN ACCESS EXCLUSIVE MODE"))?;
    if is_empty(connection, name)? {
        connection.batch(&format!("DROP TABLE {name}"))?;
        tracing::info!(partition = name, "partition_dropped");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn days_have_names_and_hold_the_ids_that_were_made_on_them() {
        let day = |time: &str| time.parse::<Timestamp>().unwrap().as_millisecond().div_euclid(DAY);
        assert_eq!(name(day("2024-02-29T23:59:59.999Z")), "predictions_p20240229");
        assert_eq!(name(day("2024-03-01T00:00:00Z")), "predictions_p20240301");
        let id = Uuid::now_v7();
        let today = Timestamp::now().as_millisecond().div_euclid(DAY);
        assert!(begin(today - 1) < id && id < begin(today + 1), "{id}");
        assert!(begin(today) < begin(today + 1));
    }
}
