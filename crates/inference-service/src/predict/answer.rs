//! The body of a successful `POST /predict`.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use monitoring::{ApiError, ErrorCode, REQUEST_ID};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer_form::AnswerForm;
use super::answer_table::AnswerTable;
use super::body_kind::{ARROW_FILE, ARROW_STREAM, PARQUET};
use super::predicted_item::PredictedItem;
use super::progress::Progress;
use super::{answer_arrow, answer_parquet};
use crate::app::App;
use crate::model::{Engine, Prediction, Task};

/// Most elements of an answer's tensors. As text they take ten times the room that they have as bytes.
const MOST_ELEMENTS: usize = 4 * 1024 * 1024;

/// The answer to a prediction: what the model says of each item.
#[derive(Serialize, ToSchema)]
pub(super) struct PredictResponse {
    request_id: String,
    model: String,
    version: String,
    predictions: Vec<PredictedItem>,
    timings_ms: TimingsMs,
}

/// Checks that an answer is no larger than what is written as text.
///
/// # Errors
/// `too_large`, saying where larger ones are answered.
pub(crate) fn check_size(predictions: &[Prediction], engine: &Engine) -> Result<(), ApiError> {
    if engine.task() != Task::Raw {
        return Ok(());
    }
    let elements: usize = predictions.iter().flat_map(|one| &one.outputs).map(|output| output.values().len()).sum();
    if elements <= MOST_ELEMENTS {
        return Ok(());
    }
    let sentence = format!(
        "The answer has {elements} elements, and at most {MOST_ELEMENTS} are written here; \
         /v2/models/{}/infer gives them as bytes, with binary_data_output.",
        engine.name()
    );
    Err(ApiError::new(ErrorCode::TooLarge, sentence))
}

/// Writes a table in one form.
type TableWriter = fn(&AnswerTable) -> Result<Vec<u8>, ApiError>;

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
            predictions: predictions.into_iter().map(|one| PredictedItem::new(one, progress.engine())).collect(),
            timings_ms: TimingsMs {
                decode: milliseconds(timings.decode.unwrap_or_default()),
                queue: milliseconds(timings.queue.unwrap_or_default()),
                inference: milliseconds(timings.inference.unwrap_or_default()),
                total: milliseconds(timings.total),
            },
        }
    }

    /// The answer in this form.
    pub(super) async fn written(self, form: AnswerForm, app: &App) -> Response {
        let id = [(REQUEST_ID, self.request_id.clone())];
        let items: usize = self.predictions.iter().map(PredictedItem::size).sum();
        let (content_type, write): (_, TableWriter) = match form {
            AnswerForm::Json => {
                let json = app.decoders.by_size(items, || (id, Json(self)).into_response()).await;
                return json.into_response();
            }
            AnswerForm::Csv => ("text/csv; charset=utf-8", AnswerTable::csv),
            AnswerForm::Parquet => (PARQUET, answer_parquet::write),
            AnswerForm::ArrowStream => (ARROW_STREAM, answer_arrow::stream),
            AnswerForm::ArrowFile => (ARROW_FILE, answer_arrow::file),
        };
        // A file of many columns takes milliseconds.
        let bytes = if form == AnswerForm::Csv { items } else { usize::MAX };
        let write = || write(&AnswerTable::new(&self.request_id, &self.predictions));
        let written = app.decoders.by_size(bytes, write).await.flatten();
        written.map(|bytes| (id, [(CONTENT_TYPE, content_type)], bytes)).into_response()
    }
}
