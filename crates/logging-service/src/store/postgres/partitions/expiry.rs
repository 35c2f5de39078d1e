//! Dropping the partitions of which no row is to stay.
//!
//! Rule of thumb: what is expired as a whole goes as a whole, in milliseconds and without a trace in the tables that stay.
//! The counts of windows stay, and labels go by their own age.

use std::time::Duration;

use jiff::Timestamp;

use super::super::super::engine::Expiry;
use super::super::super::error::DatabaseError;
use super::super::super::lake_books;
use super::super::advisory_lock::AdvisoryLock;
use super::super::connection::ServerConnection;
use super::map::{Partition, PartitionMap};

/// How often the lock of the predictions is asked for. Whoever reads or writes waits behind the request.
const ATTEMPTS: usize = 10;
/// The time between two requests.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether a transaction that has lasted for seconds has a lock of the predictions or of a partition. Who asked for the
/// exclusive one now would wait in vain, and everybody else behind it. Of other roles' sessions this sees nothing.
const HELD: &str = "
SELECT EXISTS (
    SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.relation IN (to_regclass('predictions'), to_regclass($1))
        AND a.xact_start < clock_timestamp() - interval '2 seconds')";

/// Drops the expired partitions; gives how many rows they had.
///
/// # Errors
/// The server's. Partitions that could not be locked stay until the next call.
pub(in super::super) fn drop_expired(connection: &mut ServerConnection, expiry: Expiry) -> Result<u64, DatabaseError> {
    // The present week is never dropped, whatever the clocks of senders say.
    let until = expiry.until.min(Timestamp::now().as_microsecond());
    let map = PartitionMap::load(connection)?;
    let mut dropped = 0;
    for partition in map.all().iter().filter(|partition| partition.is_expired(until)) {
        match drop_whole(connection, partition, Expiry { until, most: expiry.most - dropped, ..expiry }) {
            Ok(Some(rows)) => dropped += rows,
            Ok(None) => break,
            // What was dropped has to be told, whatever comes after it; the next call meets the error again.
            Err(error) if dropped > 0 => {
                tracing::warn!(%error, partition = partition.name, "partition_not_dropped");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

/// Drops a partition that has at most so many rows, and gives how many it had: none, where another program was faster.
/// `None` where it stays for now, and those after it as well.
fn drop_whole(
    connection: &mut ServerConnection,
    partition: &Partition,
    expiry: Expiry,
) -> Result<Option<u64>, DatabaseError> {
    let most = i64::try_from(expiry.most).unwrap_or(i64::MAX);
    let rows = match count(connection, partition, most.saturating_add(1)) {
        Ok(rows) => rows,
        Err(_) if is_gone(connection, partition)? => return Ok(Some(0)),
        Err(error) => return Err(error),
    };
    if rows > most {
        return Ok(None);
    }
    if connection.integer(HELD, &[partition.name.as_str().into()])? == 1 {
        tracing::info!(partition = partition.name, "partition_in_use");
        return Ok(None);
    }
    match drop_locked(connection, partition, expiry) {
        DropOutcome::Dropped => {
            tracing::info!(partition = partition.name, rows, "partition_dropped");
            Ok(Some(rows.unsigned_abs()))
        }
        DropOutcome::Gone => Ok(Some(0)),
        DropOutcome::Kept => Ok(None),
    }
}

/// Whether another program has dropped a partition since the map was read.
fn is_gone(connection: &mut ServerConnection, partition: &Partition) -> Result<bool, DatabaseError> {
    let sql = "SELECT to_regclass($1) IS NULL";
    Ok(connection.integer(sql, &[partition.name.as_str().into()])? == 1)
}

fn count(connection: &mut ServerConnection, partition: &Partition, most: i64) -> Result<i64, DatabaseError> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {most}) AS rows", partition.name);
    connection.integer(&sql, &[])
}

/// What became of a partition.
#[derive(Clone, Copy)]
enum DropOutcome {
    /// It was dropped, and its rows with it.
    Dropped,
    /// Another program has dropped it meanwhile, or stored a row in it that is not expired.
    Gone,
    /// It could not be locked, or has rows that are to go to the lake first.
    Kept,
}

fn drop_locked(connection: &mut ServerConnection, partition: &Partition, expiry: Expiry) -> DropOutcome {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        match connection.transaction(|connection| drop_one(connection, partition, expiry)) {
            Ok(outcome) => return outcome,
            // The lock was not to be had; anything else comes again at the next attempt.
            Err(error) if attempt + 1 == ATTEMPTS => {
                tracing::warn!(%error, partition = partition.name, "partition_not_dropped");
            }
            Err(_) => {}
        }
    }
    DropOutcome::Kept
}

/// Drops a partition that is expired still.
fn drop_one(
    connection: &mut ServerConnection,
    partition: &Partition,
    expiry: Expiry,
) -> Result<DropOutcome, DatabaseError> {
    connection.batch("SET LOCAL lock_timeout = '200ms'")?;
    AdvisoryLock::Partitions.take(connection)?;
    connection.batch("LOCK TABLE ONLY predictions IN ACCESS EXCLUSIVE MODE")?;
    let known = PartitionMap::load(connection)?;
    let now = known.of_oid(partition.oid).filter(|known| known.is_expired(expiry.until));
    let Some(Partition { name, .. }) = now else { return Ok(DropOutcome::Gone) };
    // Nobody stores a row until this transaction ends, so what is in the lake now is all there is.
    if expiry.is_for_lake && !lake_books::let_go(connection, name)? {
        return Ok(DropOutcome::Kept);
    }
    connection.batch(&format!("DROP TABLE {name}; DELETE FROM prediction_partitions WHERE name = '{name}'"))?;
    Ok(DropOutcome::Dropped)
}
