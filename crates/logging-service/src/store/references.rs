//! What the predictions of a model's file looked like when all was well.
//!
//! Rule of thumb: a reference belongs to a file by its SHA-256. One without a SHA-256 belongs to the model's name, and
//! serves the files that have none of their own.

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::session::SqlSession;
use crate::analysis::ReferenceProfile;

const UPSERT: &str = "
INSERT INTO reference_profiles (model, model_sha256, profile, recorded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (model, model_sha256) DO UPDATE SET profile = excluded.profile, recorded_at = excluded.recorded_at";

/// Keeps a profile, in place of an earlier one of the same file; says whether it did. `now` is in microseconds since
/// 1970.
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
) -> Result<bool, DatabaseError> {
    let sha256 = profile.model_sha256.clone().unwrap_or_default();
    let kept = all(transaction, Some(&profile.model))?;
    if kept.iter().any(|kept| kept.model_sha256 == profile.model_sha256 && kept.created_at > profile.created_at) {
        return Ok(false);
    }
    let json = serde_json::to_string(profile).map_err(|error| DatabaseError::Refused(error.to_string()))?;
    transaction.execute(UPSERT, &[profile.model.as_str().into(), sha256.into(), json.into(), now.into()])?;
    Ok(true)
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
    Ok(profiles)
}

/// The profile of a model's file, or else of its name.
pub(crate) fn of<'a>(profiles: &'a [ReferenceProfile], model: &str, sha256: &str) -> Option<&'a ReferenceProfile> {
    let of_file = |digest: &str| {
        profiles.iter().find(|p| p.model == model && p.model_sha256.as_deref().unwrap_or_default() == digest)
    };
    of_file(sha256).or_else(|| of_file(""))
}
