//! A model.toml for a file that has none, as far as its graph tells.
//!
//! Rule of thumb: what is a guess says so, with what to write otherwise. Whoever trained the model knows better.

use std::path::Path;

use super::class_output;
use super::config::ModelConfig;
use super::error::ModelError;
use super::onnx::{OnnxFile, OnnxGraph, OutputFacts};
use super::output_choice::OutputMismatch;
use super::runtime::{Signature, TensorSpec};
use super::scores::ScoreScale;
use super::task::Task;

/// Fewer numbers than this are channels of a picture, not its rows.
const MOST_CHANNELS: usize = 4;
/// Labels that are written out; more go into a file.
const MOST_LABELS: usize = 20;

/// The lines of a model.toml.
pub(crate) struct Proposal {
    pub(crate) lines: Vec<String>,
}

/// What the outputs look like.
enum OutputGuess {
    Classes(ClassesGuess),
    Number,
    Other,
}

/// A number for each class.
struct ClassesGuess {
    output: String,
    /// How many; `None` where that is open.
    numbers: Option<usize>,
    /// What they are; or why the graph does not say it, as a text that goes after "because".
    scale: Result<ScoreScale, String>,
    /// Whether the graph has their names.
    has_labels: bool,
}

impl Proposal {
    /// # Errors
    /// As reading the file has them.
    pub(crate) fn of(file: &Path, signature: &Signature) -> Result<Self, ModelError> {
        let OnnxFile { graph, .. } = OnnxFile::read(file)?;
        let mut lines = match guess(signature, &graph) {
            OutputGuess::Classes(classes) => classes.lines(signature, &graph),
            OutputGuess::Number => {
                vec![
                    "task = \"regression\"  # if the number is what is estimated; else \"raw\"".to_owned(),
                    "# Where it speaks for the second of two classes: task = \"classification\", output = \"logits\" or \"sigmoid\"."
                        .to_owned(),
                ]
            }
            OutputGuess::Other => vec!["task = \"raw\"  # any tensors; the same as without a model.toml".to_owned()],
        };
        if let ([input], false) = (&signature.inputs[..], lines[0].starts_with("task = \"raw\"")) {
            lines.extend(picture(input));
        }
        lines.extend(batching(signature));
        Ok(Self { lines })
    }
}

impl ClassesGuess {
    fn lines(&self, signature: &Signature, graph: &OnnxGraph) -> Vec<String> {
        let meaning = match self.numbers {
            Some(1) => "if the number speaks for the second of two classes".to_owned(),
            Some(numbers) => format!("if the {numbers} numbers are one for each class"),
            None => "if the numbers are one for each class".to_owned(),
        };
        let mut lines = vec![format!("task = \"classification\"  # {meaning}; else \"raw\"")];
        if signature.outputs.len() > 1 {
            lines.push(format!("# output_name = {}  # what is found by itself", toml_text(&self.output)));
        }
        lines.push(match &self.scale {
            Ok(scale) => format!("# output = \"{}\"  # what the graph says by itself", scale.as_str()),
            Err(because) => {
                format!("output = \"logits\"  # or \"probabilities\", \"sigmoid\": yours to say, because {because}")
            }
        });
        lines.push(match metadata_names(graph) {
            _ if self.has_labels => "# The file has the names of the classes.".to_owned(),
            Some(names) if names.len() <= MOST_LABELS => {
                let names: Vec<String> = names.iter().map(|name| toml_text(name)).collect();
                format!("labels = [{}]  # the file's `names`", names.join(", "))
            }
            Some(names) => {
                format!("labels = \"labels.txt\"  # the {} `names` of the file, one a line", names.len())
            }
            None if self.numbers == Some(1) => {
                "# labels = [\"no\", \"yes\"]  # two names, the one that the number speaks for second; left out, \"0\" and \"1\""
                    .to_owned()
            }
            None => {
                let count = self.numbers.map_or_else(String::new, |numbers| format!("{numbers} "));
                format!("# labels = \"labels.txt\"  # {count}names, one a line; left out, numbers are their names")
            }
        });
        lines
    }
}

fn guess(signature: &Signature, graph: &OnnxGraph) -> OutputGuess {
    let has_items = |input: &TensorSpec| matches!(input.shape.as_deref(), Some([None | Some(1), ..]));
    if !signature.inputs.iter().all(has_items) {
        return OutputGuess::Other;
    }
    let facts = OutputFacts::of(graph);
    let has_labels = facts.iter().any(|facts| facts.labels().is_some());
    let config = ModelConfig { task: Task::Classification, ..ModelConfig::raw() };
    match class_output::reader(&config, signature, &facts) {
        Ok(reader) if reader.is_single && reader.scale == ScoreScale::Logits => OutputGuess::Number,
        Ok(reader) => OutputGuess::Classes(ClassesGuess {
            numbers: Some(reader.numbers()),
            output: reader.output_name,
            scale: Ok(reader.scale),
            has_labels,
        }),
        Err(OutputMismatch::UnknownScale { output, because }) => {
            let spec = signature.outputs.iter().find(|spec| spec.name == output);
            let sizes =
                spec.and_then(TensorSpec::item).and_then(|item| item.iter().copied().collect::<Option<Vec<_>>>());
            match sizes.map(|sizes| sizes.iter().product()) {
                Some(1) => OutputGuess::Number,
                numbers => OutputGuess::Classes(ClassesGuess { output, numbers, scale: Err(because), has_labels }),
            }
        }
        Err(OutputMismatch::Other { .. }) => OutputGuess::Other,
    }
}

/// A text as TOML writes it, which takes the escapes of JSON.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The names of the classes as Ultralytics writes them into its files.
fn metadata_names(graph: &OnnxGraph) -> Option<Vec<String>> {
    let names = graph.model().metadata_props.iter().find(|entry| entry.key == "names")?;
    python_names(&names.value)
}

/// The values of a dictionary that reads like Python: `{0: 'person', 1: "driver's seat"}`.
fn python_names(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('{')?;
    let mut names = Vec::new();
    while let Some((number, behind)) = rest.split_once(':') {
        number.trim_start_matches([',', ' ']).trim().parse::<usize>().ok().filter(|number| *number == names.len())?;
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|quote| ['\'', '"'].contains(quote))?;
        let (name, after) = behind[1..].split_once(quote)?;
        names.push(name.to_owned());
        rest = after;
    }
    (!names.is_empty()).then_some(names)
}

/// The table of a picture, where the input looks like one.
fn picture(input: &TensorSpec) -> Vec<String> {
    let Some([first, second, third]) = input.item().filter(|_| input.takes_fp32()) else { return Vec::new() };
    let is_channels = |size: &Option<usize>| size.is_some_and(|size| size == 1 || size == 3);
    let is_side = |size: &Option<usize>| size.is_none_or(|size| size > MOST_CHANNELS);
    let (layout, channels, height, width) = if is_channels(first) && is_side(second) && is_side(third) {
        ("nchw", first, second, third)
    } else if is_channels(third) && is_side(first) && is_side(second) {
        ("nhwc", third, first, second)
    } else {
        return Vec::new();
    };
    let side = |name: &str, size: &Option<usize>| match size {
        Some(size) => format!("{name} = {size}"),
        None => format!("{name} = 224  # open in the file: as in training"),
    };
    let (colour, zeros, ones) =
        if *channels == Some(1) { ("grey", "[0.0]", "[1.0]") } else { ("rgb", "[0.0, 0.0, 0.0]", "[1.0, 1.0, 1.0]") };
    vec![
        String::new(),
        "[input]  # if it takes pictures; remove the table if it takes other numbers".to_owned(),
        side("width", width),
        side("height", height),
        format!("colour = \"{colour}\""),
        format!("layout = \"{layout}\""),
        format!("mean = {zeros}  # of pixel / 255, as in training; torchvision: [0.485, 0.456, 0.406]"),
        format!("std = {ones}  # torchvision: [0.229, 0.224, 0.225]; Keras with -1 to 1: mean and std 0.5"),
    ]
}

/// What keeps items from running together.
fn batching(signature: &Signature) -> Vec<String> {
    let fixed = signature.inputs.iter().find(|input| {
        input.shape.as_deref().is_some_and(|shape| matches!(shape.first(), Some(Some(_))) && shape.len() > 1)
    });
    fixed.map_or_else(Vec::new, |input| {
        vec![
            String::new(),
            format!("# The file fixes the first dimension of \"{}\", so items run one at a time;", input.name),
            "# exported with an open one (dynamic_axes, dynamic_shapes), they run together.".to_owned(),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Datatype;

    #[test]
    fn names_are_read_as_python_writes_them() {
        let names = |text| python_names(text).unwrap_or_default();
        assert_eq!(names("{0: 'person', 1: \"driver's seat\", 2: 'a: b'}"), ["person", "driver's seat", "a: b"]);
        for text in ["", "{}", "[0]", "{1: 'later'}", "{0: 7}"] {
            assert!(names(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn pictures_are_seen_in_both_layouts() {
        let spec = |sizes: [Option<usize>; 4]| TensorSpec {
            name: "x".to_owned(),
            datatype: Some(Datatype::Fp32),
            shape: Some(sizes.to_vec()),
        };
        let text = |sizes| picture(&spec(sizes)).join("\n");
        let nchw = text([None, Some(3), Some(32), Some(48)]);
        assert!(nchw.contains("width = 48") && nchw.contains("height = 32") && nchw.contains("\"nchw\""), "{nchw}");
        let nhwc = text([Some(1), None, None, Some(1)]);
        assert!(
            nhwc.contains("width = 224  # open") && nhwc.contains("\"grey\"") && nhwc.contains("\"nhwc\""),
            "{nhwc}"
        );
        assert_eq!(text([None, Some(7), Some(32), Some(32)]), "");
    }
}
