//! One tensor of a V2 response.

use serde_json::Value;

use super::binary::LEFT_OUT;
use crate::cloudevents::{EventError, shortened};

/// A tensor whose data fits its shape.
pub(super) struct OutputTensor<'a> {
    pub(super) name: &'a str,
    pub(super) rows: usize,
    /// Values of a row; 0 for a tensor of several dimensions, which is no table.
    pub(super) columns: usize,
    pub(super) is_float: bool,
    pub(super) is_text: bool,
    data: Vec<&'a Value>,
}

impl<'a> OutputTensor<'a> {
    /// Reads a tensor.
    ///
    /// # Errors
    /// [`EventError::Payload`] says what is wrong with it.
    pub(super) fn read(output: &'a Value) -> Result<Self, EventError> {
        let name = output.get("name").and_then(Value::as_str).unwrap_or("without a name");
        let problem = |what: &str| EventError::Payload(format!("the output {} {what}", shortened(name, 128)));
        let shape = output.get("shape").and_then(Value::as_array).ok_or_else(|| problem("has no shape"))?;
        let shape: Vec<usize> = shape
            .iter()
            .map(|size| size.as_u64().and_then(|size| size.try_into().ok()))
            .collect::<Option<_>>()
            .ok_or_else(|| problem("has a shape of other than sizes"))?;
        let rows = shape.first().copied().unwrap_or(1);
        let columns = shape.iter().skip(1).try_fold(1, |product: usize, &size| product.checked_mul(size));
        let columns = columns.ok_or_else(|| problem("has a shape that is too large"))?;
        let is_left_out = output.get(LEFT_OUT).is_some();
        let mut flat = Vec::new();
        if !is_left_out {
            flatten(
                output.get("data").ok_or_else(|| problem("has neither data in the JSON nor behind it"))?,
                &mut flat,
            );
            if rows.checked_mul(columns) != Some(flat.len()) {
                return Err(problem("has data that does not fit its shape"));
            }
        }
        // Tensors of several dimensions are pictures or boxes, and not scores of classes.
        let is_table = !is_left_out && shape.iter().skip(1).filter(|&&size| size != 1).count() <= 1;
        let datatype = output.get("datatype").and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            name,
            rows,
            columns: if is_table { columns } else { 0 },
            is_float: ["FP16", "BF16", "FP32", "FP64"].contains(&datatype),
            is_text: datatype == "BYTES",
            data: flat,
        })
    }

    /// The value of a row of a tensor with one column.
    pub(super) fn value(&self, row: usize) -> Option<&'a Value> {
        self.data.get(row).copied()
    }

    /// The same as a number of the tensor's datatype, which JSON need not write so: 1 for 1.0, and 1.0 for 1.
    pub(super) fn number(&self, row: usize) -> Option<Value> {
        let value = self.value(row)?;
        let Some(number) = value.as_f64() else { return Some(value.clone()) };
        let is_whole = number.fract() == 0.0 && number.abs() <= f64::from(u32::MAX);
        Some(if self.is_float {
            number.into()
        } else if is_whole {
            (number as i64).into()
        } else {
            value.clone()
        })
    }

    /// The values of a row.
    pub(super) fn row(&self, row: usize) -> Option<Vec<Value>> {
        let start = row.checked_mul(self.columns)?;
        let values = self.data.get(start..start.checked_add(self.columns)?)?;
        Some(values.iter().map(|&value| value.clone()).collect())
    }
}

/// Data may be nested or flat. The recursion is bounded by the JSON parser, which goes 128 levels deep.
pub(super) fn flatten<'a>(data: &'a Value, flat: &mut Vec<&'a Value>) {
    match data {
        Value::Array(values) => values.iter().for_each(|value| flatten(value, flat)),
        value => flat.push(value),
    }
}
