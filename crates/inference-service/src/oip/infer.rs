//! `POST /v2/models/{model}/infer`.

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use monitoring::{ApiError, REQUEST_ID, RequestContext};

use super::Asked;
use super::json;
use super::request::InferRequest;
use super::response::response;
use crate::app::App;
use crate::model::Prediction;
use crate::openapi::Predicting;
use crate::predict::{self, Progress, Target};

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
            "x-request-timeout-ms" = Option<u64>,
            Header,
            description = "Milliseconds that the client will wait; they cover the queue, too",
            minimum = 1,
            maximum = 600000
        ),
        (
            "inference-header-content-length" = Option<u64>,
            Header,
            description = "Bytes of the JSON, where bytes of tensors follow it"
        )
    ),
    request_body(content(
        (ref("#/components/schemas/InferRequest") = "application/json", example = crate::openapi::examples::infer),
        (ref("#/components/schemas/Bytes") = "application/octet-stream")
    )),
    responses(
        (
            status = 200,
            description = "The outputs; bytes of tensors follow the JSON where they were asked for",
            content(
                (ref("#/components/schemas/InferResponse") = "application/json"),
                (ref("#/components/schemas/Bytes") = "application/octet-stream")
            )
        ),
        Predicting
    )
)]
pub(super) async fn infer(
    State(app): State<App>,
    Path(asked): Path<Asked>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let mut progress = Progress::start(&app, context);
    let (head, body) = request.into_parts();
    let outcome = match predict::deadline(&app, &head.headers, body).await {
        Ok((deadline, body)) => {
            predict::within(deadline, answer(deadline, &app, &mut progress, &asked, (head, body))).await
        }
        Err(refusal) => Err(refusal),
    };
    match progress.end_with(outcome).await {
        Ok((predictions, (request, target))) => response(&request, &target.engine, &predictions, progress.request_id()),
        Err(refusal) => ([(REQUEST_ID, progress.request_id().to_owned())], refusal).into_response(),
    }
}

async fn answer(
    deadline: Instant,
    app: &App,
    progress: &mut Progress,
    asked: &Asked,
    (head, body): (Parts, Body),
) -> Result<(Vec<Prediction>, (InferRequest, Target)), ApiError> {
    let body = monitoring::read_body(&head.headers, body, app.config.max_body_bytes).await?;
    let decoding = Instant::now();
    let target = Target::find(app, progress, (Some(&asked.model), asked.version.as_deref()))?;
    let mut request = json::parse(&head.headers, body, &target.engine, |id| progress.named(id))?;
    let asked = (request.take_inputs(), request.top_k());
    let predictions = target.run(app, progress, (decoding, deadline), asked).await?;
    Ok((predictions, (request, target)))
}
