//! One connection to the server.
//!
//! Rule of thumb: a connection on which something failed is not used again; a new one is in a known state. Nothing stays
//! in the server's session: settings hold for one transaction, and no statement remains prepared, because behind a pooler
//! the next transaction may be another program's.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, RowStream};

use super::super::error::DatabaseError;
use super::super::session::{RequestCondition, RowPlaces, SqlSession, first};
use super::super::value::{RowColumns, SqlValue};
use super::error::failed;
use super::host::ServerHost;
use super::partitions::PartitionMap;
use super::url::ServerUrl;
use super::values::{self, SqlParameter};

/// The silence after which the server is asked, by another connection, whether it still answers.
const SILENCE: Duration = Duration::from_secs(2);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// Until when answers are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum AnswerLimit {
    /// For so long, each of them.
    Each(Duration),
    /// All of them until then.
    Until(Instant),
}

/// How a connection is used.
#[derive(Clone, Debug)]
pub(super) struct ConnectionUse {
    /// What begins a transaction, its settings included.
    pub(super) begin: String,
    pub(super) limit: AnswerLimit,
}

/// A value with the type that its placeholder has.
pub(super) type TypedValue<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection.
pub(super) struct ServerConnection {
    /// `None` after an answer that did not come.
    client: Option<Client>,
    /// Ends with the connection.
    task: JoinHandle<()>,
    /// Drives the task while an answer is waited for.
    runtime: Runtime,
    host: ServerHost,
    pub(super) used: ConnectionUse,
}

impl ServerConnection {
    /// Connects to the first server of the URL that can be written.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] with the cause.
    pub(super) fn open(url: &ServerUrl, used: ConnectionUse) -> Result<Self, DatabaseError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| DatabaseError::Failed(format!("no connection can be had: {error}")))?;
        let mut problem = DatabaseError::Failed("a host is missing".to_owned());
        for host in url.hosts() {
            match runtime.block_on(host.connect()) {
                Ok((client, task)) => {
                    url.prefer(&host);
                    return Ok(Self { client: Some(client), task, runtime, host, used });
                }
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    /// Executes statements without values.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let Self { client: Some(client), runtime, host, used, .. } = self else { return Err(closed()) };
        let answer = runtime.block_on(answered(client.batch_execute(sql), host, used.limit));
        self.settled(answer)
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn rows(&mut self, sql: &str, values: &[TypedValue<'_>]) -> Result<Vec<Row>, DatabaseError> {
        let Self { client: Some(client), runtime, host, used, .. } = self else { return Err(closed()) };
        let answer = runtime.block_on(answered(client.query_typed(sql, values), host, used.limit));
        self.settled(answer)
    }

    /// The first column of the first row, a whole number or a flag.
    ///
    /// # Errors
    /// The server's; [`DatabaseError::Failed`] where there is no row.
    pub(super) fn integer(&mut self, sql: &str, values: &[SqlValue]) -> Result<i64, DatabaseError> {
        first(self, sql, values, RowColumns::integer)?.ok_or_else(|| DatabaseError::unreadable("there is none"))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn begin(&mut self) -> Result<(), DatabaseError> {
        let begin = self.used.begin.clone();
        self.batch(&begin)
    }

    /// Runs `work` in a transaction.
    ///
    /// # Errors
    /// The error of `work`, which rolls back, or the server's.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.begin()?;
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

    /// Hands each row of a query to `each`, in a transaction of its own. Its beginning is sent along with the query, so it
    /// takes no time.
    ///
    /// # Errors
    /// The server's, or the first of `each`; the connection is not to be used again then.
    pub(super) fn query_alone(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let parameters = parameters(values)?;
        let Self { client: Some(client), runtime, host, used, .. } = self else { return Err(closed()) };
        let both = async {
            let query = client.query_typed_raw(sql, parameters);
            let (begun, rows) = join(client.batch_execute(&used.begin), query).await;
            begun.and(rows)
        };
        let answer = runtime.block_on(answered(both, host, used.limit));
        let rows = self.settled(answer)?;
        self.read(rows, each)?;
        self.batch("COMMIT")
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
        self.client.as_ref().is_none_or(Client::is_closed)
    }

    /// Hands each row of an answer to `each`; gives how many rows the statement changed.
    fn read(
        &mut self,
        rows: RowStream,
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<u64, DatabaseError> {
        let mut rows: Pin<Box<RowStream>> = Box::pin(rows);
        loop {
            let next = async { rows.next().await.transpose() };
            let answer = self.runtime.block_on(answered(next, &self.host, self.used.limit));
            match self.settled(answer)? {
                Some(row) => each(values::columns(&row)?)?,
                None => return Ok(rows.rows_affected().unwrap_or_default()),
            }
        }
    }

    fn ask(&mut self, sql: &str, values: &[SqlValue]) -> Result<RowStream, DatabaseError> {
        let parameters = parameters(values)?;
        let Self { client: Some(client), runtime, host, used, .. } = self else { return Err(closed()) };
        let answer = runtime.block_on(answered(client.query_typed_raw(sql, parameters), host, used.limit));
        self.settled(answer)
    }

    /// Closes the connection where the server did not answer.
    fn settled<T>(&mut self, answer: Result<T, NoAnswer>) -> Result<T, DatabaseError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Refused(error)) => Err(failed(error)),
            Err(NoAnswer::Late) => {
                self.client = None;
                Err(DatabaseError::Interrupted)
            }
            Err(NoAnswer::Silent) => {
                self.client = None;
                Err(DatabaseError::Failed("the server has stopped answering".to_owned()))
            }
        }
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // Without its client, the task says goodbye to the server and ends.
            drop(client);
            let _ = self.runtime.block_on(async { timeout(GOODBYE, &mut self.task).await });
        }
    }
}

impl SqlSession for ServerConnection {
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let rows = self.ask(sql, values)?;
        self.read(rows, each).map(|_| ())
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, DatabaseError> {
        let rows = self.ask(sql, values)?;
        self.read(rows, &mut |_| Ok(()))
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

/// Why there is no answer to read.
enum NoAnswer {
    /// The server, or the connection, says why.
    Refused(tokio_postgres::Error),
    /// It did not come in time.
    Late,
    /// The server says nothing at all.
    Silent,
}

/// Waits for an answer. A server that works at it answers others meanwhile; one that hangs does not.
async fn answered<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    host: &ServerHost,
    limit: AnswerLimit,
) -> Result<T, NoAnswer> {
    let mut answer = pin!(answer);
    let until = match limit {
        AnswerLimit::Each(patience) => Instant::now() + patience,
        AnswerLimit::Until(until) => until,
    };
    let mut is_alive = true;
    loop {
        // What has come meanwhile is taken, however late it is.
        let left = until.saturating_duration_since(Instant::now());
        let patience = if is_alive { SILENCE.min(left) } else { Duration::ZERO };
        match timeout(patience, &mut answer).await {
            Ok(answer) => return answer.map_err(NoAnswer::Refused),
            Err(_) if !is_alive => return Err(NoAnswer::Silent),
            Err(_) if left.is_zero() => return Err(NoAnswer::Late),
            Err(_) => is_alive = left < SILENCE || host.is_alive().await,
        }
    }
}

fn closed() -> DatabaseError {
    DatabaseError::Failed("the connection is closed".to_owned())
}

/// The condition that a tag has a value.
pub(super) const OF_TAG: &str = "tags::jsonb ->> ?::text = ?";

/// The condition that predictions belong to a request, which an ordinary index answers.
pub(super) fn request_condition(request_id: &str) -> RequestCondition {
    RequestCondition { sql: "request_id = ?".into(), values: vec![request_id.into()] }
}

fn parameters(values: &[SqlValue]) -> Result<Vec<SqlParameter>, DatabaseError> {
    values.iter().map(values::parameter).collect()
}
