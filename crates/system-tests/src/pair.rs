//! Both services, one logging to the other.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Database, Launch, LogBooks, Service, free_address, wait_until};

/// How long the last records may take to arrive. After an outage, delivery pauses for up to 5 seconds.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(30);

/// Both services, with a database in a folder of its own.
pub struct Pair {
    /// Predicts.
    pub inference: Service,
    /// Stores.
    pub logging: Service,
    /// Starts the logging service again, on the same database and port.
    pub logging_again: Launch,
    folder: TempDir,
}

impl Pair {
    /// Starts both and waits until both are ready.
    pub async fn start() -> Self {
        Self::start_with(|inference| inference).await
    }

    /// The same, with something changed about the inference service.
    ///
    /// # Panics
    /// If one does not become ready.
    pub async fn start_with(change: impl FnOnce(Launch) -> Launch) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let logging_again = Launch::logging(&database_in(&folder)).listen(free_address());
        let logging = logging_again.start().await;
        let inference = change(Launch::inference_logging_to(logging.address)).start().await;
        Self { inference, logging, logging_again, folder }
    }

    /// The database, read past the logging service.
    pub fn database(&self) -> Database {
        Database::open(&database_in(&self.folder))
    }

    /// The books as of now.
    pub async fn books(&self) -> LogBooks {
        LogBooks::of(&self.inference.metrics().await)
    }

    /// Waits until no record waits any more, and returns the books then.
    pub async fn all_delivered(&self) -> LogBooks {
        wait_until("all records are delivered", DELIVERY_PATIENCE, async || self.books().await.spooled == 0).await;
        self.books().await
    }
}

fn database_in(folder: &TempDir) -> PathBuf {
    folder.path().join("predictions.db")
}
