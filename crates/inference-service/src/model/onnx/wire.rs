//! A file of ONNX in which a few nodes of the main graph become others.
//!
//! Rule of thumb: what is not changed is copied byte for byte, so that nothing is lost which the service does not know.

use std::borrow::Cow;
use std::collections::HashMap;

use prost::Message;
use prost::bytes::Buf as _;
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};

use super::guards::{Guarded, Guards};
use super::proto::{NodeProto, TensorProto, ValueInfoProto};

/// Numbers of fields in `ModelProto` and `GraphProto`.
pub(super) const GRAPH: u32 = 7;
pub(super) const FUNCTION: u32 = 25;
pub(super) const NODE: u32 = 1;
pub(super) const INITIALIZER: u32 = 5;
const OUTPUT: u32 = 12;
/// In `FunctionProto`.
pub(super) const FUNCTION_NODE: u32 = 7;
/// In `NodeProto` and `AttributeProto`.
const NODE_INPUT: u32 = 1;
pub(super) const ATTRIBUTE: u32 = 5;
pub(super) const INNER_GRAPHS: [u32; 2] = [6, 11];

/// What changes in a main graph.
#[derive(Debug, Default)]
pub(super) struct GraphChanges {
    /// The nodes that take the place of the one at this position.
    pub(super) nodes: HashMap<usize, Vec<NodeProto>>,
    /// What the graph's outputs are declared to be, by their names.
    pub(super) outputs: HashMap<String, ValueInfoProto>,
    /// More constants.
    pub(super) initializers: Vec<TensorProto>,
    /// What comes before nodes of any graph.
    pub(super) guards: Guards,
}

impl GraphChanges {
    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.outputs.is_empty() && self.initializers.is_empty() && self.guards.is_empty()
    }

    /// The bytes of a model with these changes; `None` where the bytes are not those of a model with a graph.
    pub(super) fn of_model(&self, model: &[u8]) -> Option<Vec<u8>> {
        let fields = fields(model)?;
        // A message that comes in several parts is that of the parts one after the other.
        let parts: Vec<&[u8]> = fields.iter().filter(|field| field.tag == GRAPH).map(|field| field.content).collect();
        let graph = match parts[..] {
            [] => return None,
            [graph] => Cow::Borrowed(graph),
            _ => Cow::Owned(parts.concat()),
        };
        let mut changed = Vec::with_capacity(model.len());
        let mut graph = Some(self.of_graph(&graph)?);
        for field in &fields {
            match field.tag {
                GRAPH => graph.take().iter().for_each(|graph| put(GRAPH, graph, &mut changed)),
                FUNCTION => put(FUNCTION, &self.guarded(FUNCTION_NODE, field.content)?, &mut changed),
                _ => changed.extend_from_slice(field.whole),
            }
        }
        Some(changed)
    }

    fn of_graph(&self, graph: &[u8]) -> Option<Vec<u8>> {
        let mut changed = Vec::with_capacity(graph.len());
        let mut position = 0;
        for field in fields(graph)? {
            if field.tag == NODE {
                position += 1;
            }
            match field.tag {
                NODE if self.nodes.contains_key(&(position - 1)) => {
                    self.nodes[&(position - 1)].iter().for_each(|node| put(NODE, &node.encode_to_vec(), &mut changed));
                }
                NODE => self.guard(NODE, &field, &mut changed)?,
                OUTPUT => {
                    let output = ValueInfoProto::decode(field.content).ok()?;
                    match self.outputs.get(&output.name) {
                        Some(output) => put(OUTPUT, &output.encode_to_vec(), &mut changed),
                        None => changed.extend_from_slice(field.whole),
                    }
                }
                _ => changed.extend_from_slice(field.whole),
            }
        }
        self.initializers.iter().for_each(|tensor| put(INITIALIZER, &tensor.encode_to_vec(), &mut changed));
        Some(changed)
    }

    /// A graph inside of a node, or a function: nothing but its nodes, in fields of this number, is guarded.
    fn guarded(&self, node_tag: u32, graph: &[u8]) -> Option<Vec<u8>> {
        let mut changed = Vec::with_capacity(graph.len());
        for field in fields(graph)? {
            if field.tag == node_tag {
                self.guard(node_tag, &field, &mut changed)?;
            } else {
                changed.extend_from_slice(field.whole);
            }
        }
        Some(changed)
    }

    /// Writes a node, with what guards it and the nodes inside of it.
    fn guard(&self, tag: u32, field: &WireField<'_>, changed: &mut Vec<u8>) -> Option<()> {
        if self.guards.is_empty() {
            changed.extend_from_slice(field.whole);
            return Some(());
        }
        let guarded = self.guards.guarded(&NodeProto::decode(field.content).ok()?);
        let mut checked = match guarded {
            Some(Guarded::Instead(nodes)) => {
                nodes.iter().for_each(|node| put(tag, &node.encode_to_vec(), changed));
                return Some(());
            }
            Some(Guarded::Behind(nodes, checked)) => {
                nodes.iter().for_each(|node| put(tag, &node.encode_to_vec(), changed));
                checked
            }
            None => HashMap::new(),
        };
        let mut node = Vec::with_capacity(field.content.len());
        let mut position = 0;
        for part in fields(field.content)? {
            match part.tag {
                NODE_INPUT => {
                    match checked.remove(&position) {
                        Some(name) => put(NODE_INPUT, name.as_bytes(), &mut node),
                        None => node.extend_from_slice(part.whole),
                    }
                    position += 1;
                }
                ATTRIBUTE => put(ATTRIBUTE, &self.of_attribute(part.content)?, &mut node),
                _ => node.extend_from_slice(part.whole),
            }
        }
        put(tag, &node, changed);
        Some(())
    }

    fn of_attribute(&self, attribute: &[u8]) -> Option<Vec<u8>> {
        let mut changed = Vec::with_capacity(attribute.len());
        for field in fields(attribute)? {
            if INNER_GRAPHS.contains(&field.tag) {
                put(field.tag, &self.guarded(NODE, field.content)?, &mut changed);
            } else {
                changed.extend_from_slice(field.whole);
            }
        }
        Some(changed)
    }
}

/// A field of a message as it is written.
pub(super) struct WireField<'a> {
    pub(super) tag: u32,
    /// With its key.
    pub(super) whole: &'a [u8],
    /// What a field with a length holds; empty for others.
    pub(super) content: &'a [u8],
}

/// The fields of a message; `None` where the bytes are none.
pub(super) fn fields(message: &[u8]) -> Option<Vec<WireField<'_>>> {
    let mut rest = message;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let (tag, wire_type) = decode_key(&mut rest).ok()?;
        let before = rest;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).ok()?;
        let whole = &start[..start.len() - rest.len()];
        let mut content = &before[..before.len() - rest.len()];
        if wire_type == WireType::LengthDelimited {
            let length = prost::decode_length_delimiter(&mut content).ok()?;
            content = content.get(content.remaining().checked_sub(length)?..)?;
        } else {
            content = &[];
        }
        fields.push(WireField { tag, whole, content });
    }
    Some(fields)
}

/// Adds a field with this content to a message.
pub(super) fn put(tag: u32, content: &[u8], message: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, message);
    encode_varint(content.len() as u64, message);
    message.extend_from_slice(content);
}
