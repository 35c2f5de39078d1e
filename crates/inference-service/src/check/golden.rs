//! Answers that are known to be right, and how far the model's are from them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arrays::{self, NamedArrays};
use crate::input::{ModelInput, SentInputs, SentOptional, in_order, whole_shape};
use crate::model::{OptionalTensor, Session, Signature, Tensor, TensorSpec, TensorValues};

/// Inputs, and the outputs that are right for them.
pub(super) struct GoldenArrays {
    inputs: NamedArrays,
    outputs: NamedArrays,
}

/// The arrays of a model's inputs.
struct GoldenInputs {
    /// In the order of the inputs that a run needs.
    tensors: Vec<Tensor>,
    optional: Arc<[OptionalTensor]>,
}

/// How far an output is from what is right.
struct OutputDifference {
    /// Of the number that is furthest off; 0 where all are equal.
    largest: f64,
    at: usize,
    is_right: bool,
}

impl GoldenArrays {
    /// Reads the two files.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn read(files: &[PathBuf]) -> Result<Self, String> {
        let [inputs, outputs] = files else { return Err("--golden takes two files".to_owned()) };
        let read = |file: &Path| arrays::read(file);
        let golden = Self { inputs: read(inputs)?, outputs: read(outputs)? };
        match golden.outputs.is_empty() {
            true => Err(format!("{}: it has no arrays, so that nothing can be compared", outputs.display())),
            false => Ok(golden),
        }
    }

    /// Runs the model on the inputs, and writes how far each output is from what is right; true if all are near enough.
    pub(super) fn compare(&self, session: &mut Session, tolerance: f64, out: &mut dyn Write) -> io::Result<bool> {
        let signature = session.engine().signature().clone();
        let answered = named(&self.inputs, &signature).and_then(|inputs| answers(session, inputs));
        let answered = match answered {
            Ok(answered) => answered,
            Err(problem) => {
                writeln!(out, "    {problem}")?;
                return Ok(false);
            }
        };
        let (mut right, mut has_values) = (true, false);
        let positional = self.outputs.iter().all(|(name, _)| name.as_ref().is_none_or(|name| name.starts_with("arr_")));
        for (position, (name, golden)) in self.outputs.iter().enumerate() {
            let place = match name.as_ref().filter(|_| !positional) {
                Some(name) => signature.outputs.iter().position(|spec| spec.name == *name),
                None => Some(position).filter(|position| *position < signature.outputs.len()),
            };
            let Some((spec, answer)) = place.and_then(|place| Some((&signature.outputs[place], answered.get(place)?)))
            else {
                let there_is: Vec<&str> = signature.outputs.iter().map(|spec| spec.name.as_str()).collect();
                let name = name.as_deref().unwrap_or_default();
                writeln!(out, "    the model has no output {name:?}; it has: {}", there_is.join(", "))?;
                right = false;
                continue;
            };
            has_values |= !answer.values().is_empty();
            right &= write_difference(&spec.name, &difference(answer, golden, tolerance), tolerance, out)?;
        }
        if right && !has_values {
            writeln!(out, "    the outputs are empty, so that nothing was compared: give inputs with some items")?;
            return Ok(false);
        }
        Ok(right)
    }
}

fn write_difference(
    name: &str,
    difference: &Result<OutputDifference, String>,
    tolerance: f64,
    out: &mut dyn Write,
) -> io::Result<bool> {
    match difference {
        Ok(OutputDifference { largest, is_right: true, .. }) => {
            writeln!(out, "    output {name:?}: the same, largest difference {largest:.1e}")?;
            Ok(true)
        }
        Ok(OutputDifference { largest, at, .. }) => {
            writeln!(
                out,
                "    output {name:?}: WRONG, largest difference {largest:.1e} at position {at}, above {tolerance:.0e}"
            )?;
            Ok(false)
        }
        Err(problem) => {
            writeln!(out, "    output {name:?}: WRONG, {problem}")?;
            Ok(false)
        }
    }
}

/// The arrays in the order of the model's inputs. The only one, and those that NumPy named itself, need no names.
fn named(arrays: &NamedArrays, signature: &Signature) -> Result<GoldenInputs, String> {
    let specs = &signature.inputs;
    let positional = arrays.iter().all(|(name, _)| name.as_ref().is_none_or(|name| name.starts_with("arr_")));
    let sent = arrays.iter().enumerate().map(|(position, (name, array))| {
        let of_place = specs.get(position).filter(|_| positional).map(|spec| spec.name.clone());
        (of_place.or_else(|| name.clone()).unwrap_or_default(), array.clone())
    });
    let SentInputs { required, optional } =
        in_order(sent.collect(), signature).map_err(|problem| problem.to_string())?;
    let fitting = |spec: &TensorSpec, array: Tensor| {
        if spec.datatype.is_some_and(|datatype| datatype != array.values().datatype()) {
            let found = array.values().datatype();
            return Err(format!("the golden input {:?} is of {found}; the model takes {spec}", spec.name));
        }
        let shape = whole_shape(spec, array.shape()).unwrap_or_else(|| array.shape().to_vec());
        array.reshaped(shape).ok_or_else(|| "the array has another size than it says".to_owned())
    };
    let optional = optional
        .into_iter()
        .map(|SentOptional { position, spec, sent }| Ok(OptionalTensor { position, tensor: fitting(spec, sent)? }));
    Ok(GoldenInputs {
        optional: optional.collect::<Result<_, String>>()?,
        tensors: required.into_iter().map(|(spec, array)| fitting(spec, array)).collect::<Result<_, _>>()?,
    })
}

/// What the model answers, an output a tensor. Items run one by one, as they are served.
fn answers(session: &mut Session, inputs: GoldenInputs) -> Result<Vec<Tensor>, String> {
    let GoldenInputs { tensors: inputs, optional } = inputs;
    let run = |session: &mut Session, tensors: Vec<Tensor>| {
        session.run(&ModelInput::of(tensors).with_optional(optional.clone())).map_err(|problem| problem.to_string())
    };
    if session.engine().takes_whole_tensors() {
        return run(session, inputs);
    }
    let mut rows: Vec<_> = inputs.iter().map(|tensor| tensor.rows().into_iter()).collect();
    let items = rows.first().map_or(0, ExactSizeIterator::len);
    if items == 0 {
        return Err("the golden inputs have no items, so that nothing can be compared".to_owned());
    }
    let mut answers: Vec<Vec<Tensor>> = Vec::new();
    for _ in 0..items {
        let outputs = run(session, rows.iter_mut().filter_map(Iterator::next).collect())?;
        answers.resize(outputs.len(), Vec::new());
        for (all, output) in answers.iter_mut().zip(outputs) {
            let shape = if output.shape().is_empty() { vec![1] } else { output.shape().to_vec() };
            all.extend(output.reshaped(shape));
        }
    }
    let stacked = answers.iter().map(Tensor::stacked).collect::<Option<Vec<_>>>();
    stacked.ok_or_else(|| "the answers to the items have different shapes".to_owned())
}

/// How far an answer is from what is right.
///
/// # Errors
/// Where the two cannot be compared.
fn difference(answer: &Tensor, golden: &Tensor, tolerance: f64) -> Result<OutputDifference, String> {
    let essential = |tensor: &Tensor| tensor.shape().iter().copied().filter(|size| *size != 1).collect::<Vec<_>>();
    if essential(answer) != essential(golden) {
        return Err(format!("its shape is {:?}, and that of the golden one {:?}", answer.shape(), golden.shape()));
    }
    let mut found = OutputDifference { largest: 0.0, at: 0, is_right: true };
    for index in 0..answer.values().len() {
        let (off, is_right) = match (number(answer.values(), index), number(golden.values(), index)) {
            (Some(ours), Some(theirs)) if ours == theirs || ours.is_nan() && theirs.is_nan() => continue,
            (Some(ours), Some(theirs)) => {
                let off = (ours - theirs).abs();
                // Not NaN, which is near to nothing.
                (if off.is_nan() { f64::INFINITY } else { off }, off <= tolerance * theirs.abs().max(1.0))
            }
            _ if text(answer.values(), index).is_some()
                && text(answer.values(), index) == text(golden.values(), index) =>
            {
                continue;
            }
            _ => (f64::INFINITY, false),
        };
        // The worst of those that are wrong goes before any that is right.
        if (found.is_right && !is_right) || (found.is_right == is_right && off > found.largest) {
            (found.largest, found.at) = (off, index);
        }
        found.is_right &= is_right;
    }
    Ok(found)
}

fn number(values: &TensorValues, index: usize) -> Option<f64> {
    values.number(index)
}

fn text(values: &TensorValues, index: usize) -> Option<&str> {
    if let TensorValues::Bytes(texts) = values { texts.get(index).map(String::as_str) } else { None }
}
