//! `/models`: what is declared about the models.
//!
//! Rule of thumb: the file of a served model and a person each replace their own declaration as a whole; an answer shows
//! what holds of both.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::ModelDeclaration;
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::contradiction::contradiction;
use super::parameters::parse_query;
use crate::app::App;
use crate::ingest::body::ReceivedBody;
use crate::openapi::examples;
use crate::openapi::refusal_sets::{IngestRefusals, LookupRefusals, QueryRefusals, RemovalRefusals};
use crate::refusal::refusal;
use crate::store::bounded_table::NO_ROOM;
use crate::store::declarations::{self, DeclarationSource};
use crate::store::time::floor_microseconds;

/// The source of a declaration.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Declarer {
    /// The file of the model, sent by the service that serves it.
    File,
    /// A person, whose word goes before the file's.
    #[default]
    Person,
}

impl From<Declarer> for DeclarationSource {
    fn from(declarer: Declarer) -> Self {
        match declarer {
            Declarer::File => Self::File,
            Declarer::Person => Self::Person,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeclarationQuery {
    /// The source of the declaration; `person` if it is left out.
    #[serde(default)]
    #[param(inline)]
    source: Declarer,
}

/// What is declared about each model.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeclaredModels {
    models: BTreeMap<String, ModelDeclaration>,
}

/// What is declared about each model
#[utoipa::path(
    get,
    path = "/models",
    operation_id = "models",
    tag = "models",
    responses((status = 200, description = "The models about which something is declared", body = DeclaredModels), QueryRefusals)
)]
pub(crate) async fn models(State(app): State<App>) -> Result<Json<DeclaredModels>, ApiError> {
    let models = app.store.read(|session| declarations::effective(session, None)).await.map_err(refusal)?;
    Ok(Json(DeclaredModels { models }))
}

/// What is declared about a model
#[utoipa::path(
    get,
    path = "/models/{model}",
    operation_id = "model",
    tag = "models",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "What holds of it", body = ModelDeclaration), LookupRefusals)
)]
pub(crate) async fn model(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<ModelDeclaration>, ApiError> {
    let shown: String = name.chars().take(prediction_record::MAX_NAME_CHARS).collect();
    declared(&app, name).await?.map(Json).ok_or_else(|| {
        let sentence = format!("Nothing is declared about a model {shown:?}; PUT /models/NAME does it.");
        ApiError::new(ErrorCode::NotFound, sentence)
    })
}

/// Declares what a model is
///
/// Task, classes, features, segments, thresholds, owner and mute of a model; replaces the earlier declaration of the same
/// source as a whole. Answers with what holds of the file and the person together.
#[utoipa::path(
    put,
    path = "/models/{model}",
    operation_id = "putModel",
    tag = "models",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10"), DeclarationQuery),
    request_body(content = ModelDeclaration, example = examples::declaration),
    responses((status = 200, description = "What holds of it now", body = ModelDeclaration), IngestRefusals)
)]
pub(crate) async fn put_model(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    request: Request<Body>,
) -> Result<Json<ModelDeclaration>, ApiError> {
    let DeclarationQuery { source } = parse_query(&uri)?;
    prediction_record::validate_model_name(&name).map_err(unfit)?;
    let declaration: ModelDeclaration = ReceivedBody::receive(&app, request).await?.json()?;
    declaration.validate().map_err(unfit)?;
    let now = Timestamp::now();
    let model = name.clone();
    let write = move |tx: &mut dyn crate::store::WriteTransaction| {
        if DeclarationSource::from(source) == DeclarationSource::Person {
            let file = declarations::of_file(tx, &model)?;
            if let Some(problem) = contradiction(&declaration, &declaration.clone().over(file), now) {
                return Ok(Err(problem));
            }
        }
        declarations::put(tx, &model, source.into(), &declaration, floor_microseconds(now)).map(Ok)
    };
    if !app.store.write(0, write).await.map_err(refusal)?.map_err(unfit)? {
        return Err(ApiError::new(ErrorCode::InvalidInput, NO_ROOM));
    }
    app.store.follow_declarations().await.map_err(refusal)?;
    info!(model = name, ?source, "model_declared");
    Ok(Json(declared(&app, name).await?.unwrap_or_default()))
}

/// Takes back what a person has declared about a model
///
/// The file's declaration stays, and is the answer; it is empty where there is none.
#[utoipa::path(
    delete,
    path = "/models/{model}",
    operation_id = "deleteModel",
    tag = "models",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10"), DeclarationQuery),
    responses((status = 200, description = "What holds of it now", body = ModelDeclaration), RemovalRefusals)
)]
pub(crate) async fn delete_model(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<ModelDeclaration>, ApiError> {
    let DeclarationQuery { source } = parse_query(&uri)?;
    let model = name.clone();
    let write = move |tx: &mut dyn crate::store::WriteTransaction| declarations::remove(tx, &model, source.into());
    if app.store.write(0, write).await.map_err(refusal)? {
        app.store.follow_declarations().await.map_err(refusal)?;
        info!(model = name, ?source, "model_declaration_removed");
    }
    Ok(Json(declared(&app, name).await?.unwrap_or_default()))
}

/// What holds of a model; `None` where nothing is declared about it.
async fn declared(app: &App, name: String) -> Result<Option<ModelDeclaration>, ApiError> {
    let asked = name.clone();
    let found = app.store.read(move |session| declarations::effective(session, Some(&asked))).await;
    Ok(found.map_err(refusal)?.remove(&name))
}

fn unfit(problem: prediction_record::InvalidRecord) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, format!("The declaration is refused: {problem}."))
        .detail("field", problem.field)
}
