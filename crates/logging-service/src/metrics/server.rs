//! The metrics of the server that holds the database.

use std::sync::Arc;

use monitoring::{MetricsError, MetricsRegistry};

use crate::store::{ServerLoad, Store};

/// Registers them. Where the database is a file, all of them are 0.
///
/// # Errors
/// [`MetricsError`] where a name is taken.
pub(crate) fn register(registry: &MetricsRegistry, store: &Arc<Store>) -> Result<(), MetricsError> {
    let figure = |of: fn(ServerLoad) -> u64| {
        let store = Arc::clone(store);
        move || of(store.server_load()) as f64
    };
    registry.gauge_fn(
        "logging_database_connections",
        "Connections that the database server has, of all its clients; 0 for SQLite.",
        figure(|load| load.connections),
    )?;
    registry.gauge_fn(
        "logging_database_connection_limit",
        "Connections that the database server lets in, apart from those of administrators; 0 for SQLite.",
        figure(|load| load.connection_limit),
    )?;
    registry.gauge_fn(
        "logging_database_standby_lag_bytes",
        "Bytes that the slowest standby of the database server does not have on disk yet; 0 where none is seen.",
        figure(|load| load.standby_lag_bytes),
    )
}
