//! From the outputs of a file to the classes of a model: which output has their numbers, what these are, and how the
//! classes are called.
//!
//! Rule of thumb: model.toml and the graph are asked in this order. Where both speak and contradict each other, the model
//! is refused, because one of them is wrong.

use super::config::ModelConfig;
use super::onnx::{ClassNaming, OutputFacts};
use super::output_choice::{self, OutputMismatch};
use super::runtime::{Signature, TensorSpec};
use super::scores::{ClassReader, FileLabels, OwnLabel, ScaleSource, ScoreScale};
use super::tensor::Datatype;

/// What the file must have for a classification.
const EXPECTED: &str = "one output with a floating-point number for each class";

/// Where the numbers of the classes are, and what they are.
///
/// # Errors
/// Why that cannot be said, or contradicts model.toml.
pub(super) fn reader(
    config: &ModelConfig,
    signature: &Signature,
    facts: &[OutputFacts],
) -> Result<ClassReader, OutputMismatch> {
    let outputs = &signature.outputs;
    let (chosen, label) = match (&config.output_name, label_and_scores(outputs)) {
        (None, Some((label, scores))) => (scores, Some(label)),
        (name, _) => (output_choice::only(outputs, name.as_deref())?, None),
    };
    let spec = &outputs[chosen];
    let facts_of = |name: &str| facts.iter().find(|facts| facts.name == name);
    let own = facts_of(&spec.name);
    let count = numbers(spec, own)?;
    let label_facts = label.and_then(|label| facts_of(&outputs[label].name));
    // A label has the names of the model; those of its classifier may be numbers that stand for them.
    let names = label_facts.into_iter().chain(own).chain(facts).find_map(OutputFacts::labels);
    let ClassNames { labels, is_single } = ClassNames::of(config, names, spec, count)?;
    if let Some(found) = label_facts.and_then(|label| contradiction(label, own, &spec.name)) {
        return Err(OutputMismatch::Other {
            expected: "a label that is the likeliest class".to_owned(),
            found,
            remedy: format!("`output_name = {:?}` in model.toml goes by the numbers alone", spec.name),
        });
    }
    let own_label = label.map(|output| {
        let are_positions = label_facts.is_some_and(|facts| facts.naming == Some(ClassNaming::Positions));
        let positions = || FileLabels::Numbers((0_i64..).take(labels.len()).collect());
        let names = match (names, outputs[output].datatype) {
            (Some(names), _) if !are_positions => names.clone(),
            (None, Some(Datatype::Bytes)) => FileLabels::Texts(labels.clone()),
            _ => positions(),
        };
        OwnLabel { output, names }
    });
    let graph = own.map_or_else(|| Err("it is not in the file's graph".to_owned()), |facts| facts.scale.clone());
    let (scale, decided_by) = scale(config.output, graph, spec, is_single)?;
    Ok(ClassReader { output_name: spec.name.clone(), output: chosen, scale, decided_by, labels, is_single, own_label })
}

/// Why a model's own label may be another class than the likeliest.
fn contradiction(label: &OutputFacts, scores: Option<&OutputFacts>, name: &str) -> Option<String> {
    if scores.is_some_and(|facts| facts.is_calibrated) {
        return Some("an SVMClassifier, whose label comes from votes and may be another class".to_owned());
    }
    let (_, how) = label.contradictions.iter().find(|(scores, _)| scores == name)?;
    Some(format!("an output {:?} {how}", label.name))
}

/// The positions of a label and of the numbers of its classes, where a model has these two outputs, as classifiers of
/// scikit-learn, LightGBM and XGBoost have.
fn label_and_scores(outputs: &[TensorSpec]) -> Option<(usize, usize)> {
    let is_label = |spec: &TensorSpec| {
        let is_name = matches!(spec.datatype, Some(Datatype::Int64 | Datatype::Int32 | Datatype::Bytes));
        is_name && spec.shape.iter().flatten().skip(1).all(|size| size.is_none_or(|size| size == 1))
    };
    match outputs {
        [label, scores] if is_label(label) && is_floating(scores) => Some((0, 1)),
        [scores, label] if is_label(label) && is_floating(scores) => Some((1, 0)),
        _ => None,
    }
}

fn is_floating(spec: &TensorSpec) -> bool {
    matches!(spec.datatype, None | Some(Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64))
}

/// How many numbers an output has for one item; `None` where the file leaves it open.
fn numbers(spec: &TensorSpec, facts: Option<&OutputFacts>) -> Result<Option<usize>, OutputMismatch> {
    let is_no_tensor = spec.datatype.is_none() && facts.is_some_and(|facts| !facts.is_tensor);
    let other = || OutputMismatch::Other {
        expected: EXPECTED.to_owned(),
        found: format!("an output {:?} of {spec}", spec.name),
        remedy: match is_no_tensor {
            true => "export the model again with options={'zipmap': False}".to_owned(),
            false => "name another output with `output_name` in model.toml, or export the model again".to_owned(),
        },
    };
    if !is_floating(spec) || is_no_tensor {
        return Err(other());
    }
    let declared = facts.and_then(|facts| facts.shape.as_ref());
    let Some(shape) = spec.shape.as_ref().or(declared) else { return Ok(None) };
    // A runtime that infers sizes may know less than the file declares.
    let declared = declared.filter(|declared| declared.len() == shape.len()).unwrap_or(shape);
    let known = shape.iter().zip(declared).map(|(size, declared)| size.or(*declared));
    // The first dimension counts the items, of which there is one.
    let sizes: Option<Vec<usize>> =
        known.enumerate().map(|(place, size)| if place == 0 { size.or(Some(1)) } else { size }).collect();
    let Some(sizes) = sizes else { return Ok(None) };
    let count = sizes.iter().product::<usize>();
    // Exporters that keep a spatial dimension after pooling leave ones at the end, as in [1, classes, 1, 1].
    if sizes.iter().all(|size| *size == 1 || *size == count) { Ok(Some(count)) } else { Err(other()) }
}

/// The names of the classes, and whether one number tells of two of them.
struct ClassNames {
    labels: Vec<String>,
    is_single: bool,
}

impl ClassNames {
    /// Names for `count` numbers: those of model.toml, else those of the graph, else the positions.
    fn of(
        config: &ModelConfig,
        graph: Option<&FileLabels>,
        spec: &TensorSpec,
        count: Option<usize>,
    ) -> Result<Self, OutputMismatch> {
        let graph = graph.map(FileLabels::texts);
        let mismatch = |expected: String, remedy: &str| OutputMismatch::Other {
            expected,
            found: format!("an output {:?} of {spec}", spec.name),
            remedy: remedy.to_owned(),
        };
        if let (Some(labels), Some(graph)) = (&config.labels, &graph)
            && is_reordered(labels, graph)
        {
            let expected = "`labels` in another order than the model's own".to_owned();
            let remedy = "remove `labels`, or give them the order of the file".to_owned();
            return Err(OutputMismatch::Other { expected, found: graph.join(", "), remedy });
        }
        match (config.labels.clone().or(graph), count) {
            (Some(labels), Some(1)) if labels.len() == 2 => Ok(Self { labels, is_single: true }),
            (Some(labels), Some(1)) => Err(mismatch(
                format!("a number for each of {} labels", labels.len()),
                "one number tells of two classes: give `labels` two names, that of the class it speaks for as the second",
            )),
            (None, Some(1)) => Ok(Self { labels: vec!["0".to_owned(), "1".to_owned()], is_single: true }),
            (Some(labels), Some(count)) if labels.len() == count => Ok(Self { labels, is_single: false }),
            (Some(labels), Some(_)) => Err(mismatch(
                format!("one output with {} numbers, one for each label", labels.len()),
                "correct `labels` or `output_name` in model.toml, or export the model again",
            )),
            (Some(labels), None) => Ok(Self { labels, is_single: false }),
            (None, Some(count)) => {
                Ok(Self { labels: (0..count).map(|class| class.to_string()).collect(), is_single: false })
            }
            (None, None) => Err(mismatch(
                EXPECTED.to_owned(),
                "its file does not say how many classes there are: give `labels` in model.toml",
            )),
        }
    }
}

/// Whether these are the same names in another order.
fn is_reordered(labels: &[String], others: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    labels != others && sorted(labels) == sorted(others)
}

/// What the numbers are, and who says so.
fn scale(
    declared: Option<ScoreScale>,
    graph: Result<ScoreScale, String>,
    spec: &TensorSpec,
    is_single: bool,
) -> Result<(ScoreScale, ScaleSource), OutputMismatch> {
    let found = |scale: ScoreScale| format!("an output {:?} whose nodes give {}", spec.name, scale.as_str());
    if is_single && graph == Ok(ScoreScale::Probabilities) {
        return Err(OutputMismatch::Other {
            expected: "a number for two classes".to_owned(),
            found: "one probability, which is 1 whatever the input is".to_owned(),
            remedy: "export the model with a sigmoid instead of a softmax, or without either".to_owned(),
        });
    }
    match (declared, graph) {
        (Some(ScoreScale::Logits), Ok(graph @ (ScoreScale::Probabilities | ScoreScale::Sigmoid))) => {
            Err(OutputMismatch::Other {
                expected: "logits".to_owned(),
                found: found(graph),
                remedy: format!("remove `output` from model.toml, or write `output = \"{}\"`", graph.as_str()),
            })
        }
        (Some(declared), _) => Ok((declared, ScaleSource::ModelToml)),
        (None, Ok(graph)) => Ok((graph, ScaleSource::Graph)),
        (None, Err(because)) => Err(OutputMismatch::UnknownScale { output: spec.name.clone(), because }),
    }
}
