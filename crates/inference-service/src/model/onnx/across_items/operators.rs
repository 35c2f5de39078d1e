//! Which operators keep the rows of their inputs apart, and under which conditions.

use super::super::proto::NodeProto;
use super::seen_node::{SeenNode, TensorRole};
use super::shapes;

/// Each element of the output comes from the elements at its own place.
const OF_ELEMENTS: &[&str] = &[
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Cast",
    "CastLike",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Where",
    "Xor",
];
/// Take their first input row by row; the others are weights, scales and sizes, and must be fixed.
const OF_ROWS: &[&str] = &[
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "DepthToSpace",
    "DequantizeLinear",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "GroupNormalization",
    "InstanceNormalization",
    "LRN",
    "LpPool",
    "MatMulInteger",
    "MaxPool",
    "QLinearConv",
    "QuantizeLinear",
    "SpaceToDepth",
];
/// Go along the axis that they name, or along this one.
const ALONG_AXIS: &[(&str, i64)] = &[
    ("ArgMax", 0),
    ("ArgMin", 0),
    ("Concat", 0),
    ("GatherElements", 0),
    ("Hardmax", -1),
    ("LayerNormalization", -1),
    ("LogSoftmax", -1),
    ("LpNormalization", -1),
    ("OneHot", -1),
    ("RMSNormalization", -1),
    ("Softmax", -1),
    ("Split", 0),
    ("TopK", -1),
];
const REDUCTIONS: &[&str] = &[
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];
/// Classical models, which take a row of features each.
const OF_FEATURES: &[&str] = &[
    "ArrayFeatureExtractor",
    "Binarizer",
    "CategoryMapper",
    "FeatureVectorizer",
    "Imputer",
    "LabelEncoder",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "OneHotEncoder",
    "SVMClassifier",
    "SVMRegressor",
    "Scaler",
    "TreeEnsemble",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
    "ZipMap",
];
const OF_MICROSOFT: &[&str] = &["BiasGelu", "FastGelu", "FusedConv", "Gelu", "QuickGelu"];
const RANDOM: &[&str] =
    &["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// Whether it draws numbers, which an item alone would get others of.
pub(super) fn is_random(node: &NodeProto) -> bool {
    RANDOM.contains(&node.op_type.as_str())
}

/// Whether a row of the outputs comes from the same row of the inputs alone.
pub(super) fn keep_rows_apart(seen: &SeenNode<'_>) -> bool {
    let operator = seen.node.op_type.as_str();
    match seen.node.domain.as_str() {
        "" | "ai.onnx" => {}
        "ai.onnx.ml" => return OF_FEATURES.contains(&operator) && seen.is_fixed_from(1),
        "com.microsoft" => return OF_MICROSOFT.contains(&operator) && seen.is_fixed_from(1),
        _ => return false,
    }
    let first_has_rows = seen.input(0) == TensorRole::Rows;
    match operator {
        _ if OF_ELEMENTS.contains(&operator) => seen.has_rows_or_is_fixed(),
        "BatchNormalization" if seen.int("training_mode", 0) != 0 => false,
        _ if OF_ROWS.contains(&operator) => first_has_rows && seen.is_fixed_from(1) && seen.axis_is_inside(1),
        "Softmax" | "LogSoftmax" | "Hardmax" if seen.axes.opset() < 13 => seen.axis_is_inside(1),
        _ if REDUCTIONS.contains(&operator) => first_has_rows && reduces_inside(seen),
        _ => match ALONG_AXIS.iter().find(|(name, _)| *name == operator) {
            Some((_, default)) => seen.axis_is_inside(*default) && seen.has_rows_or_is_fixed(),
            None => keeps_rows_of_shape(seen, operator),
        },
    }
}

/// Operators that move, take or multiply: what their parameters say decides.
fn keeps_rows_of_shape(seen: &SeenNode<'_>, operator: &str) -> bool {
    let roles = (seen.input(0), seen.input(1));
    let numbers = |position| seen.name(position).and_then(|name| seen.axes.numbers(name));
    match (operator, roles) {
        // Weights stand on one side; where both have rows, the rows of one meet those of the other only.
        ("MatMul", (TensorRole::Rows, TensorRole::Rows)) => true,
        ("MatMul" | "Gemm", (TensorRole::Rows, other)) => {
            other.is_fixed() && seen.int("transA", 0) == 0 && seen.input(2) != TensorRole::Sizes { with_items: true }
        }
        // A table is asked with indices, or a fixed place of each row is taken.
        ("Gather", (table, TensorRole::Rows)) => table.is_fixed() && seen.int("axis", 0) == 0,
        ("Gather", (TensorRole::Rows, indices)) => indices.is_fixed() && seen.axis_is_inside(0),
        ("CumSum", (TensorRole::Rows, _)) => {
            numbers(1).is_some_and(|axis| axis.iter().all(|axis| seen.is_inside(*axis)))
        }
        ("Dropout", (TensorRole::Rows, _)) => seen.name(2).is_none(),
        ("Flatten", _) => seen.is_inside(seen.int("axis", 1)),
        ("Reshape", (TensorRole::Rows, _)) => shapes::first_is_items(seen, 1),
        ("Expand", (TensorRole::Rows, _)) => {
            numbers(1).is_some_and(|sizes| sizes.first() == Some(&1)) || shapes::first_is_items(seen, 1)
        }
        ("Transpose", _) => seen.ints("perm").is_some_and(|order| order.first() == Some(&0)),
        ("Squeeze" | "Unsqueeze", _) => {
            seen.axes_from(1).is_some_and(|axes| axes.iter().all(|axis| *axis > 0 || *axis == -1))
        }
        ("Slice", (TensorRole::Rows, _)) => {
            let axes = if seen.node.input.len() > 1 { numbers(3) } else { seen.ints("axes") };
            seen.is_fixed_from(1) && axes.is_some_and(|axes| axes.iter().all(|axis| seen.is_inside(*axis)))
        }
        ("Pad", (TensorRole::Rows, _)) => {
            let pads = numbers(1).or_else(|| seen.ints("pads"));
            let first_is_left = |pads: Vec<i64>| pads.first() == Some(&0) && pads.get(pads.len() / 2) == Some(&0);
            seen.name(3).is_none() && pads.is_some_and(first_is_left)
        }
        ("Resize" | "Upsample", (TensorRole::Rows, _)) => {
            seen.is_fixed_from(1) && seen.node.attribute("axes").is_none()
        }
        _ => false,
    }
}

fn reduces_inside(seen: &SeenNode<'_>) -> bool {
    if seen.int("noop_with_empty_axes", 0) != 0 && seen.axes_from(1).is_none() {
        return false;
    }
    seen.is_fixed_from(1)
        && seen.axes_from(1).is_some_and(|axes| !axes.is_empty() && axes.iter().all(|axis| seen.is_inside(*axis)))
}
