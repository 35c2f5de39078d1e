//! Models as messages.

use super::proto::model_metadata_response::TensorMetadata;
use super::proto::repository_index_response::ModelIndex;
use super::proto::{
    DataType, InferStatistics, ModelConfig, ModelInput, ModelMetadataResponse, ModelOutput, ModelStatistics,
    StatisticDuration,
};
use crate::model::Engine;
use crate::oip::metadata::{Description, Indexed, PLATFORM, indexed, items_of_request, tensors};
use crate::oip::statistics::VersionStatistics;
use crate::serving::Model;

/// Names, datatypes and shapes.
pub(super) fn metadata(engine: &Engine, versions: Vec<String>) -> ModelMetadataResponse {
    let tensor = |it: Description<'_>| TensorMetadata {
        name: it.name.to_owned(),
        datatype: it.datatype.as_str().to_owned(),
        shape: it.shape(),
    };
    let (inputs, outputs) = tensors(engine);
    ModelMetadataResponse {
        name: engine.name().to_owned(),
        versions,
        platform: PLATFORM.to_owned(),
        inputs: inputs.into_iter().map(tensor).collect(),
        outputs: outputs.into_iter().map(tensor).collect(),
    }
}

/// The same as a configuration, whose shapes are those of one item.
pub(super) fn config(engine: &Engine, max_batch: usize) -> ModelConfig {
    let (inputs, outputs) = tensors(engine);
    let input = |it: Description<'_>| ModelInput {
        name: it.name.to_owned(),
        data_type: data_type(&it).into(),
        dims: it.dimensions,
    };
    let output = |it: Description<'_>| ModelOutput {
        name: it.name.to_owned(),
        data_type: data_type(&it).into(),
        dims: it.dimensions,
    };
    ModelConfig {
        name: engine.name().to_owned(),
        platform: PLATFORM.to_owned(),
        backend: engine.runtime().as_str().to_owned(),
        max_batch_size: i32::try_from(items_of_request(engine, max_batch)).unwrap_or(i32::MAX),
        input: inputs.into_iter().map(input).collect(),
        output: outputs.into_iter().map(output).collect(),
    }
}

/// The lines of one model in the repository's index.
pub(super) fn index_entries(model: &Model) -> Vec<ModelIndex> {
    let line = |Indexed { version, state, reason }| ModelIndex {
        name: model.name.clone(),
        version: version.unwrap_or_default(),
        state: state.to_owned(),
        reason,
    };
    indexed(model).into_iter().map(line).collect()
}

/// What has become of the predictions of a version.
pub(super) fn statistics(found: &VersionStatistics) -> ModelStatistics {
    let (inference_count, execution_count) = found.counts();
    let [success, fail, queue, compute_input, compute_infer, compute_output] =
        found.durations().map(|(_, total)| Some(StatisticDuration { count: total.count, ns: total.nanoseconds }));
    ModelStatistics {
        name: found.model.clone(),
        version: found.version.clone(),
        last_inference: found.last(),
        inference_count,
        execution_count,
        inference_stats: Some(InferStatistics { success, fail, queue, compute_input, compute_infer, compute_output }),
    }
}

fn data_type(described: &Description<'_>) -> DataType {
    DataType::from_str_name(&described.config_type()).unwrap_or(DataType::TypeInvalid)
}
