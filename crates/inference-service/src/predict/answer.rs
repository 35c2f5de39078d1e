//! The body of a successful `POST /predict`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use monitoring::REQUEST_ID;
use serde::Serialize;
use utoipa::ToSchema;

use super::progress::Progress;
use crate::model::{Engine, Prediction, PredictionMeaning};

/// The answer to a prediction: what the model says of each item.
#[derive(Serialize, ToSchema)]
pub(super) struct PredictResponse {
    request_id: String,
    model: String,
    version: String,
    #[schema(value_type = Vec<PredictionMeaning>)]
    predictions: Vec<Prediction>,
    timings_ms: TimingsMs,
}

/// Milliseconds of each phase, to the microsecond.
#[derive(Serialize, ToSchema)]
struct TimingsMs {
    decode: f64,
    queue: f64,
    inference: f64,
    total: f64,
}

impl PredictResponse {
    pub(super) fn new(progress: &Progress, predictions: Vec<Prediction>) -> Self {
        let timings = progress.timings();
        let text = |of: fn(&Engine) -> &str| progress.engine().map(of).unwrap_or_default().to_owned();
        let milliseconds = |seconds: f64| (seconds * 1e6).round() / 1e3;
        Self {
            request_id: progress.request_id().to_owned(),
            model: text(Engine::name),
            version: text(Engine::version),
            predictions,
            timings_ms: TimingsMs {
                decode: milliseconds(timings.decode.unwrap_or_default()),
                queue: milliseconds(timings.queue.unwrap_or_default()),
                inference: milliseconds(timings.inference.unwrap_or_default()),
                total: milliseconds(timings.total),
            },
        }
    }
}

impl IntoResponse for PredictResponse {
    fn into_response(self) -> Response {
        ([(REQUEST_ID, self.request_id.clone())], Json(self)).into_response()
    }
}
