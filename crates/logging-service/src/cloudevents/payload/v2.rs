//! V2, the Open Inference Protocol: named tensors, each with a shape, a datatype and its data.

use prediction_record::Task;
use serde_json::Value;

use super::answer::{ClassPrediction, RowAnswer};
use super::reading::AnswerReading;
use super::scores::ClassScores;
use super::tensor::OutputTensor;
use crate::cloudevents::{EventError, MAX_ROWS};

/// The names of tensors that say of themselves that they hold the probabilities of classes.
const PROBABILITIES: [&str; 3] = ["probabilities", "probs", "predict_proba"];

/// Reads the answers of a response.
///
/// A classification's label is read from the first tensor with one value a row, preferably not of floats, and its scores
/// from the first tensor of floats with several values a row. If a model gives both (`predict` and `predict_proba` of
/// scikit-learn), both are used. A regression's number is read from the first tensor with one number a row.
pub(super) fn read_answers(reading: &AnswerReading<'_>, outputs: &[Value]) -> Result<Vec<RowAnswer>, EventError> {
    let tensors: Vec<OutputTensor<'_>> = outputs.iter().map(OutputTensor::read).collect::<Result<_, _>>()?;
    if tensors.is_empty() {
        return Err(EventError::Payload("it has no outputs".to_owned()));
    }
    if tensors.iter().any(|tensor| tensor.rows > MAX_ROWS) {
        return Err(EventError::TooManyRows);
    }
    let single = |fits: &dyn Fn(&OutputTensor<'_>) -> bool| tensors.iter().find(|it| it.columns == 1 && fits(it));
    let scores = tensors.iter().find(|tensor| tensor.is_float && tensor.columns > 1);
    match reading.task {
        // Outputs of a picture, such as boxes and their number, need not agree about rows.
        Some(Task::Raw) => match raw(&tensors) {
            Err(EventError::RowsDiffer) => Ok(vec![RowAnswer::Raw]),
            answers => answers,
        },
        Some(Task::Regression) => match single(&|tensor| !tensor.is_text) {
            Some(values) => Ok((0..values.rows).filter_map(|row| Some(reading.answer(values.value(row)?))).collect()),
            None => raw(&tensors),
        },
        Some(Task::Classification) => {
            let labels = single(&|tensor| !tensor.is_float).or_else(|| single(&|_| scores.is_none()));
            classes(reading, labels, scores)?.map_or_else(|| raw(&tensors), Ok)
        }
        None => {
            let labels = single(&|tensor| tensor.is_text);
            let scores = scores.filter(|tensor| labels.is_some() || PROBABILITIES.contains(&tensor.name));
            let labels = labels.or_else(|| single(&|tensor| !tensor.is_float).filter(|_| scores.is_some()));
            let found = classes(reading, labels, scores.filter(|tensor| are_distributions(tensor)))?;
            found.map_or_else(|| raw(&tensors), Ok)
        }
    }
}

/// Reads classifications from a tensor of labels and one of scores; `None` where there is neither.
fn classes(
    reading: &AnswerReading<'_>,
    labels: Option<&OutputTensor<'_>>,
    scores: Option<&OutputTensor<'_>>,
) -> Result<Option<Vec<RowAnswer>>, EventError> {
    let rows = match (labels, scores) {
        (Some(labels), Some(scores)) if labels.rows != scores.rows => return Err(EventError::RowsDiffer),
        (Some(tensor), _) | (None, Some(tensor)) => tensor.rows,
        (None, None) => return Ok(None),
    };
    let read = |row: usize| {
        let scored = scores.map(|tensor| of_scores(reading, tensor, row));
        match labels.and_then(|tensor| tensor.number(row)).map(|value| labelled(reading, &value)) {
            Some(RowAnswer::Class(label)) => match scored {
                Some(RowAnswer::Class(scored)) => RowAnswer::Class(label.with_scores(scored)),
                _ => RowAnswer::Class(label),
            },
            Some(answer @ (RowAnswer::NotANumber | RowAnswer::Unfit)) => answer,
            Some(_) | None => scored.unwrap_or(RowAnswer::Raw),
        }
    };
    Ok(Some((0..rows).map(read).collect()))
}

fn labelled(reading: &AnswerReading<'_>, value: &Value) -> RowAnswer {
    match value {
        // Beside probabilities, a whole number is the class that they are about.
        Value::Number(number) if !reading.is_declared() => {
            reading.whole(number).map_or(RowAnswer::Raw, RowAnswer::Class)
        }
        value => reading.answer(value),
    }
}

fn of_scores(reading: &AnswerReading<'_>, tensor: &OutputTensor<'_>, row: usize) -> RowAnswer {
    let Some(values) = tensor.row(row) else { return RowAnswer::Raw };
    let best = |mut scores: ClassScores| -> Option<ClassPrediction> {
        scores.are_logits = tensor.name == "logits";
        reading.best(&scores)
    };
    match ClassScores::of(&values) {
        Some(scores) => best(scores).map_or(RowAnswer::Unfit, RowAnswer::Class),
        None => RowAnswer::NotANumber,
    }
}

fn are_distributions(tensor: &OutputTensor<'_>) -> bool {
    let is_one = |row| {
        let scores = tensor.row(row).and_then(|values| ClassScores::of(&values));
        scores.is_some_and(|scores| scores.is_distribution())
    };
    (0..tensor.rows).all(is_one)
}

/// One answer for each row, without its values.
fn raw(tensors: &[OutputTensor<'_>]) -> Result<Vec<RowAnswer>, EventError> {
    let rows = tensors.first().map_or(1, |tensor| tensor.rows);
    if tensors.iter().any(|tensor| tensor.rows != rows) {
        return Err(EventError::RowsDiffer);
    }
    Ok(vec![RowAnswer::Raw; rows])
}
