//! What is measured of a server every few seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::error::DatabaseError;
use super::super::server_load::ServerLoad;
use super::super::session::first;
use super::connection::ServerConnection;

/// The time between two measurements.
const INTERVAL: Duration = Duration::from_secs(10);

const SIZE_SQL: &str = "
SELECT CAST(coalesce(sum(pg_total_relation_size(relation)), 0) AS BIGINT) FROM (
    SELECT CAST(relid AS oid) FROM pg_partition_tree('predictions')
    UNION ALL
    SELECT CAST(to_regclass(name) AS oid) FROM unnest(ARRAY['window_counts', 'window_parts', 'day_counts', 'day_parts',
        'window_stats', 'labels', 'counted_labels', 'reference_profiles', 'events']) AS name
) AS relations (relation)";

/// Statistics that any role may read, apart from how far standbys are: that takes the role `pg_monitor`.
const LOAD_SQL: &str = "
SELECT (SELECT CAST(coalesce(sum(numbackends), 0) AS BIGINT) FROM pg_stat_database),
    CAST(current_setting('max_connections') AS BIGINT)
        - CAST(current_setting('superuser_reserved_connections') AS BIGINT),
    (SELECT CAST(coalesce(max(greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0)), 0) AS BIGINT)
     FROM pg_stat_replication WHERE state <> 'backup')";

/// The last measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    pub(super) size_bytes: u64,
    pub(super) load: ServerLoad,
}

/// The last measurement, for whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Measurements(Arc<Mutex<Measured>>);

impl Measurements {
    pub(super) fn last(&self) -> Measured {
        // A poisoned lock is fine: a measurement is replaced as a whole.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures when it is time.
pub(super) struct ServerMeter {
    measurements: Measurements,
    measured: Option<Instant>,
}

impl ServerMeter {
    pub(super) fn new(measurements: Measurements) -> Self {
        Self { measurements, measured: None }
    }

    /// Measures the server, unless that was done within the last seconds.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn measure(&mut self, connection: &mut ServerConnection) -> Result<(), DatabaseError> {
        if self.measured.is_some_and(|measured| measured.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.measured = Some(Instant::now());
        let size_bytes = connection.integer(SIZE_SQL, &[])?.unsigned_abs();
        let load = first(connection, LOAD_SQL, &[], |columns| {
            Ok(ServerLoad {
                connections: columns.count()?,
                connection_limit: columns.count()?,
                standby_lag_bytes: columns.count()?,
            })
        })?;
        let measured = Measured { size_bytes, load: load.unwrap_or_default() };
        *self.measurements.0.lock().unwrap_or_else(PoisonError::into_inner) = measured;
        Ok(())
    }
}
