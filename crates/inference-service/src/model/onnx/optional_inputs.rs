//! The inputs that a request may leave out, for the file has their values.
//!
//! Rule of thumb: an initialiser that is listed as an input is one, unless an engine would then give a wrong answer or end
//! the process; it is then a constant, and a request that brings it is told so.

use super::fatal::Fatal;
use super::graph::OnnxGraph;
use super::overlooked::Overlooked;
use crate::model::runtime::{ConstantInputs, OTHER_ENGINE, RuntimeKind, TensorSpec};

/// The initialisers of a file that are listed among its inputs.
#[derive(Debug, Default)]
pub(in crate::model) struct OptionalInputs {
    /// Inputs that a request may bring; the types of their elements are the runtime's to tell.
    pub(in crate::model) specs: Vec<TensorSpec>,
    /// The others.
    pub(in crate::model) constant: Option<ConstantInputs>,
}

impl OptionalInputs {
    /// Sorts the listed initialisers of a graph for an engine.
    pub(in crate::model) fn of(graph: OnnxGraph, runtime: RuntimeKind) -> Self {
        let names: Vec<String> = graph.listed_initializers().into_iter().map(|input| input.name.clone()).collect();
        if names.is_empty() {
            return Self::default();
        }
        let specs = names.iter().map(|name| TensorSpec {
            name: name.clone(),
            datatype: None,
            shape: graph.declared_shape(name),
        });
        let specs = specs.collect();
        match Self::reason_for_constants(graph, runtime) {
            Some(because) => Self { specs: Vec::new(), constant: Some(ConstantInputs { names, because }) },
            None => Self { specs, constant: None },
        }
    }

    fn reason_for_constants(graph: OnnxGraph, runtime: RuntimeKind) -> Option<String> {
        let version = graph.model().ir_version;
        if graph.overridable().is_empty() {
            return Some(format!(
                "version {version} of the format lists every constant as an input; export the model with version 4 or later"
            ));
        }
        let fatal = Fatal::find(&graph, runtime == RuntimeKind::OnnxRuntime, false).map(|fatal| fatal.to_string());
        let overlooked = || {
            let graph = graph.with_overridable_as_inputs();
            Overlooked::find(&graph).map(|overlooked| format!("{overlooked}; {OTHER_ENGINE}"))
        };
        fatal.or_else(|| if runtime == RuntimeKind::Tract { overlooked() } else { None })
    }
}
