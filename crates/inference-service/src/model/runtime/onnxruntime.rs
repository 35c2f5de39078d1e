//! ONNX Runtime: Microsoft's library, loaded at start.

use std::path::PathBuf;
use std::sync::Arc;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use super::{Load, LoadError, Program, Run, RuntimeError, Signature, TensorSpec};

/// The loaded library.
pub(super) struct OnnxRuntime {
    environment: Environment,
}

impl OnnxRuntime {
    pub(super) fn start(library: PathBuf) -> Result<Self, RuntimeError> {
        let failed = |reason: String| RuntimeError { library: library.clone(), reason };
        let builder = ort::init_from(&library).map_err(|error| failed(error.to_string()))?;
        let environment = builder.with_telemetry(false).build().map_err(|error| failed(error.to_string()))?;
        Ok(Self { environment })
    }
}

impl Load for OnnxRuntime {
    fn load(&self, bytes: &[u8], shape: [usize; 4]) -> Result<Arc<dyn Program>, LoadError> {
        let mut first = session(&self.environment, bytes).map_err(LoadError::Unsupported)?;
        let inputs: Vec<TensorSpec> = first.inputs().iter().map(spec).collect();
        Signature::check_input(&inputs, &shape).map_err(LoadError::Input)?;
        // The file may leave open what the output's shape is; the answer to one item tells.
        let zeros = vec![0.0_f32; shape.iter().product()];
        let outputs = outputs(&mut first, shape, &zeros).map_err(LoadError::Unsupported)?;
        let signature = Signature { inputs, outputs };
        Ok(Arc::new(Loaded { environment: self.environment.clone(), bytes: bytes.into(), shape, signature }))
    }
}

/// A model that was found good. Each thread makes a session of its own from the bytes.
struct Loaded {
    environment: Environment,
    bytes: Arc<[u8]>,
    shape: [usize; 4],
    signature: Signature,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("signature", &self.signature).finish_non_exhaustive()
    }
}

impl Program for Loaded {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(&self) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(State { session: session(&self.environment, &self.bytes)?, shape: self.shape }))
    }
}

#[derive(Debug)]
struct State {
    session: Session,
    shape: [usize; 4],
}

impl Run for State {
    fn run(&mut self, values: &[f32]) -> Result<Vec<f32>, String> {
        let mut run = || -> ort::Result<Vec<f32>> {
            let input = TensorRef::from_array_view((self.shape, values))?;
            let outputs = self.session.run(ort::inputs![input])?;
            match outputs.values().next() {
                Some(first) => Ok(first.try_extract_tensor::<f32>()?.1.to_vec()),
                None => Ok(Vec::new()),
            }
        };
        run().map_err(|error| error.to_string())
    }
}

/// One thread for each session: the service has as many inference threads as there are cores.
fn session(environment: &Environment, bytes: &[u8]) -> Result<Session, String> {
    let built = Session::builder(environment).and_then(|builder| {
        builder
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .commit_from_memory(bytes)
    });
    built.map_err(|error| error.to_string())
}

fn spec(outlet: &Outlet) -> TensorSpec {
    let sizes = |size: &i64| usize::try_from(*size).ok();
    let (datatype, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => (datatype(*ty), Some(shape.iter().map(sizes).collect())),
        _ => (None, None),
    };
    TensorSpec { name: outlet.name().to_owned(), datatype, shape }
}

fn outputs(session: &mut Session, shape: [usize; 4], zeros: &[f32]) -> Result<Vec<TensorSpec>, String> {
    let mut run = || -> ort::Result<Vec<TensorSpec>> {
        let outputs = session.run(ort::inputs![TensorRef::from_array_view((shape, zeros))?])?;
        let spec = |(name, value): (&str, ort::value::ValueRef<'_>)| spec(&Outlet::new(name, value.dtype().clone()));
        Ok(outputs.iter().map(spec).collect())
    };
    run().map_err(|error| error.to_string())
}

fn datatype(element: TensorElementType) -> Option<&'static str> {
    match element {
        TensorElementType::Bool => Some("BOOL"),
        TensorElementType::Uint8 => Some("UINT8"),
        TensorElementType::Uint16 => Some("UINT16"),
        TensorElementType::Uint32 => Some("UINT32"),
        TensorElementType::Uint64 => Some("UINT64"),
        TensorElementType::Int8 => Some("INT8"),
        TensorElementType::Int16 => Some("INT16"),
        TensorElementType::Int32 => Some("INT32"),
        TensorElementType::Int64 => Some("INT64"),
        TensorElementType::Float16 => Some("FP16"),
        TensorElementType::Bfloat16 => Some("BF16"),
        TensorElementType::Float32 => Some("FP32"),
        TensorElementType::Float64 => Some("FP64"),
        TensorElementType::String => Some("BYTES"),
        _ => None,
    }
}
