//! The body of a successful `POST /predict`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use monitoring::{ApiError, ErrorCode, REQUEST_ID};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use super::progress::Progress;
use crate::model::{ClassPrediction, Engine, Prediction, PredictionMeaning, Task, Tensor, TensorValues};

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

/// What the model says of an item, or of a request with whole tensors.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum PredictedItem {
    /// Of a model that classifies.
    Class(ClassPrediction),
    /// Of a model that estimates a number.
    Number {
        /// The number; finite.
        value: f64,
    },
    /// Of a model whose tensors only its caller understands.
    Tensors {
        /// Each output of the model, by its name.
        outputs: NamedTensors,
    },
}

/// Tensors by name, in the order of the model's outputs.
#[derive(ToSchema)]
#[schema(value_type = BTreeMap<String, PredictedTensor>)]
struct NamedTensors(Vec<(String, PredictedTensor)>);

/// A tensor that the model answers.
#[derive(Serialize, ToSchema)]
struct PredictedTensor {
    datatype: &'static str,
    shape: Vec<usize>,
    /// The elements, flat; NaN and infinity are `null`.
    #[schema(value_type = Vec<Value>)]
    data: TensorValues,
}

impl Serialize for NamedTensors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for (name, tensor) in &self.0 {
            members.serialize_entry(name, tensor)?;
        }
        members.end()
    }
}

impl From<Tensor> for PredictedTensor {
    fn from(tensor: Tensor) -> Self {
        let (datatype, shape) = (tensor.values().datatype().as_str(), tensor.shape().to_vec());
        Self { datatype, shape, data: tensor.into_values() }
    }
}

impl PredictedItem {
    fn new(prediction: Prediction, engine: Option<&Engine>) -> Self {
        match prediction.meaning {
            PredictionMeaning::Class(class) => Self::Class(class),
            PredictionMeaning::Number { value } => Self::Number { value },
            PredictionMeaning::Tensors {} => {
                let names = engine.into_iter().flat_map(|engine| &engine.signature().outputs);
                let named = names.map(|output| output.name.clone());
                let outputs = named.zip(prediction.outputs.into_iter().map(PredictedTensor::from)).collect();
                Self::Tensors { outputs: NamedTensors(outputs) }
            }
        }
    }
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
}

impl IntoResponse for PredictResponse {
    fn into_response(self) -> Response {
        ([(REQUEST_ID, self.request_id.clone())], Json(self)).into_response()
    }
}
