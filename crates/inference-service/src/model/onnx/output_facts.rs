//! What a file says of its outputs, kept without the file.

use super::class_labels::GraphLabels;
use super::graph::OnnxGraph;
use super::score_scale::score_scale;
use crate::model::scores::ScoreScale;

/// What a file says of one of its outputs.
#[derive(Clone, Debug)]
pub(in crate::model) struct OutputFacts {
    /// Its name.
    pub(in crate::model) name: String,
    /// Its declared sizes, of which some may be open; `None` where even their number is.
    pub(in crate::model) shape: Option<Vec<Option<usize>>>,
    /// What its numbers are if they belong to classes; or why the graph leaves that open, as a text that goes after
    /// "because".
    pub(in crate::model) scale: Result<ScoreScale, String>,
    /// The names of the classes that it tells of.
    pub(in crate::model) labels: Option<GraphLabels>,
}

impl OutputFacts {
    /// The outputs of a graph, in its order.
    pub(in crate::model) fn of(graph: &OnnxGraph) -> Vec<Self> {
        let facts = |name: &String| Self {
            name: name.clone(),
            shape: graph.declared_shape(name),
            scale: score_scale(graph, name),
            labels: GraphLabels::of(graph, name),
        };
        graph.main().output.iter().map(|output| facts(&output.name)).collect()
    }
}
