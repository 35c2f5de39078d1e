//! Engines of graphs that a test writes.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use testkit::pypi;

use crate::model::{Engine, ModelConfig, ModelSource, Runtime, RuntimeKind};

/// An engine, with the folder of its file.
pub(super) struct LoadedGraph {
    pub(super) engine: Arc<Engine>,
    _folder: TempDir,
}

/// Serves a file as whole tensors.
pub(super) fn load(bytes: &[u8], runtime: &Runtime) -> Result<LoadedGraph, String> {
    load_beside(bytes, &[], runtime)
}

/// Serves a file that has others beside it.
pub(super) fn load_beside(bytes: &[u8], files: &[(&str, &[u8])], runtime: &Runtime) -> Result<LoadedGraph, String> {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, content)| fs::write(folder.path().join(name), content).unwrap());
    let (config, file) = (folder.path().join("model.toml"), folder.path().join("model.onnx"));
    fs::write(&config, "task = \"raw\"").unwrap();
    fs::write(&file, bytes).unwrap();
    let source = ModelSource { name: "m".to_owned(), version: 1, file, config: ModelConfig::load(&config).unwrap() };
    let engine = Engine::load(&source, runtime).map_err(|error| error.to_string())?;
    Ok(LoadedGraph { engine, _folder: folder })
}

/// Every runtime that there is.
pub(super) fn runtimes() -> Vec<Runtime> {
    static LIBRARY: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| pypi::onnxruntime("what ONNX Runtime makes of graphs"));
    let library = LIBRARY.as_ref().map(|path| Runtime::start(RuntimeKind::OnnxRuntime, Some(path)).unwrap());
    [Runtime::tract()].into_iter().chain(library).collect()
}
