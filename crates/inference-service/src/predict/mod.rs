//! Predictions, from the request to the answer.
//!
//! Rule of thumb: [`predict`] reads like the story of one `POST /predict`; each step has a file of its own, and [`Target`]
//! is the part that every protocol shares. Whatever ends the story early is an [`ApiError`], and [`Progress`] tells of
//! it once in metrics, log and prediction log.

mod answer;
pub(crate) mod body;
mod inputs;
mod options;
mod progress;
mod run;

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use monitoring::{ApiError, ErrorCode, REQUEST_ID, RequestContext};
use tokio::time::timeout_at;

use crate::app::App;
use crate::model::Prediction;
use crate::openapi::Predicting;
use answer::Answer;
use body::Query;
pub(crate) use inputs::Inputs;
use options::Wanted;
pub(crate) use options::{MAX_TIMEOUT, deadline_of, is_request_id};
pub(crate) use progress::Progress;
pub(crate) use run::Target;
use run::log_full;

/// Predicts what an image or a tensor is, or several of them
///
/// Options that stand in the body go before those of the query. Every prediction is recorded before it is answered.
#[utoipa::path(
    post,
    path = "/predict",
    operation_id = "predict",
    tag = "predictions",
    params(
        Query,
        (
            "x-request-timeout-ms" = Option<u64>,
            Header,
            description = "Milliseconds that the client will wait; they cover the queue, too",
            minimum = 1,
            maximum = 600000
        )
    ),
    request_body(
        description = "An image as it is, images in a form, or images or tensors in JSON; packed with gzip or deflate, if you like",
        content(
            (ref("#/components/schemas/PredictJson") = "application/json", example = crate::openapi::examples::predict),
            (ref("#/components/schemas/PredictForm") = "multipart/form-data"),
            (ref("#/components/schemas/Bytes") = "image/jpeg"),
            (ref("#/components/schemas/Bytes") = "image/png"),
            (ref("#/components/schemas/Bytes") = "image/webp"),
            (ref("#/components/schemas/Bytes") = "image/bmp")
        )
    ),
    responses((status = 200, description = "The predictions, in the order of the items", body = Answer), Predicting)
)]
pub(crate) async fn predict(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let mut progress = Progress::start(&app, context);
    let (head, body) = request.into_parts();
    let outcome = match deadline(&app, &head.headers, body).await {
        Ok((deadline, body)) => within(deadline, answer(deadline, &app, &mut progress, (head, body))).await,
        Err(refusal) => Err(refusal),
    };
    match progress.end_with(outcome).await {
        Ok((predictions, ())) => Answer::new(&progress, predictions).into_response(),
        Err(refusal) => ([(REQUEST_ID, progress.request_id().to_owned())], refusal).into_response(),
    }
}

async fn answer(
    deadline: Instant,
    app: &App,
    progress: &mut Progress,
    (head, body): (Parts, Body),
) -> Result<(Vec<Prediction>, ()), ApiError> {
    let body = monitoring::read_body(&head.headers, body, app.config.max_body_bytes).await?;
    let query = Query::parse(&head.uri)?;
    let decoding = Instant::now();
    let (wanted, inputs) = Wanted::parse(&head.headers, query, body).await?;
    progress.named(wanted.request_id);
    let target = Target::find(app, progress, (wanted.model.as_deref(), wanted.version.as_deref()))?;
    Ok((target.run(app, progress, (decoding, deadline), (inputs, wanted.top_k)).await?, ()))
}

/// The moment after which the answer is of no use to the client, and the body, which is read even where the request is
/// refused for what its head says.
pub(crate) async fn deadline(app: &App, headers: &HeaderMap, body: Body) -> Result<(Instant, Body), ApiError> {
    let deadline = options::plain(headers).and_then(|()| deadline_of(headers, app.config.request_timeout()));
    match deadline {
        Ok(deadline) => Ok((deadline, body)),
        Err(refusal) => {
            monitoring::discard_body(headers, body).await;
            Err(refusal)
        }
    }
}

/// What `answering` comes to, unless the deadline is sooner.
pub(crate) async fn within<T>(
    deadline: Instant,
    answering: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let late = || ApiError::new(ErrorCode::DeadlineExceeded, "The request's time was over before it was answered.");
    timeout_at(deadline.into(), answering).await.unwrap_or_else(|_| Err(late()))
}
