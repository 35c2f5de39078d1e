//! What a model takes and gives, in the words of the protocol.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Datatype, Engine, Signature, TensorSpec};

/// The format of the models, as the protocol calls it.
pub(super) const PLATFORM: &str = "onnx_onnxv1";

/// What a model takes, and what it gives.
pub(crate) struct ModelTensors<'a> {
    pub(crate) inputs: Vec<DescribedTensor<'a>>,
    pub(crate) outputs: Vec<DescribedTensor<'a>>,
}

/// An input or output of a model.
pub(crate) struct DescribedTensor<'a> {
    pub(super) name: &'a str,
    pub(super) datatype: Datatype,
    /// The shape of one item, or of the whole tensor; -1 for an open dimension.
    pub(super) dimensions: Vec<i64>,
    is_item: bool,
    /// Whether a request may leave it out.
    pub(super) is_optional: bool,
}

/// An input or output of a model.
#[derive(Serialize, ToSchema)]
#[schema(as = Tensor)]
pub(crate) struct TensorMetadata {
    pub(crate) name: String,
    pub(crate) datatype: &'static str,
    /// -1 is an open dimension.
    pub(crate) shape: Vec<i64>,
    /// Whether a request may leave this input out: the model's file has a value of it. Only where it is so.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub(crate) optional: bool,
}

/// What a model takes and gives.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelMetadata)]
pub(crate) struct ModelMetadataJson {
    name: String,
    /// The versions that can be asked for.
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// A model's configuration; its shapes are those of one item.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelConfig)]
pub(crate) struct ModelConfigJson {
    name: String,
    platform: &'static str,
    backend: &'static str,
    /// The most items of a request; 0 for a model without items.
    max_batch_size: usize,
    input: Vec<ConfiguredTensor>,
    output: Vec<ConfiguredTensor>,
}

/// An input or output, as a configuration has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfiguredTensor {
    name: String,
    data_type: String,
    /// -1 is an open dimension.
    dims: Vec<i64>,
    /// Whether a request may leave this input out: the model's file has a value of it. Only where it is so.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    optional: bool,
}

impl<'a> ModelTensors<'a> {
    pub(crate) fn of(engine: &'a Engine) -> Self {
        let Signature { inputs, optional, outputs, .. } = engine.signature();
        let is_item = !engine.takes_whole_tensors();
        let input = |spec: &TensorSpec| match &engine.config().input {
            Some(picture) => picture.item_shape().map(|size| size as i64).to_vec(),
            None => dimensions(spec, is_item),
        };
        let output = |index: usize, spec: &TensorSpec| match engine.classes() {
            Some(classes) if classes.output == index => vec![classes.numbers() as i64],
            _ => dimensions(spec, is_item),
        };
        let described = |spec: &'a TensorSpec, dimensions| DescribedTensor {
            name: &spec.name,
            datatype: spec.datatype.unwrap_or(Datatype::Fp32),
            dimensions,
            is_item,
            is_optional: false,
        };
        // Each is one tensor for the whole request.
        let left_out = |spec: &'a TensorSpec| DescribedTensor {
            is_item: false,
            is_optional: true,
            ..described(spec, dimensions(spec, false))
        };
        let required = inputs.iter().map(|spec| described(spec, input(spec)));
        Self {
            inputs: required.chain(optional.iter().map(left_out)).collect(),
            outputs: outputs.iter().enumerate().map(|(index, spec)| described(spec, output(index, spec))).collect(),
        }
    }
}

/// The shape of one item, or of the whole tensor.
fn dimensions(spec: &TensorSpec, is_item: bool) -> Vec<i64> {
    let sizes = |sizes: &[Option<usize>]| sizes.iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
    match (is_item, spec.item(), &spec.shape) {
        (true, Some(item), _) => sizes(item),
        (false, _, Some(shape)) => sizes(shape),
        _ => Vec::new(),
    }
}

impl DescribedTensor<'_> {
    /// The shape of the whole tensor. -1 is an open dimension, as the number of items is.
    pub(super) fn shape(&self) -> Vec<i64> {
        self.is_item.then_some(-1).into_iter().chain(self.dimensions.iter().copied()).collect()
    }

    /// The type's name in a configuration.
    pub(super) fn config_type(&self) -> String {
        match self.datatype {
            Datatype::Bytes => "TYPE_STRING".to_owned(),
            other => format!("TYPE_{other}"),
        }
    }
}

impl From<&DescribedTensor<'_>> for TensorMetadata {
    fn from(tensor: &DescribedTensor<'_>) -> Self {
        let (datatype, shape) = (tensor.datatype.as_str(), tensor.shape());
        Self { name: tensor.name.to_owned(), datatype, shape, optional: tensor.is_optional }
    }
}

impl From<DescribedTensor<'_>> for ConfiguredTensor {
    fn from(tensor: DescribedTensor<'_>) -> Self {
        let (data_type, optional) = (tensor.config_type(), tensor.is_optional);
        Self { name: tensor.name.to_owned(), data_type, dims: tensor.dimensions, optional }
    }
}

fn is_false(is: &bool) -> bool {
    !is
}

impl ModelMetadataJson {
    pub(super) fn new(engine: &Engine, versions: Vec<String>) -> Self {
        let ModelTensors { inputs, outputs } = ModelTensors::of(engine);
        Self {
            name: engine.name().to_owned(),
            versions,
            platform: PLATFORM,
            inputs: inputs.iter().map(TensorMetadata::from).collect(),
            outputs: outputs.iter().map(TensorMetadata::from).collect(),
        }
    }
}

impl ModelConfigJson {
    pub(super) fn new(engine: &Engine, max_batch: usize) -> Self {
        let ModelTensors { inputs, outputs } = ModelTensors::of(engine);
        Self {
            name: engine.name().to_owned(),
            platform: PLATFORM,
            backend: engine.runtime().as_str(),
            max_batch_size: items_of_request(engine, max_batch),
            input: inputs.into_iter().map(ConfiguredTensor::from).collect(),
            output: outputs.into_iter().map(ConfiguredTensor::from).collect(),
        }
    }
}

/// The most items of a request, as a configuration says it: 0 for a model without items.
pub(super) fn items_of_request(engine: &Engine, max_batch: usize) -> usize {
    if engine.takes_whole_tensors() { 0 } else { max_batch }
}
