//! Values in the types of the server, and back.
//!
//! Rule of thumb: the server says what type a placeholder has. A value that fits is converted; nothing is rounded.

use postgres::Row;
use postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::error::DatabaseError;
use super::super::value::{RowColumns, SqlValue};
use super::error::failed;

/// A value for a placeholder of this type.
///
/// # Errors
/// [`DatabaseError::Refused`] where it does not fit.
pub(super) fn parameter(value: &SqlValue, kind: &Type) -> Result<Box<dyn ToSql + Sync>, DatabaseError> {
    let unfit = || DatabaseError::Refused(format!("{value:?} does not fit into {kind}"));
    Ok(match (kind.clone(), value) {
        (Type::INT8, _) => Box::new(integer(value, unfit)?),
        (Type::INT4, _) => Box::new(integer(value, unfit)?.map(i32::try_from).transpose().map_err(|_| unfit())?),
        (Type::INT2, _) => Box::new(integer(value, unfit)?.map(i16::try_from).transpose().map_err(|_| unfit())?),
        (Type::FLOAT8, SqlValue::Null) => Box::new(None::<f64>),
        (Type::FLOAT8, SqlValue::Real(value)) => Box::new(*value),
        (Type::FLOAT8, SqlValue::Integer(value)) => Box::new(*value as f64),
        (Type::TEXT | Type::VARCHAR, SqlValue::Null) => Box::new(None::<String>),
        (Type::TEXT | Type::VARCHAR, SqlValue::Text(value)) => Box::new(value.clone()),
        (Type::BYTEA, SqlValue::Null) => Box::new(None::<Vec<u8>>),
        (Type::BYTEA, SqlValue::Blob(value)) => Box::new(value.clone()),
        (Type::UUID, SqlValue::Null) => Box::new(None::<Uuid>),
        (Type::UUID, SqlValue::Blob(value)) => Box::new(Uuid::from_slice(value).map_err(|_| unfit())?),
        _ => return Err(unfit()),
    })
}

/// The columns of a row.
///
/// # Errors
/// [`DatabaseError::Failed`] for types that the store does not use.
pub(super) fn columns(row: &Row) -> Result<RowColumns, DatabaseError> {
    let value = |(index, column): (usize, &postgres::Column)| {
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

fn integer(value: &SqlValue, unfit: impl Fn() -> DatabaseError) -> Result<Option<i64>, DatabaseError> {
    match value {
        SqlValue::Null => Ok(None),
        SqlValue::Integer(value) => Ok(Some(*value)),
        _ => Err(unfit()),
    }
}
