//! Statements on an SQLite connection.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::super::error::DatabaseError;
use super::super::session::{RequestCondition, SqlSession};
use super::super::value::{RowColumns, SqlValue};
use super::error::failed;
use super::requests::{self, UnsealedRequests};

/// A connection, owned by a reader or borrowed from the writer's transaction.
pub(super) struct SqliteSession<C: Borrow<Connection>> {
    pub(super) connection: C,
    pub(super) unsealed: Arc<Mutex<UnsealedRequests>>,
}

impl<C: Borrow<Connection>> SqlSession for SqliteSession<C> {
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let mut statement = self.connection.borrow().prepare_cached(sql).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let mut found = Vec::with_capacity(columns);
            for column in 0..columns {
                found.push(owned(row.get_ref(column).map_err(failed)?)?);
            }
            each(RowColumns::new(found))?;
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, DatabaseError> {
        let mut statement = self.connection.borrow().prepare_cached(sql).map_err(failed)?;
        statement.execute(params_from_iter(values)).map(|rows| rows as u64).map_err(failed)
    }

    fn of_tag(&self) -> &'static str {
        "tags ->> ? = ?"
    }

    fn by_index(&self, index: &str) -> String {
        format!(" INDEXED BY {index}")
    }

    fn of_request(&self, request_id: &str) -> RequestCondition {
        requests::condition(request_id, &self.unsealed)
    }
}

fn owned(value: ValueRef<'_>) -> Result<SqlValue, DatabaseError> {
    Ok(match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(value) => SqlValue::Integer(value),
        ValueRef::Real(value) => SqlValue::Real(value),
        ValueRef::Text(text) => SqlValue::Text(str::from_utf8(text).map_err(DatabaseError::unreadable)?.to_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_owned()),
    })
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
