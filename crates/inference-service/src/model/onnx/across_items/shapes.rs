//! Tensors that are computed from sizes, and whether the number of items is among them.

use super::seen_node::{SeenNode, TensorRole};

/// Operators that leave of sizes only what was in them.
const OF_SIZES: &[&str] = &[
    "Add",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "ConstantOfShape",
    "Div",
    "Equal",
    "Expand",
    "Floor",
    "Gather",
    "Greater",
    "Identity",
    "Less",
    "Max",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Pow",
    "Range",
    "Reciprocal",
    "ReduceProd",
    "Reshape",
    "Slice",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
];

/// The sizes of a tensor, or of some of its dimensions.
pub(super) fn of_shape(seen: &SeenNode<'_>) -> TensorRole {
    let of_rows = seen.input(0) == TensorRole::Rows;
    let start = seen.node.attribute("start").map_or(0, |attribute| attribute.i);
    let is_inside = || seen.name(0).is_some_and(|tensor| !seen.axes.may_be_first(start, tensor));
    TensorRole::Sizes { with_items: of_rows && !is_inside() || seen.input(0) == TensorRole::Sizes { with_items: true } }
}

/// What an operator makes of sizes; `None` for one that is not known.
pub(super) fn of_sizes(seen: &SeenNode<'_>) -> Option<TensorRole> {
    if !seen.is_of_onnx() || !OF_SIZES.contains(&seen.node.op_type.as_str()) {
        return None;
    }
    if seen.inputs.iter().all(|role| role.is_fixed()) || takes_others_than_first(seen) {
        return Some(TensorRole::Sizes { with_items: false });
    }
    // A tensor of as many rows as there are items has them in its first dimension, or is not known.
    match seen.node.op_type.as_str() {
        "ConstantOfShape" => first_is_items(seen, 0).then_some(TensorRole::Rows),
        "Expand" => first_is_items(seen, 1).then_some(TensorRole::Rows),
        "Range" | "Reshape" | "Tile" | "Transpose" | "Trilu" => None,
        _ => Some(TensorRole::Sizes { with_items: true }),
    }
}

/// Whether only other sizes than the first are taken of the sizes of a tensor.
fn takes_others_than_first(seen: &SeenNode<'_>) -> bool {
    let is_shape = |tensor: &str| seen.axes.producer(tensor).is_some_and(|node| node.op_type == "Shape");
    let (Some(sizes), Some(which)) = (seen.name(0), seen.name(1)) else { return false };
    let numbers = seen.axes.numbers(which);
    match seen.node.op_type.as_str() {
        "Gather" if is_shape(sizes) => {
            numbers.is_some_and(|numbers| numbers.iter().all(|index| *index > 0 || *index == -1))
        }
        "Slice" if is_shape(sizes) => {
            numbers.is_some_and(|starts| starts.iter().all(|start| *start > 0 || *start == -1))
        }
        _ => false,
    }
}

/// Whether an input, a shape, begins with the number of items and has it nowhere else.
pub(super) fn first_is_items(seen: &SeenNode<'_>, position: usize) -> bool {
    let axes = seen.axes;
    let Some(shape) = seen.name(position) else { return false };
    if let Some(numbers) = axes.numbers(shape) {
        return matches!(numbers.first(), Some(0 | -1));
    }
    let Some(node) = axes.producer(shape) else { return false };
    match node.op_type.as_str() {
        // The sizes of a tensor of rows.
        "Shape" => seen.input(position) == TensorRole::Sizes { with_items: true } && node.attribute.is_empty(),
        "Concat" => {
            let mut parts = node.input.iter();
            let begins = parts.next().is_some_and(|first| is_first_size(seen, first));
            begins && parts.all(|part| is_without_items(seen, part))
        }
        _ => false,
    }
}

/// Whether this is the first size of some tensor, or a constant that leaves it as it is.
fn is_first_size(seen: &SeenNode<'_>, tensor: &str) -> bool {
    let axes = seen.axes;
    if let Some(numbers) = axes.numbers(tensor) {
        return matches!(numbers[..], [0 | -1]);
    }
    let Some(node) = axes.producer(tensor) else { return false };
    let input = |position: usize| node.input.get(position).map(String::as_str).unwrap_or_default();
    let is_shape = || axes.producer(input(0)).is_some_and(|node| node.op_type == "Shape" && node.attribute.is_empty());
    let says = |position, expected: i64| axes.numbers(input(position)).is_some_and(|numbers| numbers == [expected]);
    match node.op_type.as_str() {
        "Unsqueeze" | "Cast" | "Identity" | "Squeeze" => is_first_size(seen, input(0)),
        "Gather" => is_shape() && says(1, 0),
        "Slice" => is_shape() && says(1, 0) && says(2, 1),
        _ => false,
    }
}

/// Whether a part of a shape is the same for any number of items.
fn is_without_items(seen: &SeenNode<'_>, tensor: &str) -> bool {
    let axes = seen.axes;
    if let Some(numbers) = axes.numbers(tensor) {
        return !numbers.contains(&0);
    }
    let Some(node) = axes.producer(tensor) else { return false };
    let input = |position: usize| node.input.get(position).map(String::as_str).unwrap_or_default();
    let is_shape = || axes.producer(input(0)).is_some_and(|node| node.op_type == "Shape" && node.attribute.is_empty());
    let others =
        || axes.numbers(input(1)).is_some_and(|numbers| numbers.iter().all(|index| *index > 0 || *index == -1));
    match node.op_type.as_str() {
        "Unsqueeze" | "Cast" | "Identity" | "Squeeze" | "Floor" | "Neg" => is_without_items(seen, input(0)),
        "Mul" | "Div" | "Add" | "Sub" | "Concat" => node.input.iter().all(|part| is_without_items(seen, part)),
        "Gather" | "Slice" => is_shape() && others(),
        _ => false,
    }
}
