//! What is declared about the models.
//!
//! Rule of thumb: two may declare, the model's file and a person, and each replaces only its own word. A person's word
//! goes before the file's, field by field.

use std::collections::BTreeMap;

use prediction_record::ModelDeclaration;

use super::bounded_table::{BoundedTable, NewContent};
use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::session::{SqlSession, first};
use super::value::RowColumns;

/// The source of a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeclarationSource {
    /// The model.toml of the service that serves the model.
    File,
    /// `PUT /models/{name}`.
    Person,
}

impl DeclarationSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Person => "person",
        }
    }
}

/// Where they are.
const TABLE: BoundedTable = BoundedTable { name: "model_declarations", key: "source", content: "declaration" };

const UPSERT: &str = "
INSERT INTO model_declarations (model, source, declaration, recorded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (model, source) DO UPDATE SET declaration = excluded.declaration, recorded_at = excluded.recorded_at";

/// Keeps a declaration in place of the former one of the same source; says whether there was room for it. `now` is in
/// microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn put(
    transaction: &mut dyn WriteTransaction,
    model: &str,
    source: DeclarationSource,
    declaration: &ModelDeclaration,
    now: i64,
) -> Result<bool, DatabaseError> {
    let json = serde_json::to_string(declaration).map_err(|error| DatabaseError::Refused(error.to_string()))?;
    if !TABLE.make_room(transaction, &NewContent { model, key: source.as_str(), bytes: json.len(), now })? {
        return Ok(false);
    }
    transaction.execute(UPSERT, &[model.into(), source.as_str().into(), json.into(), now.into()])?;
    Ok(true)
}

/// Takes a declaration back; says whether there was one.
///
/// # Errors
/// The database's.
pub(crate) fn remove(
    transaction: &mut dyn WriteTransaction,
    model: &str,
    source: DeclarationSource,
) -> Result<bool, DatabaseError> {
    let sql = "DELETE FROM model_declarations WHERE model = $1 AND source = $2";
    Ok(transaction.execute(sql, &[model.into(), source.as_str().into()])? > 0)
}

/// What the file of a model declares; nothing where there is no declaration of one that can be read.
///
/// # Errors
/// The database's.
pub(crate) fn of_file(
    session: &mut (impl SqlSession + ?Sized),
    model: &str,
) -> Result<ModelDeclaration, DatabaseError> {
    let sql = "SELECT declaration FROM model_declarations WHERE model = $1 AND source = $2";
    let values = [model.into(), DeclarationSource::File.as_str().into()];
    let json = first(session, sql, &values, RowColumns::text)?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default())
}

/// What holds of each model about which something is declared; where `model` is given, of that one only. A declaration
/// that cannot be read is left out, and logged.
///
/// # Errors
/// The database's.
pub(crate) fn effective(
    session: &mut (impl SqlSession + ?Sized),
    model: Option<&str>,
) -> Result<BTreeMap<String, ModelDeclaration>, DatabaseError> {
    let (condition, values) = match model {
        Some(model) => (" WHERE model = $1", vec![model.into()]),
        None => ("", Vec::new()),
    };
    // The file comes first, and the person's word is laid over it.
    let sql = format!("SELECT model, declaration FROM model_declarations{condition} ORDER BY model, source");
    let mut declared = BTreeMap::<String, ModelDeclaration>::new();
    session.query(&sql, &values, &mut |mut columns| {
        let (model, json) = (columns.text()?, columns.text()?);
        match serde_json::from_str::<ModelDeclaration>(&json) {
            Ok(declaration) => {
                let beneath = declared.remove(&model).unwrap_or_default();
                declared.insert(model, declaration.over(beneath));
            }
            Err(problem) => tracing::error!(%problem, model, "model_declaration_unreadable"),
        }
        Ok(())
    })?;
    Ok(declared)
}
