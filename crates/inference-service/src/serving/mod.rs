//! Models at work: which there are, who may wait for them, and the threads that run them.
//!
//! Rule of thumb: work gets in through [`Admission`], or it is refused; behind it nothing waits without a bound.

mod admission;
mod flow;
mod gauges;
mod lanes;
mod loaded;
mod measured;
mod model;
mod models;
mod pool;
mod queue;
mod seen;

pub(crate) use admission::{Admission, QueueSlots};
pub(crate) use flow::{BatchPolicy, Flow};
pub(crate) use gauges::ModelGauges;
pub(crate) use loaded::LoadedVersion;
pub(crate) use model::{Model, ModelState, ModelVersions};
pub(crate) use models::{LoadingOptions, Models};
pub(crate) use pool::{InferenceJob, InferencePool, RunError};
