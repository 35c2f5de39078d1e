//! What may compute the nodes of a model in ONNX Runtime.

use serde::Deserialize;

/// What computes the nodes of a model, in ONNX Runtime's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionProvider {
    /// A GPU of NVIDIA's.
    Cuda,
    /// The same with kernels that are made for the model while it loads.
    TensorRt,
    /// Processors and GPUs of Intel's.
    OpenVino,
    /// The processor. It takes whatever the others leave.
    Cpu,
}

impl ExecutionProvider {
    /// All but the CPU.
    pub(crate) const ACCELERATORS: [Self; 3] = [Self::Cuda, Self::TensorRt, Self::OpenVino];

    /// Its name in model.toml, metrics and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::OpenVino => "openvino",
            Self::Cpu => "cpu",
        }
    }

    /// The package of PyPI whose library has it.
    pub(in crate::model) fn package(self) -> &'static str {
        match self {
            Self::Cuda | Self::TensorRt => "onnxruntime-gpu",
            Self::OpenVino => "onnxruntime-openvino",
            Self::Cpu => "onnxruntime",
        }
    }
}

/// Why an accelerator does not run a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum MissingBecause {
    /// tract runs the model.
    Tract,
    /// The library of ONNX Runtime was built without it, and with these.
    Library(Vec<ExecutionProvider>),
    /// ONNX Runtime's message.
    Failed(String),
}
