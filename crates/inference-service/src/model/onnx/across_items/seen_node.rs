//! A node of a graph, and what is known of its inputs where it stands.

use std::collections::HashMap;

use super::super::proto::NodeProto;
use super::axes::Axes;

/// What a tensor of the graph has to do with the items that run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TensorRole {
    /// The same whatever is asked.
    Constant,
    /// Computed from the sizes of other tensors, of which the first may be the number of items.
    Sizes { with_items: bool },
    /// Has a row for each item along its first dimension.
    Rows,
}

/// A node with what is known where it stands.
pub(super) struct SeenNode<'a> {
    pub(super) node: &'a NodeProto,
    /// Inputs that are left out are constant.
    pub(super) inputs: Vec<TensorRole>,
    pub(super) axes: Axes<'a>,
}

impl<'a> SeenNode<'a> {
    /// A node behind others, the outputs of which have these roles.
    pub(super) fn of(node: &'a NodeProto, roles: &HashMap<&str, TensorRole>, axes: Axes<'a>) -> Self {
        // What no node before makes and is no input is an initialiser.
        let role = |input: &String| roles.get(input.as_str()).copied().unwrap_or(TensorRole::Constant);
        Self { node, inputs: node.input.iter().map(role).collect(), axes }
    }

    pub(super) fn is_of_onnx(&self) -> bool {
        matches!(self.node.domain.as_str(), "" | "ai.onnx")
    }

    /// The role of an input; one that is left out is constant.
    pub(super) fn input(&self, position: usize) -> TensorRole {
        self.inputs.get(position).copied().unwrap_or(TensorRole::Constant)
    }

    /// The name of an input that is given.
    pub(super) fn name(&self, position: usize) -> Option<&str> {
        self.node.input.get(position).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Whether what the inputs from this one on say is the same for any number of items.
    pub(super) fn is_fixed_from(&self, first: usize) -> bool {
        self.inputs.iter().skip(first).all(|role| role.is_fixed())
    }

    /// Whether all inputs have rows, or are the same for any number of items.
    pub(super) fn has_rows_or_is_fixed(&self) -> bool {
        self.inputs.iter().all(|role| *role == TensorRole::Rows || role.is_fixed())
    }

    /// The axes that an attribute or this input says.
    pub(super) fn axes_from(&self, position: usize) -> Option<Vec<i64>> {
        self.ints("axes").or_else(|| self.axes.numbers(self.name(position)?))
    }

    /// Whether the axis that the node names is not the first of its first input.
    pub(super) fn axis_is_inside(&self, default: i64) -> bool {
        self.is_inside(self.int("axis", default))
    }

    /// Whether this axis is not the first of its first input.
    pub(super) fn is_inside(&self, axis: i64) -> bool {
        !self.axes.may_be_first(axis, self.name(0).unwrap_or_default())
    }

    pub(super) fn int(&self, attribute: &str, default: i64) -> i64 {
        self.node.attribute(attribute).map_or(default, |attribute| attribute.i)
    }

    pub(super) fn ints(&self, attribute: &str) -> Option<Vec<i64>> {
        self.node.attribute(attribute).map(|attribute| attribute.ints.clone())
    }
}

impl TensorRole {
    /// Whether it is the same for any number of items, and for any values of theirs.
    pub(super) fn is_fixed(self) -> bool {
        matches!(self, Self::Constant | Self::Sizes { with_items: false })
    }
}
