//! The files of a model, read without mapping them: a mapped file that is cut meanwhile ends the process.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::prelude::{Framework as _, InferenceModel, TractResult};
use tract_onnx::tract_hir::internal::{TractErrorContext as _, bail, format_err};

use crate::model::onnx::Weights;
use crate::model::runtime::model_file::ModelFile;

/// The graph in a file. The file's bytes, and those beside it, go with it: tract has copies.
pub(super) fn model(mut onnx: Onnx, file: ModelFile) -> TractResult<InferenceModel> {
    let proto = match &file.in_memory {
        Some(bytes) => onnx.proto_model_for_read(&mut &bytes[..])?,
        None => {
            let mut content = File::open(&file.path).with_context(|| format!("opening {}", file.path.display()))?;
            let proto = onnx.proto_model_for_read(&mut content)?;
            file.check_unchanged().map_err(|problem| format_err!("{problem}"))?;
            proto
        }
    };
    if file.weights.is_empty() {
        return onnx.model_for_proto_model(&proto);
    }
    let folder = file.path.parent().unwrap_or(Path::new("")).to_str().context("the folder's name is no text")?;
    onnx.provider = Arc::new(WeightsInMemory(file.weights.clone()));
    let parsed = onnx.parse(&proto, Some(folder))?;
    if !parsed.unresolved_inputs.is_empty() {
        bail!("nothing makes the inputs {:?} of nodes", parsed.unresolved_inputs)
    }
    Ok(parsed.model)
}

/// What was read beside the model's file.
struct WeightsInMemory(Vec<Weights>);

impl ModelDataResolver for WeightsInMemory {
    /// tract asks with a path in which links are followed.
    fn read_bytes_from_path(
        &self,
        buffer: &mut Vec<u8>,
        path: &Path,
        offset: usize,
        length: Option<usize>,
    ) -> TractResult<()> {
        let is_asked = |weights: &&Weights| weights.path.canonicalize().is_ok_and(|known| known == path);
        let weights = self.0.iter().find(is_asked).with_context(|| format!("{} is new", path.display()))?;
        let length = length.unwrap_or(weights.bytes.len().saturating_sub(offset));
        let content = offset.checked_add(length).and_then(|end| weights.bytes.get(offset..end));
        let location = &weights.location;
        let content = content.with_context(|| {
            format!(
                "{location:?} ends before byte {offset} + {length} of a tensor: put the whole file beside the model"
            )
        })?;
        buffer.extend_from_slice(content);
        Ok(())
    }
}
