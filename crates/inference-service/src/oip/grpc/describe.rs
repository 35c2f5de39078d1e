//! Models as messages.

use super::proto::model_metadata_response::TensorMetadata;
use super::proto::repository_index_response::ModelIndex;
use super::proto::{
    DataType, InferStatistics, ModelConfig, ModelInput, ModelMetadataResponse, ModelOutput, ModelStatistics,
    StatisticDuration,
};
use crate::model::Engine;
use crate::oip::metadata::{DescribedTensor, ModelTensors, PLATFORM, items_of_request};
use crate::oip::repository::IndexEntry;
use crate::oip::statistics::{CountedDuration, InferenceDurations, VersionStatistics};

/// Names, datatypes and shapes.
pub(super) fn metadata(engine: &Engine, versions: Vec<String>) -> ModelMetadataResponse {
    let tensor = |tensor: DescribedTensor<'_>| TensorMetadata {
        name: tensor.name.to_owned(),
        datatype: tensor.datatype.as_str().to_owned(),
        shape: tensor.shape(),
    };
    let ModelTensors { inputs, outputs } = ModelTensors::of(engine);
    ModelMetadataResponse {
        name: engine.name().to_owned(),
        versions,
        platform: PLATFORM.to_owned(),
        inputs: inputs.into_iter().map(tensor).collect(),
        outputs: outputs.into_iter().map(tensor).collect(),
    }
}

/// A configuration, whose shapes are those of one item.
pub(super) fn config(engine: &Engine, max_batch: usize) -> ModelConfig {
    let ModelTensors { inputs, outputs } = ModelTensors::of(engine);
    let input = |tensor: DescribedTensor<'_>| ModelInput {
        name: tensor.name.to_owned(),
        data_type: data_type(&tensor).into(),
        optional: tensor.is_optional,
        dims: tensor.dimensions,
    };
    let output = |tensor: DescribedTensor<'_>| ModelOutput {
        name: tensor.name.to_owned(),
        data_type: data_type(&tensor).into(),
        dims: tensor.dimensions,
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

/// One line of the repository's index.
pub(super) fn index_entry(IndexEntry { name, version, state, reason }: IndexEntry) -> ModelIndex {
    ModelIndex { name, version: version.unwrap_or_default(), state: state.to_owned(), reason }
}

/// What has become of the predictions of a version.
pub(super) fn statistics(found: VersionStatistics) -> ModelStatistics {
    let duration = |CountedDuration { count, ns }| Some(StatisticDuration { count, ns });
    let InferenceDurations { success, fail, queue, compute_input, compute_infer, compute_output } =
        found.inference_stats;
    ModelStatistics {
        last_inference: found.last_inference,
        inference_count: found.inference_count,
        execution_count: found.execution_count,
        name: found.name,
        version: found.version,
        inference_stats: Some(InferStatistics {
            success: duration(success),
            fail: duration(fail),
            queue: duration(queue),
            compute_input: duration(compute_input),
            compute_infer: duration(compute_infer),
            compute_output: duration(compute_output),
        }),
    }
}

fn data_type(tensor: &DescribedTensor<'_>) -> DataType {
    DataType::from_str_name(&tensor.config_type()).unwrap_or(DataType::TypeInvalid)
}
