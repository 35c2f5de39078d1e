//! `GET /models`: the models, their state, what they take and what they say.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::model::{ClassReader, Colour, InputSpec, Layout, MissingProvider};
use crate::oip::metadata::{ModelTensors, TensorMetadata};
use crate::serving::{LoadedVersion, Model, ModelState, ModelVersions};

/// The models: their state, what they take and what they say
#[utoipa::path(
    get,
    path = "/models",
    operation_id = "models",
    tag = "predictions",
    responses((status = 200, description = "Every model of the repository", body = ModelListing))
)]
pub(crate) async fn models(State(app): State<App>) -> Json<ModelListing> {
    Json(ModelListing { models: app.models.all().iter().map(|model| ListedModel::new(&app, model)).collect() })
}

/// Every model of the repository.
#[derive(Serialize, ToSchema)]
#[schema(as = Models)]
pub(crate) struct ModelListing {
    models: Vec<ListedModel>,
}

/// One model of the repository. A model that serves has all members but perhaps `engine_because`, `providers_missing`,
/// `input`, `labels`, `scores` and `error`.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct ListedModel {
    pub(crate) name: String,
    /// Whether it serves requests that name no model.
    pub(crate) default: bool,
    pub(crate) state: ListedState,
    /// The version that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) version: Option<String>,
    /// The versions that can be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) versions: Option<Vec<String>>,
    /// The digest of the model's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[0-9a-f]{64}$")]
    pub(crate) sha256: Option<String>,
    /// What runs the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) engine: Option<&'static str>,
    /// Why it is not ONNX Runtime that runs the model, where the service would have chosen that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) engine_because: Option<String>,
    /// The execution providers that run the model, in the order in which they may take its nodes; the last is `cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    providers: Option<Vec<&'static str>>,
    /// The accelerators that model.toml asks for and that do not run it, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    providers_missing: Vec<ListedMissingProvider>,
    /// How many runs of the model there can be at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    instances: Option<usize>,
    /// How many threads each of them uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    intra_threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) task: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) inputs: Option<Vec<TensorMetadata>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) outputs: Option<Vec<TensorMetadata>>,
    /// The pictures that the model takes, if it takes pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) input: Option<ListedPicture>,
    /// The classes, in the order of their numbers, if the model classifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) labels: Option<Vec<String>>,
    /// Where the confidences of the classes come from, if the model classifies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scores: Option<ListedScores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) batching: Option<ListedBatching>,
    /// Why it, or its newest version, does not serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) error: Option<String>,
}

/// An accelerator that a model does without.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedMissingProvider {
    #[schema(value_type = String, pattern = "^(cuda|tensorrt|openvino)$")]
    provider: &'static str,
    /// Why it does not run the model; where ONNX Runtime says why, in its words.
    reason: String,
    /// What can be done.
    remedy: String,
}

/// How pictures become the numbers that a model takes.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedPicture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    #[schema(value_type = String, pattern = "^(rgb|grey)$")]
    pub(crate) colour: &'static str,
    #[schema(value_type = String, pattern = "^(nchw|nhwc)$")]
    layout: &'static str,
    /// The shape of one item.
    shape: Vec<usize>,
    mean: Vec<f64>,
    std: Vec<f64>,
}

/// Where the confidences of classes come from.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedScores {
    /// The output that has a number for each class, or one for two classes.
    output: String,
    /// What these numbers are.
    #[schema(value_type = String, pattern = "^(logits|probabilities|sigmoid)$")]
    scale: &'static str,
    /// The source of that.
    #[schema(value_type = String, pattern = "^(graph|model\\.toml)$")]
    decided_by: &'static str,
}

/// How many items run together, as was measured while the model was warmed up.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedBatching {
    /// The most items of one run.
    pub(crate) limit: usize,
    /// How long fewer items may wait for more.
    max_delay_ms: u64,
    /// Why items run one at a time, if they do.
    #[schema(required = true)]
    pub(crate) single_because: Option<String>,
    /// Milliseconds of an item, by how many items ran together.
    #[schema(value_type = BTreeMap<String, f64>)]
    item_ms: BTreeMap<usize, f64>,
}

impl ListedModel {
    pub(crate) fn new(app: &App, model: &Model) -> Self {
        let listed = Self {
            name: model.name.clone(),
            default: app.models.is_default(model),
            state: ListedState::of(model),
            ..Self::default()
        };
        match &model.state {
            ModelState::Ready(versions) => listed.serving(model, versions),
            ModelState::Failed(problem) => Self { error: Some(problem.clone()), ..listed },
            ModelState::Loading | ModelState::Unloaded => listed,
        }
    }

    fn serving(self, model: &Model, versions: &ModelVersions) -> Self {
        let engine = &versions.serving.engine;
        let ModelTensors { inputs, outputs } = ModelTensors::of(engine);
        Self {
            version: Some(engine.version().to_owned()),
            versions: Some(model.version_names()),
            sha256: Some(engine.sha256().to_owned()),
            engine: Some(engine.runtime().as_str()),
            engine_because: versions.serving.engine_because.clone(),
            providers: Some(engine.providers().names()),
            providers_missing: engine.providers().missing().iter().map(ListedMissingProvider::from).collect(),
            instances: Some(engine.instances().count),
            intra_threads: Some(engine.instances().intra_threads),
            task: Some(engine.task().as_str()),
            inputs: Some(inputs.iter().map(TensorMetadata::from).collect()),
            outputs: Some(outputs.iter().map(TensorMetadata::from).collect()),
            input: engine.config().input.as_ref().map(ListedPicture::from),
            labels: engine.classes().map(|classes| classes.labels.clone()),
            scores: engine.classes().map(ListedScores::from),
            batching: Some(ListedBatching::from(&*versions.serving)),
            error: versions.problem.clone(),
            ..self
        }
    }
}

impl ListedState {
    pub(crate) fn of(model: &Model) -> Self {
        match model.state {
            ModelState::Loading => Self::Loading,
            ModelState::Ready(_) => Self::Ready,
            ModelState::Failed(_) => Self::Failed,
            ModelState::Unloaded => Self::Unloaded,
        }
    }
}

impl From<&MissingProvider> for ListedMissingProvider {
    fn from(missing: &MissingProvider) -> Self {
        Self { provider: missing.provider.as_str(), reason: missing.reason(), remedy: missing.remedy() }
    }
}

impl From<&InputSpec> for ListedPicture {
    fn from(spec: &InputSpec) -> Self {
        Self {
            width: spec.width,
            height: spec.height,
            colour: match spec.colour {
                Colour::Rgb => "rgb",
                Colour::Grey => "grey",
            },
            layout: match spec.layout {
                Layout::Nchw => "nchw",
                Layout::Nhwc => "nhwc",
            },
            shape: spec.item_shape().to_vec(),
            mean: spec.mean.iter().copied().map(f64::from).collect(),
            std: spec.std.iter().copied().map(f64::from).collect(),
        }
    }
}

impl From<&ClassReader> for ListedScores {
    fn from(classes: &ClassReader) -> Self {
        Self {
            output: classes.output_name.clone(),
            scale: classes.scale.as_str(),
            decided_by: classes.decided_by.as_str(),
        }
    }
}

impl From<&LoadedVersion> for ListedBatching {
    fn from(version: &LoadedVersion) -> Self {
        let measured = &version.measured;
        Self {
            limit: measured.limit(),
            max_delay_ms: version.engine.config().batching.max_delay.as_millis() as u64,
            single_because: measured.single_because.clone(),
            item_ms: measured.sizes.iter().map(|(size, seconds)| (*size, seconds * 1000.0)).collect(),
        }
    }
}

/// How far a model has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ListedState {
    #[default]
    Loading,
    Ready,
    Failed,
    Unloaded,
}
