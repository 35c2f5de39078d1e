//! The declared features of each row of a request.
//!
//! Rule of thumb: what is not declared is not kept, and of a feature that may not be kept only what is counted goes on.

use prediction_record::{FeatureDeclaration, FeatureKind, FeatureValue, FeatureValues, MAX_LABEL_CHARS};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloudevents::{MAX_ROWS, shortened};

/// The most values of features that are kept of one request; the rows beyond have none.
const MAX_VALUES: usize = 100_000;

/// The declared features of one row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureRow {
    /// The features that the log keeps.
    #[serde(default, skip_serializing_if = "FeatureValues::is_empty")]
    pub kept: FeatureValues,
    /// The features that are counted only.
    #[serde(default, skip_serializing_if = "FeatureValues::is_empty")]
    pub counted: FeatureValues,
}

/// Reads the rows of V1's `instances` (objects, or lists in the declared order) or of V2's `inputs` (a tensor of each
/// feature, or one tensor in the declared order).
pub(super) fn read_rows(body: &Value, declared: &[FeatureDeclaration]) -> Vec<FeatureRow> {
    let list = |name: &str| body.get(name).and_then(Value::as_array);
    let (rows, read): (usize, Box<dyn Fn(usize) -> FeatureRow>) = if let Some(instances) = list("instances") {
        (
            instances.len(),
            Box::new(|row| instances.get(row).map_or_else(FeatureRow::default, |it| of_row(it, declared))),
        )
    } else if let Some(inputs) = list("inputs") {
        let columns = TensorColumns::of(inputs, declared);
        (columns.rows, Box::new(move |row| columns.row(row, declared)))
    } else {
        return Vec::new();
    };
    let with_values = MAX_VALUES / declared.len().max(1);
    (0..rows.min(MAX_ROWS)).map(|row| if row < with_values { read(row) } else { FeatureRow::default() }).collect()
}

fn of_row(instance: &Value, declared: &[FeatureDeclaration]) -> FeatureRow {
    match instance {
        Value::Object(members) => collect(declared, |_, feature| members.get(&feature.name)),
        // Some clients wrap a row once more.
        Value::Array(values) if values.len() == declared.len() => collect(declared, |index, _| values.get(index)),
        Value::Array(values) => match values.as_slice() {
            [wrapped @ (Value::Array(_) | Value::Object(_))] => of_row(wrapped, declared),
            _ => FeatureRow::default(),
        },
        single if declared.len() == 1 => collect(declared, |_, _| Some(single)),
        _ => FeatureRow::default(),
    }
}

/// The columns of the tensors of V2, in the declared order.
struct TensorColumns<'a> {
    rows: usize,
    /// For each feature, its tensor's values, where its values begin in a row, and how many a row has.
    columns: Vec<Option<(Vec<&'a Value>, usize, usize)>>,
}

impl<'a> TensorColumns<'a> {
    fn of(inputs: &'a [Value], declared: &[FeatureDeclaration]) -> Self {
        let name = |tensor: &Value| tensor.get("name").and_then(Value::as_str).map(str::to_owned);
        let rows = inputs.first().map_or(0, rows_of);
        let find = |feature: &FeatureDeclaration| {
            let tensor = inputs.iter().find(|tensor| name(tensor).as_deref() == Some(&feature.name))?;
            let values = values_of(tensor);
            (values.len() == rows && rows > 0).then_some((values, 0, 1))
        };
        let mut columns: Vec<_> = declared.iter().map(find).collect();
        if let ([table], true) = (inputs, columns.iter().all(Option::is_none)) {
            let values = values_of(table);
            if rows > 0 && rows.checked_mul(declared.len()) == Some(values.len()) {
                columns = (0..declared.len()).map(|index| Some((values.clone(), index, declared.len()))).collect();
            }
        }
        Self { rows, columns }
    }

    fn row(&self, row: usize, declared: &[FeatureDeclaration]) -> FeatureRow {
        if self.columns.iter().all(Option::is_none) {
            return FeatureRow::default();
        }
        collect(declared, |index, _| {
            let (values, start, step) = self.columns.get(index)?.as_ref()?;
            values.get(row.checked_mul(*step)?.checked_add(*start)?).copied()
        })
    }
}

fn rows_of(tensor: &Value) -> usize {
    let first = tensor.get("shape").and_then(Value::as_array).and_then(|shape| shape.first()?.as_u64());
    first.and_then(|rows| rows.try_into().ok()).unwrap_or_default()
}

fn values_of(tensor: &Value) -> Vec<&Value> {
    let mut flat = Vec::new();
    if let Some(data) = tensor.get("data") {
        super::tensor::flatten(data, &mut flat);
    }
    flat
}

/// A row of what `find` gives for each feature.
fn collect<'v>(
    declared: &[FeatureDeclaration],
    find: impl Fn(usize, &FeatureDeclaration) -> Option<&'v Value>,
) -> FeatureRow {
    let mut row = FeatureRow::default();
    for (index, feature) in declared.iter().enumerate() {
        let value = find(index, feature).map_or(FeatureValue::Missing, |value| value_of(value, feature.kind));
        if feature.keep {
            row.kept.insert(feature.name.clone(), value);
        } else {
            row.counted.insert(feature.name.clone(), feature.coarse(&value));
        }
    }
    row
}

/// The value as the feature's kind reads it. A text where a number should be stays a text, and is seen as what it is.
fn value_of(value: &Value, kind: FeatureKind) -> FeatureValue {
    let number = |number: Option<f64>| number.filter(|it| it.is_finite()).map(FeatureValue::Number);
    let found = match (value, kind) {
        (Value::Number(value), FeatureKind::Number) => number(value.as_f64()),
        (Value::Bool(flag), FeatureKind::Number) => number(Some(f64::from(u8::from(*flag)))),
        (Value::String(text), FeatureKind::Number) => number(text.trim().parse().ok()).or_else(|| category(text)),
        (Value::String(text), FeatureKind::Category) => category(text),
        // A category that is a number may have been a number with a fraction on its way.
        (Value::Number(value), FeatureKind::Category) => {
            let text = value.to_string();
            category(text.strip_suffix(".0").unwrap_or(&text))
        }
        (Value::Bool(flag), FeatureKind::Category) => category(if *flag { "true" } else { "false" }),
        (Value::Null | Value::Array(_) | Value::Object(_), _) => None,
    };
    found.unwrap_or(FeatureValue::Missing)
}

fn category(text: &str) -> Option<FeatureValue> {
    (!text.is_empty()).then(|| FeatureValue::Category(shortened(text, MAX_LABEL_CHARS)))
}
