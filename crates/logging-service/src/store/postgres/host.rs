//! One of the servers at a URL: connecting to it, and asking whether it still answers.
//!
//! Rule of thumb: a server that hangs takes connections and answers nothing, because its kernel goes on. So every wait has
//! an end of our own.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Error, NoTls};

use super::super::error::DatabaseError;
use super::error::failed;
use super::tls::ServerTrust;

/// How long a server that answers needs at most to say so.
const ALIVE_WITHIN: Duration = Duration::from_secs(3);

/// A client, and the task that drives its connection.
pub(super) type AttendedClient = (Client, JoinHandle<()>);

/// A server.
#[derive(Clone)]
pub(super) struct ServerHost {
    /// Its place in the URL, from 0.
    pub(super) number: usize,
    pub(super) config: Config,
    pub(super) trust: Option<ServerTrust>,
    /// How long it may take to accept a connection.
    pub(super) patience: Duration,
}

impl ServerHost {
    /// Connects, and leaves the connection to a task of this runtime.
    ///
    /// # Errors
    /// The server's, and [`DatabaseError::Failed`] where it does not answer in time.
    pub(super) async fn connect(&self) -> Result<AttendedClient, DatabaseError> {
        match timeout(self.patience, self.connected()).await {
            Ok(connected) => connected?.map_err(failed),
            Err(_) => Err(DatabaseError::Failed(format!("no answer within {} s", self.patience.as_secs_f64()))),
        }
    }

    /// Whether the server answers anything at all, be it an error.
    pub(super) async fn is_alive(&self) -> bool {
        let asking = async {
            let answer = match self.connected().await? {
                Ok((client, _)) => client.batch_execute("SELECT 1").await,
                Err(error) => Err(error),
            };
            Ok::<_, DatabaseError>(answer.map_or_else(|error| error.as_db_error().is_some(), |()| true))
        };
        matches!(timeout(ALIVE_WITHIN, asking).await, Ok(Ok(true)))
    }

    async fn connected(&self) -> Result<Result<AttendedClient, Error>, DatabaseError> {
        Ok(match &self.trust {
            Some(trust) => {
                let connected = self.config.connect(trust.connector()?).await;
                connected.map(|(client, connection)| (client, tokio::spawn(attend(connection))))
            }
            None => {
                let connected = self.config.connect(NoTls).await;
                connected.map(|(client, connection)| (client, tokio::spawn(attend(connection))))
            }
        })
    }
}

/// Drives a connection until its client is dropped.
async fn attend(connection: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "database_connection_ended");
    }
}
