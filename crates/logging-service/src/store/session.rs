//! SQL, whichever engine executes it: values in, rows of values out.
//!
//! Rule of thumb: a question is written once, in SQL that SQLite and PostgreSQL read alike. Placeholders are `$1`, `$2`,
//! … and first appear in that order, because SQLite numbers them by appearance. Sums are cast, because the engines give
//! them different types.

use std::borrow::Cow;
use std::sync::Arc;

use super::error::DatabaseError;
use super::time::TimeRange;
use super::value::{RowColumns, SqlValue};

/// A connection that executes statements.
pub(crate) trait SqlSession {
    /// Hands each row of a query to `each`.
    ///
    /// # Errors
    /// The statement's error, or the first of `each`.
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError>;

    /// Executes a statement, and says how many rows it changed.
    ///
    /// # Errors
    /// The statement's error.
    fn execute(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, DatabaseError>;

    /// The condition that a tag has a value; `?` stands for the tag and for the value, in this order.
    fn of_tag(&self) -> &'static str;

    /// What follows a table's name where the rows are to be read by this index; nothing where the engine knows best.
    fn by_index(&self, _index: &str) -> String {
        String::new()
    }

    /// The condition that predictions belong to a request.
    fn of_request(&self, request_id: &str) -> RequestCondition;

    /// Where predictions lie. Read once for a question that has several queries.
    ///
    /// # Errors
    /// The database's.
    fn places(&mut self) -> Result<Arc<dyn RowPlaces>, DatabaseError> {
        Ok(Arc::new(OnePlace))
    }
}

/// Where predictions lie, in an engine that keeps them in several places by their time.
pub(crate) trait RowPlaces {
    /// The condition that a prediction lies where those of a range of time do; `None` where that says nothing. It looks at
    /// the event id, and needs the condition on `occurred_at` beside it.
    fn condition(&self, range: TimeRange) -> Option<String>;

    /// A range of time in parts, the newest first. A query of one part looks into few places.
    fn parts(&self, range: TimeRange) -> Vec<TimeRange>;

    /// The condition that a prediction from before `until` is to be deleted by itself, and not with its place. `until` is
    /// in microseconds since 1970; `i64::MAX` stands for the oldest there are.
    fn deletable(&self, until: i64) -> String;
}

/// All predictions lie in one table.
struct OnePlace;

impl RowPlaces for OnePlace {
    fn condition(&self, _: TimeRange) -> Option<String> {
        None
    }

    fn parts(&self, range: TimeRange) -> Vec<TimeRange> {
        vec![range]
    }

    fn deletable(&self, _: i64) -> String {
        // The newest stays, because the next row is numbered after it.
        "id < (SELECT max(id) FROM predictions)".to_owned()
    }
}

/// The condition that predictions belong to a request, as the engine finds them fastest.
pub(crate) struct RequestCondition {
    /// SQL with `?` for each value.
    pub(crate) sql: Cow<'static, str>,
    /// The values, in order.
    pub(crate) values: Vec<SqlValue>,
}

/// Collects what `read` makes of each row.
///
/// # Errors
/// The statement's error, or the first of `read`.
pub(crate) fn rows<T>(
    session: &mut (impl SqlSession + ?Sized),
    sql: &str,
    values: &[SqlValue],
    mut read: impl FnMut(&mut RowColumns) -> Result<T, DatabaseError>,
) -> Result<Vec<T>, DatabaseError> {
    let mut found = Vec::new();
    session.query(sql, values, &mut |mut columns| {
        found.push(read(&mut columns)?);
        Ok(())
    })?;
    Ok(found)
}

/// The first row, if there is one.
///
/// # Errors
/// As [`rows`].
pub(crate) fn first<T>(
    session: &mut (impl SqlSession + ?Sized),
    sql: &str,
    values: &[SqlValue],
    read: impl FnMut(&mut RowColumns) -> Result<T, DatabaseError>,
) -> Result<Option<T>, DatabaseError> {
    Ok(rows(session, sql, values, read)?.into_iter().next())
}
