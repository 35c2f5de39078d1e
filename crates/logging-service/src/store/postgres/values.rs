//! Values as the server wants them, and back.
//!
//! Rule of thumb: the server says what type a placeholder has; whatever fits is converted, and nothing is rounded.

use postgres::Row;
use postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::session::{Columns, DatabaseError, Value};
use super::failed;

/// A value for a placeholder of this type.
///
/// # Errors
/// [`DatabaseError::Refused`] where it does not fit.
pub(super) fn parameter(value: &Value, kind: &Type) -> Result<Box<dyn ToSql + Sync>, DatabaseError> {
    let unfit = || DatabaseError::Refused(format!("{value:?} does not fit into {kind}"));
    Ok(match (kind.clone(), value) {
        (Type::INT8, _) => Box::new(integer(value, unfit)?),
        (Type::INT4, _) => Box::new(integer(value, unfit)?.map(i32::try_from).transpose().map_err(|_| unfit())?),
        (Type::INT2, _) => Box::new(integer(value, unfit)?.map(i16::try_from).transpose().map_err(|_| unfit())?),
        (Type::FLOAT8, Value::Null) => Box::new(None::<f64>),
        (Type::FLOAT8, Value::Real(value)) => Box::new(*value),
        (Type::FLOAT8, Value::Integer(value)) => Box::new(*value as f64),
        (Type::TEXT | Type::VARCHAR, Value::Null) => Box::new(None::<String>),
        (Type::TEXT | Type::VARCHAR, Value::Text(value)) => Box::new(value.clone()),
        (Type::BYTEA, Value::Null) => Box::new(None::<Vec<u8>>),
        (Type::BYTEA, Value::Blob(value)) => Box::new(value.clone()),
        (Type::UUID, Value::Null) => Box::new(None::<Uuid>),
        (Type::UUID, Value::Blob(value)) => Box::new(Uuid::from_slice(value).map_err(|_| unfit())?),
        _ => return Err(unfit()),
    })
}

/// The columns of a row.
///
/// # Errors
/// [`DatabaseError::Failed`] for types that the store has no use for.
pub(super) fn columns(row: &Row) -> Result<Columns, DatabaseError> {
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
    row.columns().iter().enumerate().map(value).collect::<Result<_, _>>().map(Columns::new)
}

fn integer(value: &Value, unfit: impl Fn() -> DatabaseError) -> Result<Option<i64>, DatabaseError> {
    match value {
        Value::Null => Ok(None),
        Value::Integer(value) => Ok(Some(*value)),
        _ => Err(unfit()),
    }
}
