//! Infinite numbers that stand in a file.

use half::f16;

use super::super::graph::OnnxGraph;
use super::super::proto::{AttributeProto, NodeProto, TensorProto};

/// Whether an infinite number stands in the file; weights beside it are not looked at.
pub(super) fn has_infinity(graph: &OnnxGraph, nodes: &[&NodeProto]) -> bool {
    let in_attribute = |attribute: &AttributeProto| {
        attribute.f.is_infinite() || attribute.floats.iter().any(|number| number.is_infinite())
    };
    nodes.iter().flat_map(|node| &node.attribute).any(in_attribute) || graph.tensors().into_iter().any(is_infinite)
}

fn is_infinite(tensor: &TensorProto) -> bool {
    let raw = &tensor.raw_data;
    match tensor.data_type {
        1 => {
            let mut raw = raw.chunks_exact(4).filter_map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?)));
            raw.any(f32::is_infinite) || tensor.float_data.iter().any(|number| number.is_infinite())
        }
        10 => {
            let mut raw = raw.chunks_exact(2).filter_map(|bytes| Some(f16::from_le_bytes(bytes.try_into().ok()?)));
            let stored = |bits: &i32| u16::try_from(*bits).is_ok_and(|bits| f16::from_bits(bits).is_infinite());
            raw.any(f16::is_infinite) || tensor.int32_data.iter().any(stored)
        }
        11 => {
            let mut raw = raw.chunks_exact(8).filter_map(|bytes| Some(f64::from_le_bytes(bytes.try_into().ok()?)));
            raw.any(f64::is_infinite) || tensor.double_data.iter().any(|number| number.is_infinite())
        }
        _ => false,
    }
}
