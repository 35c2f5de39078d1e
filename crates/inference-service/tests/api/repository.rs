//! Model repositories to serve from.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::onnx;

/// The models that the project ships.
pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/models")
}

/// The shipped models, and beside them:
/// - `broken`, whose file ends early, and `misspelt`, whose model.toml is wrong: both cannot be loaded;
/// - `root`, which has a square root for a brain: a grey picture of 3 x 1 with a negative number makes it fail;
/// - `slow`, which takes its time, and any picture.
pub(crate) fn with_troublemakers() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for model in ["cifar10", "surface"] {
        std::os::unix::fs::symlink(shipped().join(model), folder.path().join(model)).unwrap();
    }
    let whole = fs::read(shipped().join("surface/1/model.onnx")).unwrap();
    let labels = r#"["ok", "scratch", "crack", "dent", "stain"]"#;
    add(folder.path(), "broken", &model_toml([64, 64], labels), &whole[..whole.len() / 2]);
    let misspelt = model_toml([64, 64], labels).replace("layout", "lay-out");
    add(folder.path(), "misspelt", &misspelt, &whole);
    add(folder.path(), "root", &model_toml([1, 3], r#"["a", "b", "c"]"#), &onnx::chain([1, 3], &["Sqrt", "Flatten"]));
    add_slow(folder.path());
    folder
}

/// The slow model alone.
pub(crate) fn slow() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add_slow(folder.path());
    folder
}

fn add_slow(repository: &Path) {
    let mut operators = vec!["Tanh"; 200];
    operators.extend(["GlobalMaxPool", "Flatten"]);
    add(repository, "slow", &model_toml([256, 256], r#"["only"]"#), &onnx::chain([256, 256], &operators));
}

fn model_toml([height, width]: [u32; 2], labels: &str) -> String {
    format!(
        "task = \"classification\"\nlabels = {labels}\n[input]\nwidth = {width}\nheight = {height}\n\
         colour = \"grey\"\nlayout = \"nchw\"\nmean = [0.5]\nstd = [0.25]\n"
    )
}

fn add(repository: &Path, name: &str, model_toml: &str, file: &[u8]) {
    let folder = repository.join(name);
    fs::create_dir_all(folder.join("1")).unwrap();
    fs::write(folder.join("model.toml"), model_toml).unwrap();
    fs::write(folder.join("1/model.onnx"), file).unwrap();
}
