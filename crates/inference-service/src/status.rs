//! What `GET /health` says beyond ready or not.

use monitoring::HealthReport;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::model_listing::ListedState;

/// The models, and the way of the predictions to the logging service.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthDetails {
    models: Vec<ModelHealth>,
    prediction_log: PredictionLogHealth,
}

/// How far a model has come.
#[derive(Serialize, ToSchema)]
struct ModelHealth {
    name: String,
    state: ListedState,
}

/// Whether predictions are logged; the other members are there if they are.
#[derive(Default, Serialize, ToSchema)]
struct PredictionLogHealth {
    enabled: bool,
    /// What a recorded prediction survives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mode: Option<&'static str>,
    /// Whether the spool takes records: `available` or `unavailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    spool: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    spooled_records: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    spooled_bytes: Option<u64>,
    /// The age of the oldest record that is not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    oldest_seconds: Option<f64>,
}

/// Ready as long as one model serves: a broken one must not take the others out of the load balancer. Where every prediction
/// would be refused for its record, the service is not ready.
pub(crate) fn health(app: &App) -> HealthReport {
    let models = app.models.all();
    let serves = models.iter().any(|model| model.versions().is_some());
    let cannot_record = app.outbox.refuses() && app.outbox.waiting().is_some_and(|waiting| !waiting.available);
    let problem = match (serves, cannot_record) {
        (false, _) => Some("No model serves; GET /models says why."),
        (true, true) => Some("The spool takes nothing, and no prediction is answered without its record."),
        (true, false) => None,
    };
    let details = HealthDetails {
        models: models
            .iter()
            .map(|model| ModelHealth { name: model.name.clone(), state: ListedState::of(model) })
            .collect(),
        prediction_log: PredictionLogHealth::of(app),
    };
    // Texts and numbers can always be written.
    let json = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    HealthReport {
        problem: problem.map(str::to_owned),
        details: vec![
            ("models", json(serde_json::to_value(details.models))),
            ("prediction_log", json(serde_json::to_value(details.prediction_log))),
        ],
    }
}

impl PredictionLogHealth {
    fn of(app: &App) -> Self {
        let Some(waiting) = app.outbox.waiting() else { return Self::default() };
        Self {
            enabled: true,
            mode: Some(app.outbox.durability().as_str()),
            spool: Some(if waiting.available { "available" } else { "unavailable" }),
            spooled_records: Some(waiting.records),
            spooled_bytes: Some(waiting.bytes),
            oldest_seconds: Some(waiting.oldest_seconds),
        }
    }
}
