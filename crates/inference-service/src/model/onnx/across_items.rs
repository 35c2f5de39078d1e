//! Whether the items of a batch could change each other's answers.
//!
//! Rule of thumb: a graph may run several items together only where each of its operators is known to keep every item in a
//! row of its own. What is not known here (an operator, a domain, an axis that no constant gives) runs one item at a time,
//! which is slower and never wrong.

mod axes;
mod operators;
mod seen_node;
mod shapes;

use std::collections::HashMap;
use std::fmt;

use super::graph::OnnxGraph;
use axes::Axes;
use seen_node::{SeenNode, TensorRole};

/// A node by which items could change each other's answers.
#[derive(Debug, PartialEq)]
pub(in crate::model) struct AcrossItems {
    operator: String,
    node: String,
}

impl fmt::Display for AcrossItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, node } = self;
        write!(f, "the operator {operator} (node {node:?}) may look across the items of a batch")
    }
}

impl AcrossItems {
    /// The first such node of a graph whose inputs have a row for each item.
    pub(in crate::model) fn find(graph: &OnnxGraph) -> Option<Self> {
        let main = graph.main();
        let mut roles: HashMap<&str, TensorRole> = HashMap::new();
        let is_constant = |name: &str| graph.initializer(name).is_some();
        roles.extend(main.input.iter().map(|input| (input.name.as_str(), TensorRole::Rows)));
        roles.retain(|name, _| !is_constant(name));
        for node in &main.node {
            let seen = SeenNode::of(node, &roles, Axes::of(graph));
            let Some(role) = role(&seen) else {
                return Some(Self { operator: node.op_type.clone(), node: node.shown_name().to_owned() });
            };
            roles.extend(node.output.iter().map(|output| (output.as_str(), role)));
        }
        None
    }
}

/// The role of a node's outputs; `None` where items could meet in it.
fn role(seen: &SeenNode<'_>) -> Option<TensorRole> {
    let has_graph = seen.node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty());
    if has_graph || operators::is_random(seen.node) {
        return None;
    }
    if seen.inputs.iter().all(|role| *role == TensorRole::Constant) {
        return Some(TensorRole::Constant);
    }
    if matches!(seen.node.op_type.as_str(), "Shape" | "Size") && seen.is_of_onnx() {
        return Some(shapes::of_shape(seen));
    }
    if seen.inputs.iter().all(|role| *role != TensorRole::Rows) {
        return shapes::of_sizes(seen);
    }
    operators::keep_rows_apart(seen).then_some(TensorRole::Rows)
}

#[cfg(test)]
mod tests;
