//! What programs that share a database do one after the other.

use super::super::error::DatabaseError;
use super::connection::ServerConnection;

/// What is locked. The numbers are the same in every version of this program.
#[derive(Clone, Copy)]
pub(super) enum AdvisoryLock {
    Schema = 1,
    Partitions = 2,
    Labels = 3,
    Events = 4,
    Retention = 5,
    Windows = 6,
}

impl AdvisoryLock {
    /// Holds the lock until the transaction ends.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn take(self, connection: &mut ServerConnection) -> Result<(), DatabaseError> {
        // The first number is "glas", because other programs may lock in the same database.
        connection.batch(&format!("SELECT pg_advisory_xact_lock({}, {})", 0x676c_6173, self as i32))
    }
}
