//! ONNX Runtime: Microsoft's library, loaded at start.

mod accelerators;
mod emptiness;
mod kept_weights;

use std::fmt;
use std::mem;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use half::{bf16, f16};
use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType};

use super::execution_provider::{ExecutionProvider, MissingBecause};
use super::model_file::ModelFile;
use super::program::{FixedInputs, LoadError, LoadOptions, LoadProgram, NoAnswer, Program, RunProgram, panic_message};
use super::signature::{Signature, TensorSpec};
use crate::model::tensor::{OptionalTensor, TensorElement};
use crate::model::{Datatype, Tensor, TensorValues};
use kept_weights::KeptWeights;

/// Why a runtime cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "ONNX Runtime cannot be used: {reason}; ORT_DYLIB_PATH or --onnxruntime-library names its library, version 1.{} or \
     newer, which `pip download onnxruntime` brings as onnxruntime/capi/libonnxruntime.so.<version>; --engine tract needs none",
    ort::MINOR_VERSION
)]
pub struct RuntimeError {
    reason: String,
}

/// The loaded library.
pub(super) struct OnnxRuntime {
    environment: Environment,
}

impl OnnxRuntime {
    /// Loads the first of these libraries that can be used, once for the process.
    pub(super) fn start(libraries: &[PathBuf]) -> Result<Self, RuntimeError> {
        // The library allows for one environment in a process, which every later caller shares.
        static STARTED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems = Vec::new();
        for library in libraries {
            if let Some((_, environment)) = started.as_ref().filter(|(known, _)| known == library) {
                return Ok(Self { environment: environment.clone() });
            }
            // A file that only looks like the library may break what the binding takes for granted.
            let environment = catch_unwind(|| environment(library))
                .unwrap_or_else(|panic| Err(format!("{}: {}", library.display(), panic_message(panic.as_ref()))));
            match environment {
                Ok(environment) => {
                    *started = Some((library.clone(), environment.clone()));
                    return Ok(Self { environment });
                }
                Err(problem) => problems.push(problem),
            }
        }
        Err(RuntimeError { reason: problems.join("; ") })
    }
}

/// Loads a library. The problem is a sentence that names it.
fn environment(library: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(library).map_err(|error| match error {
        LoadDynamicError::BadVersion { version_str, path } => format!("{} is version {version_str}", path.display()),
        LoadDynamicError::Dlopen { path, error } => {
            let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            let named = source.contains(&path.display().to_string());
            if named { source } else { format!("{}: {source}", path.display()) }
        }
        error @ (LoadDynamicError::MissingApi { .. } | LoadDynamicError::InvalidVersionString) => {
            format!("{}: {error}", library.display())
        }
    })?;
    builder.with_telemetry(false).build().map_err(|error| format!("{}: {error}", library.display()))
}

impl LoadProgram for OnnxRuntime {
    fn offers(&self, accelerator: ExecutionProvider) -> Result<(), MissingBecause> {
        accelerators::offered(accelerator, &self.environment)
    }

    fn load(&self, file: ModelFile, options: LoadOptions<'_>) -> Result<Arc<dyn Program>, LoadError> {
        let LoadOptions { fixed, intra_threads, instances, optional, accelerators } = options;
        let (environment, accelerators) = (self.environment.clone(), accelerators.to_vec());
        let mut file = file;
        let weights = KeptWeights::new(mem::take(&mut file.weights), instances);
        let plan = SessionPlan { environment, file, weights, intra_threads, accelerators };
        let optional_names: Vec<&str> = optional.iter().map(|spec| spec.name.as_str()).collect();
        let mut first = plan.session().map_err(LoadError::Unsupported)?;
        let inputs: Vec<TensorSpec> = first.inputs().iter().map(spec).collect();
        if let FixedInputs::Input(shape) = fixed {
            Signature::check_input(&inputs, shape).map_err(LoadError::Input)?;
        }
        let mut outputs: Vec<TensorSpec> = first.outputs().iter().map(spec).collect();
        // The file may leave the outputs' shapes open; the answer to one item has them.
        let item = match fixed {
            FixedInputs::Input(shape) => Some(vec![Tensor::zeros(Datatype::Fp32, shape.to_vec())]),
            FixedInputs::OneItem if inputs.iter().all(TensorSpec::is_fixed_behind_first) => {
                Some(inputs.iter().map(|input| input.zeros(true)).collect())
            }
            FixedInputs::OneItem | FixedInputs::Nothing => None,
        };
        if let Some(item) = item {
            let answer =
                run(&mut first, &RunInputs::of(&item)).map_err(|error| LoadError::Unsupported(error.to_string()))?;
            for (output, tensor) in outputs.iter_mut().zip(&answer) {
                output.shape = Some(tensor.shape().iter().copied().map(Some).collect());
            }
        }
        let told = first.overridable_initializers();
        let optional = told.iter().map(|it| tensor_spec(it.name(), it.dtype()));
        let optional = optional.filter(|told| optional_names.contains(&told.name.as_str())).collect();
        let signature = Signature { inputs, optional, outputs, constant: None };
        Ok(Arc::new(OnnxProgram { plan, first: Mutex::new(Some(first)), signature }))
    }
}

/// A model that was found good. Each instance is a session of its own, made from the file.
struct OnnxProgram {
    plan: SessionPlan,
    /// The session with which the file was examined, until somebody takes it: it has a copy of the weights.
    first: Mutex<Option<Session>>,
    signature: Signature,
}

impl fmt::Debug for OnnxProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("signature", &self.signature).finish_non_exhaustive()
    }
}

impl Program for OnnxProgram {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn takes_batches(&self) -> Result<(), &'static str> {
        let fixes_first =
            |input: &TensorSpec| input.shape.as_ref().is_none_or(|shape| !matches!(shape[..], [None, ..]));
        if self.signature.inputs.iter().any(fixes_first) {
            return Err("the model's file fixes how many items it takes");
        }
        Ok(())
    }

    fn start(&self) -> Result<Box<dyn RunProgram>, String> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let optional = self.signature.optional.iter().map(|spec| spec.name.clone()).collect();
        Ok(Box::new(OnnxRun { session: first.map_or_else(|| self.plan.session(), Ok)?, optional }))
    }
}

/// An instance.
#[derive(Debug)]
struct OnnxRun {
    session: Session,
    /// The names of the optional inputs.
    optional: Vec<String>,
}

impl RunProgram for OnnxRun {
    fn run(&mut self, inputs: &[Tensor], optional: &[OptionalTensor]) -> Result<Vec<Tensor>, NoAnswer> {
        let inputs = RunInputs { tensors: inputs, optional, optional_names: &self.optional };
        run(&mut self.session, &inputs).map_err(|error| {
            let message = error.to_string();
            emptiness::found_empty(&message).map_or(NoAnswer::Failed(message), NoAnswer::ToInput)
        })
    }
}

/// What a run is given.
struct RunInputs<'a> {
    tensors: &'a [Tensor],
    optional: &'a [OptionalTensor],
    optional_names: &'a [String],
}

impl<'a> RunInputs<'a> {
    /// What every run needs, and no more.
    fn of(tensors: &'a [Tensor]) -> Self {
        Self { tensors, optional: &[], optional_names: &[] }
    }
}

fn run(session: &mut Session, inputs: &RunInputs<'_>) -> ort::Result<Vec<Tensor>> {
    let lent_tensors: ort::Result<Vec<SessionInputValue<'_>>> = inputs.tensors.iter().map(lent).collect();
    if inputs.optional.is_empty() {
        let outputs = session.run(lent_tensors?.as_slice())?;
        return outputs.values().map(|output| taken(&output)).collect();
    }
    let names: Vec<String> = session.inputs().iter().map(|input| input.name().to_owned()).collect();
    let mut named: Vec<(&str, SessionInputValue<'_>)> = names.iter().map(String::as_str).zip(lent_tensors?).collect();
    for OptionalTensor { position, tensor } in inputs.optional {
        named.push((&inputs.optional_names[*position], lent(tensor)?));
    }
    let outputs = session.run(named)?;
    outputs.values().map(|output| taken(&output)).collect()
}

/// A tensor as the library sees it; texts are copied.
fn lent(tensor: &Tensor) -> ort::Result<SessionInputValue<'_>> {
    fn numbers<'a, T: PrimitiveTensorElementType + Clone + fmt::Debug + 'static>(
        shape: &'a [usize],
        numbers: &'a [T],
    ) -> ort::Result<SessionInputValue<'a>> {
        Ok(TensorRef::from_array_view((shape, numbers))?.into())
    }
    let shape = tensor.shape();
    match tensor.values() {
        TensorValues::Bool(elements) => numbers(shape, elements),
        TensorValues::Uint8(elements) => numbers(shape, elements),
        TensorValues::Uint16(elements) => numbers(shape, elements),
        TensorValues::Uint32(elements) => numbers(shape, elements),
        TensorValues::Uint64(elements) => numbers(shape, elements),
        TensorValues::Int8(elements) => numbers(shape, elements),
        TensorValues::Int16(elements) => numbers(shape, elements),
        TensorValues::Int32(elements) => numbers(shape, elements),
        TensorValues::Int64(elements) => numbers(shape, elements),
        TensorValues::Fp16(elements) => numbers(shape, elements),
        TensorValues::Bf16(elements) => numbers(shape, elements),
        TensorValues::Fp32(elements) => numbers(shape, elements),
        TensorValues::Fp64(elements) => numbers(shape, elements),
        TensorValues::Bytes(texts) => Ok(ort::value::Tensor::from_string_array((shape, texts.as_slice()))?.into()),
    }
}

/// A tensor of the library's, copied.
fn taken(value: &DynValue) -> ort::Result<Tensor> {
    fn elements<T: PrimitiveTensorElementType + TensorElement>(value: &DynValue) -> ort::Result<TensorValues> {
        Ok(T::values(value.try_extract_tensor::<T>()?.1.to_vec()))
    }
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Err(ort::Error::new("an output is no tensor"));
    };
    let values = match ty {
        TensorElementType::Bool => elements::<bool>(value)?,
        TensorElementType::Uint8 => elements::<u8>(value)?,
        TensorElementType::Uint16 => elements::<u16>(value)?,
        TensorElementType::Uint32 => elements::<u32>(value)?,
        TensorElementType::Uint64 => elements::<u64>(value)?,
        TensorElementType::Int8 => elements::<i8>(value)?,
        TensorElementType::Int16 => elements::<i16>(value)?,
        TensorElementType::Int32 => elements::<i32>(value)?,
        TensorElementType::Int64 => elements::<i64>(value)?,
        TensorElementType::Float16 => elements::<f16>(value)?,
        TensorElementType::Bfloat16 => elements::<bf16>(value)?,
        TensorElementType::Float32 => elements::<f32>(value)?,
        TensorElementType::Float64 => elements::<f64>(value)?,
        TensorElementType::String => TensorValues::Bytes(value.try_extract_strings()?.1),
        other => {
            return Err(ort::Error::new(format!("an output has the type {other}, which the protocol does not have")));
        }
    };
    let shape = shape.iter().map(|size| usize::try_from(*size).unwrap_or_default()).collect();
    Tensor::new(shape, values).ok_or_else(|| ort::Error::new("an output does not fit its shape"))
}

/// What a session is made of.
struct SessionPlan {
    environment: Environment,
    file: ModelFile,
    weights: KeptWeights,
    intra_threads: usize,
    accelerators: Vec<ExecutionProvider>,
}

impl SessionPlan {
    fn session(&self) -> Result<Session, String> {
        let weights = self.weights.for_session()?;
        let built = Session::builder(&self.environment).and_then(|builder| {
            let builder = builder
                // What it complains about is in its answer too. Its own line on standard error quotes numbers of the input.
                .with_log_level(LogLevel::Fatal)?
                .with_intra_threads(self.intra_threads)?
                // A thread that waits for its next part in a loop takes a core from the other models.
                .with_intra_op_spinning(false)?
                .with_inter_threads(1)?
                .with_optimization_level(GraphOptimizationLevel::All)?;
            let register = |builder: SessionBuilder, accelerator: &ExecutionProvider| {
                accelerators::register(*accelerator, self.intra_threads, builder)
            };
            let mut builder = self.accelerators.iter().try_fold(builder, register)?;
            // The library would map files of weights into memory, and end the process once one of them is cut.
            for weights in &weights {
                builder = builder.with_external_initializer_file_in_memory(&weights.location, weights.bytes.clone())?;
            }
            match &self.file.in_memory {
                Some(bytes) => builder.commit_from_memory(bytes),
                None => builder.commit_from_file(&self.file.path),
            }
        });
        let session = built.map_err(|error| error.to_string())?;
        if self.file.in_memory.is_none() {
            self.file.check_unchanged()?;
        }
        Ok(session)
    }
}

fn spec(outlet: &Outlet) -> TensorSpec {
    tensor_spec(outlet.name(), outlet.dtype())
}

fn tensor_spec(name: &str, r#type: &ValueType) -> TensorSpec {
    let sizes = |size: &i64| usize::try_from(*size).ok();
    let (datatype, shape) = match r#type {
        ValueType::Tensor { ty, shape, .. } => (datatype(*ty), Some(shape.iter().map(sizes).collect())),
        _ => (None, None),
    };
    TensorSpec { name: name.to_owned(), datatype, shape }
}

fn datatype(element: TensorElementType) -> Option<Datatype> {
    match element {
        TensorElementType::Bool => Some(Datatype::Bool),
        TensorElementType::Uint8 => Some(Datatype::Uint8),
        TensorElementType::Uint16 => Some(Datatype::Uint16),
        TensorElementType::Uint32 => Some(Datatype::Uint32),
        TensorElementType::Uint64 => Some(Datatype::Uint64),
        TensorElementType::Int8 => Some(Datatype::Int8),
        TensorElementType::Int16 => Some(Datatype::Int16),
        TensorElementType::Int32 => Some(Datatype::Int32),
        TensorElementType::Int64 => Some(Datatype::Int64),
        TensorElementType::Float16 => Some(Datatype::Fp16),
        TensorElementType::Bfloat16 => Some(Datatype::Bf16),
        TensorElementType::Float32 => Some(Datatype::Fp32),
        TensorElementType::Float64 => Some(Datatype::Fp64),
        TensorElementType::String => Some(Datatype::Bytes),
        _ => None,
    }
}
