//! What the predictions of a model's file looked like when all was well.
//!
//! Rule of thumb: a reference belongs to a file by its SHA-256; one without belongs to the name alone, and serves the
//! files that have none of their own.

use super::engine::Transaction;
use super::session::{DatabaseError, Session, rows};
use crate::analysis::ReferenceProfile;

const UPSERT: &str = "
INSERT INTO reference_profiles (model, model_sha256, profile, recorded_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (model, model_sha256) DO UPDATE SET profile = excluded.profile, recorded_at = excluded.recorded_at";

/// Keeps a profile, in place of an earlier one of the same file; says whether it did. `now` is in microseconds since
/// 1970. A newer one stays: what somebody took from production outlives the shipped profile, which comes again at each
/// start of a service.
///
/// # Errors
/// The database's.
pub(crate) fn put(tx: &mut dyn Transaction, profile: &ReferenceProfile, now: i64) -> Result<bool, DatabaseError> {
    let sha256 = profile.model_sha256.clone().unwrap_or_default();
    let kept = all(tx, Some(&profile.model))?;
    if kept.iter().any(|kept| kept.model_sha256 == profile.model_sha256 && kept.created_at > profile.created_at) {
        return Ok(false);
    }
    let json = serde_json::to_string(profile).map_err(|error| DatabaseError::Refused(error.to_string()))?;
    tx.execute(UPSERT, &[profile.model.as_str().into(), sha256.into(), json.into(), now.into()])?;
    Ok(true)
}

/// The profiles, of one model only where `model` says so. One that cannot be read is left out, and logged.
///
/// # Errors
/// The database's.
pub(crate) fn all(
    session: &mut (impl Session + ?Sized),
    model: Option<&str>,
) -> Result<Vec<ReferenceProfile>, DatabaseError> {
    let (condition, values) = match model {
        Some(model) => (" WHERE model = $1", vec![model.into()]),
        None => ("", Vec::new()),
    };
    let sql = format!("SELECT model, profile FROM reference_profiles{condition} ORDER BY model, model_sha256");
    let found = rows(session, &sql, &values, |columns| Ok((columns.text()?, columns.text()?)))?;
    let profile = |(model, json): (String, String)| match serde_json::from_str(&json) {
        Ok(profile) => Some(profile),
        Err(problem) => {
            tracing::error!(%problem, model, "reference_profile_unreadable");
            None
        }
    };
    Ok(found.into_iter().filter_map(profile).collect())
}

/// The profile of a model's file, or that of its name.
pub(crate) fn of<'a>(profiles: &'a [ReferenceProfile], model: &str, sha256: &str) -> Option<&'a ReferenceProfile> {
    let of_file = |digest: &str| {
        profiles.iter().find(|p| p.model == model && p.model_sha256.as_deref().unwrap_or_default() == digest)
    };
    of_file(sha256).or_else(|| of_file(""))
}
