//! What the model says of one item, as an answer has it.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use crate::model::{ClassPrediction, Engine, Prediction, PredictionMeaning, Tensor, TensorValues};

/// What the model says of an item, or of a request with whole tensors.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PredictedItem {
    /// Of a model that classifies.
    Class(ClassPrediction),
    /// Of a model that estimates a number.
    Number {
        /// The number; finite.
        value: f64,
    },
    /// Of a model whose tensors only its caller understands.
    Tensors {
        /// Each output of the model, by its name.
        outputs: NamedTensors,
    },
}

/// Tensors by name, in the order of the model's outputs.
#[derive(ToSchema)]
#[schema(value_type = BTreeMap<String, PredictedTensor>)]
pub(super) struct NamedTensors(pub(super) Vec<(String, PredictedTensor)>);

/// A tensor that the model answers.
#[derive(Serialize, ToSchema)]
pub(super) struct PredictedTensor {
    datatype: &'static str,
    shape: Vec<usize>,
    /// The elements, flat; NaN and infinity are `null`.
    #[schema(value_type = Vec<Value>)]
    pub(super) data: TensorValues,
}

impl Serialize for NamedTensors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.0.len()))?;
        for (name, tensor) in &self.0 {
            members.serialize_entry(name, tensor)?;
        }
        members.end()
    }
}

impl From<Tensor> for PredictedTensor {
    fn from(tensor: Tensor) -> Self {
        let (datatype, shape) = (tensor.values().datatype().as_str(), tensor.shape().to_vec());
        Self { datatype, shape, data: tensor.into_values() }
    }
}

impl PredictedItem {
    /// About how many bytes it takes as text.
    pub(super) fn size(&self) -> usize {
        const OF_A_NUMBER: usize = 10;
        match self {
            Self::Class(class) => 100 * (1 + class.top.len()),
            Self::Number { .. } => OF_A_NUMBER,
            Self::Tensors { outputs } => outputs.0.iter().map(|(_, tensor)| OF_A_NUMBER * tensor.data.len()).sum(),
        }
    }

    pub(super) fn class(&self) -> Option<&ClassPrediction> {
        if let Self::Class(class) = self { Some(class) } else { None }
    }

    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number { value } = self { Some(*value) } else { None }
    }

    /// The elements of the output at this place.
    pub(super) fn output(&self, place: usize) -> Option<&TensorValues> {
        let Self::Tensors { outputs } = self else { return None };
        outputs.0.get(place).map(|(_, tensor)| &tensor.data)
    }

    pub(super) fn new(prediction: Prediction, engine: Option<&Engine>) -> Self {
        match prediction.meaning {
            PredictionMeaning::Class(class) => Self::Class(class),
            PredictionMeaning::Number { value } => Self::Number { value },
            PredictionMeaning::Tensors {} => {
                let names = engine.into_iter().flat_map(|engine| &engine.signature().outputs);
                let named = names.map(|output| output.name.clone());
                let outputs = named.zip(prediction.outputs.into_iter().map(PredictedTensor::from)).collect();
                Self::Tensors { outputs: NamedTensors(outputs) }
            }
        }
    }
}
