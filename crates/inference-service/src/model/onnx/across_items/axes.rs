//! The axes that nodes name, and constants that say them.

use super::super::graph::OnnxGraph;
use super::super::proto::{NodeProto, TensorProto};

/// Finds out what a graph says of axes.
#[derive(Clone, Copy)]
pub(super) struct Axes<'a> {
    graph: &'a OnnxGraph,
}

impl<'a> Axes<'a> {
    pub(super) fn of(graph: &'a OnnxGraph) -> Self {
        Self { graph }
    }

    /// Whether this axis of a tensor may be its first. The last one is the first only of a list, which is told apart from
    /// others where the file declares its shape; a list of which rows meet shows when the model warms up.
    pub(super) fn may_be_first(self, axis: i64, tensor: &str) -> bool {
        match (axis, self.rank(tensor)) {
            (0, _) => true,
            (1.., _) => false,
            (_, Some(rank)) => axis + rank <= 0,
            (_, None) => axis != -1,
        }
    }

    /// Whole numbers that a constant holds.
    pub(super) fn numbers(self, name: &str) -> Option<Vec<i64>> {
        let producer = self.graph.producer(name);
        match producer {
            None => self.graph.initializer(name).and_then(whole_numbers),
            Some(node) if node.op_type == "Constant" => {
                let is_one = node.attribute("value_int").map(|attribute| vec![attribute.i]);
                let list = || node.attribute("value_ints").map(|attribute| attribute.ints.clone());
                is_one.or_else(list).or_else(|| node.attribute("value")?.t.as_ref().and_then(whole_numbers))
            }
            Some(node) if node.op_type == "Identity" => self.numbers(node.input.first()?),
            Some(_) => None,
        }
    }

    /// The node that makes a tensor.
    pub(super) fn producer(self, tensor: &str) -> Option<&'a NodeProto> {
        self.graph.producer(tensor)
    }

    /// The version of ONNX's operators.
    pub(super) fn opset(self) -> i64 {
        self.graph.opset()
    }

    /// How many dimensions the file declares for a tensor.
    fn rank(self, tensor: &str) -> Option<i64> {
        let constant = self.graph.initializer(tensor).map(|constant| constant.dims.len());
        let rank = constant.or_else(|| self.graph.declared_shape(tensor).map(|shape| shape.len()));
        i64::try_from(rank?).ok()
    }
}

/// INT64 and INT32; `None` for other types, and for weights beside the file.
fn whole_numbers(tensor: &TensorProto) -> Option<Vec<i64>> {
    let count = tensor.dims.iter().product::<i64>();
    let numbers: Vec<i64> = match tensor.data_type {
        7 if !tensor.int64_data.is_empty() => tensor.int64_data.clone(),
        7 => tensor
            .raw_data
            .chunks_exact(8)
            .filter_map(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)))
            .collect(),
        6 if !tensor.int32_data.is_empty() => tensor.int32_data.iter().copied().map(i64::from).collect(),
        6 => tensor
            .raw_data
            .chunks_exact(4)
            .filter_map(|bytes| Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?))))
            .collect(),
        _ => return None,
    };
    (i64::try_from(numbers.len()) == Ok(count)).then_some(numbers)
}
