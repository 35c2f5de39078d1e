//! A model in memory: what it takes, what runs it, and what its answers mean.
//!
//! Rule of thumb: an [`Engine`] is loaded once and shared; a [`Session`](super::Session) belongs to one thread and is kept
//! between requests.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::answer::AnswerReader;
use super::certain_task::certain_task;
use super::config::ModelConfig;
use super::declared::check_positive;
use super::error::ModelError;
use super::features::ModelFeatures;
use super::input_spec::InputSpec;
use super::instances::ModelInstances;
use super::load_refusal::{check_graph, load_error, output_mismatch};
use super::missing::missing_values;
use super::mlflow::SavedByMlflow;
use super::onnx::{AcrossItems, InputLimits, OnnxFile, OptionalInputs, OutputFacts, map_keys};
use super::providers::ModelProviders;
use super::repository::ModelSource;
use super::runtime::{
    FixedInputs, LoadError, LoadOptions, ModelFile, Program, Runtime, RuntimeKind, Signature, TensorSpec, panic_message,
};
use super::scores::{ClassReader, Prediction};
use super::signature_features::placed_features;
use super::task::Task;
use super::tensor::{OptionalTensor, Tensor};
use crate::input::{ItemShape, MissingValues};

/// A loaded, optimised model, shared by all threads.
#[derive(Debug)]
pub struct Engine {
    name: String,
    version: String,
    sha256: String,
    weights: Vec<PathBuf>,
    config: ModelConfig,
    answers: AnswerReader,
    missing: MissingValues,
    has_answered: AtomicBool,
    runtime: RuntimeKind,
    instances: ModelInstances,
    providers: ModelProviders,
    program: Arc<dyn Program>,
    across_items: Option<AcrossItems>,
    signature: Signature,
    features: Option<ModelFeatures>,
    map_keys: BTreeMap<String, Vec<String>>,
    has_refused_zeros: AtomicBool,
}

impl Engine {
    /// Reads the file, optimises the model for its task, and checks that it fits its model.toml. It runs on those of the
    /// accelerators that model.toml asks for that the runtime has.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`]; [`ModelError::Unsupported`] for a file that the runtime cannot run, or on which it
    /// panics; [`ModelError::Mismatch`] where shapes, types or the number of classes differ from model.toml;
    /// [`ModelError::UnknownScale`] where nobody says what the numbers of the classes are; [`ModelError::Features`] and
    /// [`ModelError::Declaration`] where it has other columns or classes than model.toml declares.
    pub fn load(source: &ModelSource, runtime: &Runtime) -> Result<Arc<Self>, ModelError> {
        Self::load_on(&ModelProviders::offered(&source.config.accelerators, runtime), source, runtime)
    }

    /// The same, on these providers.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub(super) fn load_on(
        providers: &ModelProviders,
        source: &ModelSource,
        runtime: &Runtime,
    ) -> Result<Arc<Self>, ModelError> {
        match Self::load_as_it_is(providers, source, runtime) {
            // What the graph seemed to be for, it is not.
            Err(_) if SavedByMlflow::leaves_task_open(source.config.mlflow.as_ref()) => {
                let config = ModelConfig {
                    mlflow: source.config.mlflow.clone().map(SavedByMlflow::with_task),
                    ..source.config.clone()
                };
                Self::load_as_it_is(providers, &ModelSource { config, ..source.clone() }, runtime)
            }
            loaded => loaded,
        }
    }

    fn load_as_it_is(
        providers: &ModelProviders,
        source: &ModelSource,
        runtime: &Runtime,
    ) -> Result<Arc<Self>, ModelError> {
        let path = &source.file;
        let onnx = OnnxFile::read(path)?;
        let in_memory = onnx
            .in_memory(runtime.kind() == RuntimeKind::Tract)
            .map_err(|reason| ModelError::Unsupported { path: path.clone(), reason })?;
        let limits = InputLimits::of(&onnx.graph);
        let OnnxFile { graph, sha256, external, stamp, bytes } = onnx;
        let weights: Vec<PathBuf> = external.iter().map(|weights| weights.path.clone()).collect();
        let file = ModelFile { path: path.clone(), stamp, in_memory, weights: external, limits };
        check_graph(&graph, path, runtime)?;
        let across_items = AcrossItems::find(&graph);
        let (facts, map_keys) = (OutputFacts::of(&graph), map_keys(&graph));
        let without_shape = graph.without_shape();
        let mut config = source.config.clone();
        if SavedByMlflow::leaves_task_open(config.mlflow.as_ref()) {
            config.task = certain_task(&graph, &facts);
        }
        let missing = missing_values(&config, &graph);
        let OptionalInputs { specs: optional, constant } = OptionalInputs::of(graph, runtime.kind());
        drop(bytes);
        let shape = config.input.as_ref().map(InputSpec::tensor_shape);
        let fixed = fixed_inputs(shape.as_ref().map(<[usize; 4]>::as_slice), config.task);
        let instances = instances(&config, runtime, path, &weights);
        let (intra_threads, accelerators) = (instances.intra_threads, providers.accelerators());
        let options =
            LoadOptions { fixed, intra_threads, instances: instances.count, optional: &optional, accelerators };
        let loaded = catch_unwind(AssertUnwindSafe(|| runtime.load(file, options)))
            .unwrap_or_else(|panic| Err(LoadError::Unsupported(panic_message(panic.as_ref()))));
        let program = loaded.map_err(|error| load_error(error, shape, path, runtime))?;
        let answers =
            AnswerReader::of(&config, program.signature(), &facts).map_err(|problem| output_mismatch(path, problem))?;
        check_positive(&config.declared, answers.classes(), path)?;
        let signature = program.signature().clone().with_open(&without_shape).with_constant(constant);
        let features = placed_features(&mut config, &signature, missing, path)?;
        Ok(Arc::new(Self {
            name: source.name.clone(),
            version: source.version.to_string(),
            sha256,
            weights,
            config,
            answers,
            missing,
            has_answered: AtomicBool::new(false),
            runtime: runtime.kind(),
            instances,
            providers: providers.clone(),
            signature,
            features,
            program,
            map_keys,
            across_items,
            has_refused_zeros: AtomicBool::new(false),
        }))
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of its version folder, a positive integer.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the model file, and of the weights beside it behind it: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The files beside the model's that hold weights of it, sorted.
    pub fn weights(&self) -> &[PathBuf] {
        &self.weights
    }

    /// What model.toml says.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// How its outputs become classes, of a model that classifies.
    pub fn classes(&self) -> Option<&ClassReader> {
        self.answers.classes()
    }

    /// The names of the classes, in the order of their numbers; none where the model does not classify.
    pub fn labels(&self) -> &[String] {
        self.classes().map(|classes| classes.labels.as_slice()).unwrap_or_default()
    }

    /// The keys of the maps that the file makes of an output's numbers, if it makes some.
    pub(crate) fn map_keys(&self, output: &str) -> Option<&[String]> {
        self.map_keys.get(output).map(Vec::as_slice)
    }

    /// What a missing value is to the model.
    pub fn missing(&self) -> MissingValues {
        self.missing
    }

    /// The task of the model.
    pub fn task(&self) -> Task {
        self.config.task
    }

    /// Whether each request is one run of the tensors that it brings, instead of items that are rows of them.
    pub fn takes_whole_tensors(&self) -> bool {
        self.task() == Task::Raw
    }

    /// The shape of one item, of a model that can be asked with numbers alone: its one input has FP32.
    pub fn item_shape(&self) -> Option<ItemShape> {
        if let Some(input) = &self.config.input {
            return Some(ItemShape::fixed(&input.item_shape()));
        }
        match self.signature().inputs.as_slice() {
            [input] if !self.takes_whole_tensors() && input.takes_fp32() => input.item().map(ItemShape::from),
            _ => None,
        }
    }

    /// How many runs there can be at a time.
    pub fn instances(&self) -> ModelInstances {
        self.instances
    }

    /// What computes its nodes.
    pub fn providers(&self) -> &ModelProviders {
        &self.providers
    }

    /// What runs it.
    pub fn runtime(&self) -> RuntimeKind {
        self.runtime
    }

    /// A run has given an answer that is as it must be.
    pub(super) fn note_answer(&self) {
        if !self.has_answered() {
            self.has_answered.store(true, Ordering::Relaxed);
        }
    }

    /// Whether any run has given an answer since the model was loaded; those of the warm-up count.
    pub fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    /// What the file takes and gives.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The columns of a table that it takes, where model.toml declares them.
    pub fn features(&self) -> Option<&ModelFeatures> {
        self.features.as_ref()
    }

    /// True for the first of all threads whose zeros the model refuses.
    pub(super) fn is_first_refusal(&self) -> bool {
        !self.has_refused_zeros.swap(true, Ordering::Relaxed)
    }

    /// Whether this tensor can be one of a run's inputs.
    pub(super) fn takes(&self, spec: &TensorSpec, tensor: &Tensor) -> bool {
        let type_fits = spec.datatype.is_none_or(|datatype| datatype == tensor.values().datatype());
        // The first dimension of one item is not the one that the file gives a batch.
        let shape_fits = match (self.takes_whole_tensors(), tensor.shape().split_first(), spec.item()) {
            (false, Some((1, item)), Some(_)) => spec.fits_behind_first(item),
            _ => spec.fits(tensor.shape()),
        };
        type_fits && shape_fits
    }

    /// Whether this tensor can be that optional input of a run.
    pub(super) fn takes_optional(&self, optional: &OptionalTensor) -> bool {
        let takes = |spec: &TensorSpec| {
            let datatype = optional.tensor.values().datatype();
            spec.datatype.is_none_or(|takes| takes == datatype) && spec.fits(optional.tensor.shape())
        };
        self.signature().optional.get(optional.position).is_some_and(takes)
    }

    pub(super) fn program(&self) -> &dyn Program {
        &*self.program
    }

    /// What the outputs for one item mean; a class lists its `top_k` likeliest ones.
    ///
    /// # Errors
    /// [`ModelError::BadScores`], [`ModelError::WrongScale`] or [`ModelError::BadNumber`] for an answer that makes no sense.
    pub fn prediction(&self, outputs: Vec<Tensor>, top_k: NonZeroUsize) -> Result<Prediction, ModelError> {
        Ok(Prediction { meaning: self.answers.meaning(&outputs, &self.config.defect, top_k)?, outputs })
    }

    /// Checks the outputs for one item.
    ///
    /// # Errors
    /// As [`Engine::prediction`].
    pub(super) fn check_answer(&self, outputs: &[Tensor]) -> Result<(), ModelError> {
        self.answers.check(outputs)
    }

    /// Whether several items can run together.
    ///
    /// # Errors
    /// Why not, as a text that goes after "because".
    pub fn takes_batches(&self) -> Result<(), String> {
        if self.takes_whole_tensors() {
            return Err("each request is a run of its own".to_owned());
        }
        self.program.takes_batches()?;
        self.across_items.as_ref().map_or(Ok(()), |across| Err(across.to_string()))
    }
}

/// What of the inputs is fixed: the shape of pictures, or that there is one item.
fn fixed_inputs(shape: Option<&[usize]>, task: Task) -> FixedInputs<'_> {
    match (shape, task) {
        (Some(shape), _) => FixedInputs::Input(shape),
        (None, Task::Raw) => FixedInputs::Nothing,
        (None, Task::Classification | Task::Regression) => FixedInputs::OneItem,
    }
}

/// The instances that fit the model's file and the weights beside it.
fn instances(config: &ModelConfig, runtime: &Runtime, file: &Path, weights: &[PathBuf]) -> ModelInstances {
    let files = [file].into_iter().chain(weights.iter().map(PathBuf::as_path));
    let bytes = files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
    ModelInstances::choose(config.instances, runtime.kind(), bytes, runtime.threads())
}

#[cfg(test)]
pub(super) mod tests;
