//! `POST /v1/models/{model}:predict`.

use std::num::NonZeroUsize;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use monitoring::{ApiError, REQUEST_ID, RequestContext, discard_body};
use prediction_record::Tags;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::path::{PredictedModel, V1Path};
use crate::app::App;
use crate::dialects::asked::{AskedData, AskedModel, AskedPayload};
use crate::dialects::members::JsonData;
use crate::dialects::number_cells::NumberCells;
use crate::dialects::refusal::{DialectRefusals, in_dialect, invalid};
use crate::dialects::told::{ToldForm, ToldOutputs};
use crate::model::Prediction;
use crate::openapi::examples;
use crate::predict::{Payload, Progress, RunRequest, TimedRequest, check_size, header_tags, parsed_room, run, within};

/// What a model is asked; one of `instances` and `inputs`. Other members are passed over.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct V1Request {
    /// A list with an element for each item: what the only input takes, or an object by the names of the inputs. A picture is
    /// `{"b64": "…"}`.
    instances: Option<Vec<Value>>,
    /// The tensor of the only input, or an object of tensors by the names of the inputs.
    inputs: Option<Value>,
}

/// What the model answers: `predictions` to `instances`, `outputs` to `inputs`.
#[derive(Serialize, ToSchema)]
pub(crate) struct V1Answer {
    /// An element for each instance: what the only output has for it, or an object by the names of the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Value>>, nullable = false)]
    predictions: Option<ToldOutputs>,
    /// The tensor of the only output, or an object of tensors by the names of the outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>, nullable = false)]
    outputs: Option<ToldOutputs>,
}

/// Predicts, as clients of TensorFlow Serving, KServe V1 and Vertex AI ask
///
/// The path's last segment ends in `:predict`.
#[utoipa::path(
    post,
    path = "/v1/models/{model}",
    operation_id = "v1Predict",
    tag = "TensorFlow Serving and KServe V1",
    params(
        ("model" = String, Path, description = "Name of the model, and `:predict`", example = "cifar10:predict"),
        (
            "x-request-timeout-ms" = Option<u64>,
            Header,
            description = "Milliseconds that the client will wait; they cover the queue, too",
            minimum = 1,
            maximum = 600000
        )
    ),
    request_body(content((V1Request = "application/json", example = examples::instances))),
    responses((status = 200, description = "The outputs", body = V1Answer), DialectRefusals)
)]
pub(crate) async fn predict(
    State(app): State<App>,
    Path(path): Path<V1Path>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let named = match path.predicted() {
        Ok(named) => named,
        Err(refusal) => {
            let (head, body) = request.into_parts();
            discard_body(&head.headers, body).await;
            return refusal.into_response();
        }
    };
    let mut progress = Progress::start(&app, context);
    let ended = match answer(&app, &mut progress, named, request).await {
        Ok((answer, predictions)) => match progress.complete(predictions).await {
            Ok(predictions) => {
                app.decoders.by_size(Prediction::text_bytes(&predictions), || Json(answer).into_response()).await
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(progress.fail(refusal).await),
    };
    let id = [(REQUEST_ID, progress.header_id())];
    match ended {
        Ok(answer) => (id, answer).into_response(),
        Err(refusal) => (id, in_dialect(refusal)).into_response(),
    }
}

async fn answer(
    app: &App,
    progress: &mut Progress,
    named: PredictedModel<'_>,
    request: Request<Body>,
) -> Result<(V1Answer, Vec<Prediction>), ApiError> {
    let TimedRequest { head, body, deadline } = TimedRequest::check(request, app.config.request_timeout()).await?;
    within(deadline, async {
        let body = monitoring::read_body(&app.room, &head.headers, body, app.config.max_body_bytes).await?;
        let _parsed = parsed_room(app, &head.headers, &body).await?;
        let decoding_since = Instant::now();
        progress.set_tags(header_tags(&head.headers)?, Tags::new())?;
        let version = progress.find_version(Some(named.model), named.version)?;
        let engine = version.engine.clone();
        let asked = AskedModel { engine: &engine, limits: app.config.row_limits(), numbers: NumberCells::Numbers };
        let AskedV1 { payload, has_items } = app.decoders.by_size(body.len(), || AskedV1::read(&body, asked)).await??;
        let request = RunRequest { version, payload, top_k: NonZeroUsize::MIN, decoding_since, deadline };
        let predictions = run(app, progress, request).await?;
        check_size(&predictions, &engine)?;
        let form = if has_items { ToldForm::Items } else { ToldForm::Columns };
        let told = || ToldOutputs::new(&engine, &predictions, form);
        let told = app.decoders.by_size(Prediction::text_bytes(&predictions), told).await??;
        let answer = match form {
            ToldForm::Items => V1Answer { predictions: Some(told), outputs: None },
            _ => V1Answer { predictions: None, outputs: Some(told) },
        };
        Ok((answer, predictions))
    })
    .await
}

/// What a request asks.
struct AskedV1 {
    payload: Payload,
    /// Whether it asks with `instances`.
    has_items: bool,
}

impl AskedV1 {
    fn read(body: &Bytes, model: AskedModel<'_>) -> Result<Self, ApiError> {
        let data = JsonData::read(body)?;
        let has_items = match &data {
            JsonData::Instances(_) => true,
            JsonData::Inputs(_) => false,
            JsonData::Split(_) | JsonData::Records(_) => {
                return Err(invalid("The JSON must have instances or inputs; frames are for POST /invocations."));
            }
        };
        let AskedPayload { payload, .. } = AskedData::Json(data).into_payload(model)?;
        Ok(Self { payload, has_items })
    }
}
