//! Attributes that tract never reads, and the values of them that nobody misses.

use super::super::proto::{AttributeProto, NodeProto};

/// An attribute that is never read, of operators of ONNX.
struct OverlookedAttribute {
    operators: &'static [&'static str],
    attribute: &'static str,
    /// The values that nobody misses.
    harmless: Harmless,
}

/// The values of an attribute with which an operator does what tract does.
enum Harmless {
    Never,
    Int(i64),
    Float(f32),
    /// One of these texts; where the attribute is a list, these in turn.
    Texts(&'static [&'static str]),
}

const RECURRENT: &[&str] = &["RNN", "GRU", "LSTM"];
/// Before version 7, these said with `axis` how their inputs go together.
const BROADCASTING: &[&str] =
    &["Add", "Sub", "Mul", "Div", "Pow", "PRelu", "And", "Or", "Xor", "Equal", "Greater", "Less"];

const ATTRIBUTES: &[OverlookedAttribute] = {
    use Harmless::{Float, Int, Never, Texts};
    const fn of(
        operators: &'static [&'static str],
        attribute: &'static str,
        harmless: Harmless,
    ) -> OverlookedAttribute {
        OverlookedAttribute { operators, attribute, harmless }
    }
    &[
        of(&["RNN"], "activations", Texts(&["tanh"])),
        of(&["GRU"], "activations", Texts(&["sigmoid", "tanh"])),
        of(&["LSTM"], "activations", Texts(&["sigmoid", "tanh", "tanh"])),
        of(RECURRENT, "clip", Never),
        of(RECURRENT, "direction", Texts(&["forward", "bidirectional"])),
        of(RECURRENT, "layout", Int(0)),
        of(&["LSTM"], "input_forget", Int(0)),
        of(&["Swish"], "alpha", Float(1.0)),
        // In half precision, tract multiplies by it at the wrong place.
        of(&["Celu"], "alpha", Float(1.0)),
        of(&["SpaceToDepth"], "mode", Texts(&["dcr"])),
        of(&["ConvTranspose"], "output_shape", Never),
        of(&["GridSample"], "mode", Texts(&["linear", "bilinear", "nearest"])),
        of(&["TopK"], "sorted", Int(1)),
        of(&["Normalizer"], "norm", Texts(&["l1", "l2"])),
        of(&["LinearRegressor"], "post_transform", Texts(&["none"])),
        of(&["BatchNormalization"], "training_mode", Int(0)),
        of(&["QuantizeLinear", "DequantizeLinear"], "output_dtype", Int(0)),
        of(&["QuantizeLinear"], "precision", Int(0)),
        of(&["Attention"], "left_window_size", Int(-1)),
        of(&["Attention"], "right_window_size", Int(-1)),
        of(BROADCASTING, "axis", Never),
        of(&["Scan"], "directions", Never),
        of(&["TreeEnsembleClassifier", "TreeEnsembleRegressor"], "base_values_as_tensor", Never),
        of(&["TreeEnsembleClassifier", "TreeEnsembleRegressor"], "nodes_values_as_tensor", Never),
    ]
};

/// The attribute of a node that tract reads over, as messages tell it.
pub(super) fn overlooked_attribute(node: &NodeProto) -> Option<String> {
    let of_node = |overlooked: &&OverlookedAttribute| overlooked.operators.contains(&node.op_type.as_str());
    ATTRIBUTES.iter().filter(of_node).find_map(|overlooked| {
        let said = node.attribute(overlooked.attribute)?;
        (!overlooked.harmless.covers(said)).then(|| format!("the attribute `{} = {}`", said.name, shown(said)))
    })
}

impl Harmless {
    fn covers(&self, said: &AttributeProto) -> bool {
        match self {
            Self::Never => false,
            Self::Int(value) => said.i == *value,
            Self::Float(value) => said.f == *value,
            Self::Texts(texts) => {
                let is = |said: &[u8], text: &&str| said.eq_ignore_ascii_case(text.as_bytes());
                if said.strings.is_empty() {
                    return texts.iter().any(|text| is(&said.s, text));
                }
                said.strings.iter().zip(texts.iter().cycle()).all(|(said, text)| is(said, text))
            }
        }
    }
}

/// The value of an attribute, for messages.
pub(super) fn shown(attribute: &AttributeProto) -> String {
    let text = |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(bytes));
    match attribute.r#type {
        1 => attribute.f.to_string(),
        2 => attribute.i.to_string(),
        3 => text(&attribute.s),
        8 => format!("[{}]", attribute.strings.iter().map(|each| text(each)).collect::<Vec<_>>().join(", ")),
        _ => "…".to_owned(),
    }
}
