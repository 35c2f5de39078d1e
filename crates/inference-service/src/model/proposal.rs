//! A model.toml for a file that has none, as far as its graph tells.
//!
//! Rule of thumb: what is a guess says so, with what to write otherwise. Whoever trained the model knows better.

use std::path::Path;

use super::error::ModelError;
use super::onnx::{OnnxFile, OnnxGraph, OutputFacts};
use super::runtime::{Signature, TensorSpec};
use super::tensor::Datatype;

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
    Classes(Option<usize>),
    Number,
    Other,
}

impl Proposal {
    /// # Errors
    /// Those of reading the file.
    pub(crate) fn of(file: &Path, signature: &Signature) -> Result<Self, ModelError> {
        let OnnxFile { graph, .. } = OnnxFile::read(file)?;
        let mut lines = match guess(signature, &graph) {
            OutputGuess::Classes(classes) => {
                let numbers = classes.map_or_else(|| "numbers".to_owned(), |classes| format!("{classes} numbers"));
                let mut lines =
                    vec![format!("task = \"classification\"  # if the {numbers} are one for each class; else \"raw\"")];
                lines.extend(scale(signature, &graph));
                lines.extend(labels(&graph, classes));
                lines
            }
            OutputGuess::Number => {
                vec!["task = \"regression\"  # if the number is what is estimated; else \"raw\"".to_owned()]
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

fn guess(signature: &Signature, graph: &OnnxGraph) -> OutputGuess {
    let has_items = |input: &TensorSpec| matches!(input.shape.as_deref(), Some([None | Some(1), ..]));
    if !signature.inputs.iter().all(has_items) {
        return OutputGuess::Other;
    }
    let is_classifier = |operator: &str| operator.ends_with("Classifier");
    if graph.nodes().iter().any(|node| node.domain == "ai.onnx.ml" && is_classifier(&node.op_type)) {
        return OutputGuess::Classes(graph_labels(graph).map(|labels| labels.len()));
    }
    let [output] = &signature.outputs[..] else { return OutputGuess::Other };
    let is_float = matches!(output.datatype, Some(Datatype::Fp32 | Datatype::Fp64 | Datatype::Fp16));
    let sizes: Option<Vec<usize>> = output.item().and_then(|item| item.iter().copied().collect());
    match sizes.as_deref() {
        Some([] | [1] | [1, 1]) if is_float => OutputGuess::Number,
        Some([classes, rest @ ..]) if is_float && rest.iter().all(|size| *size == 1) => {
            OutputGuess::Classes(Some(*classes))
        }
        _ => OutputGuess::Other,
    }
}

/// The line about what the numbers of the classes are, where the graph does not say it.
fn scale(signature: &Signature, graph: &OnnxGraph) -> Option<String> {
    let is_float =
        |output: &&TensorSpec| matches!(output.datatype, Some(Datatype::Fp32 | Datatype::Fp64 | Datatype::Fp16));
    let output = signature.outputs.iter().find(is_float)?;
    let because = OutputFacts::of(graph).into_iter().find(|facts| facts.name == output.name)?.scale.err()?;
    Some(format!(
        "output = \"logits\"  # or \"probabilities\", \"sigmoid\": the file does not say what the numbers are, because {because}"
    ))
}

/// The lines about the classes' names.
fn labels(graph: &OnnxGraph, classes: Option<usize>) -> Vec<String> {
    match graph_labels(graph) {
        Some(labels) if labels.len() <= MOST_LABELS => vec![format!("labels = {labels:?}  # they stand in the file")],
        Some(labels) => {
            vec![format!("labels = \"labels.txt\"  # the {} that stand in the file, one a line", labels.len())]
        }
        None => {
            let count = classes.map_or_else(String::new, |classes| format!("{classes} "));
            vec![format!(
                "# labels = \"labels.txt\"  # {count}names, one a line; left out, classes are called by their numbers"
            )]
        }
    }
}

/// The names of the classes that the file holds: of a classifier of scikit-learn and its like, or as Ultralytics writes them.
fn graph_labels(graph: &OnnxGraph) -> Option<Vec<String>> {
    // An output that is a label has the names of the model; those of a classifier inside may be others.
    let of_outputs = OutputFacts::of(graph).into_iter().find_map(|facts| facts.labels);
    if let Some(labels) = of_outputs {
        return Some(labels.texts());
    }
    let nodes = graph.nodes();
    let texts = nodes.iter().filter_map(|node| {
        node.attribute("classlabels_strings")
            .or_else(|| node.attribute("classlabels_string"))
            .map(|labels| &labels.strings)
    });
    let numbers = nodes.iter().filter_map(|node| {
        node.attribute("classlabels_int64s").or_else(|| node.attribute("classlabels_ints")).map(|labels| &labels.ints)
    });
    let from_texts = texts
        .filter(|labels| !labels.is_empty())
        .map(|labels| labels.iter().map(|label| String::from_utf8_lossy(label).into_owned()).collect::<Vec<_>>());
    let from_numbers =
        numbers.filter(|labels| !labels.is_empty()).map(|labels| labels.iter().map(i64::to_string).collect());
    from_texts.chain(from_numbers).next().or_else(|| {
        let names = graph.model().metadata_props.iter().find(|entry| entry.key == "names")?;
        python_names(&names.value)
    })
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
        format!("colour = {colour:?}"),
        format!("layout = {layout:?}"),
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
            format!("# The file fixes the first dimension of {:?}, so items run one at a time;", input.name),
            "# exported with an open one (dynamic_axes, dynamic_shapes), they run together.".to_owned(),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
