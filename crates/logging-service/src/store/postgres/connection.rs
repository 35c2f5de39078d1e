//! One connection to the server, and the statements that it has prepared.
//!
//! Rule of thumb: a connection on which something failed is not used again; a new one is in a known state.

use std::collections::HashMap;
use std::sync::Arc;

use postgres::types::ToSql;
use postgres::{Client, NoTls, Statement};

use super::super::error::DatabaseError;
use super::super::session::{RequestCondition, RowPlaces, SqlSession, first};
use super::super::value::{RowColumns, SqlValue};
use super::error::failed;
use super::partitions::PartitionMap;
use super::url::ServerUrl;
use super::values;

/// The most statements that stay prepared; the store has a few dozen.
const PREPARED: usize = 64;

/// A connection.
pub(super) struct ServerConnection {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl ServerConnection {
    /// Connects, and applies these settings.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] with the cause.
    pub(super) fn open(url: &ServerUrl, settings: &str) -> Result<Self, DatabaseError> {
        let mut client = match url.trust() {
            Some(trust) => url.config().connect(trust.connector()?),
            None => url.config().connect(NoTls),
        }
        .map_err(failed)?;
        client.batch_execute(settings).map_err(failed)?;
        Ok(Self { client, statements: HashMap::new() })
    }

    /// Executes statements without values.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), DatabaseError> {
        self.client.batch_execute(sql).map_err(failed)
    }

    /// The rows of a query whose values have the types that the statement names.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn rows(
        &mut self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<postgres::Row>, DatabaseError> {
        let statement = self.prepared(sql)?;
        self.client.query(&statement, values).map_err(failed)
    }

    /// The first column of the first row, a whole number or a flag.
    ///
    /// # Errors
    /// The server's; [`DatabaseError::Failed`] where there is no row.
    pub(super) fn integer(&mut self, sql: &str, values: &[SqlValue]) -> Result<i64, DatabaseError> {
        first(self, sql, values, RowColumns::integer)?.ok_or_else(|| DatabaseError::unreadable("there is none"))
    }

    /// Runs `work` between `BEGIN` and `COMMIT`.
    ///
    /// # Errors
    /// The error of `work`, which rolls back, or the server's.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.batch("BEGIN")?;
        match work(self) {
            Ok(result) => {
                self.commit()?;
                Ok(result)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Returns when the transaction is durable.
    ///
    /// # Errors
    /// The server's; whether the transaction took place is open then.
    pub(super) fn commit(&mut self) -> Result<(), DatabaseError> {
        // A timeout would end the wait for a synchronous standby, and the server would report success.
        self.batch("SET LOCAL statement_timeout = 0; COMMIT")
    }

    /// Undoes the transaction. Where that fails, the connection is gone, and the transaction with it.
    pub(super) fn roll_back(&mut self) {
        if let Err(error) = self.batch("ROLLBACK") {
            tracing::debug!(%error, "transaction_not_rolled_back");
        }
    }

    /// Whether the connection is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, DatabaseError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= PREPARED {
            self.statements.clear();
        }
        let statement = self.client.prepare(sql).map_err(failed)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl SqlSession for ServerConnection {
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        use postgres::fallible_iterator::FallibleIterator as _;
        let statement = self.prepared(sql)?;
        let parameters = parameters(&statement, values)?;
        let mut rows = self.client.query_raw(&statement, parameters.iter().map(AsRef::as_ref)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(values::columns(&row)?)?;
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, DatabaseError> {
        let statement = self.prepared(sql)?;
        let parameters = parameters(&statement, values)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(AsRef::as_ref).collect();
        self.client.execute(&statement, &parameters).map_err(failed)
    }

    fn places(&mut self) -> Result<Arc<dyn RowPlaces>, DatabaseError> {
        Ok(Arc::new(PartitionMap::load(self)?))
    }

    fn of_tag(&self) -> &'static str {
        OF_TAG
    }

    fn of_request(&self, request_id: &str) -> RequestCondition {
        request_condition(request_id)
    }
}

/// The condition that a tag has a value.
pub(super) const OF_TAG: &str = "tags::jsonb ->> ?::text = ?";

/// The condition that predictions belong to a request, which an ordinary index answers.
pub(super) fn request_condition(request_id: &str) -> RequestCondition {
    RequestCondition { sql: "request_id = ?".into(), values: vec![request_id.into()] }
}

fn parameters(statement: &Statement, values: &[SqlValue]) -> Result<Vec<Box<dyn ToSql + Sync>>, DatabaseError> {
    let kinds = statement.params();
    if kinds.len() != values.len() {
        let (wanted, given) = (kinds.len(), values.len());
        return Err(DatabaseError::Failed(format!("a statement has {wanted} placeholders and {given} values")));
    }
    values.iter().zip(kinds).map(|(value, kind)| values::parameter(value, kind)).collect()
}
