//! `/drift/reference`: the profiles that windows are compared with.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::parameters::parse_query;
use crate::analysis::{PROFILE_SCHEMA_VERSION, ReferenceProfile};
use crate::app::App;
use crate::ingest::body::ReceivedBody;
use crate::openapi::examples;
use crate::openapi::refusal_sets::{IngestRefusals, QueryRefusals, RemovalRefusals};
use crate::refusal::refusal;
use crate::store::bounded_table::NO_ROOM;
use crate::store::exact_windows::{self, ExactWindow};
use crate::store::references::{self, ReferencePut};
use crate::store::time::{CLOCK_TOLERANCE, TimeRange, ceil_microseconds, floor_microseconds, from_microseconds};
use crate::store::{SqlSession, WriteTransaction};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReferencesQuery {
    /// Name of the model; all if it is left out.
    model: Option<String>,
}

/// The references of one model or of all models.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReferenceList {
    references: Vec<ReferenceProfile>,
}

/// The references, of one model or of all
#[utoipa::path(
    get,
    path = "/drift/reference",
    operation_id = "references",
    tag = "drift and quality",
    params(ReferencesQuery),
    responses((status = 200, description = "The references", body = ReferenceList), QueryRefusals)
)]
pub(crate) async fn references(State(app): State<App>, uri: Uri) -> Result<Json<ReferenceList>, ApiError> {
    let ReferencesQuery { model } = parse_query(&uri)?;
    let references =
        app.store.read(move |session| references::all(session, model.as_deref())).await.map_err(refusal)?;
    Ok(Json(ReferenceList { references }))
}

/// Whether a profile became the reference of its model's file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReferenceStored {
    /// Name of the model.
    model: String,
    /// SHA-256 of the model's file.
    #[schema(required)]
    model_sha256: Option<String>,
    /// False where a newer one was there.
    stored: bool,
}

/// Takes a finished profile, unless there is a newer one
///
/// Sent again, it changes nothing.
#[utoipa::path(
    put,
    path = "/drift/reference",
    operation_id = "putReference",
    tag = "drift and quality",
    request_body(content = ReferenceProfile, example = examples::profile),
    responses((status = 200, description = "Whether it was stored", body = ReferenceStored), IngestRefusals)
)]
pub(crate) async fn put_reference(
    State(app): State<App>,
    request: Request<Body>,
) -> Result<Json<ReferenceStored>, ApiError> {
    let profile: ReferenceProfile = ReceivedBody::receive(&app, request).await?.json()?;
    profile
        .validate()
        .map_err(|problem| ApiError::new(ErrorCode::InvalidInput, format!("The profile is refused: {problem}.")))?;
    // Every profile that is made until then would count as older, and be turned away.
    if profile.created_at > Timestamp::now() + CLOCK_TOLERANCE {
        let sentence = "The profile is refused: created_at lies in the future.";
        return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
    }
    let stored = store_reference(&app, profile.clone()).await? == ReferencePut::Stored;
    Ok(Json(ReferenceStored { model: profile.model, model_sha256: profile.model_sha256, stored }))
}

/// A range whose predictions are to be the reference.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReferenceRange {
    /// Name of the model.
    model: String,
    /// SHA-256 of the model's file; of the one that is in service at the end of the range if it is left out.
    model_sha256: Option<String>,
    /// The beginning of the range.
    #[serde(default, deserialize_with = "prediction_record::optional_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The end of the range; now if it is left out.
    #[serde(default, deserialize_with = "prediction_record::optional_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Makes a reference of a range of time, and answers with it
///
/// The range must hold enough predictions of the model.
#[utoipa::path(
    post,
    path = "/drift/reference",
    operation_id = "takeReference",
    tag = "drift and quality",
    request_body(content = ReferenceRange, example = examples::range),
    responses((status = 200, description = "The reference", body = ReferenceProfile), IngestRefusals)
)]
pub(crate) async fn take_reference(
    State(app): State<App>,
    request: Request<Body>,
) -> Result<Json<ReferenceProfile>, ApiError> {
    let asked: ReferenceRange = ReceivedBody::receive(&app, request).await?.json()?;
    let profile = asked.profile(&app).await?;
    profile.validate().map_err(|problem| {
        ApiError::new(ErrorCode::InvalidInput, format!("This range can be no reference: {problem}."))
    })?;
    if store_reference(&app, profile.clone()).await? == ReferencePut::Older {
        let sentence = "There is a reference already whose created_at is later than now.";
        return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
    }
    Ok(Json(profile))
}

impl ReferenceRange {
    /// Makes a profile of the predictions in the range.
    async fn profile(self, app: &App) -> Result<ReferenceProfile, ApiError> {
        let Self { model, model_sha256, since, until } = self;
        let now = Timestamp::now();
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let sentence =
                format!("The range cannot be read: since ({since}) lies after until ({until}); exchange them.");
            return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
        }
        let range = TimeRange {
            since: since.map_or(i64::MIN, ceil_microseconds),
            until: ceil_microseconds(until.unwrap_or(now)),
        };
        let read = move |session: &mut dyn SqlSession| exact_windows::of_range(session, Some(&model), range);
        let sums = app.store.read(read).await.map_err(refusal)?;
        let is_asked =
            |sum: &ExactWindow| model_sha256.as_ref().is_none_or(|digest| *digest == sum.window.model_sha256);
        // Without a digest, the file that is in service is meant.
        let in_service = sums.files.into_iter().filter(is_asked).max_by(|a, b| a.window.usage.compare(&b.window.usage));
        let Some(ExactWindow { window: sum, range }) = in_service else {
            let sentence = "There are no predictions of this model in this range.";
            return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
        };
        Ok(ReferenceProfile {
            schema_version: PROFILE_SCHEMA_VERSION,
            model: sum.model,
            model_sha256: Some(sum.model_sha256).filter(|digest| !digest.is_empty()),
            created_at: now,
            since: since.map(|_| from_microseconds(range.since)),
            until: Some(from_microseconds(range.until)),
            counts: sum.counts,
            correlations: None,
        })
    }
}

/// Which references are taken back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemovedReferences {
    /// SHA-256 of the model's file; the references of all its files if it is left out.
    model_sha256: Option<String>,
}

/// How many references were taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReferencesRemoved {
    removed: u64,
}

/// Takes the references of a model back
///
/// A model that is served brings its profile again at the next start of its service.
#[utoipa::path(
    delete,
    path = "/drift/reference/{model}",
    operation_id = "deleteReference",
    tag = "drift and quality",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10"), RemovedReferences),
    responses((status = 200, description = "How many there were", body = ReferencesRemoved), RemovalRefusals)
)]
pub(crate) async fn delete_reference(
    State(app): State<App>,
    Path(model): Path<String>,
    uri: Uri,
) -> Result<Json<ReferencesRemoved>, ApiError> {
    let RemovedReferences { model_sha256 } = parse_query(&uri)?;
    let asked = model.clone();
    let write = move |tx: &mut dyn WriteTransaction| references::remove(tx, &asked, model_sha256.as_deref());
    let removed = app.store.write(0, write).await.map_err(refusal)?;
    info!(model, removed, "reference_profiles_removed");
    Ok(Json(ReferencesRemoved { removed }))
}

/// Stores a profile unless the kept one is newer.
async fn store_reference(app: &App, profile: ReferenceProfile) -> Result<ReferencePut, ApiError> {
    let now = floor_microseconds(Timestamp::now());
    let (model, samples) = (profile.model.clone(), profile.counts.predictions);
    let put = app.store.write(0, move |tx| references::put(tx, &profile, now)).await.map_err(refusal)?;
    match put {
        ReferencePut::Stored => info!(model, samples, "reference_profile_stored"),
        ReferencePut::Older => info!(model, samples, "reference_profile_older_than_the_kept_one"),
        ReferencePut::NoRoom => return Err(ApiError::new(ErrorCode::InvalidInput, NO_ROOM)),
    }
    Ok(put)
}
