//! The graph of an ONNX file, and the ways through it.

use std::collections::{HashMap, HashSet};

use super::proto::tensor_shape_proto::{Dimension, dimension};
use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto};

/// The main graph of a model.
#[derive(Debug)]
pub(in crate::model) struct OnnxGraph {
    model: ModelProto,
    /// The node of the main graph that makes a tensor, by the tensor's name.
    producers: HashMap<String, usize>,
}

impl OnnxGraph {
    /// The graph of a model; `None` if it has none.
    pub(super) fn of(model: ModelProto) -> Option<Self> {
        let nodes = model.graph.as_ref()?.node.iter().enumerate();
        let outputs =
            nodes.flat_map(|(position, node)| node.output.iter().map(move |output| (output.clone(), position)));
        let producers = outputs.filter(|(output, _)| !output.is_empty()).collect();
        Some(Self { model, producers })
    }

    /// The main graph as the file has it.
    pub(in crate::model) fn main(&self) -> &GraphProto {
        // `of` made sure that there is one.
        static EMPTY: std::sync::LazyLock<GraphProto> = std::sync::LazyLock::new(GraphProto::default);
        self.model.graph.as_ref().unwrap_or(&EMPTY)
    }

    /// The model as the file has it.
    pub(in crate::model) fn model(&self) -> &ModelProto {
        &self.model
    }

    /// The node of the main graph that makes this tensor; `None` for inputs, initialisers and unknown names.
    pub(in crate::model) fn producer(&self, tensor: &str) -> Option<&NodeProto> {
        self.main().node.get(*self.producers.get(tensor)?)
    }

    /// The initialiser of the main graph with this name.
    pub(in crate::model) fn initializer(&self, name: &str) -> Option<&TensorProto> {
        self.main().initializer.iter().find(|tensor| tensor.name == name)
    }

    /// The inputs of which the file has the value, and which a request may nevertheless bring: initialisers that are
    /// listed among the inputs. Before version 4 of the format, all initialisers had to be listed, and were constants.
    pub(in crate::model) fn overridable(&self) -> Vec<&ValueInfoProto> {
        if self.model.ir_version < 4 { Vec::new() } else { self.listed_initializers() }
    }

    /// The same, as if the file had no values for the inputs that a request may bring.
    pub(in crate::model) fn with_overridable_as_inputs(mut self) -> Self {
        let brought: HashSet<String> = self.overridable().into_iter().map(|input| input.name.clone()).collect();
        if let Some(main) = &mut self.model.graph {
            main.initializer.retain(|tensor| !brought.contains(&tensor.name));
        }
        self
    }

    /// The initialisers that are listed among the inputs.
    pub(in crate::model) fn listed_initializers(&self) -> Vec<&ValueInfoProto> {
        let main = self.main();
        let names: HashSet<&str> = main.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
        main.input.iter().filter(|input| names.contains(input.name.as_str())).collect()
    }

    /// The constant of this name: an initialiser, or the value of a Constant.
    pub(in crate::model) fn constant(&self, name: &str) -> Option<&TensorProto> {
        match self.producer(name) {
            Some(node) if node.op_type == "Constant" => node.attribute("value")?.t.as_ref(),
            Some(_) => None,
            None => self.initializer(name),
        }
    }

    /// The sizes that the file declares for a tensor of the main graph; an open one is `None`.
    pub(in crate::model) fn declared_shape(&self, tensor: &str) -> Option<Vec<Option<usize>>> {
        let main = self.main();
        let declared = main.output.iter().chain(&main.input).chain(&main.value_info);
        let value =
            declared.filter(|value| value.name == tensor).find_map(|value| value.r#type.as_ref()?.value.as_ref())?;
        let type_proto::Value::TensorType(tensor) = value else { return None };
        let size = |dimension: &Dimension| match &dimension.value {
            Some(dimension::Value::DimValue(size)) => usize::try_from(*size).ok(),
            Some(dimension::Value::DimParam(_)) | None => None,
        };
        Some(tensor.shape.as_ref()?.dim.iter().map(size).collect())
    }

    /// The version of ONNX's own operators.
    pub(in crate::model) fn opset(&self) -> i64 {
        self.declared_opset().unwrap_or(1)
    }

    /// The version of ONNX's own operators, if the file says one.
    pub(in crate::model) fn declared_opset(&self) -> Option<i64> {
        let own = |domain: &str| matches!(domain, "" | "ai.onnx");
        self.model.opset_import.iter().find(|opset| own(&opset.domain)).map(|opset| opset.version)
    }

    /// Whether a node stands for a function that the file defines itself.
    pub(in crate::model) fn is_function(&self, node: &NodeProto) -> bool {
        self.model.functions.iter().any(|function| function.name == node.op_type && function.domain == node.domain)
    }

    /// The inputs and outputs of which the file does not even say how many dimensions they have.
    pub(in crate::model) fn without_shape(&self) -> Vec<String> {
        let values = self.main().input.iter().chain(&self.main().output);
        values.filter(|value| self.declared_shape(&value.name).is_none()).map(|value| value.name.clone()).collect()
    }

    /// Every node: of the main graph, of the graphs inside of nodes (If, Loop, Scan), and of the file's own functions.
    pub(in crate::model) fn nodes(&self) -> Vec<&NodeProto> {
        let mut nodes = Vec::new();
        let functions = self.model.functions.iter().flat_map(|function| &function.node);
        self.main().node.iter().chain(functions).for_each(|node| collect(node, &mut nodes));
        nodes
    }

    /// Every tensor that the file holds: initialisers and constants, also of inner graphs.
    pub(in crate::model) fn tensors(&self) -> Vec<&TensorProto> {
        let main = self.main();
        let constants = main.node.iter().flat_map(constants);
        main.initializer.iter().chain(constants).chain(self.inner_tensors()).collect()
    }

    /// The tensors of the graphs inside of nodes (If, Loop, Scan), and of the file's own functions.
    pub(super) fn inner_tensors(&self) -> Vec<&TensorProto> {
        let nodes = self.nodes();
        let initializers =
            nodes.iter().flat_map(|node| &node.attribute).flat_map(graphs).flat_map(|graph| &graph.initializer);
        let main: HashSet<*const NodeProto> = self.main().node.iter().map(std::ptr::from_ref).collect();
        let inner = nodes.iter().copied().filter(|node| !main.contains(&std::ptr::from_ref(*node)));
        initializers.chain(inner.flat_map(constants)).collect()
    }
}

fn collect<'a>(node: &'a NodeProto, nodes: &mut Vec<&'a NodeProto>) {
    nodes.push(node);
    node.attribute.iter().flat_map(graphs).flat_map(|graph| &graph.node).for_each(|inner| collect(inner, nodes));
}

fn constants(node: &NodeProto) -> impl Iterator<Item = &TensorProto> {
    node.attribute.iter().filter_map(|attribute| attribute.t.as_ref())
}

pub(super) fn graphs(attribute: &AttributeProto) -> impl Iterator<Item = &GraphProto> {
    attribute.g.iter().chain(&attribute.graphs)
}

impl NodeProto {
    /// The attribute of this name.
    pub(in crate::model) fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name == name)
    }

    /// How messages call the node: its name, or that of its first output where it has none.
    pub(in crate::model) fn shown_name(&self) -> &str {
        if self.name.is_empty() { self.output.first().map_or("", String::as_str) } else { &self.name }
    }
}
