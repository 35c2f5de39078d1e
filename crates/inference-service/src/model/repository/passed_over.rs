//! What lies in a repository and is not used, with the reason and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file or folder that is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PassedOver {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it is not used and what to do, as a text that goes after "is passed over: ".
    pub because: String,
}

impl PassedOver {
    pub(super) fn new(path: PathBuf, because: impl Into<String>) -> Self {
        Self { path, because: because.into() }
    }

    /// What can be neither read as a file nor looked into.
    pub(super) fn no_file(path: PathBuf) -> Self {
        Self::new(path, "it is neither a file nor a folder; a link may lead nowhere")
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is passed over: {}", self.path.display(), self.because)
    }
}

/// What a name tells of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It belongs to a model.
    Part,
    /// It is for people.
    Document,
    /// It is a model of another kind, with the sentence that says what to do.
    Foreign(&'static str),
    /// Something that another program reads, such as a tokenizer.
    Settings,
    /// Nothing.
    Not,
}

/// What belongs to a model: of this service, of Triton, and of MLflow.
const PARTS: [&str; 11] = [
    "model.toml",
    "profile.json",
    "config.pbtxt",
    "examples",
    "lost+found",
    "mlmodel",
    "conda.yaml",
    "python_env.yaml",
    "input_example.json",
    "serving_input_example.json",
    "registered_model_meta",
];

/// What the name of a file or folder tells.
pub(super) fn known(name: &str) -> Known {
    let lower = name.to_ascii_lowercase();
    if PARTS.contains(&lower.as_str()) {
        return Known::Part;
    }
    if ["readme", "license", "licence", "notice", "changelog"].iter().any(|start| lower.starts_with(start)) {
        return Known::Document;
    }
    match Path::new(&lower).extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "pt" | "pth" | "ckpt" | "pt2" => Known::Foreign("it is a model of PyTorch: torch.onnx.export makes ONNX of it"),
        "bin" if lower.starts_with("pytorch_model") => Known::Foreign(
            "it is a model of PyTorch: torch.onnx.export, or `optimum-cli export onnx`, makes ONNX of it",
        ),
        "safetensors" => {
            Known::Foreign("it holds weights without a graph: `optimum-cli export onnx` makes ONNX of them")
        }
        "pb" | "h5" | "hdf5" | "keras" | "tflite" => Known::Foreign(
            "it is a model of TensorFlow or Keras: `model.export(\"model.onnx\", format=\"onnx\")` or tf2onnx makes ONNX of it",
        ),
        "pkl" | "pickle" | "joblib" => {
            Known::Foreign("it is a pickled model: skl2onnx or onnxmltools makes ONNX of it")
        }
        "plan" | "engine" | "trt" => {
            Known::Foreign("it is a compiled model of TensorRT: serve the ONNX file that it was made of")
        }
        "mlmodel" | "gguf" | "ort" | "xml" => {
            Known::Foreign("it is a model of another format than ONNX: export it as ONNX")
        }
        "md" | "txt" | "rst" | "pdf" | "html" | "png" | "jpg" | "jpeg" | "svg" => Known::Document,
        "json" | "yaml" | "yml" | "toml" | "cfg" | "ini" | "py" | "model" => Known::Settings,
        _ => Known::Not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_is() {
        for name in ["model.toml", "profile.json", "examples", "MLmodel", "conda.yaml"] {
            assert_eq!(known(name), Known::Part, "{name}");
        }
        for name in ["README", "LICENSE.md", "labels.txt", "card.pdf"] {
            assert_eq!(known(name), Known::Document, "{name}");
        }
        for name in ["pytorch_model.bin", "saved_model.pb", "Model.PT", "clf.joblib", "model.plan"] {
            assert!(matches!(known(name), Known::Foreign(_)), "{name}");
        }
        for name in ["tokenizer.json", "config.yaml", "spiece.model"] {
            assert_eq!(known(name), Known::Settings, "{name}");
        }
        for name in ["weights.bin", "model", "model.onnx.data"] {
            assert_eq!(known(name), Known::Not, "{name}");
        }
    }
}
