//! Values in the types of the server, and back.
//!
//! Rule of thumb: a value says what type its placeholder has. Nothing is rounded.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::error::DatabaseError;
use super::super::value::{RowColumns, SqlValue};
use super::error::failed;

/// A value on its way to the server, and its type.
pub(super) type SqlParameter = (Box<dyn ToSql + Sync>, Type);

/// A value for a placeholder, and the type that it gives the placeholder.
///
/// # Errors
/// [`DatabaseError::Refused`] for an event id that is none.
pub(super) fn parameter(value: &SqlValue) -> Result<SqlParameter, DatabaseError> {
    Ok(match value {
        // The server finds out what is missing.
        SqlValue::Null => (Box::new(None::<String>), Type::UNKNOWN),
        SqlValue::Integer(value) => (Box::new(*value), Type::INT8),
        SqlValue::Real(value) => (Box::new(*value), Type::FLOAT8),
        SqlValue::Text(value) => (Box::new(value.clone()), Type::TEXT),
        // Of all columns, only event ids are no numbers and no text.
        SqlValue::Blob(value) => {
            let id = Uuid::from_slice(value).map_err(|error| DatabaseError::Refused(error.to_string()))?;
            (Box::new(id), Type::UUID)
        }
    })
}

/// The columns of a row.
///
/// # Errors
/// [`DatabaseError::Failed`] for types that the store does not use.
pub(super) fn columns(row: &Row) -> Result<RowColumns, DatabaseError> {
    let value = |(index, column): (usize, &tokio_postgres::Column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map_err(failed)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(index).map_err(failed)?.map(i64::from).into(),
            Type::INT2 => row.try_get::<_, Option<i16>>(index).map_err(failed)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(index).map_err(failed)?.into(),
            Type::FLOAT8 => row.try_get::<_, Option<f64>>(index).map_err(failed)?.into(),
            Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(index).map_err(failed)?.into(),
            Type::BYTEA => row.try_get::<_, Option<&[u8]>>(index).map_err(failed)?.into(),
            Type::UUID => {
                let id = row.try_get::<_, Option<Uuid>>(index).map_err(failed)?;
                id.as_ref().map(|id| id.as_bytes().as_slice()).into()
            }
            ref other => return Err(DatabaseError::unreadable(format_args!("a column of type {other}"))),
        })
    };
    row.columns().iter().enumerate().map(value).collect::<Result<_, _>>().map(RowColumns::new)
}
