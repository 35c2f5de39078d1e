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
/// - `never`, which serves, but whose number is never finite;
/// - `root`, which takes square roots: a grey picture of 3 x 1 with a negative number is beyond it;
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
    add(folder.path(), "never", "task = \"regression\"\n", &never());
    add_slow(folder.path());
    folder
}

/// A model of any numbers that answers with one, the sum of logarithms of what is not above 0.
fn never() -> Vec<u8> {
    let (open, one) = ([None, None], [Some(1), Some(1)]);
    let operators: &[(&str, &[&str], &str)] =
        &[("Abs", &["x"], "a"), ("Neg", &["a"], "b"), ("Log", &["b"], "c"), ("ReduceSum", &["c"], "y")];
    onnx::graph(&[("x", onnx::Element::Float32, &open)], operators, &[("y", onnx::Element::Float32, &one)])
}

/// The slow model alone.
pub(crate) fn slow() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add_slow(folder.path());
    folder
}

/// The model `heavy`, beside these shipped ones: it takes longer to run than a picture for it takes to be decoded.
pub(crate) fn heavy(beside: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for model in beside {
        std::os::unix::fs::symlink(shipped().join(model), folder.path().join(model)).unwrap();
    }
    let mut operators = vec!["Atan"; 500];
    operators.extend(["GlobalMaxPool", "Flatten"]);
    add(folder.path(), "heavy", &model_toml([64, 64], r#"["no", "yes"]"#), &onnx::chain([64, 64], &operators));
    folder
}

fn add_slow(repository: &Path) {
    let mut operators = vec!["Tanh"; 400];
    operators.extend(["GlobalMaxPool", "Flatten"]);
    add(repository, "slow", &model_toml([256, 256], r#"["no", "yes"]"#), &onnx::chain([256, 256], &operators));
}

/// A folder for a model `m`, which is named as a version only when it is there as a whole.
pub(crate) struct Versions(TempDir);

impl Versions {
    /// No version yet. `more` stands in front of its model.toml.
    pub(crate) fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("m")).unwrap();
        let versions = Self(folder);
        fs::write(versions.path().join("m/model.toml"), more.to_owned() + &model_toml([1, 3], r#"["a", "b", "c"]"#))
            .unwrap();
        versions
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a version, whose answer to `[0, 0, 1]` is `c` if it is odd and not if it is even.
    pub(crate) fn add(&self, version: u32) {
        let operators: &[&str] = if version.is_multiple_of(2) { &["Neg", "Flatten"] } else { &["Flatten"] };
        self.add_file(version, &onnx::chain([1, 3], operators));
    }

    pub(crate) fn add_file(&self, version: u32, file: &[u8]) {
        let coming = self.path().join(".coming");
        fs::create_dir(&coming).unwrap();
        fs::write(coming.join("model.onnx"), file).unwrap();
        fs::rename(coming, self.path().join("m").join(version.to_string())).unwrap();
    }

    pub(crate) fn remove(&self, version: u32) {
        fs::remove_dir_all(self.path().join("m").join(version.to_string())).unwrap();
    }
}

pub(crate) fn model_toml([height, width]: [u32; 2], labels: &str) -> String {
    format!(
        "task = \"classification\"\noutput = \"logits\"\nlabels = {labels}\n[input]\nwidth = {width}\nheight = {height}\n\
         colour = \"grey\"\nlayout = \"nchw\"\nmean = [0.5]\nstd = [0.25]\n"
    )
}

pub(crate) fn add(repository: &Path, name: &str, model_toml: &str, file: &[u8]) {
    let folder = repository.join(name);
    fs::create_dir_all(folder.join("1")).unwrap();
    fs::write(folder.join("model.toml"), model_toml).unwrap();
    fs::write(folder.join("1/model.onnx"), file).unwrap();
}
