//! Statements on an SQLite connection.

use std::sync::{Arc, Mutex};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::super::engine::{Lock, Transaction, Work};
use super::super::row::NewRow;
use super::super::session::{Columns, Condition, DatabaseError, Session, Value};
use super::requests::Tail;
use super::{failed, predictions, requests};

/// A connection that only reads.
pub(super) struct Reading {
    pub(super) connection: Connection,
    pub(super) tail: Arc<Mutex<Tail>>,
}

impl Session for Reading {
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        query(&self.connection, sql, values, each)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        execute(&self.connection, sql, values)
    }

    fn of_request(&self, request_id: &str) -> Condition {
        requests::condition(request_id, &self.tail)
    }
}

/// The writer's transaction, or a savepoint in it.
pub(super) struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) tail: &'a Mutex<Tail>,
}

impl Session for Writing<'_> {
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        query(self.connection, sql, values, each)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        execute(self.connection, sql, values)
    }

    fn of_request(&self, request_id: &str) -> Condition {
        requests::condition(request_id, self.tail)
    }
}

impl Transaction for Writing<'_> {
    fn savepoint(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError> {
        let begun = requests::lock(self.tail).len();
        run(self.connection, "SAVEPOINT part")?;
        let outcome = work(self);
        if outcome.is_err() {
            requests::lock(self.tail).truncate(begun);
            run(self.connection, "ROLLBACK TO part")?;
        }
        run(self.connection, "RELEASE part")?;
        outcome
    }

    fn insert(&mut self, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError> {
        predictions::insert(self, rows, recorded_at)
    }

    fn lock(&mut self, _: Lock) -> Result<(), DatabaseError> {
        Ok(()) // An immediate transaction has the whole file to itself.
    }

    fn writer(&self) -> &str {
        "" // There is one.
    }
}

fn query(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut found = Vec::with_capacity(columns);
        for column in 0..columns {
            found.push(owned(row.get_ref(column).map_err(failed)?)?);
        }
        each(Columns::new(found))?;
    }
    Ok(())
}

/// A statement without values. Prepared once: to a batch of one record, preparing is not little.
fn run(connection: &Connection, sql: &str) -> Result<(), DatabaseError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(|_| ()).map_err(failed)
}

fn execute(connection: &Connection, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.execute(params_from_iter(values)).map(|rows| rows as u64).map_err(failed)
}

fn owned(value: ValueRef<'_>) -> Result<Value, DatabaseError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(text) => Value::Text(str::from_utf8(text).map_err(DatabaseError::unreadable)?.to_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
    })
}

impl ToSql for Value {
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
