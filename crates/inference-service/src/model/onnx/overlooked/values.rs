//! What tract gets wrong for some values of a node's attributes, of its constants or of a request.

use super::super::graph::OnnxGraph;
use super::super::proto::NodeProto;
use super::origins::TensorOrigins;
use super::origins::element::{BOOL, INT8, INT16, INT32, INT64, STRING, UINT8, UINT16, UINT32, UINT64};

/// Reductions, of which tract gets whole numbers wrong, or does not have them.
const OF_FRACTIONS_ONLY: &[&str] =
    &["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceSumSquare", "ReduceProd", "Pow"];
/// Operators whose answer has as many numbers as a request's are of a kind, which may be none.
const OF_OPEN_LENGTH: &[&str] = &["Compress", "NonMaxSuppression", "NonZero", "Unique"];

/// What of a node tract would get wrong.
pub(super) fn wrong_values(node: &NodeProto, origins: &TensorOrigins<'_>, graph: &OnnxGraph) -> Option<String> {
    let input = |position: usize| node.input.get(position).map(String::as_str).filter(|input| !input.is_empty());
    let owned = |what: &str| Some(what.to_owned());
    let text = |name: &str| node.attribute(name).map_or(&b""[..], |attribute| &attribute.s);
    let flag = |name: &str| node.attribute(name).map_or(0, |attribute| attribute.i);
    let operator = node.op_type.as_str();
    let first = input(0).unwrap_or_default();
    let is_whole = || !origins.has_fractions(first) && origins.element(first) != Some(STRING);
    match operator {
        "Cast" if is_cast_exactly(node, first, origins) => None,
        "Cast" => cast(i32::try_from(node.attribute("to")?.i).ok()?, first, origins),
        "CastLike" => cast(origins.element(input(1)?)?, first, origins),
        "ConstantOfShape" if node.attribute("value").is_none() => owned("no attribute `value`"),
        // One that is negative counts from the end.
        "GatherND" | "ScatterND" if !origins.is_never_negative(input(1)?) => owned("`indices` that may be negative"),
        "OneHot" if !origins.is_never_negative(first) => owned("`indices` that may be negative or too large"),
        // It pads with that value, whatever the mode is.
        "Pad" if input(2).is_some() && !matches!(text("mode"), b"" | b"constant") => {
            Some(format!("the input `constant_value` beside `mode = {:?}`", String::from_utf8_lossy(text("mode"))))
        }
        "Pad" if has_negative_pads(node, origins) => owned("negative `pads`"),
        "Slice" => slice(node, origins),
        "Resize" | "Upsample" => resize(node, origins, graph),
        // Where no part of a window may lie beyond the edge, ONNX Runtime rounds up nevertheless.
        "AveragePool" | "MaxPool" | "LpPool" if flag("ceil_mode") == 1 && text("auto_pad") == b"VALID" => {
            owned("`ceil_mode = 1` beside `auto_pad = \"VALID\"`")
        }
        "NonMaxSuppression" => {
            let most = input(2).and_then(|most| origins.wholes(most));
            let is_told = most.is_some_and(|most| most.iter().any(|most| *most > 0));
            (!is_told).then(|| "no constant `max_output_boxes_per_class` above 0".to_owned())
        }
        // Zero divided by zero is no zero.
        "Div" if origins.floats(first).is_some_and(|numbers| numbers.iter().all(|number| *number == 0.0)) => {
            owned("a constant zero that is divided")
        }
        "DynamicQuantizeLinear" => scale_of_zeros(node, graph),
        "Dropout" if graph.opset() < 10 && node.output.get(1).is_some_and(|mask| !mask.is_empty()) => {
            owned("the output `mask` of this version")
        }
        "TreeEnsembleClassifier" | "TreeEnsembleRegressor" => {
            let modes = node.attribute("nodes_modes").map_or(&[][..], |modes| &modes.strings);
            let wrong = modes.iter().find(|mode| matches!(&mode[..], b"BRANCH_GTE" | b"BRANCH_NEQ"))?;
            Some(format!("the mode {} of `nodes_modes`", String::from_utf8_lossy(wrong)))
        }
        _ if OF_FRACTIONS_ONLY.contains(&operator) && is_whole() && origins.is_of_data(first) => owned("whole numbers"),
        _ if operator.starts_with("Reduce") && graph.nodes().iter().any(|node| is_of_open_length(node)) => {
            owned("no numbers at all, which this graph may give it,")
        }
        _ => None,
    }
}

fn is_of_open_length(node: &NodeProto) -> bool {
    OF_OPEN_LENGTH.contains(&node.op_type.as_str())
}

/// Whether a node is a cast that the service does itself (`runtime/tract/casts.rs`).
fn is_cast_exactly(node: &NodeProto, numbers: &str, origins: &TensorOrigins<'_>) -> bool {
    let to = node.attribute("to").and_then(|to| i32::try_from(to.i).ok());
    matches!(to, Some(INT32 | INT64)) && origins.element(numbers) != Some(STRING)
}

/// ONNX Runtime takes numbers beyond a type as the processor does, tract takes the nearest ones; and tract keeps 32 bits
/// of what becomes INT64.
fn cast(to: i32, numbers: &str, origins: &TensorOrigins<'_>) -> Option<String> {
    if !origins.is_of_data(numbers) || origins.is_small(numbers) {
        return None;
    }
    let from = origins.element(numbers);
    let to_wholes = matches!(to, INT8 | INT16 | INT32 | INT64 | UINT8 | UINT16 | UINT32 | UINT64);
    let what = match from {
        Some(BOOL) if to == STRING => "texts of truth values",
        Some(STRING) if to_wholes || to == BOOL => "numbers out of texts",
        Some(STRING) => return None,
        _ if origins.has_fractions(numbers) && to_wholes => {
            "fractions that become whole numbers, if one is out of range,"
        }
        _ if origins.has_fractions(numbers) && to == STRING => "texts of fractions",
        Some(INT64 | UINT64 | UINT32) if to == INT64 => "whole numbers of more than 32 bits",
        _ => return None,
    };
    Some(what.to_owned())
}

fn has_negative_pads(node: &NodeProto, origins: &TensorOrigins<'_>) -> bool {
    let attribute = node.attribute("pads").map(|pads| pads.ints.clone());
    let input = || node.input.get(1).and_then(|pads| origins.wholes(pads));
    attribute.or_else(input).is_some_and(|pads| pads.iter().any(|pad| *pad < 0))
}

/// Bounds that are known when a model is loaded are kept to; others are neither cut off at the edges nor walked in steps.
fn slice(node: &NodeProto, origins: &TensorOrigins<'_>) -> Option<String> {
    const NAMES: [&str; 4] = ["starts", "ends", "axes", "steps"];
    let bounds = node.input.iter().skip(1).zip(NAMES);
    if let Some((_, name)) = bounds.clone().find(|(bound, _)| origins.is_of_data(bound)) {
        return Some(format!("`{name}` that requests bring"));
    }
    let is_open = |bound: &String| !bound.is_empty() && origins.wholes(bound).is_none();
    let are_open = bounds.clone().take(2).any(|(bound, _)| is_open(bound));
    let steps = node.input.get(4).filter(|steps| !steps.is_empty())?;
    let are_ones = origins.wholes(steps).is_some_and(|steps| steps.iter().all(|step| *step == 1));
    (are_open && !are_ones).then(|| "`steps` beside bounds that are computed".to_owned())
}

/// Sizes that no whole factor gives lie elsewhere on the grid, as ONNX Runtime computes it.
fn resize(node: &NodeProto, origins: &TensorOrigins<'_>, graph: &OnnxGraph) -> Option<String> {
    let text = |name: &str| {
        let attribute = node.attribute(name);
        attribute.map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned()).unwrap_or_default()
    };
    let (mode, grid) = (text("mode"), text("coordinate_transformation_mode"));
    let scales = node.input.get(if graph.opset() < 11 { 1 } else { 2 }).filter(|scales| !scales.is_empty());
    let by_whole_factor = scales.is_none_or(|scales| {
        origins.floats(scales).is_some_and(|scales| scales.iter().all(|scale| scale.fract() == 0.0))
    });
    let is_smoothed = node.attribute("antialias").is_some_and(|antialias| antialias.i != 0);
    match grid.as_str() {
        "tf_crop_and_resize" => {}
        "align_corners" | "half_pixel_symmetric" if !by_whole_factor => {}
        // Of one pixel.
        "pytorch_half_pixel" if mode == "cubic" || is_smoothed => {}
        "" if graph.opset() < 11 && !by_whole_factor && mode != "linear" => {
            return Some("the mode \"nearest\" of this version, by a factor that is not whole,".to_owned());
        }
        _ => return None,
    }
    Some(format!("the attribute `coordinate_transformation_mode = {grid:?}` with this `mode` and `scales`"))
}

/// Where all numbers are zero, tract's scale is 0 and ONNX Runtime's is 1. Products are 0 all the same.
fn scale_of_zeros(node: &NodeProto, graph: &OnnxGraph) -> Option<String> {
    let scale = node.output.get(1).filter(|scale| !scale.is_empty())?;
    let is_output = graph.main().output.iter().any(|output| output.name == *scale);
    let nodes = graph.nodes();
    let mut users = nodes.iter().filter(|user| user.input.contains(scale));
    (is_output || users.any(|user| user.op_type != "Mul")).then(|| "the scale of nothing but zeros".to_owned())
}
