//! Making a partition while others read and write.
//!
//! Rule of thumb: the table is made aside and then attached, which keeps no insert waiting. Only where rows have to move
//! are all predictions locked, and the wait for that is short, because whatever begins meanwhile waits behind it.

use super::super::super::error::DatabaseError;
use super::super::super::session::{SqlSession as _, first};
use super::super::super::time::TimeRange;
use super::super::super::value::RowColumns;
use super::super::advisory_lock::AdvisoryLock;
use super::super::connection::ServerConnection;
use super::map::{DEFAULT, NO_TIMES, PartitionMap, times_of};
use super::span::{IdSpan, least_id};

/// Makes the partition of the day or the week of a time, inside of a transaction, and moves its rows out of the default one.
///
/// # Errors
/// The server's, also where a long query keeps the default partition.
pub(super) fn create(connection: &mut ServerConnection, time: i64, width: i64) -> Result<(), DatabaseError> {
    connection.batch("SET LOCAL lock_timeout = '500ms'")?;
    AdvisoryLock::Partitions.take(connection)?;
    let map = PartitionMap::load(connection)?;
    if map.at(time).is_some() {
        return Ok(()); // Another program was faster.
    }
    let span = map.free_span(time, width);
    let (name, condition) = (span.name(), span.condition());
    connection.batch(&format!(
        "CREATE TABLE {name} (LIKE predictions INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
             CONSTRAINT only_its_ids CHECK ({condition}))"
    ))?;
    let moved = move_rows(connection, &name, &condition)?;
    let (from, until) = (least_id(span.from), least_id(span.until));
    // The constraint spares the server a look at the rows.
    connection.batch(&format!(
        "ALTER TABLE predictions ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{until}');
         ALTER TABLE {name} DROP CONSTRAINT only_its_ids"
    ))?;
    register(connection, &name, span)?;
    tracing::info!(partition = name, moved, "partition_created");
    Ok(())
}

/// Moves the rows of these ids out of the default partition; gives how many there were. A sender whose clock is fast, or a
/// file of the past, has put them there.
fn move_rows(connection: &mut ServerConnection, name: &str, condition: &str) -> Result<i64, DatabaseError> {
    let found = format!("SELECT EXISTS (SELECT 1 FROM {DEFAULT} WHERE {condition})");
    if connection.integer(&found, &[])? == 0 {
        return Ok(0);
    }
    // A question that has been planned does not know the new partition, and would miss the rows that move.
    connection.batch(&format!("LOCK TABLE ONLY predictions, {DEFAULT} IN ACCESS EXCLUSIVE MODE"))?;
    let columns = first(connection, COLUMNS, &[], RowColumns::text)?.unwrap_or_default();
    let moved = connection.integer(
        &format!(
            "WITH taken AS (DELETE FROM {DEFAULT} WHERE {condition} RETURNING {columns}),
                  given AS (INSERT INTO {name} ({columns}) SELECT {columns} FROM taken RETURNING 1)
             SELECT count(*) FROM given"
        ),
        &[],
    )?;
    let left = times_in(connection, DEFAULT)?.unwrap_or(NO_TIMES);
    set_times(connection, DEFAULT, left)?;
    Ok(moved)
}

/// By name, because the order of columns differs between the tables of a database that has grown.
const COLUMNS: &str = "
SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
WHERE attrelid = to_regclass('predictions') AND attnum > 0 AND NOT attisdropped";

/// Writes down which times the rows of a new partition have.
fn register(connection: &mut ServerConnection, name: &str, span: IdSpan) -> Result<(), DatabaseError> {
    let mut times = times_of(span);
    if let Some(found) = times_in(connection, name)? {
        times = TimeRange { since: times.since.min(found.since), until: times.until.max(found.until) };
    }
    // Where somebody has dropped a partition of this name by hand, what is known of that one still stands there.
    let sql = "INSERT INTO prediction_partitions (name, from_ms, until_ms, since, until) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (name) DO UPDATE SET from_ms = excluded.from_ms, until_ms = excluded.until_ms,
                   since = excluded.since, until = excluded.until";
    let values = [name.into(), span.from.into(), span.until.into(), times.since.into(), times.until.into()];
    connection.execute(sql, &values).map(|_| ())
}

fn set_times(connection: &mut ServerConnection, name: &str, times: TimeRange) -> Result<(), DatabaseError> {
    let sql = "UPDATE prediction_partitions SET since = $2, until = $3 WHERE name = $1";
    connection.execute(sql, &[name.into(), times.since.into(), times.until.into()]).map(|_| ())
}

/// The times of a partition's rows; `None` where there are none. An index knows both ends.
fn times_in(connection: &mut ServerConnection, name: &str) -> Result<Option<TimeRange>, DatabaseError> {
    let sql = format!("SELECT min(occurred_at), max(occurred_at) FROM {name}");
    let found = first(connection, &sql, &[], |columns| Ok(columns.opt_integer()?.zip(columns.opt_integer()?)))?;
    Ok(found.flatten().map(|(first, last)| TimeRange { since: first, until: last.saturating_add(1) }))
}
