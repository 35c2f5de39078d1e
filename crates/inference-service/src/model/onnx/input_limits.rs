//! Numbers and shapes of a request with which tract would compute something else than ONNX Runtime does.
//!
//! Rule of thumb: NaN and infinite numbers go only through operators that are known to keep them. Most activations are
//! faster in tract than a comparison allows, and make a number of NaN.

use super::graph::OnnxGraph;
use super::proto::NodeProto;

/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;

/// Operators of which tract's answers to NaN and infinite numbers are ONNX Runtime's.
const KEEP_ALL_NUMBERS: &[&str] = &[
    "Abs",
    "Acos",
    "Add",
    "ArrayFeatureExtractor",
    "Asin",
    "Atan",
    "Atanh",
    "AveragePool",
    "BiasGelu",
    "Cast",
    "CastLike",
    "Ceil",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "Greater",
    "GreaterOrEqual",
    "Hardmax",
    "Identity",
    "Imputer",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "LinearClassifier",
    "LinearRegressor",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Mean",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "NonZero",
    "Not",
    "PRelu",
    "Pad",
    "Range",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Reshape",
    "Round",
    "Scaler",
    "Selu",
    "Shape",
    "Shrink",
    "Sin",
    "Sinh",
    "Size",
    "Slice",
    "Softmax",
    "Softsign",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tan",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
    "Trilu",
    "Unsqueeze",
    "Where",
    "ZipMap",
];

/// What requests may not bring, and the operator because of which they may not.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct InputLimits {
    /// The operator that NaN and infinite numbers must not reach.
    pub(in crate::model) finite_for: Option<String>,
    /// The operator that must be given at least one number.
    pub(in crate::model) some_for: Option<String>,
}

impl InputLimits {
    /// The limits of a graph.
    pub(in crate::model) fn of(graph: &OnnxGraph) -> Self {
        let nodes = graph.nodes();
        let shown = |node: &&NodeProto| format!("{} (node {:?})", node.op_type, node.shown_name());
        let is_limited = |node: &&&NodeProto| {
            // What is multiplied with a constant zero, or divided by an infinite one, is taken to be zero.
            let is_scaled = matches!(node.op_type.as_str(), "Mul" | "Div");
            let by_zero = is_scaled && node.input.iter().any(|input| has_only_zeros_or_infinity(graph, input));
            by_zero || !KEEP_ALL_NUMBERS.contains(&node.op_type.as_str())
        };
        let counts = |node: &&&NodeProto| {
            node.op_type.starts_with("Reduce") || matches!(node.op_type.as_str(), "DynamicQuantizeLinear")
        };
        Self { finite_for: nodes.iter().find(is_limited).map(shown), some_for: nodes.iter().find(counts).map(shown) }
    }
}

/// Whether a constant is 0 or infinite everywhere; one of another type than single precision is taken to be.
fn has_only_zeros_or_infinity(graph: &OnnxGraph, tensor: &str) -> bool {
    graph.constant(tensor).is_some_and(|constant| {
        let raw = constant.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let mut numbers = constant.float_data.iter().copied().chain(raw);
        constant.data_type != FLOAT || numbers.all(|number| number == 0.0 || number.is_infinite())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use prost::Message as _;

    use super::super::proto::{GraphProto, ModelProto};
    use super::super::written::{file, floats, node};
    use super::*;

    fn limits(nodes: Vec<NodeProto>) -> InputLimits {
        let initializer = vec![floats("zero", &[1], vec![0.0]), floats("two", &[1], vec![2.0])];
        let bytes = file(GraphProto { node: nodes, initializer, ..GraphProto::default() });
        InputLimits::of(&OnnxGraph::of(ModelProto::decode(&bytes[..]).unwrap()).unwrap())
    }

    #[test]
    fn numbers_have_to_be_finite_where_an_operator_would_lose_others() {
        let finite_for = |node| limits(vec![node]).finite_for;
        assert_eq!(finite_for(node("Relu", &["x"], &["y"])).unwrap(), r#"Relu (node "y")"#);
        assert_eq!(finite_for(node("Where", &["c", "x", "y"], &["z"])), None);
        assert!(finite_for(node("Mul", &["x", "zero"], &["y"])).is_some());
        assert_eq!(finite_for(node("Mul", &["x", "two"], &["y"])), None);
    }

    #[test]
    fn a_reduction_needs_a_number() {
        assert!(limits(vec![node("ReduceMean", &["x"], &["y"])]).some_for.is_some());
        assert_eq!(limits(vec![node("Softmax", &["x"], &["y"])]).some_for, None);
    }
}
