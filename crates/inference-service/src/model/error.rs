//! What can be wrong with a model or with the repository it lies in.
//!
//! Rule of thumb: an operator reads these messages at start-up, so each names the file, what is wrong, and what to do.

use std::io;
use std::path::PathBuf;

/// How an engine says that it lacks what a model needs, whatever it is asked.
const UNSUPPORTED: [&str; 10] = [
    "not supported",
    "not implemented",
    "not defined",
    "does not support",
    "is not a number",
    "clashing resolution",
    "undeterminedsymbol",
    "undetermined symbol",
    "condition failed",
    "invalid range",
];

/// Why a repository cannot be scanned, or a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The repository holds no model.
    #[error("{} holds no model: put one at <name>/1/model.onnx, with <name>/model.toml beside it{passed_over}", repository.display())]
    NoModels {
        /// The repository's folder.
        repository: PathBuf,
        /// What lies there instead, as sentences behind a blank; empty if there is nothing.
        passed_over: String,
    },
    /// More than one model says `default = true`.
    #[error("models {first} and {second} both say `default = true`: keep it in one model.toml")]
    TwoDefaults {
        /// The first of them by name.
        first: String,
        /// The second of them by name.
        second: String,
    },
    /// A model has a name under which metrics count something else.
    #[error("{}: the name `{name}` is reserved for {counted}: rename it", path.display())]
    ReservedName {
        /// The model's folder or file.
        path: PathBuf,
        /// The reserved name.
        name: String,
        /// What metrics count under it.
        counted: &'static str,
    },
    /// A model's folder has a name that cannot be a model's name.
    #[error("{}: a model's name is 1 to 64 of the characters A-Z a-z 0-9 . _ -: rename it", path.display())]
    InvalidName {
        /// The model's folder.
        path: PathBuf,
    },
    /// The file is not the TOML that a model needs; the reason shows the line.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The model.toml.
        path: PathBuf,
        /// The parser's message, with line, field and what was expected.
        reason: String,
    },
    /// A field holds a value that makes no sense.
    #[error("{}: `{field}` {problem}: {remedy}", path.display())]
    Field {
        /// The file that holds the value.
        path: PathBuf,
        /// The field's name, such as `input.mean`.
        field: &'static str,
        /// What is wrong with it, as a text that goes after the field's name.
        problem: String,
        /// What to write instead.
        remedy: &'static str,
    },
    /// Something that model.toml declares about the model is wrong.
    #[error("{}: `{field}` {problem}", path.display())]
    Declaration {
        /// The model.toml, or the model.onnx that contradicts it.
        path: PathBuf,
        /// The field, such as `features[2].range`.
        field: String,
        /// What is wrong with it and what to do, as a text that goes after the field's name.
        problem: String,
    },
    /// The model has no such columns as model.toml declares.
    #[error("{}: [[features]] in model.toml do not fit the model: {problem}: {remedy}", path.display())]
    Features {
        /// The model.onnx.
        path: PathBuf,
        /// What does not fit.
        problem: String,
        /// What to write instead.
        remedy: String,
    },
    /// There is no version to serve.
    #[error("{} holds no version: put the model at 1/model.onnx in it", directory.display())]
    NoVersion {
        /// The model's folder.
        directory: PathBuf,
    },
    /// A version's folder holds several models.
    #[error("{} holds {names}: keep one, or call the one to serve model.onnx", directory.display())]
    SeveralFiles {
        /// The version's folder.
        directory: PathBuf,
        /// The names of the files.
        names: String,
    },
    /// The file is no ONNX model that the engine can run.
    #[error("{}: the runtime cannot run this model: {reason}", path.display())]
    Unsupported {
        /// The model.onnx.
        path: PathBuf,
        /// The engine's message.
        reason: String,
    },
    /// The model and its model.toml disagree on the shape or type of the input or the output.
    #[error("{}: model.toml asks for {expected}, the model has {found}: {remedy}", path.display())]
    Mismatch {
        /// The model.onnx.
        path: PathBuf,
        /// What follows from model.toml.
        expected: String,
        /// What the model has.
        found: String,
        /// What to change.
        remedy: String,
    },
    /// Neither the graph nor model.toml says what the numbers of the classes are.
    #[error("{}: the file does not say what the numbers of its output {output:?} are, because {because}: write into model.toml \
        `output = \"logits\"` if softmax makes probabilities of them, `output = \"probabilities\"` if they are probabilities \
        that add up to 1, or `output = \"sigmoid\"` if each of them is a probability by itself", path.display())]
    UnknownScale {
        /// The model.onnx.
        path: PathBuf,
        /// The output's name.
        output: String,
        /// Why, as a text that goes after "because".
        because: String,
    },
    /// The input was made for a model with other inputs.
    #[error("the input has the shapes {found:?}, the model takes {expected}")]
    WrongInput {
        /// The model's inputs.
        expected: String,
        /// The shapes that came.
        found: Vec<Vec<usize>>,
    },
    /// No request could bring what the model takes.
    #[error(
        "an input of the model has {numbers} numbers, and more than {most} have no room in the memory that there is: no \
        request could bring them; export the model with smaller inputs, or give the service more memory"
    )]
    LargeInput {
        /// The numbers of one item.
        numbers: usize,
        /// How many would fit.
        most: usize,
    },
    /// The engine could not make what a thread needs to run the model.
    #[error("the engine cannot begin a run: {reason}")]
    Start {
        /// The engine's message.
        reason: String,
    },
    /// The engine failed while it ran the model.
    #[error("the engine failed: {reason}")]
    Run {
        /// The engine's message.
        reason: String,
    },
    /// The engine panicked while it ran the model.
    #[error("the engine failed: {reason}")]
    Panicked {
        /// The panic's message, which speaks of the engine's code.
        reason: String,
    },
    /// The input is such that the model can have no answer to it.
    #[error("there is no answer to the input: {reason}")]
    NoAnswer {
        /// What is wrong with the input.
        reason: String,
    },
    /// The model's answer is not one finite number for each class.
    #[error("the model's answer is not {expected} finite numbers: {problem}")]
    BadScores {
        /// How many numbers the model gives.
        expected: usize,
        /// The mistake in its answer.
        problem: String,
    },
    /// The model's numbers are not what its graph or model.toml says.
    #[error(
        "the numbers of the output {output:?} are not {scale}, as {decided_by} says: {problem}; `output` in model.toml says \
        what they are: \"logits\", \"probabilities\" or \"sigmoid\""
    )]
    WrongScale {
        /// The output's name.
        output: String,
        /// What they should be.
        scale: &'static str,
        /// The source of that.
        decided_by: &'static str,
        /// Why they cannot be that.
        problem: String,
    },
    /// The label that the model gives by itself contradicts the numbers that it gives for the classes.
    #[error(
        "the model's own label is {label}, and its numbers are highest for {likeliest}: `output_name = {output:?}` in model.toml \
        goes by the numbers alone"
    )]
    BadLabel {
        /// The model's label.
        label: String,
        /// The label of the class with the largest number.
        likeliest: String,
        /// The output with the numbers.
        output: String,
    },
    /// The model's answer is not one finite number.
    #[error("the model's answer is not a finite number: {}", found.map_or_else(|| "there is none".to_owned(), |found| found.to_string()))]
    BadNumber {
        /// The number that it answered, if it was one.
        found: Option<f64>,
    },
}

impl ModelError {
    /// Whether an engine that failed would fail on every other input, too.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self, Self::Run { reason } | Self::Panicked { reason } if UNSUPPORTED.iter().any(|sign| reason.to_lowercase().contains(sign)))
    }
}
