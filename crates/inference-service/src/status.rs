//! `GET /models`, and what `GET /health` says beyond ready or not.

use axum::Json;
use axum::extract::State;
use monitoring::HealthReport;
use serde_json::{Value, json};

use crate::app::App;
use crate::model::{Colour, InputSpec, Layout, Task};
use crate::oip::metadata::{Description, tensors};
use crate::serving::{LoadedVersion, Model, ModelState};

/// The models: their state, what they take and what they say
#[utoipa::path(
    get,
    path = "/models",
    operation_id = "models",
    tag = "predictions",
    responses((status = 200, description = "Every model of the repository", body = ref("#/components/schemas/Models")))
)]
pub(crate) async fn models(State(app): State<App>) -> Json<Value> {
    let models: Vec<Value> = app.models.all().iter().map(|model| described(&app, model)).collect();
    Json(json!({ "models": models }))
}

/// Ready as long as one model serves: a broken one must not take the others out of the load balancer.
pub(crate) fn health(app: &App) -> HealthReport {
    let states: Vec<Value> =
        app.models.all().iter().map(|model| json!({ "name": model.name, "state": state(model) })).collect();
    let serves = app.models.all().iter().any(|model| model.versions().is_some());
    let log = match app.outbox.waiting() {
        None => json!({ "enabled": false }),
        Some(waiting) => json!({
            "enabled": true,
            "mode": app.outbox.durability().as_str(),
            "spool": if waiting.available { "available" } else { "unavailable" },
            "spooled_records": waiting.records,
            "spooled_bytes": waiting.bytes,
            "oldest_seconds": waiting.oldest_seconds,
        }),
    };
    HealthReport {
        problem: (!serves).then(|| "No model serves; GET /models says why.".to_owned()),
        details: vec![("models", states.into()), ("prediction_log", log)],
    }
}

fn described(app: &App, model: &Model) -> Value {
    let mut description = json!({
        "name": model.name,
        "default": app.models.is_default(model),
        "state": state(model),
    });
    match &model.state {
        ModelState::Ready(versions) => {
            let engine = &versions.serving.engine;
            description["version"] = engine.version().into();
            description["versions"] = model.version_names().into();
            description["sha256"] = engine.sha256().into();
            description["engine"] = engine.runtime().as_str().into();
            let (inputs, outputs) = tensors(engine);
            description["task"] = engine.task().as_str().into();
            description["inputs"] = inputs.iter().map(Description::json).collect();
            description["outputs"] = outputs.iter().map(Description::json).collect();
            if let Some(spec) = &engine.config().input {
                description["input"] = input(spec);
            }
            if engine.task() == Task::Classification {
                description["labels"] = json!(engine.labels());
            }
            description["batching"] = batching(&versions.serving);
            if let Some(problem) = &versions.problem {
                description["error"] = problem.as_str().into();
            }
        }
        ModelState::Failed(problem) => description["error"] = problem.as_str().into(),
        ModelState::Loading | ModelState::Unloaded => {}
    }
    description
}

/// What runs together, why if nothing does, and what an item took by how many ran together.
fn batching(loaded: &LoadedVersion) -> Value {
    let measured = &loaded.measured;
    let milliseconds = measured.sizes.iter().map(|(size, seconds)| (size.to_string(), (seconds * 1000.0).into()));
    json!({
        "limit": measured.limit(),
        "max_delay_ms": loaded.engine.config().batching.max_delay.as_millis() as u64,
        "single_because": measured.single_because,
        "item_ms": milliseconds.collect::<serde_json::Map<String, Value>>(),
    })
}

fn input(spec: &InputSpec) -> Value {
    json!({
        "width": spec.width,
        "height": spec.height,
        "colour": match spec.colour { Colour::Rgb => "rgb", Colour::Grey => "grey" },
        "layout": match spec.layout { Layout::Nchw => "nchw", Layout::Nhwc => "nhwc" },
        "shape": spec.item_shape(),
        "mean": spec.mean,
        "std": spec.std,
    })
}

fn state(model: &Model) -> &'static str {
    match model.state {
        ModelState::Loading => "loading",
        ModelState::Ready(_) => "ready",
        ModelState::Failed(_) => "failed",
        ModelState::Unloaded => "unloaded",
    }
}
