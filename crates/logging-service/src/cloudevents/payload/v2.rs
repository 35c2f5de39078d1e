//! V2, the Open Inference Protocol: named tensors, each with a shape, a datatype and its data.

use serde_json::Value;

use super::row_prediction::RowPrediction;
use super::scores::{best_class, parse_numbers};
use super::v1;
use crate::cloudevents::{EventError, MAX_ROWS, shortened};

/// A tensor whose data fits its shape.
struct OutputTensor<'a> {
    rows: usize,
    columns: usize,
    is_float: bool,
    data: Vec<&'a Value>,
}

/// Reads labels from the first tensor with one value a row, preferably not of floats, and scores from the first tensor of
/// floats with several values a row. If a model gives both (`predict` and `predict_proba` of scikit-learn), both are used.
pub(super) fn read_predictions(outputs: &[Value]) -> Result<Vec<RowPrediction>, EventError> {
    let tensors: Vec<OutputTensor<'_>> = outputs.iter().map(read_tensor).collect::<Result<_, _>>()?;
    let scores = tensors.iter().find(|tensor| tensor.is_float && tensor.columns > 1);
    let single = |is_float| tensors.iter().find(move |tensor| tensor.columns == 1 && tensor.is_float == is_float);
    let labels = single(false).or_else(|| single(true).filter(|_| scores.is_none()));
    let rows = match (labels, scores) {
        (Some(labels), Some(scores)) if labels.rows != scores.rows => {
            return Err(EventError::Payload("its outputs differ in their number of rows".to_owned()));
        }
        (Some(tensor), _) | (None, Some(tensor)) => tensor.rows,
        (None, None) => {
            return Err(EventError::Payload("no output has the shape [rows] or [rows, classes]".to_owned()));
        }
    };
    if rows > MAX_ROWS {
        return Err(EventError::TooManyRows);
    }
    let read = |row: usize| {
        let labelled = labels.and_then(|tensor| tensor.data.get(row)).map(|value| v1::read_prediction(value));
        let scored = scores.map(|tensor| scores_of(tensor, row));
        match (labelled, scored) {
            (Some(Some(labelled)), Some(Some(scored))) => Some(v1::combine(labelled, scored)),
            (Some(one), None) | (None, Some(one)) => one,
            _ => None,
        }
    };
    (0..rows)
        .map(|row| read(row).ok_or_else(|| EventError::Payload(format!("row {row} holds no label and no numbers"))))
        .collect()
}

fn scores_of(tensor: &OutputTensor<'_>, row: usize) -> Option<RowPrediction> {
    let start = row.checked_mul(tensor.columns)?;
    let values = tensor.data.get(start..start.checked_add(tensor.columns)?)?;
    let values: Vec<Value> = values.iter().map(|&value| value.clone()).collect();
    best_class(&parse_numbers(&values)?)
}

fn read_tensor(output: &Value) -> Result<OutputTensor<'_>, EventError> {
    let name = shortened(output.get("name").and_then(Value::as_str).unwrap_or("without a name"), 128);
    let problem = |what: &str| EventError::Payload(format!("the output {name} {what}"));
    let shape = output.get("shape").and_then(Value::as_array).ok_or_else(|| problem("has no shape"))?;
    let shape: Vec<usize> = shape
        .iter()
        .map(|size| size.as_u64().and_then(|size| size.try_into().ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| problem("has a shape of other than sizes"))?;
    // Binary data follows the JSON, and the logger does not send it.
    let data = output.get("data").ok_or_else(|| problem("has no data inside of the JSON"))?;
    let mut flat = Vec::new();
    flatten(data, &mut flat);
    let rows = shape.first().copied().unwrap_or(1);
    let columns = shape.iter().skip(1).try_fold(1, |product: usize, &size| product.checked_mul(size));
    let columns = columns.ok_or_else(|| problem("has a shape that is too large"))?;
    if rows.checked_mul(columns) != Some(flat.len()) {
        return Err(problem("has data that does not fit its shape"));
    }
    // Tensors of several dimensions are pictures or boxes, and not scores of classes.
    let is_table = shape.iter().skip(1).filter(|&&size| size != 1).count() <= 1;
    let is_float = output.get("datatype").and_then(Value::as_str).is_some_and(|datatype| datatype.contains("FP"));
    Ok(OutputTensor { rows, columns: if is_table { columns } else { 0 }, is_float, data: flat })
}

/// Data may be nested or flat. The recursion is bounded by the JSON parser, which goes 128 levels deep.
fn flatten<'a>(data: &'a Value, flat: &mut Vec<&'a Value>) {
    match data {
        Value::Array(values) => values.iter().for_each(|value| flatten(value, flat)),
        value => flat.push(value),
    }
}
