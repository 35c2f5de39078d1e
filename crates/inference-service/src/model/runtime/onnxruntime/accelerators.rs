//! The execution providers that a library of ONNX Runtime may have beside the CPU.

use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProvider as _, ExecutionProviderDispatch, OpenVINO, TensorRT};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::super::execution_provider::{ExecutionProvider, MissingBecause};

/// Whether sessions can be given to this accelerator. What it needs of the machine is loaded for that, but no model.
pub(super) fn offered(accelerator: ExecutionProvider, environment: &Environment) -> Result<(), MissingBecause> {
    let failed = |error: ort::Error| MissingBecause::Failed(error.to_string());
    if !is_in_library(accelerator).map_err(failed)? {
        let mut has = Vec::new();
        for other in ExecutionProvider::ACCELERATORS {
            if is_in_library(other).map_err(failed)? {
                has.push(other);
            }
        }
        has.push(ExecutionProvider::Cpu);
        return Err(MissingBecause::Library(has));
    }
    Session::builder(environment).and_then(|builder| register(accelerator, 1, builder)).map(drop).map_err(failed)
}

/// Lets this accelerator take nodes behind those that were registered before.
pub(super) fn register(
    accelerator: ExecutionProvider,
    threads: usize,
    builder: SessionBuilder,
) -> ort::Result<SessionBuilder> {
    match dispatched(accelerator, threads) {
        Some(dispatched) => Ok(builder.with_execution_providers([dispatched.error_on_failure()])?),
        None => Ok(builder),
    }
}

/// Whether the library was built with it; the machine may yet lack what it needs.
fn is_in_library(provider: ExecutionProvider) -> ort::Result<bool> {
    match provider {
        ExecutionProvider::Cuda => CUDA::is_available(),
        ExecutionProvider::TensorRt => TensorRT::is_available(),
        ExecutionProvider::OpenVino => OpenVINO::is_available(),
        ExecutionProvider::Cpu => Ok(true),
    }
}

/// The CPU is behind all others without being registered.
fn dispatched(provider: ExecutionProvider, threads: usize) -> Option<ExecutionProviderDispatch> {
    match provider {
        // TF32 has 10 bits of fraction where FP32 has 23: answers would differ from those of the CPU, and together from
        // alone, and so no items would run together.
        ExecutionProvider::Cuda => Some(CUDA::default().with_tf32(false).build()),
        ExecutionProvider::TensorRt => Some(TensorRT::default().build()),
        // Its own default is all cores for each instance.
        ExecutionProvider::OpenVino => Some(OpenVINO::default().with_num_threads(threads).build()),
        ExecutionProvider::Cpu => None,
    }
}
