//! Nodes before some operators, with which ONNX Runtime answers an error, or a number, where its library would end the
//! process.
//!
//! - LSTM and GRU end it where a sequence or a batch is empty, as the output of a pooling is for a picture that is too small.
//! - So do some operators, with any empty tensor (`not_empty.rs`).
//! - The smallest whole number by -1 ends it. Where the divisor is -1, a guarded division negates instead: the smallest
//!   number stays what it is, as in NumPy.

use std::collections::HashMap;

use super::graph::OnnxGraph;
use super::new_nodes::{constant, node};
use super::proto::{NodeProto, TensorProto};
use super::whole_numbers::{DivisionFinder, WideInteger};

pub(super) mod not_empty;

/// Operators of which the first input must not be empty.
const RECURRENT: [&str; 3] = ["LSTM", "GRU", "DynamicQuantizeLSTM"];

/// What a graph needs of them.
#[derive(Debug, Default)]
pub(super) struct Guards {
    divisions: HashMap<String, WideInteger>,
    refuses_empty: bool,
    /// Before version 5, a Reshape had its sizes as an attribute.
    shape_is_attribute: bool,
}

/// What takes the place of a node.
#[derive(Debug)]
pub(super) enum Guarded {
    /// The node stays behind these, and takes these names instead of its inputs at these positions.
    Behind(Vec<NodeProto>, HashMap<usize, String>),
    /// Other nodes.
    Instead(Vec<NodeProto>),
}

impl Guards {
    /// What a file needs.
    pub(super) fn of(graph: &OnnxGraph) -> Self {
        let is_guarded = |node: &&NodeProto| is_recurrent(node) || !not_empty::inputs_of(node).is_empty();
        let refuses_empty = graph.nodes().iter().any(is_guarded);
        let divisions = DivisionFinder::find(graph).guarded;
        Self { divisions, refuses_empty, shape_is_attribute: graph.opset() < 5 }
    }

    /// Whether there is nothing to guard.
    pub(super) fn is_empty(&self) -> bool {
        self.divisions.is_empty() && !self.refuses_empty
    }

    /// What takes the place of this node; `None` if it stays.
    pub(super) fn guarded(&self, node: &NodeProto) -> Option<Guarded> {
        let output = node.output.iter().find(|output| !output.is_empty())?;
        if node.op_type == "Div" {
            let [dividend, divisor] = &node.input[..] else { return None };
            return Some(Guarded::Instead(division(dividend, divisor, output, *self.divisions.get(output)?)));
        }
        let positions = if is_recurrent(node) { vec![0] } else { not_empty::inputs_of(node) };
        let (mut nodes, mut checked) = (Vec::new(), HashMap::new());
        for position in positions {
            let (input, name) = (node.input.get(position)?, format!("{output}/guard/{position}"));
            nodes.extend(if is_recurrent(node) {
                not_empty::guard_sequence(input, &name, self.shape_is_attribute)
            } else {
                not_empty::guard(input, &name)
            });
            checked.insert(position, name);
        }
        (!checked.is_empty()).then_some(Guarded::Behind(nodes, checked))
    }
}

fn is_recurrent(node: &NodeProto) -> bool {
    RECURRENT.contains(&node.op_type.as_str())
}

fn division(dividend: &str, divisor: &str, output: &str, wide: WideInteger) -> Vec<NodeProto> {
    let [minus_one, one, is_minus_one, safe, quotient, negated] =
        ["minus_one", "one", "is_minus_one", "divisor", "quotient", "negated"]
            .map(|part| format!("{output}/guard/{part}"));
    let number = |number: i32, name: &str| {
        let raw_data = match wide {
            WideInteger::Int32 => number.to_le_bytes().to_vec(),
            WideInteger::Int64 => i64::from(number).to_le_bytes().to_vec(),
        };
        constant(TensorProto { data_type: wide.number(), raw_data: raw_data.into(), ..TensorProto::default() }, name)
    };
    vec![
        number(-1, &minus_one),
        number(1, &one),
        node("Equal", &[divisor, &minus_one], &is_minus_one),
        node("Where", &[&is_minus_one, &one, divisor], &safe),
        node("Div", &[dividend, &safe], &quotient),
        node("Neg", &[dividend], &negated),
        node("Where", &[&is_minus_one, &negated, &quotient], output),
    ]
}
