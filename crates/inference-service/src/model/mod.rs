//! Models: where they lie on disk, what they take, how they run, and what their answers mean.
//!
//! Rule of thumb: everything that can be wrong with a model is found while it loads. After [`Engine::load`] and one
//! [`Session::warm_up`], a request can only be wrong about its own input.

mod answer;
mod batching;
mod certain_task;
mod class_output;
mod config;
mod config_table;
mod declared;
mod defect;
mod engine;
mod engine_choice;
mod error;
pub(crate) mod features;
pub(crate) mod file_stamp;
mod hexadecimal;
mod input_spec;
mod instances;
mod labels;
mod load_refusal;
mod missing;
mod mlflow;
mod onnx;
mod output_choice;
mod proposal;
mod providers;
mod repository;
mod runtime;
mod scores;
mod session;
mod signature_features;
mod task;
pub(crate) mod tensor;

pub use batching::Batching;
pub use config::ModelConfig;
pub use defect::DefectRule;
pub use engine::Engine;
pub(crate) use engine_choice::RuntimeCandidates;
pub use engine_choice::{EngineChoice, Runtimes};
pub use error::ModelError;
pub use features::{CategoryEncoding, MissingFill, ModelFeatures, ServedFeature};
pub(crate) use hexadecimal::hexadecimal;
pub use input_spec::{Colour, InputSpec, Layout, ReadOrientation, ResizeFilter};
pub use instances::{InstanceConfig, ModelInstances};
pub use mlflow::{MlflowColumn, MlflowSignature, SavedByMlflow};
pub(crate) use proposal::Proposal;
pub use providers::{MissingProvider, ModelProviders};
pub(crate) use repository::unread_beside;
pub use repository::{ModelSource, PassedOver, Repository, RepositoryEntry, RepositoryFolder};
pub use runtime::{ConstantInputs, ExecutionProvider, Runtime, RuntimeError, RuntimeKind, Signature, TensorSpec};
pub use scores::{
    ClassPrediction, ClassReader, ClassScore, FileLabels, OwnLabel, Prediction, PredictionMeaning, ScaleSource,
    ScoreScale,
};
pub use session::Session;
pub use task::Task;
pub use tensor::{Datatype, OptionalTensor, Tensor, TensorValues};
