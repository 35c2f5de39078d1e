//! What about a server is to be known before it fails.
//!
//! Rule of thumb: a setting that is seen is told of, in a log line and as a metric, at the start and every hour.

use std::net::IpAddr;

use tokio_postgres::config::Host;

use super::super::caution::DatabaseCaution;
use super::super::error::DatabaseError;
use super::super::session::first;
use super::connection::ServerConnection;
use super::url::ServerUrl;

/// Flags: standbys that are not waited for, no wait for the disk, no right to make partitions. Standbys are seen where
/// they are connected; several hosts in the URL promise one.
const LOOK: &str = "
SELECT current_setting('synchronous_standby_names') = '' AND ($1 = 1 OR EXISTS (SELECT 1 FROM pg_stat_replication)),
    current_setting('fsync') = 'off',
    NOT (SELECT has_schema_privilege(relnamespace, 'CREATE') AND pg_has_role(relowner, 'USAGE')
         FROM pg_class WHERE oid = to_regclass('predictions'))";

/// Looks at the server. `has_partitions` says whether those of the next day are there.
///
/// # Errors
/// The server's.
pub(super) fn look(
    connection: &mut ServerConnection,
    url: &ServerUrl,
    has_partitions: bool,
) -> Result<Vec<DatabaseCaution>, DatabaseError> {
    let several = i64::from(url.hosts().len() > 1);
    let found = first(connection, LOOK, &[several.into()], |columns| {
        Ok([columns.integer()? == 1, columns.integer()? == 1, columns.integer()? == 1])
    })?;
    let [asynchronous, not_durable, no_right] = found.unwrap_or_default();
    let cautions = [
        (asynchronous, DatabaseCaution::AsynchronousStandby),
        (not_durable, DatabaseCaution::NotDurable),
        (is_unencrypted(url), DatabaseCaution::Unencrypted),
        (no_right || !has_partitions, DatabaseCaution::NoPartition),
    ];
    Ok(cautions.into_iter().filter(|(holds, _)| *holds).map(|(_, caution)| caution).collect())
}

/// Whether the connection to another machine is not encrypted.
fn is_unencrypted(url: &ServerUrl) -> bool {
    let is_near = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    };
    url.hosts().iter().any(|host| host.trust.is_none() && !host.config.get_hosts().iter().all(is_near))
}
