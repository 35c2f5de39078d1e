//! Weights of inner graphs, brought from the files beside a model into the model's own bytes.
//!
//! Rule of thumb: ONNX Runtime takes files from memory for the tensors of the main graph alone. Those inside of If, Loop and
//! Scan, and of the file's own functions, it would map from the disk.

use prost::Message as _;

use super::external::{EXTERNAL, Weights, entry, location};
use super::proto::TensorProto;
use super::wire::{ATTRIBUTE, FUNCTION, FUNCTION_NODE, GRAPH, INITIALIZER, INNER_GRAPHS, NODE, WireField, fields, put};

/// In `AttributeProto`.
const TENSOR: u32 = 5;
/// In `TensorProto`.
const RAW_DATA: u32 = 9;
const EXTERNAL_DATA: u32 = 13;
const DATA_LOCATION: u32 = 14;

/// The bytes of a model in which only the main graph's tensors lie elsewhere; `None` where the bytes are not those of a
/// model, or where a tensor's bytes are not in its file.
pub(in crate::model) fn embedded(model: &[u8], weights: &[Weights]) -> Option<Vec<u8>> {
    Embedding { weights }.of_model(model)
}

struct Embedding<'a> {
    weights: &'a [Weights],
}

impl Embedding<'_> {
    fn of_model(&self, model: &[u8]) -> Option<Vec<u8>> {
        mapped(model, |field| match field.tag {
            GRAPH => Some(Some(self.of_graph(field.content, false)?)),
            FUNCTION => Some(Some(mapped(field.content, |field| match field.tag {
                FUNCTION_NODE => Some(Some(self.of_node(field.content, true)?)),
                _ => Some(None),
            })?)),
            _ => Some(None),
        })
    }

    fn of_graph(&self, graph: &[u8], is_inner: bool) -> Option<Vec<u8>> {
        mapped(graph, |field| match field.tag {
            NODE => Some(Some(self.of_node(field.content, is_inner)?)),
            INITIALIZER if is_inner => self.of_tensor(field.content),
            _ => Some(None),
        })
    }

    fn of_node(&self, node: &[u8], is_inner: bool) -> Option<Vec<u8>> {
        mapped(node, |field| match field.tag {
            ATTRIBUTE => Some(Some(mapped(field.content, |field| match field.tag {
                TENSOR if is_inner => self.of_tensor(field.content),
                tag if INNER_GRAPHS.contains(&tag) => Some(Some(self.of_graph(field.content, true)?)),
                _ => Some(None),
            })?)),
            _ => Some(None),
        })
    }

    /// The tensor with its numbers; `None` inside where it has them already.
    fn of_tensor(&self, bytes: &[u8]) -> Option<Option<Vec<u8>>> {
        let tensor = TensorProto::decode(bytes).ok()?;
        if tensor.data_location != EXTERNAL {
            return Some(None);
        }
        let location = location(&tensor)?;
        let file = &self.weights.iter().find(|weights| weights.location == location)?.bytes;
        let number = |key: &str| entry(&tensor, key).map(|value| value.parse::<usize>().ok());
        let offset = number("offset").unwrap_or(Some(0))?;
        let length = match number("length") {
            Some(length) => length?,
            None => file.len().checked_sub(offset)?,
        };
        let numbers = file.get(offset..offset.checked_add(length)?)?;
        let mut tensor = Vec::with_capacity(bytes.len() + length);
        for field in fields(bytes)? {
            if ![RAW_DATA, EXTERNAL_DATA, DATA_LOCATION].contains(&field.tag) {
                tensor.extend_from_slice(field.whole);
            }
        }
        put(RAW_DATA, numbers, &mut tensor);
        Some(Some(tensor))
    }
}

/// A message with other contents of some fields: those for which `change` has one. `None` ends the whole.
fn mapped(message: &[u8], mut change: impl FnMut(&WireField<'_>) -> Option<Option<Vec<u8>>>) -> Option<Vec<u8>> {
    let mut changed = Vec::with_capacity(message.len());
    for field in fields(message)? {
        match change(&field)? {
            Some(content) => put(field.tag, &content, &mut changed),
            None => changed.extend_from_slice(field.whole),
        }
    }
    Some(changed)
}
