//! The connections of queries, kept open between them.
//!
//! Rule of thumb: a connection that waited is asked before it is used; nothing is thought of it otherwise.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::session::DatabaseError;
use super::ServerUrl;
use super::connection::Connection;
use super::session::Reading;

/// Connections that wait for the next query.
const IDLE: usize = 8;

/// The connections of queries.
pub(super) struct Pool {
    url: ServerUrl,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(url: ServerUrl) -> Self {
        Self { url, idle: Mutex::new(Vec::new()) }
    }

    /// A connection whose queries end at `deadline`, measured from now.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] where no server can be reached.
    pub(super) fn take(self: &Arc<Self>, deadline: Duration) -> Result<Reading, DatabaseError> {
        // 0 would mean no limit; a deadline of nothing is met before the server is asked.
        let settings = format!("SET statement_timeout = {}", deadline.as_millis().clamp(1, i32::MAX as u128));
        loop {
            let waiting = self.lock().pop();
            let connection = match waiting {
                Some(mut connection) => match connection.batch(&settings) {
                    Ok(()) => connection,
                    Err(_) => continue,
                },
                None => {
                    let settings = format!("SET default_transaction_read_only = on; {settings}");
                    Connection::open(&self.url, &settings)?
                }
            };
            return Ok(Reading::new(connection, Arc::clone(self), deadline));
        }
    }

    /// Takes a connection back.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        if idle.len() < IDLE && !connection.is_closed() {
            idle.push(connection);
        }
    }

    /// Closes what waits: the server may be another one now.
    pub(super) fn clear(&self) {
        drop(std::mem::take(&mut *self.lock()));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Nothing is half done in between.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    /// A connection blocks while it closes, which tasks must not; whoever drops the store may be one.
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.lock());
        if !idle.is_empty() {
            let _ = std::thread::Builder::new().name("store-closing".to_owned()).spawn(|| drop(idle));
        }
    }
}
