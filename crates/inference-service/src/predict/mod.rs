//! Predictions, from the request to the answer.
//!
//! Rule of thumb: [`predict`] reads like the story of one `POST /predict`, and each of its steps has a file: `deadline`,
//! `content_type`, `options`, `decode`, `run`, `answer`. [`run`] is the part that every protocol shares. Whatever ends the
//! story early is an [`ApiError`], and [`Progress`] reports it once, in metrics, log, trace and prediction log.

mod answer;
mod answer_arrow;
mod answer_form;
mod answer_parquet;
mod answer_table;
mod base64_text;
mod body_kind;
mod brought;
pub(crate) mod content_type;
mod deadline;
mod decode;
mod decoded_item;
mod fault;
mod form;
mod options;
mod outputs;
mod parsed_room;
mod pictures;
mod predicted_item;
mod progress;
mod run;
mod tags;

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use monitoring::{ApiError, REQUEST_ID, RequestContext};

use crate::app::App;
use crate::model::Prediction;
use crate::openapi::bytes::RawBytes;
use crate::openapi::examples;
use crate::refusals::PredictionRefusals;
use answer::PredictResponse;
pub(crate) use answer::check_size;
use answer_form::AnswerForm;
pub(crate) use brought::{BroughtPayload, NamedTexts};
use content_type::PredictRequest;
pub(crate) use deadline::{MAX_TIMEOUT, TimedRequest, deadline_of, within};
pub(crate) use decode::Payload;
use form::PredictForm;
use options::PredictOptions;
pub(crate) use outputs::whole_output;
pub(crate) use parsed_room::parsed_room;
pub(crate) use progress::Progress;
pub(crate) use run::{RunRequest, run};
pub(crate) use tags::{header_tags, written_tags};

/// Predicts what an image, a tensor or a row of a table is, or several of them
///
/// Options that stand in the body go before those of the query. Every prediction is recorded before it is answered.
#[utoipa::path(
    post,
    path = "/predict",
    operation_id = "predict",
    tag = "predictions",
    params(
        PredictOptions,
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
        )
    ),
    request_body(
        description = "An image as it is, images in a form, a table as CSV, Parquet or Arrow, or images, tensors or rows in \
                       JSON. A table needs a model whose model.toml declares features. Under any other \
                       Content-Type, and without one, the first bytes decide: a picture, a Parquet or Arrow file, or JSON \
                       that starts with `{`. The body may be packed.",
        content(
            (ref("#/components/schemas/PredictJson") = "application/json", example = examples::predict),
            (PredictForm = "multipart/form-data"),
            (RawBytes = "image/jpeg"),
            (RawBytes = "image/png"),
            (RawBytes = "image/webp"),
            (RawBytes = "image/bmp"),
            (RawBytes = "application/octet-stream"),
            (String = "text/csv"),
            (RawBytes = "application/vnd.apache.parquet"),
            (RawBytes = "application/vnd.apache.arrow.stream"),
            (RawBytes = "application/vnd.apache.arrow.file")
        )
    ),
    responses(
        (
            status = 200,
            description = "The predictions, in the order of the items; a table for a table, in the same form, unless \
                           `Accept` names another",
            content(
                (PredictResponse = "application/json"),
                (String = "text/csv"),
                (RawBytes = "application/vnd.apache.parquet"),
                (RawBytes = "application/vnd.apache.arrow.stream"),
                (RawBytes = "application/vnd.apache.arrow.file")
            )
        ),
        PredictionRefusals
    )
)]
pub(crate) async fn predict(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let mut progress = Progress::start(&app, context);
    let ended = match predictions(&app, &mut progress, request).await {
        Ok(Predicted { predictions, form }) => progress.complete(predictions).await.map(|kept| (kept, form)),
        Err(refusal) => Err(progress.fail(refusal).await),
    };
    match ended {
        Ok((predictions, form)) => PredictResponse::new(&progress, predictions).written(form, &app).await,
        Err(refusal) => ([(REQUEST_ID, progress.header_id())], refusal).into_response(),
    }
}

/// What the model says of each item, and how that is written.
struct Predicted {
    predictions: Vec<Prediction>,
    form: AnswerForm,
}

async fn predictions(app: &App, progress: &mut Progress, request: Request<Body>) -> Result<Predicted, ApiError> {
    let TimedRequest { head, body, deadline } = TimedRequest::check(request, app.config.request_timeout()).await?;
    within(deadline, async {
        let body = monitoring::read_body(&app.room, &head.headers, body, app.config.max_body_bytes).await?;
        let _parsed = parsed_room(app, &head.headers, &body).await?;
        let query = PredictOptions::from_query(&head.uri)?;
        let decoding_since = Instant::now();
        let parsed = PredictRequest::parse(&head.headers, query, body, app).await?;
        let PredictRequest { options, request_id, tags, brought, answer: form } = parsed;
        progress.set_request_id(request_id);
        progress.set_tags(header_tags(&head.headers)?, tags)?;
        let version = progress.find_version(options.model.as_deref(), options.version.as_deref())?;
        let engine = version.engine.clone();
        let payload = brought.read(&engine, app).await?;
        let request = RunRequest { version, payload, top_k: options.top_k(), decoding_since, deadline };
        let predictions = run(app, progress, request).await?;
        check_size(&predictions, &engine)?;
        form.check(&predictions)?;
        Ok(Predicted { predictions, form })
    })
    .await
}
