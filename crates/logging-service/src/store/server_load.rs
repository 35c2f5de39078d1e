//! How near a database server is to what it can take.

/// What is known of a server, as of some seconds ago; all 0 where the database is a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerLoad {
    /// Connections of all its clients.
    pub(crate) connections: u64,
    /// Connections that it lets in, apart from those of its administrators.
    pub(crate) connection_limit: u64,
    /// Bytes that its slowest standby does not have on disk yet; 0 where there is none, or the role may not see it.
    pub(crate) standby_lag_bytes: u64,
}
