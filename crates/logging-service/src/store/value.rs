//! The values of a statement and of a row, whichever engine executes it.
//!
//! Rule of thumb: there are five types; a column that holds another than expected is an error, and never a guess.

use super::error::DatabaseError;

/// A value on its way into a statement or out of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SqlValue {
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

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for SqlValue {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<bool> for SqlValue {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for SqlValue {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for SqlValue {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of one row, read from left to right.
pub(crate) struct RowColumns {
    values: std::vec::IntoIter<SqlValue>,
}

impl RowColumns {
    /// The columns of a row.
    pub(crate) fn new(values: Vec<SqlValue>) -> Self {
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
            SqlValue::Null => Ok(None),
            SqlValue::Integer(value) => Ok(Some(value)),
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
            SqlValue::Null => Ok(None),
            SqlValue::Real(value) => Ok(Some(value)),
            // SQLite keeps whole numbers as such in columns that have no type.
            SqlValue::Integer(value) => Ok(Some(value as f64)),
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
            SqlValue::Null => Ok(None),
            SqlValue::Text(value) => Ok(Some(value)),
            other => Err(DatabaseError::unreadable(format_args!("{other:?} instead of text"))),
        }
    }

    /// The next column, bytes.
    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, DatabaseError> {
        match self.next()? {
            SqlValue::Blob(value) => Ok(value),
            other => Err(DatabaseError::unreadable(format_args!("{other:?} instead of bytes"))),
        }
    }

    /// The next so many columns, whatever they hold.
    pub(crate) fn all(&mut self, columns: usize) -> Result<Vec<SqlValue>, DatabaseError> {
        (0..columns).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> Result<SqlValue, DatabaseError> {
        self.values.next().ok_or_else(|| DatabaseError::unreadable("there are fewer columns"))
    }
}
