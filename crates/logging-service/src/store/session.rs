//! SQL, whichever engine executes it: values in, rows of values out.
//!
//! Rule of thumb: questions are written once, in SQL that SQLite and PostgreSQL read alike. Placeholders are `$1`,
//! `$2`, … and first appear in that order, because SQLite numbers them by appearance. Sums are cast, because the
//! engines give them different types.

use std::borrow::Cow;
use std::fmt;

/// A value on its way into a statement or out of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// `BIGINT`; flags are 0 and 1, times are microseconds since 1970.
    Integer(i64),
    /// `DOUBLE PRECISION`.
    Real(f64),
    /// `TEXT`.
    Text(String),
    /// `BLOB` or `BYTEA`.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// The values are at fault: a constraint, or more than fits into a row.
    #[error("{0}")]
    Refused(String),
    /// Others who wrote at the same time were in the way; nothing was stored, and it can be tried again at once.
    #[error("{0}")]
    Conflict(String),
    /// The deadline of the query is over.
    #[error("the deadline is over")]
    Interrupted,
    /// A newer version of this program wrote the database.
    #[error("schema version {found} is newer than {known}")]
    NewerSchema {
        /// The database's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The database is at fault, or away.
    #[error("{0}")]
    Failed(String),
}

impl DatabaseError {
    /// What a row holds is not what it should.
    pub(crate) fn unreadable(problem: impl fmt::Display) -> Self {
        Self::Failed(format!("a row cannot be read: {problem}"))
    }
}

/// The values of one row, read from left to right.
pub(crate) struct Columns {
    values: std::vec::IntoIter<Value>,
}

impl Columns {
    /// The columns of a row.
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self { values: values.into_iter() }
    }

    /// The next column, a whole number.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`], also of the other readers, where it is something else.
    pub(crate) fn integer(&mut self) -> Result<i64, DatabaseError> {
        self.opt_integer()?.ok_or_else(|| DatabaseError::unreadable("NULL instead of a whole number"))
    }

    /// The next column, a count.
    pub(crate) fn count(&mut self) -> Result<u64, DatabaseError> {
        u64::try_from(self.integer()?).map_err(DatabaseError::unreadable)
    }

    /// The next column, a whole number or NULL.
    pub(crate) fn opt_integer(&mut self) -> Result<Option<i64>, DatabaseError> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Integer(value) => Ok(Some(value)),
            other => Err(DatabaseError::unreadable(format_args!("{other:?} instead of a whole number"))),
        }
    }

    /// The next column, a small whole number or NULL.
    pub(crate) fn opt_u32(&mut self) -> Result<Option<u32>, DatabaseError> {
        self.opt_integer()?.map(|value| u32::try_from(value).map_err(DatabaseError::unreadable)).transpose()
    }

    /// The next column, a number or NULL.
    pub(crate) fn opt_real(&mut self) -> Result<Option<f64>, DatabaseError> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Real(value) => Ok(Some(value)),
            // SQLite keeps whole numbers as such in columns that have no type.
            Value::Integer(value) => Ok(Some(value as f64)),
            other => Err(DatabaseError::unreadable(format_args!("{other:?} instead of a number"))),
        }
    }

    /// The next column, text.
    pub(crate) fn text(&mut self) -> Result<String, DatabaseError> {
        self.opt_text()?.ok_or_else(|| DatabaseError::unreadable("NULL instead of text"))
    }

    /// The next column, text or NULL.
    pub(crate) fn opt_text(&mut self) -> Result<Option<String>, DatabaseError> {
        match self.next()? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            other => Err(DatabaseError::unreadable(format_args!("{other:?} instead of text"))),
        }
    }

    /// The next column, bytes.
    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, DatabaseError> {
        match self.next()? {
            Value::Blob(value) => Ok(value),
            other => Err(DatabaseError::unreadable(format_args!("{other:?} instead of bytes"))),
        }
    }

    fn next(&mut self) -> Result<Value, DatabaseError> {
        self.values.next().ok_or_else(|| DatabaseError::unreadable("there are fewer columns"))
    }
}

/// A connection that executes statements.
pub(crate) trait Session {
    /// Hands each row of a query to `each`.
    ///
    /// # Errors
    /// The statement's, or the first of `each`.
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError>;

    /// Executes a statement, and says how many rows it changed.
    ///
    /// # Errors
    /// The statement's.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError>;

    /// The condition on predictions that they belong to a request.
    fn of_request(&self, request_id: &str) -> Condition;
}

/// A condition on predictions.
pub(crate) struct Condition {
    /// SQL with `?` for each value.
    pub(crate) sql: Cow<'static, str>,
    /// The values, in order.
    pub(crate) values: Vec<Value>,
}

/// Collects what `read` makes of each row.
///
/// # Errors
/// The statement's, or the first of `read`.
pub(crate) fn rows<T>(
    session: &mut (impl Session + ?Sized),
    sql: &str,
    values: &[Value],
    mut read: impl FnMut(&mut Columns) -> Result<T, DatabaseError>,
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
    session: &mut (impl Session + ?Sized),
    sql: &str,
    values: &[Value],
    read: impl FnMut(&mut Columns) -> Result<T, DatabaseError>,
) -> Result<Option<T>, DatabaseError> {
    Ok(rows(session, sql, values, read)?.into_iter().next())
}
