//! Nodes before some operators, with which ONNX Runtime answers an error, or a number, where its library would end the
//! process.
//!
//! - LSTM and GRU end it where a sequence or a batch is empty, as the output of a pooling is for a picture that is too small.
//!   A Reshape to the same sizes, of which the last is inferred, refuses empty tensors.
//! - The smallest whole number by -1 ends it. Where the divisor is -1, a guarded division negates instead: the smallest
//!   number stays what it is, as in NumPy.

use std::collections::HashMap;

use super::graph::OnnxGraph;
use super::proto::{AttributeProto, NodeProto, TensorProto};
use super::scope::INT64;
use super::whole_numbers::{DivisionFinder, WideInteger};

/// Operators of which the first input must not be empty.
const RECURRENT: [&str; 3] = ["LSTM", "GRU", "DynamicQuantizeLSTM"];

/// What a graph needs of them.
#[derive(Debug, Default)]
pub(super) struct Guards {
    divisions: HashMap<String, WideInteger>,
    has_recurrent: bool,
    /// Before version 5, a Reshape had its sizes as an attribute.
    shape_is_attribute: bool,
}

/// What takes the place of a node.
#[derive(Debug)]
pub(super) enum Guarded {
    /// The node stays behind these, and takes this instead of its first input.
    Behind(Vec<NodeProto>, String),
    /// Other nodes.
    Instead(Vec<NodeProto>),
}

impl Guards {
    /// What a file needs.
    pub(super) fn of(graph: &OnnxGraph) -> Self {
        let has_recurrent = graph.nodes().iter().any(|node| RECURRENT.contains(&node.op_type.as_str()));
        let divisions = DivisionFinder::find(graph).guarded;
        Self { divisions, has_recurrent, shape_is_attribute: graph.opset() < 5 }
    }

    /// Whether there is nothing to guard.
    pub(super) fn is_empty(&self) -> bool {
        self.divisions.is_empty() && !self.has_recurrent
    }

    /// What takes the place of this node; `None` if it stays.
    pub(super) fn guarded(&self, node: &NodeProto) -> Option<Guarded> {
        let output = node.output.iter().find(|output| !output.is_empty())?;
        match node.op_type.as_str() {
            operator if RECURRENT.contains(&operator) => {
                let (nodes, checked) = self.not_empty(node.input.first()?, output);
                Some(Guarded::Behind(nodes, checked))
            }
            "Div" => {
                let [dividend, divisor] = &node.input[..] else { return None };
                Some(Guarded::Instead(division(dividend, divisor, output, *self.divisions.get(output)?)))
            }
            _ => None,
        }
    }

    fn not_empty(&self, sequence: &str, output: &str) -> (Vec<NodeProto>, String) {
        let (sizes, checked) = (format!("{output}/guard/sizes"), format!("{output}/guard/not_empty"));
        let same = vec![0, 0, -1];
        if self.shape_is_attribute {
            let shape = AttributeProto { name: "shape".to_owned(), ints: same, r#type: 7, ..AttributeProto::default() };
            let reshape = NodeProto { attribute: vec![shape], ..node("Reshape", &[sequence], &checked) };
            return (vec![reshape], checked);
        }
        let same = TensorProto { dims: vec![3], data_type: INT64, int64_data: same, ..TensorProto::default() };
        (vec![constant(same, &sizes), node("Reshape", &[sequence, &sizes], &checked)], checked)
    }
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

fn constant(value: TensorProto, name: &str) -> NodeProto {
    let value = AttributeProto { name: "value".to_owned(), t: Some(value), r#type: 4, ..AttributeProto::default() };
    NodeProto { attribute: vec![value], ..node("Constant", &[], name) }
}

/// A node of ONNX's own operators, named after its output.
pub(super) fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.to_owned(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        ..NodeProto::default()
    }
}
