//! `POST /v2/models/{model}/infer`.

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use monitoring::{ApiError, REQUEST_ID, RequestContext};

use super::json::{InferBody, InferMembers};
use super::output::InferAnswer;
use super::path::ModelPath;
use super::request::{InferRequest, request_id};
use super::response::{InferResponse, response};
use crate::app::App;
use crate::model::Prediction;
use crate::openapi::bytes::RawBytes;
use crate::openapi::examples;
use crate::predict::{Progress, RunRequest, TimedRequest, header_tags, parsed_room, run, within};
use crate::refusals::PredictionRefusals;

/// Predicts, as clients of Triton and KServe ask
///
/// A tensor stands in `data`, or its bytes follow the JSON, whose length is then in `Inference-Header-Content-Length`.
#[utoipa::path(
    post,
    path = "/v2/models/{model}/infer",
    operation_id = "modelInfer",
    tag = "Open Inference Protocol",
    params(
        ("model" = String, Path, description = "Name of the model", example = "cifar10"),
        (
            "x-tags" = Option<String>,
            Header,
            description = "The segments that the predictions belong to, such as `region=eu,tier=gold`; at most 8",
            example = "region=eu"
        ),
        (
            "x-request-timeout-ms" = Option<u64>,
            Header,
            description = "Milliseconds that the client will wait; they cover the queue, too",
            minimum = 1,
            maximum = 600000
        ),
        (
            "inference-header-content-length" = Option<u64>,
            Header,
            description = "Bytes of the JSON, where bytes of tensors follow it",
            maximum = 4294967295u32
        )
    ),
    request_body(content(
        (InferMembers = "application/json", example = examples::infer),
        (RawBytes = "application/octet-stream")
    )),
    responses(
        (
            status = 200,
            description = "The outputs; bytes of tensors follow the JSON where they were asked for",
            content(
                (InferResponse = "application/json"),
                (RawBytes = "application/octet-stream")
            )
        ),
        PredictionRefusals
    )
)]
pub(super) async fn infer(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let mut progress = Progress::start(&app, context);
    let ended = match answer(&app, &mut progress, &path, request).await {
        Ok(answer) => match progress.complete(answer.predictions).await {
            Ok(predictions) => {
                let answer = InferAnswer { predictions, ..answer };
                let write = || response(&answer, &progress.header_id());
                app.decoders.by_size(Prediction::text_bytes(&answer.predictions), write).await
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(progress.fail(refusal).await),
    };
    ended.unwrap_or_else(|refusal| ([(REQUEST_ID, progress.header_id())], refusal).into_response())
}

async fn answer(
    app: &App,
    progress: &mut Progress,
    path: &ModelPath,
    request: Request<Body>,
) -> Result<InferAnswer, ApiError> {
    let TimedRequest { head, body, deadline } = TimedRequest::check(request, app.config.request_timeout()).await?;
    within(deadline, async {
        let body = monitoring::read_body(&app.room, &head.headers, body, app.config.max_body_bytes).await?;
        let _parsed = parsed_room(app, &head.headers, &body).await?;
        let decoding_since = Instant::now();
        let version = progress.find_version(Some(&path.model), path.version.as_deref())?;
        let size = body.len();
        let read = || {
            let InferBody { json, binary } = InferBody::split(&head.headers, body)?;
            let members = InferMembers::parse(&json)?;
            progress.set_request_id(request_id(members.id.as_deref())?);
            progress.set_tags(header_tags(&head.headers)?, members.tags()?)?;
            members.into_request(binary, &version.engine)
        };
        let InferRequest { payload, options } = app.decoders.by_size(size, read).await??;
        let engine = version.engine.clone();
        let request = RunRequest { version, payload, top_k: options.top_k(), decoding_since, deadline };
        Ok(InferAnswer { predictions: run(app, progress, request).await?, options, engine })
    })
    .await
}
