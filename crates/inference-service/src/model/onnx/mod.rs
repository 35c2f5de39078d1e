//! What stands in an ONNX file, read without running it.
//!
//! Rule of thumb: a runtime is asked what it can run; the graph is asked what its answers mean and what a runtime would
//! get wrong without saying so.

mod across_items;
mod class_labels;
mod classifiers;
mod embedded;
mod external;
mod fatal;
mod graph;
mod guards;
mod input_limits;
mod label_rule;
mod linear_of_softmax;
mod map_keys;
mod new_nodes;
mod optional_inputs;
mod output_facts;
mod overlooked;
pub(in crate::model) mod proto;
mod rewrite;
mod scope;
mod score_scale;
mod whole_numbers;
mod wire;
mod written_out;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use prost::bytes::Bytes;
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::file_stamp::FileStamp;
use super::hexadecimal::hexadecimal;

pub(in crate::model) use across_items::AcrossItems;
pub(in crate::model) use class_labels::ClassNaming;
pub(in crate::model) use external::Weights;
pub(in crate::model) use fatal::Fatal;
pub(in crate::model) use graph::OnnxGraph;
pub(in crate::model) use input_limits::InputLimits;
pub(in crate::model) use map_keys::map_keys;
pub(in crate::model) use optional_inputs::OptionalInputs;
pub(in crate::model) use output_facts::OutputFacts;
pub(in crate::model) use overlooked::Overlooked;

/// An ONNX file, with what it says. It holds the file's bytes, so it is dropped before a runtime takes memory of its own.
#[derive(Debug)]
pub(in crate::model) struct OnnxFile {
    /// The graph that runs.
    pub(in crate::model) graph: OnnxGraph,
    /// The file's own, in which the graph's tensors lie; as large as the model, so that it is dropped before a runtime loads.
    pub(in crate::model) bytes: Bytes,
    /// The files beside it that hold weights, sorted by their names.
    pub(in crate::model) external: Vec<Weights>,
    /// The state of the file before it was read.
    pub(in crate::model) stamp: Option<FileStamp>,
    /// SHA-256 of the file, and of those beside it behind it: 64 lower-case hexadecimal digits.
    pub(in crate::model) sha256: String,
}

impl OnnxFile {
    /// What a runtime reads instead of the file: another one, where it would not run the file as the service needs it, and
    /// the one that was read, where weights lie beside it, which have to be those that were read with it.
    ///
    /// # Errors
    /// Where a tensor of an inner graph is not in its file, as a sentence.
    pub(in crate::model) fn in_memory(&self, for_tract: bool) -> Result<Option<Arc<[u8]>>, String> {
        let rewritten = rewrite::rewritten(&self.graph, &self.bytes, for_tract);
        if self.external.is_empty() {
            return Ok(rewritten.map(Arc::from));
        }
        let bytes = rewritten.as_deref().unwrap_or(&self.bytes);
        let has_inner =
            !for_tract && self.graph.inner_tensors().iter().any(|tensor| external::location(tensor).is_some());
        if !has_inner {
            return Ok(Some(Arc::from(bytes)));
        }
        let embedded = embedded::embedded(bytes, &self.external);
        let incomplete =
            "the file with weights beside it ends before those of an inner graph: put the whole file there";
        embedded.map(|bytes| Some(Arc::from(bytes))).ok_or_else(|| incomplete.to_owned())
    }

    /// Reads a file and the files that it refers to.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`]; [`ModelError::Unsupported`] for a file that is not ONNX, or whose weights lie outside
    /// of its folder.
    pub(in crate::model) fn read(path: &Path) -> Result<Self, ModelError> {
        let stamp = FileStamp::of(path);
        let bytes = fs::read(path).map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
        let bytes = Bytes::from(bytes);
        let unsupported = |reason: String| ModelError::Unsupported { path: path.to_owned(), reason };
        let model = proto::ModelProto::decode(bytes.clone())
            .map_err(|problem| unsupported(format!("the file is not ONNX: {problem}")))?;
        let graph =
            OnnxGraph::of(model).ok_or_else(|| unsupported("the file is not ONNX: it has no graph".to_owned()))?;
        let files = external::files(&graph, path).map_err(unsupported)?;
        let mut digest = Sha256::new_with_prefix(&bytes);
        let mut external = Vec::with_capacity(files.len());
        for (location, path) in files {
            let weights = Weights::read(location, path)?;
            digest.update(&weights.bytes);
            external.push(weights);
        }
        Ok(Self { graph, bytes, external, stamp, sha256: hexadecimal(&digest.finalize()) })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::model) mod written;
