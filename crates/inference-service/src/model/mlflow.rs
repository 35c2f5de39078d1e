//! `MLmodel`, the file that says how a model of MLflow is loaded and what it takes.
//!
//! Rule of thumb: what it says is taken where it fits the model's file, and never keeps a model from serving; a model.toml
//! beside it says what differs.

use std::fs;
use std::path::Path;

use prediction_record::read_json;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The file's name.
pub(in crate::model) const MLMODEL: &str = "MLmodel";
/// Longer files are not read.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// What MLmodel says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct MlflowFile {
    /// Whether it can be loaded as ONNX.
    pub(in crate::model) has_onnx: bool,
    pub(in crate::model) signature: MlflowSignature,
}

/// What MLflow noted of a model that it saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedByMlflow {
    /// What the model takes.
    pub signature: MlflowSignature,
    /// Whether nobody has said the task, and the graph decides where it leaves no doubt.
    pub is_task_open: bool,
}

/// What a model takes, as its author let MLflow infer it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum MlflowSignature {
    /// It is not said.
    #[default]
    Unsaid,
    /// A frame with these columns.
    Columns(Vec<MlflowColumn>),
    /// Tensors.
    Tensors,
}

/// A column of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct MlflowColumn {
    /// Its name; `None` for columns that only have an order.
    pub name: Option<String>,
    /// Its type in MLflow's words, such as `double`; empty for one that is no simple type.
    pub kind: String,
    /// Whether a frame needs it.
    pub required: bool,
}

#[derive(Deserialize)]
struct MlmodelTable {
    #[serde(default)]
    flavors: FlavorTables,
    signature: Option<SignatureTable>,
}

#[derive(Default, Deserialize)]
struct FlavorTables {
    onnx: Option<IgnoredAny>,
}

/// Each list is JSON inside of a text.
#[derive(Deserialize)]
struct SignatureTable {
    inputs: Option<String>,
}

#[derive(Deserialize)]
struct SignatureInput {
    #[serde(rename = "type")]
    kind: TypeMember,
    name: Option<String>,
    required: Option<bool>,
}

/// A name, or something that is no simple type.
#[derive(Deserialize)]
#[serde(untagged)]
enum TypeMember {
    Name(String),
    Other(IgnoredAny),
}

impl MlflowFile {
    /// Reads the MLmodel of a folder; `None` if there is none.
    ///
    /// # Errors
    /// Why it cannot be read, as a text that goes after the path and "is passed over: ".
    pub(in crate::model) fn read(folder: &Path) -> Option<Result<Self, String>> {
        let path = folder.join(MLMODEL);
        let metadata = path.metadata().ok().filter(fs::Metadata::is_file)?;
        if metadata.len() > MOST_BYTES {
            return Some(Err(format!("it has more than {MOST_BYTES} bytes; the model is served without it")));
        }
        let text = fs::read_to_string(&path).map_err(|problem| problem.to_string());
        Some(text.and_then(|text| Self::parse(&text)))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let unread = |problem: String| {
            let problem = problem.lines().next().unwrap_or_default().to_owned();
            format!("it cannot be read ({problem}); the model is served without it")
        };
        let MlmodelTable { flavors, signature } =
            serde_saphyr::from_str(text).map_err(|problem| unread(problem.to_string()))?;
        let inputs = signature.and_then(|signature| signature.inputs);
        let signature = inputs.map_or(Ok(MlflowSignature::Unsaid), |inputs| MlflowSignature::parse(&inputs));
        Ok(Self { has_onnx: flavors.onnx.is_some(), signature: signature.map_err(unread)? })
    }
}

impl SavedByMlflow {
    /// What lies beside a model's file; `None` if MLflow has not saved it.
    pub(in crate::model) fn beside(model: &Path, has_model_toml: bool) -> Option<Self> {
        let signature = MlflowFile::read(model.parent()?)?.map(|file| file.signature).unwrap_or_default();
        Some(Self { signature, is_task_open: !has_model_toml })
    }

    /// Whether the task of a model is open.
    pub(in crate::model) fn leaves_task_open(saved: Option<&Self>) -> bool {
        saved.is_some_and(|saved| saved.is_task_open)
    }

    /// The same where the task is what the configuration says.
    pub(in crate::model) fn with_task(self) -> Self {
        Self { is_task_open: false, ..self }
    }
}

impl MlflowSignature {
    fn parse(inputs: &str) -> Result<Self, String> {
        let inputs: Vec<SignatureInput> = read_json(inputs.as_bytes()).map_err(|problem| problem.to_string())?;
        let is_tensor = |input: &SignatureInput| matches!(&input.kind, TypeMember::Name(kind) if kind == "tensor");
        if inputs.is_empty() {
            return Ok(Self::Unsaid);
        }
        if inputs.iter().any(is_tensor) {
            return Ok(Self::Tensors);
        }
        let column = |input: SignatureInput| MlflowColumn {
            name: input.name,
            kind: if let TypeMember::Name(kind) = input.kind { kind } else { String::new() },
            required: input.required.unwrap_or(true),
        };
        Ok(Self::Columns(inputs.into_iter().map(column).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &str = r#"
flavors:
  onnx:
    code: null
    data: model.onnx
  python_function:
    loader_module: mlflow.onnx
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "string",
    "name": "city", "required": false}, {"type": "array", "items": {"type": "long"}, "name": "many"}]'
  outputs: '[{"type": "long", "name": "target", "required": true}]'
  params: null
"#;

    #[test]
    fn a_signature_has_columns_or_tensors() {
        let column = |name: &str, kind: &str, required| MlflowColumn {
            name: Some(name.to_owned()),
            kind: kind.to_owned(),
            required,
        };
        let columns =
            vec![column("age", "double", true), column("city", "string", false), column("many", "array", true)];
        let signature = MlflowSignature::Columns(columns);
        assert_eq!(MlflowFile::parse(COLUMNS), Ok(MlflowFile { has_onnx: true, signature }));
        let tensors = "signature:\n  inputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"float32\", \"shape\": [-1, 4]}}]'\n";
        let tensors = MlflowFile::parse(tensors);
        assert_eq!(tensors, Ok(MlflowFile { has_onnx: false, signature: MlflowSignature::Tensors }));
        let neither = MlflowFile::parse("flavors:\n  onnx:\n    data: model.onnx\nsignature: null\n");
        assert_eq!(neither, Ok(MlflowFile { has_onnx: true, signature: MlflowSignature::Unsaid }));
    }

    #[test]
    fn what_cannot_be_read_says_so_in_one_line() {
        for text in ["flavors: [", "signature:\n  inputs: 'no JSON'\n", "- 1\n"] {
            let problem = MlflowFile::parse(text);
            assert!(
                problem.as_ref().is_err_and(|it| it.contains("cannot be read") && !it.contains('\n')),
                "{problem:?}"
            );
        }
    }
}
