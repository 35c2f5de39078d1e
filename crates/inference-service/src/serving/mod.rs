//! Models at work: which there are, which requests may wait for them, and the threads that run them.
//!
//! Rule of thumb: work gets in through [`Admission`], or it is refused; after that, nothing waits without a bound.

mod admission;
mod decoders;
mod feature_refusals;
mod flow;
mod job;
mod lanes;
mod loaded;
mod loader;
mod measured;
mod metrics;
mod model;
mod models;
mod pool;
mod queue;
mod samples;
mod seen_folders;
mod series_budget;
mod serving_list;

pub(crate) use admission::Admission;
pub(crate) use decoders::{DecodeSize, Decoders, out_of_time};
pub(crate) use feature_refusals::series_of_features;
pub(crate) use flow::{BatchPolicy, Flow};
pub(crate) use job::{InferenceJob, JobAnswer, RunError};
pub(crate) use loaded::LoadedVersion;
pub(crate) use loader::ModelLoader;
pub(crate) use metrics::{ModelMetricFamilies, SERIES_OF_A_MODEL};
pub(crate) use model::{Model, ModelState, ModelVersions};
pub(crate) use models::Models;
pub(crate) use pool::InferencePool;
pub(crate) use series_budget::SeriesBudget;
