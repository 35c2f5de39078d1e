//! Which output of a model is its answer.
//!
//! Rule of thumb: what model.toml names counts; without a name there must be no doubt.

use super::runtime::TensorSpec;

/// Why the outputs of a file are not those that a task needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OutputMismatch {
    /// Neither the graph nor model.toml says what the numbers of `output` are; `because` goes after "because".
    UnknownScale {
        /// The output's name.
        output: String,
        /// Why the graph does not say it.
        because: String,
    },
    /// They differ from what follows from model.toml.
    Other {
        /// What follows from it.
        expected: String,
        /// What there is.
        found: String,
        /// What to change.
        remedy: String,
    },
}

/// The output of this name, or the only one.
///
/// # Errors
/// Where there is none of this name, and where no name is given and there are several.
pub(super) fn only(outputs: &[TensorSpec], name: Option<&str>) -> Result<usize, OutputMismatch> {
    match (name, outputs) {
        (Some(name), _) => named(outputs, name),
        (None, [_]) => Ok(0),
        (None, _) => Err(OutputMismatch::Other {
            expected: "one output".to_owned(),
            found: format!("{} outputs ({})", outputs.len(), names(outputs)),
            remedy: "say which of them is the answer with `output_name` in model.toml".to_owned(),
        }),
    }
}

/// The output of this name.
///
/// # Errors
/// Where there is none.
pub(super) fn named(outputs: &[TensorSpec], name: &str) -> Result<usize, OutputMismatch> {
    let position = outputs.iter().position(|output| output.name == name);
    position.ok_or_else(|| OutputMismatch::Other {
        expected: format!("an output {name:?}"),
        found: format!("{} outputs ({})", outputs.len(), names(outputs)),
        remedy: "correct `output_name` in model.toml".to_owned(),
    })
}

/// The names of some outputs, for a message.
fn names(outputs: &[TensorSpec]) -> String {
    const MOST: usize = 20;
    let shown = outputs.iter().take(MOST).map(|output| format!("{:?}", output.name)).collect::<Vec<_>>().join(", ");
    if outputs.len() > MOST { format!("{shown} and others") } else { shown }
}
