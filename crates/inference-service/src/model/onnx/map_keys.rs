//! The keys of the maps that a file gives instead of a tensor.

use std::collections::BTreeMap;

use super::class_labels::ClassNaming;
use super::graph::OnnxGraph;

/// The keys of each output that is a list of maps, by its name. What runs gives the tensor of which the maps are made.
pub(in crate::model) fn map_keys(graph: &OnnxGraph) -> BTreeMap<String, Vec<String>> {
    let keys = |name: &str| {
        graph.producer(name).filter(|node| node.op_type == "ZipMap")?;
        match ClassNaming::of(graph, name)? {
            ClassNaming::Names(names) => Some(names.texts()),
            ClassNaming::Positions => None,
        }
    };
    let outputs = graph.main().output.iter();
    outputs.filter_map(|output| Some((output.name.clone(), keys(&output.name)?))).collect()
}
