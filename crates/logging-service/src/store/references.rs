//! What the predictions of a model's file looked like when all was well.
//!
//! Rule of thumb: a reference belongs to a file by its SHA-256. One without a SHA-256 belongs to the model's name, and
//! serves the files that have none of their own.

use super::bounded_table::{BoundedTable, NewContent};
use super::declarations;
use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::session::SqlSession;
use crate::analysis::ReferenceProfile;

/// Where they are.
const TABLE: BoundedTable = BoundedTable { name: "reference_profiles", key: "model_sha256", content: "profile" };

/// What became of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferencePut {
    /// It is the reference of its file.
    Stored,
    /// A newer one is there.
    Older,
    /// It is too large, or others take all there is.
    NoRoom,
}

const UPSERT: &str = "
INSERT INTO reference_profiles (model, model_sha256, profile, recorded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (model, model_sha256) DO UPDATE SET profile = excluded.profile, recorded_at = excluded.recorded_at";

/// Keeps a profile, in place of an earlier one of the same file. `now` is in microseconds since 1970.
///
/// A newer profile stays: what was taken from production outlives the shipped profile, which comes again whenever an
/// inference service starts.
///
/// # Errors
/// The database's.
pub(crate) fn put(
    transaction: &mut dyn WriteTransaction,
    profile: &ReferenceProfile,
    now: i64,
) -> Result<ReferencePut, DatabaseError> {
    let sha256 = profile.model_sha256.clone().unwrap_or_default();
    let kept = all(transaction, Some(&profile.model))?;
    if kept.iter().any(|kept| kept.model_sha256 == profile.model_sha256 && kept.created_at > profile.created_at) {
        return Ok(ReferencePut::Older);
    }
    let mut profile = profile.clone();
    coarsen(transaction, std::slice::from_mut(&mut profile))?;
    let json = serde_json::to_string(&profile).map_err(|error| DatabaseError::Refused(error.to_string()))?;
    if !TABLE.make_room(transaction, &NewContent { model: &profile.model, key: &sha256, bytes: json.len(), now })? {
        return Ok(ReferencePut::NoRoom);
    }
    transaction.execute(UPSERT, &[profile.model.as_str().into(), sha256.into(), json.into(), now.into()])?;
    Ok(ReferencePut::Stored)
}

/// Takes the references of a model back, where `sha256` is given the one of that file alone; says how many there were.
///
/// # Errors
/// The database's.
pub(crate) fn remove(
    transaction: &mut dyn WriteTransaction,
    model: &str,
    sha256: Option<&str>,
) -> Result<u64, DatabaseError> {
    let mut values = vec![model.into()];
    values.extend(sha256.map(Into::into));
    let of_file = if sha256.is_some() { " AND model_sha256 = $2" } else { "" };
    let removed = transaction.execute(&format!("DELETE FROM reference_profiles WHERE model = $1{of_file}"), &values)?;
    Ok(removed as u64)
}

/// The profiles; where `model` is given, of that model only. A profile that cannot be read is left out, and logged.
///
/// # Errors
/// The database's.
pub(crate) fn all(
    session: &mut (impl SqlSession + ?Sized),
    model: Option<&str>,
) -> Result<Vec<ReferenceProfile>, DatabaseError> {
    let (condition, values) = match model {
        Some(model) => (" WHERE model = $1", vec![model.into()]),
        None => ("", Vec::new()),
    };
    let sql = format!("SELECT model, profile FROM reference_profiles{condition} ORDER BY model, model_sha256");
    let mut profiles = Vec::new();
    session.query(&sql, &values, &mut |mut columns| {
        let (model, json) = (columns.text()?, columns.text()?);
        match serde_json::from_str(&json) {
            Ok(profile) => profiles.push(profile),
            Err(problem) => tracing::error!(%problem, model, "reference_profile_unreadable"),
        }
        Ok(())
    })?;
    coarsen(session, &mut profiles)?;
    Ok(profiles)
}

/// Leaves of features that may not be kept only what may be told of them: whoever made a profile need not have known of
/// it, and it may have been declared later.
fn coarsen(session: &mut (impl SqlSession + ?Sized), profiles: &mut [ReferenceProfile]) -> Result<(), DatabaseError> {
    let model = profiles.first().map(|first| first.model.clone());
    let Some(model) = model else { return Ok(()) };
    let is_one = profiles.iter().all(|profile| profile.model == model);
    let declared = declarations::effective(session, Some(model.as_str()).filter(|_| is_one))?;
    for profile in profiles {
        if let Some(declaration) = declared.get(&profile.model) {
            profile.counts.coarsen(&declaration.features);
        }
    }
    Ok(())
}

/// The profile of a model's file, or else of its name.
pub(crate) fn of<'a>(profiles: &'a [ReferenceProfile], model: &str, sha256: &str) -> Option<&'a ReferenceProfile> {
    let of_file = |digest: &str| {
        profiles.iter().find(|p| p.model == model && p.model_sha256.as_deref().unwrap_or_default() == digest)
    };
    of_file(sha256).or_else(|| of_file(""))
}
