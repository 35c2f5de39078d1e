//! What ends the whole process, never ends, or writes over the model inside of ONNX Runtime's library, with some tensors of a
//! request.
//!
//! Rule of thumb: the library answers most impossible numbers with an error. Here stand the operators with which it divides
//! by zero, reads where nothing is, or goes round for ever; nothing outside of the library can catch that, so such a model
//! is refused when it is loaded. What can be made harmless, the guards make harmless (`guards.rs`).

use std::fmt;

use super::graph::OnnxGraph;
use super::guards::not_empty;
use super::proto::NodeProto;
use super::scope::Scope;
use super::whole_numbers::{DivisionFinder, Divisions};

/// A node with which a request could end the process, or change the answers to others.
#[derive(Debug, PartialEq)]
pub(in crate::model) struct Fatal {
    operator: String,
    node: String,
    because: &'static str,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, node, because } = self;
        let could = "a request could end the whole service, or change its answers to others, with the operator";
        write!(f, "{could} {operator} (node {node:?}): {because}")
    }
}

/// Steps of the short-time Fourier transform are divided by.
const OPEN_STEP: &str = "its input `frame_step` must be a constant of 1 or more; export the model with a number there";
const OPEN_LENGTH: &str =
    "its input `frame_length`, or else its `window`, must be a constant of 1 or more; export the model with one";
const OPEN_KERNEL: &str =
    "requests bring its weights, and may bring none; give that input fixed sizes, or make it a constant";
const EMPTY_MATRICES: &str = "matrices without elements end the library; export the model without it";
const ONE_NAME: &str = "with a single class that has a name, the library reads the name of a second one; export the model with \
     numbers as labels";
const FUNCTION_DIVIDES: &str = "it divides whole numbers of requests inside of a function of the file, and the smallest one \
     by -1 ends the library; export the model with its functions inlined";
const OLD_DIVISION: &str = "it divides whole numbers of requests, and the smallest one by -1 ends the library; export the \
     model with version 9 or later of ONNX's operators";

const OWN_STATISTICS: &str = "with `training_mode`, the library overwrites its running mean and variance, and the numbers of one request \
     get into the answers to others; export the model for inference, or make these two outputs of the graph";
const OLD_OPERATORS: &str =
    "a tensor without elements ends the library; export the model with version 7 or later of ONNX's operators";

impl Fatal {
    /// The first node that may end the process, whichever engine runs it or ONNX Runtime alone. Initialisers that a request
    /// may override are constants here, or come from requests.
    pub(in crate::model) fn find(
        graph: &OnnxGraph,
        in_onnxruntime: bool,
        overridable_are_constant: bool,
    ) -> Option<Self> {
        let mut found = None;
        let mut look = |scope: &Scope<'_>| {
            let of = |node: &NodeProto| Some(Self::of(node, because(node, scope, graph, in_onnxruntime)?));
            found = found.take().or_else(|| scope.nodes.iter().find_map(of));
        };
        Scope::of_main(graph, overridable_are_constant).visit(&mut look);
        graph.model().functions.iter().for_each(|function| Scope::of_function(&function.node).visit(&mut look));
        found.or_else(|| if in_onnxruntime { Self::division(graph) } else { None })
    }

    /// A division that no guard can make harmless.
    fn division(graph: &OnnxGraph) -> Option<Self> {
        let Divisions { guarded, in_function } = DivisionFinder::find(graph);
        if let Some(node) = in_function {
            return Some(Self::of(node, FUNCTION_DIVIDES));
        }
        let is_guarded = |node: &&NodeProto| node.output.first().is_some_and(|output| guarded.contains_key(output));
        let first = graph.nodes().into_iter().find(is_guarded).filter(|_| graph.opset() < 9)?;
        Some(Self::of(first, OLD_DIVISION))
    }

    fn of(node: &NodeProto, because: &'static str) -> Self {
        Self { operator: node.op_type.clone(), node: node.shown_name().to_owned(), because }
    }
}

fn because(node: &NodeProto, scope: &Scope<'_>, graph: &OnnxGraph, in_onnxruntime: bool) -> Option<&'static str> {
    let input = |position: usize| node.input.get(position).filter(|input| !input.is_empty());
    let constant = |position: usize| scope.constant(input(position)?);
    match (node.domain.as_str(), node.op_type.as_str()) {
        ("" | "ai.onnx", "STFT") => {
            let is_positive = |position: usize| {
                let wholes = constant(position).and_then(|constant| constant.wholes()).unwrap_or_default();
                !wholes.is_empty() && wholes.iter().all(|whole| *whole >= 1)
            };
            let has_window = || constant(2).is_some_and(|window| window.count() >= 1);
            let has_length = input(3).map_or_else(has_window, |_| is_positive(3));
            (!is_positive(1)).then_some(OPEN_STEP).or_else(|| (!has_length).then_some(OPEN_LENGTH))
        }
        ("" | "ai.onnx", "Conv") | ("com.microsoft", "FusedConv") if in_onnxruntime => {
            let weights = input(1)?;
            let is_brought = scope.constant(weights).is_none() && is_input(graph, weights);
            let is_fixed = graph.declared_shape(weights).is_some_and(|sizes| sizes.iter().all(Option::is_some));
            (is_brought && !is_fixed).then_some(OPEN_KERNEL)
        }
        ("ai.onnx.ml", "TreeEnsembleClassifier") if in_onnxruntime => {
            let names = node.attribute("classlabels_strings").map_or(0, |names| names.strings.len());
            (names == 1).then_some(ONE_NAME)
        }
        ("" | "ai.onnx", "BatchNormalization") if in_onnxruntime => {
            let is_training = node.attribute("training_mode").is_some_and(|mode| mode.i != 0);
            (is_training && !gives_statistics(node, graph)).then_some(OWN_STATISTICS)
        }
        ("com.microsoft", "Inverse") if in_onnxruntime => Some(EMPTY_MATRICES),
        // The guards' arithmetic is that of later versions. A file that names no version gets the latest.
        _ if in_onnxruntime && graph.declared_opset().is_some_and(|version| version < 7) => {
            (!not_empty::inputs_of(node).is_empty()).then_some(OLD_OPERATORS)
        }
        _ => None,
    }
}

/// Whether a normalisation of the main graph has its mean and variance as outputs of the graph, which are tensors of their own.
fn gives_statistics(node: &NodeProto, graph: &OnnxGraph) -> bool {
    let is_given = |name: &String| {
        let is_own = graph.producer(name).is_some_and(|producer| std::ptr::eq(producer, node));
        is_own && graph.main().output.iter().any(|output| output.name == *name)
    };
    node.output.get(1..3).is_some_and(|statistics| statistics.iter().all(is_given))
}

fn is_input(graph: &OnnxGraph, name: &str) -> bool {
    graph.main().input.iter().any(|input| input.name == name)
}

#[cfg(test)]
mod tests;
