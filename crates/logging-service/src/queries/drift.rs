//! `GET /drift`, `GET /quality`, and the references that windows are compared with.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Uri;
use jiff::{SignedDuration, Timestamp};
use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::parameters::{Span, query};
use crate::analysis::{PROFILE_SCHEMA_VERSION, ReferenceProfile};
use crate::app::App;
use crate::evaluation::{Evaluation, evaluate};
use crate::ingest;
use crate::openapi::{Asking, Telling};
use crate::refusal::refusal;
use crate::store::references;
use crate::store::row::{floor_microseconds, from_microseconds};
use crate::store::windows::{self, ModelWindow};

/// By how much the clock of whoever made a profile may be ahead.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// How far each model's input and answers lie from its reference
///
/// Each statistic stands beside the value that noise alone would reach.
#[utoipa::path(
    get,
    path = "/drift",
    operation_id = "drift",
    tag = "drift and quality",
    params(Span),
    responses((status = 200, description = "The models", body = ref("#/components/schemas/Evaluations")), Asking)
)]
pub(crate) async fn drift(State(app): State<App>, uri: Uri) -> Result<Json<Value>, ApiError> {
    let mut found = evaluations(&app, &uri).await?;
    found.iter_mut().for_each(|evaluation| evaluation.quality = None);
    Ok(Json(json!({ "models": found })))
}

/// How often each model was right, by the true labels
#[utoipa::path(
    get,
    path = "/quality",
    operation_id = "quality",
    tag = "drift and quality",
    params(Span),
    responses((status = 200, description = "The models", body = ref("#/components/schemas/Evaluations")), Asking)
)]
pub(crate) async fn quality(State(app): State<App>, uri: Uri) -> Result<Json<Value>, ApiError> {
    let mut found = evaluations(&app, &uri).await?;
    found.iter_mut().for_each(|evaluation| evaluation.drift = None);
    Ok(Json(json!({ "models": found })))
}

async fn evaluations(app: &App, uri: &Uri) -> Result<Vec<Evaluation>, ApiError> {
    let span: Span = query(uri)?;
    let range = span.range()?;
    let read = move |session: &mut dyn crate::store::Session| {
        let profiles = references::all(session, span.model.as_deref())?;
        let sums = windows::sums(session, span.model.as_deref(), range)?;
        Ok(evaluate(&sums, &profiles, range))
    };
    app.store.read(read).await.map_err(refusal)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfModel {
    /// Name of the model; all if it is left out.
    model: Option<String>,
}

/// The references, of one model or of all
#[utoipa::path(
    get,
    path = "/drift/reference",
    operation_id = "references",
    tag = "drift and quality",
    params(OfModel),
    responses((status = 200, description = "The references", body = ref("#/components/schemas/References")), Asking)
)]
pub(crate) async fn references(State(app): State<App>, uri: Uri) -> Result<Json<Value>, ApiError> {
    let OfModel { model } = query(&uri)?;
    let found = app.store.read(move |session| references::all(session, model.as_deref())).await.map_err(refusal)?;
    Ok(Json(json!({ "references": found })))
}

/// Takes a finished profile, unless there is a newer one
///
/// Sent again, it changes nothing.
#[utoipa::path(
    put,
    path = "/drift/reference",
    operation_id = "putReference",
    tag = "drift and quality",
    request_body(content = ReferenceProfile, example = crate::openapi::examples::profile),
    responses(
        (status = 200, description = "Whether it was stored", body = ref("#/components/schemas/ReferenceStored")),
        Telling
    )
)]
pub(crate) async fn put_reference(State(app): State<App>, request: Request<Body>) -> Result<Json<Value>, ApiError> {
    let profile: ReferenceProfile = json_body(&app, request).await?;
    profile
        .validate()
        .map_err(|problem| ApiError::new(ErrorCode::InvalidInput, format!("The profile is refused: {problem}.")))?;
    // It would make every later one an older one.
    if profile.created_at > Timestamp::now() + CLOCKS_DIFFER {
        let sentence = "The profile is refused: created_at lies in the future.";
        return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
    }
    let (model, model_sha256) = (profile.model.clone(), profile.model_sha256.clone());
    let stored = keep(&app, profile).await?;
    Ok(Json(json!({ "model": model, "model_sha256": model_sha256, "stored": stored })))
}

/// A range whose predictions are how they should be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Range {
    /// Name of the model.
    model: String,
    /// SHA-256 of the model's file; of the one that was used last if it is left out.
    model_sha256: Option<String>,
    /// The beginning of the range.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The end of the range; now if it is left out.
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
    request_body(content = Range, example = crate::openapi::examples::range),
    responses((status = 200, description = "The reference", body = ReferenceProfile), Telling)
)]
pub(crate) async fn take_reference(
    State(app): State<App>,
    request: Request<Body>,
) -> Result<Json<ReferenceProfile>, ApiError> {
    let Range { model, model_sha256, since, until } = json_body(&app, request).await?;
    let now = Timestamp::now();
    let range = (since.map_or(i64::MIN, floor_microseconds), floor_microseconds(until.unwrap_or(now)));
    let sums = app.store.read(move |session| windows::sums(session, Some(&model), range)).await.map_err(refusal)?;
    let is_asked = |sum: &ModelWindow| model_sha256.as_ref().is_none_or(|digest| *digest == sum.model_sha256);
    // Without a digest, the file that was used last.
    let Some(sum) = sums.into_iter().filter(is_asked).max_by_key(|sum| sum.latest) else {
        let sentence = "There are no predictions of this model in this range.";
        return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
    };
    let profile = ReferenceProfile {
        schema_version: PROFILE_SCHEMA_VERSION,
        model: sum.model,
        model_sha256: Some(sum.model_sha256).filter(|digest| !digest.is_empty()),
        created_at: now,
        since,
        until: Some(until.unwrap_or_else(|| from_microseconds(range.1))),
        counts: sum.counts,
    };
    profile.validate().map_err(|problem| {
        ApiError::new(ErrorCode::InvalidInput, format!("This range can be no reference: {problem}."))
    })?;
    if !keep(&app, profile.clone()).await? {
        let sentence = "There is a reference already whose created_at is later than now.";
        return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
    }
    Ok(Json(profile))
}

async fn keep(app: &App, profile: ReferenceProfile) -> Result<bool, ApiError> {
    let now = floor_microseconds(Timestamp::now());
    let (model, samples) = (profile.model.clone(), profile.counts.predictions);
    let stored = app.store.write(0, move |tx| references::put(tx, &profile, now)).await.map_err(refusal)?;
    if stored {
        info!(model, samples, "reference_profile_stored");
    } else {
        info!(model, samples, "reference_profile_older_than_the_kept_one");
    }
    Ok(stored)
}

async fn json_body<T: serde::de::DeserializeOwned>(app: &App, request: Request<Body>) -> Result<T, ApiError> {
    let (headers, body) = ingest::body(app, request).await?;
    if monitoring::media_type(&headers) != "application/json" {
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, "Send application/json."));
    }
    serde_json::from_slice(&body).map_err(|problem| {
        let code = if problem.is_data() { ErrorCode::InvalidInput } else { ErrorCode::InvalidRequest };
        ApiError::new(code, format!("The JSON cannot be read: {problem}."))
    })
}
