//! What is known of a tensor when a model is loaded, in whichever graph of the file it stands.
//!
//! Rule of thumb: a name is looked up in its own graph first, then in those around it. A function of the file sees nothing
//! but what it is given.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::graph::{OnnxGraph, graphs};
use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// `TensorProto.DataType`.
pub(super) const INT32: i32 = 6;
pub(super) const INT64: i32 = 7;
/// Operators whose output has the numbers of their first input.
const SAME_NUMBERS: [&str; 7] = ["Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose"];

/// A graph, and those around it.
pub(super) struct Scope<'a> {
    pub(super) nodes: &'a [NodeProto],
    initializers: HashMap<&'a str, &'a TensorProto>,
    producers: HashMap<&'a str, &'a NodeProto>,
    outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// The main graph. `overridable` initialisers are constants, or count as brought by requests.
    pub(super) fn of_main(graph: &'a OnnxGraph, overridable_are_constant: bool) -> Self {
        let main = graph.main();
        let mut scope = Self::new(&main.node, &main.initializer, None);
        if !overridable_are_constant {
            let brought: HashSet<&str> = graph.overridable().into_iter().map(|input| input.name.as_str()).collect();
            scope.initializers.retain(|name, _| !brought.contains(name));
        }
        scope
    }

    /// A graph inside of a node.
    pub(super) fn inside(graph: &'a GraphProto, outer: &'a Scope<'a>) -> Self {
        Self::new(&graph.node, &graph.initializer, Some(outer))
    }

    /// The body of one of the file's own functions.
    pub(super) fn of_function(nodes: &'a [NodeProto]) -> Self {
        Self::new(nodes, &[], None)
    }

    fn new(nodes: &'a [NodeProto], initializers: &'a [TensorProto], outer: Option<&'a Scope<'a>>) -> Self {
        let made = nodes.iter().flat_map(|node| node.output.iter().map(move |output| (output.as_str(), node)));
        Self {
            nodes,
            initializers: initializers.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect(),
            producers: made.collect(),
            outer,
        }
    }

    /// The constant with this name, or one with the same numbers; `None` for what is computed or brought by a request.
    pub(super) fn constant(&self, name: &str) -> Option<Cow<'a, TensorProto>> {
        match self.producers.get(name) {
            Some(node) if node.op_type == "Constant" => node.attribute.iter().find_map(of_attribute),
            Some(node) if SAME_NUMBERS.contains(&node.op_type.as_str()) => self.constant(node.input.first()?),
            Some(_) => None,
            None => match self.initializers.get(name) {
                Some(tensor) => Some(Cow::Borrowed(*tensor)),
                None => self.outer?.constant(name),
            },
        }
    }

    /// Calls for this graph, and for each one inside of its nodes.
    pub(super) fn visit(&self, each: &mut dyn FnMut(&Scope<'_>)) {
        each(self);
        let inner = self.nodes.iter().flat_map(|node| &node.attribute).flat_map(graphs);
        inner.for_each(|graph| Scope::inside(graph, self).visit(each));
    }
}

fn of_attribute(attribute: &AttributeProto) -> Option<Cow<'_, TensorProto>> {
    let wholes = |dims: Vec<i64>, int64_data: Vec<i64>| {
        Cow::Owned(TensorProto { dims, data_type: INT64, int64_data, ..TensorProto::default() })
    };
    match attribute.name.as_str() {
        "value" => attribute.t.as_ref().map(Cow::Borrowed),
        "value_int" => Some(wholes(Vec::new(), vec![attribute.i])),
        "value_ints" => Some(wholes(vec![attribute.ints.len() as i64], attribute.ints.clone())),
        _ => None,
    }
}

impl TensorProto {
    /// How many numbers it has, by its dimensions.
    pub(super) fn count(&self) -> i64 {
        self.dims.iter().product()
    }

    /// Its numbers, where they are whole ones of 32 or 64 bits that stand in the file itself.
    pub(super) fn wholes(&self) -> Option<Vec<i64>> {
        let raw = &self.raw_data;
        let numbers: Vec<i64> = match self.data_type {
            INT32 if raw.is_empty() => self.int32_data.iter().map(|number| i64::from(*number)).collect(),
            INT32 => {
                raw.chunks_exact(4).filter_map(|it| Some(i32::from_le_bytes(it.try_into().ok()?).into())).collect()
            }
            INT64 if raw.is_empty() => self.int64_data.clone(),
            INT64 => raw.chunks_exact(8).filter_map(|it| Some(i64::from_le_bytes(it.try_into().ok()?))).collect(),
            _ => return None,
        };
        (i64::try_from(numbers.len()) == Ok(self.count())).then_some(numbers)
    }
}
