//! `POST /invocations`.

use std::num::NonZeroUsize;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use monitoring::{ApiError, REQUEST_ID, RequestContext};
use prediction_record::Tags;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error_codes::as_mlflow;
use super::form::form_of;
use super::kind;
use super::target::InvokedModel;
use crate::app::App;
use crate::dialects::asked::{AskedModel, AskedPayload};
use crate::dialects::number_cells::NumberCells;
use crate::dialects::refusal::DialectRefusals;
use crate::dialects::told::ToldOutputs;
use crate::model::Prediction;
use crate::openapi::bytes::RawBytes;
use crate::openapi::examples;
use crate::predict::{Progress, RunRequest, TimedRequest, check_size, header_tags, parsed_room, run, within};

/// What a model is asked; exactly one member. Others, such as `params`, are passed over.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct InvocationRequest {
    /// A frame as pandas writes it with `orient="split"`: `columns`, and `data`, a list for each row.
    dataframe_split: Option<Value>,
    /// An object for each row.
    dataframe_records: Option<Vec<Value>>,
    /// A list with an element for each item.
    instances: Option<Vec<Value>>,
    /// The tensor of the only input, or tensors by the names of the inputs.
    inputs: Option<Value>,
}

/// What the model answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvocationAnswer {
    /// A record for each row of a frame; else each output by its name.
    #[schema(value_type = Value)]
    predictions: ToldOutputs,
}

/// Predicts, as clients of `mlflow models serve` and of SageMaker's endpoints ask
#[utoipa::path(
    post,
    path = "/invocations",
    operation_id = "invocations",
    tag = "MLflow and SageMaker",
    params(
        InvokedModel,
        (
            "x-request-timeout-ms" = Option<u64>,
            Header,
            description = "Milliseconds that the client will wait; they cover the queue, too",
            minimum = 1,
            maximum = 600000
        )
    ),
    request_body(content(
        (InvocationRequest = "application/json", example = examples::instances),
        (String = "text/csv"),
        (RawBytes = "image/jpeg"),
        (RawBytes = "image/png"),
        (RawBytes = "image/webp"),
        (RawBytes = "image/bmp")
    )),
    responses((status = 200, description = "The outputs", body = InvocationAnswer), DialectRefusals)
)]
pub(crate) async fn invocations(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let mut progress = Progress::start(&app, context);
    let ended = match answer(&app, &mut progress, request).await {
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
        Err(refusal) => (id, as_mlflow(refusal)).into_response(),
    }
}

async fn answer(
    app: &App,
    progress: &mut Progress,
    request: Request<Body>,
) -> Result<(InvocationAnswer, Vec<Prediction>), ApiError> {
    let TimedRequest { head, body, deadline } = TimedRequest::check(request, app.config.request_timeout()).await?;
    within(deadline, async {
        let body = monitoring::read_body(&app.room, &head.headers, body, app.config.max_body_bytes).await?;
        let _parsed = parsed_room(app, &head.headers, &body).await?;
        let InvokedModel { model, version } = InvokedModel::of(&head.uri, &head.headers)?;
        let decoding_since = Instant::now();
        progress.set_tags(header_tags(&head.headers)?, Tags::new())?;
        let version = progress.find_version(model.as_deref(), version.as_deref())?;
        let engine = version.engine.clone();
        let asked = AskedModel { engine: &engine, limits: app.config.row_limits(), numbers: NumberCells::AsMlflow };
        let size = body.len();
        let read = || kind::read(&head.headers, body)?.into_payload(asked);
        let AskedPayload { payload, kind } = app.decoders.by_size(size, read).await??;
        let form = form_of(kind, &engine);
        let request = RunRequest { version, payload, top_k: NonZeroUsize::MIN, decoding_since, deadline };
        let predictions = run(app, progress, request).await?;
        check_size(&predictions, &engine)?;
        let told = || ToldOutputs::new(&engine, &predictions, form);
        let told = app.decoders.by_size(Prediction::text_bytes(&predictions), told).await??;
        Ok((InvocationAnswer { predictions: told }, predictions))
    })
    .await
}
