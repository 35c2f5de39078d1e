//! Where imported rows go: to a running service, or into the database.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use prediction_record::PredictionRecord;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::own_store;
use super::patience::Patience;
use super::service_client::{ServiceAnswer, ServiceClient, ServiceRequest};
use super::service_options::ServiceOptions;
use crate::store::labels::{self, TrueLabel};
use crate::store::time::floor_microseconds;
use crate::store::{DatabaseUrl, Store, StoreError};

/// Where imported rows go.
pub(super) enum ImportTarget {
    /// A running service.
    Service(ServiceClient),
    /// The database.
    Database(Box<Store>),
}

/// How many rows were new, and how many were there.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct StoredRows {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
}

impl StoredRows {
    pub(super) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
    }
}

/// What became of rows.
pub(super) enum RowsOutcome {
    /// They are stored.
    Stored(StoredRows),
    /// One of them is refused, and none is stored.
    Refused(String),
}

impl ImportTarget {
    /// Opens it.
    ///
    /// # Errors
    /// It cannot be opened as configured.
    pub(super) async fn open(options: &ServiceOptions, database: &DatabaseUrl) -> anyhow::Result<Self> {
        Ok(match ServiceClient::new(options)? {
            Some(client) => Self::Service(client),
            None => {
                let store = own_store::start(database)?;
                let mut patience = Patience::begin();
                while let Err(problem) = store.follow_declarations().await {
                    patience.rest("the database", &problem.to_string()).await?;
                }
                Self::Database(Box::new(store))
            }
        })
    }

    /// Stores predictions, all or none.
    ///
    /// # Errors
    /// The target was away for too long.
    pub(super) async fn records(&self, records: &[PredictionRecord]) -> anyhow::Result<RowsOutcome> {
        match self {
            Self::Service(client) => send(client, "log", records).await,
            Self::Database(store) => {
                let mut patience = Patience::begin();
                loop {
                    let outcome = store.submit(records.to_vec()).await;
                    let stored =
                        outcome.map(|stored| StoredRows { accepted: stored.accepted, duplicates: stored.duplicates });
                    if let Some(outcome) = judge(stored, &mut patience).await? {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    /// Stores labels, all or none.
    ///
    /// # Errors
    /// The target was away for too long.
    pub(super) async fn labels(&self, labels: &[Value]) -> anyhow::Result<RowsOutcome> {
        match self {
            Self::Service(client) => send(client, "feedback", labels).await,
            Self::Database(store) => {
                let given: Vec<TrueLabel> = labels
                    .iter()
                    .map(TrueLabel::deserialize)
                    .collect::<Result<_, _>>()
                    .context("a label that was valid")?;
                let mut patience = Patience::begin();
                loop {
                    let (given, weight) = (given.clone(), given.len());
                    let now = floor_microseconds(Timestamp::now());
                    let outcome = store.write(weight, move |tx| labels::add(tx, &given, now)).await;
                    let stored =
                        outcome.map(|stored| StoredRows { accepted: stored.accepted, duplicates: stored.duplicates });
                    if let Some(outcome) = judge(stored, &mut patience).await? {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    /// Closes it in order.
    pub(super) async fn close(self) {
        if let Self::Database(store) = self {
            store.close().await;
        }
    }
}

/// The outcome; `None` where it is to be tried again, after a rest.
async fn judge(stored: Result<StoredRows, StoreError>, patience: &mut Patience) -> anyhow::Result<Option<RowsOutcome>> {
    match stored {
        Ok(stored) => Ok(Some(RowsOutcome::Stored(stored))),
        Err(StoreError::Refused(problem)) => Ok(Some(RowsOutcome::Refused(problem))),
        Err(problem @ (StoreError::Overloaded { .. } | StoreError::Unavailable(_))) => {
            patience.rest("the database", &problem.to_string()).await?;
            Ok(None)
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn send<T: Serialize>(client: &ServiceClient, route: &str, items: &[T]) -> anyhow::Result<RowsOutcome> {
    let mut body = Vec::new();
    for item in items {
        serde_json::to_writer(&mut body, item)?;
        body.push(b'\n');
    }
    let request = ServiceRequest { method: Method::POST, route, content_type: "application/x-ndjson", body };
    match client.send(&request).await? {
        ServiceAnswer::Refused(problem) => Ok(RowsOutcome::Refused(problem)),
        ServiceAnswer::Done(body) => {
            let stored: StoredRows =
                serde_json::from_slice(&body).context("the answer is not that of a logging service")?;
            if stored.accepted + stored.duplicates != items.len() as u64 {
                bail!("the service acknowledges {stored:?} of {} rows", items.len());
            }
            Ok(RowsOutcome::Stored(stored))
        }
    }
}
