//! What the tests of the dialects share: models whose answers can be told by heart.

use tempfile::TempDir;

use crate::onnx::{self, Element};
use crate::repository::add;

/// - `half`, TensorFlow's half plus three: `y = x / 2 + 3` of any numbers;
/// - `sum`, a regression: `x[0] + 10 x[1] + 100 x[2]`;
/// - `pair`: tensors `a` and `b` as `sum` and `difference`.
pub(crate) fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "half", "task = \"raw\"\ndefault = true\n", &half());
    add(folder.path(), "sum", "task = \"regression\"\nmissing = \"refuse\"\n", &sum());
    add(folder.path(), "pair", "task = \"raw\"\n", &pair());
    folder
}

fn half() -> Vec<u8> {
    let scalar = |name, numbers| onnx::Default { tensor: (name, Element::Float32, &[]), sizes: &[], numbers };
    let operators: &[(&str, &[&str], &str)] = &[("Mul", &["x", "a"], "ax"), ("Add", &["ax", "b"], "y")];
    let open = [None];
    onnx::graph_with_defaults(
        &[("x", Element::Float32, &open)],
        &[scalar("a", &[0.5]), scalar("b", &[3.0])],
        operators,
        &[("y", Element::Float32, &open)],
    )
}

fn sum() -> Vec<u8> {
    let (three, one, whole) = ([None, Some(3)], [None, Some(1)], [Some(3), Some(1)]);
    let weights =
        onnx::Default { tensor: ("w", Element::Float32, &whole), sizes: &[3, 1], numbers: &[1.0, 10.0, 100.0] };
    onnx::graph_with_defaults(
        &[("x", Element::Float32, &three)],
        &[weights],
        &[("MatMul", &["x", "w"], "y")],
        &[("y", Element::Float32, &one)],
    )
}

fn pair() -> Vec<u8> {
    let open = [None, None];
    let tensor = |name| (name, Element::Float32, &open[..]);
    onnx::graph(
        &[tensor("a"), tensor("b")],
        &[("Add", &["a", "b"], "sum"), ("Sub", &["a", "b"], "difference")],
        &[tensor("sum"), tensor("difference")],
    )
}
