//! The numbers of pictures, as clients send them that decode pictures themselves.

use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::elements::{JsonElements, MissingValues, UnreadElements, read_elements};
use crate::model::{Datatype, TensorValues};

/// Finite numbers in regular arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberArray {
    /// All numbers in reading order.
    pub values: Vec<f32>,
    /// The length of each level of arrays, outermost first; empty for a single number without an array.
    pub shape: Vec<usize>,
}

impl NumberArray {
    /// Reads JSON.
    ///
    /// # Errors
    /// If the text is something else, or the arrays differ from one another.
    pub(crate) fn read(text: &str) -> Result<Self, UnreadElements> {
        let JsonElements { values, shape } = read_elements(Datatype::Fp32, text, MissingValues::Refuse)?;
        let values = if let TensorValues::Fp32(values) = values { values } else { Vec::new() };
        Ok(Self { values, shape: shape.map_err(UnreadElements::Input)? })
    }
}

/// The tensors of a JSON body, for its description.
pub(crate) struct JsonTensorsSchema;

impl PartialSchema for JsonTensorsSchema {
    fn schema() -> RefOr<Schema> {
        let anything = || ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::AnyValue);
        let simple = |kind: Type| ObjectBuilder::new().schema_type(kind);
        let by_name = simple(Type::Object).additional_properties(Some(AdditionalProperties::RefOr(anything().into())));
        OneOfBuilder::new()
            .item(simple(Type::Number))
            .item(simple(Type::String))
            .item(simple(Type::Boolean))
            .item(ArrayBuilder::new().items(anything()))
            .item(by_name)
            .description(Some(
                "Elements in arrays that are nested as the model's shape says, or in a flat one; or an object of such arrays \
                 by the names of the model's inputs.",
            ))
            .into()
    }
}

impl ToSchema for JsonTensorsSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        "JsonTensors".into()
    }
}
