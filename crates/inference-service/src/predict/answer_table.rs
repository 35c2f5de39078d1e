//! Predictions as a table with a row for each item: the request's id, the row's place, and what the model says.

use monitoring::ApiError;

use super::predicted_item::PredictedItem;
use crate::model::TensorValues;

/// A table, column by column; all columns have the same length.
pub(super) struct AnswerTable {
    pub(super) columns: Vec<(String, ColumnValues)>,
    rows: usize,
}

/// The values of a column. NaN is a value that is missing.
pub(super) enum ColumnValues {
    Texts(Vec<String>),
    Numbers(Vec<f64>),
    Wholes(Vec<i64>),
    Flags(Vec<bool>),
}

impl AnswerTable {
    /// The table of a request's predictions.
    pub(super) fn new(request_id: &str, items: &[PredictedItem]) -> Self {
        let rows = items.len();
        let mut columns = vec![
            ("request_id".to_owned(), ColumnValues::Texts(vec![request_id.to_owned(); rows])),
            ("row_index".to_owned(), ColumnValues::Wholes((0..).take(rows).collect())),
        ];
        match items.first() {
            Some(PredictedItem::Class(_)) => {
                let classes = items.iter().filter_map(PredictedItem::class);
                let column = |name: &str, values| (name.to_owned(), values);
                columns.extend([
                    column("label", ColumnValues::Texts(classes.clone().map(|class| class.label.clone()).collect())),
                    column("class", ColumnValues::Wholes(classes.clone().map(|class| class.class as i64).collect())),
                    column(
                        "confidence",
                        ColumnValues::Numbers(classes.clone().map(|class| class.confidence).collect()),
                    ),
                    column("defect", ColumnValues::Flags(classes.map(|class| class.defect).collect())),
                ]);
            }
            Some(PredictedItem::Number { .. }) => {
                let values = items.iter().map(|item| item.number().unwrap_or(f64::NAN)).collect();
                columns.push(("value".to_owned(), ColumnValues::Numbers(values)));
            }
            Some(PredictedItem::Tensors { outputs }) => {
                for (place, (name, first)) in outputs.0.iter().enumerate() {
                    let of_items: Vec<&TensorValues> = items.iter().filter_map(|item| item.output(place)).collect();
                    columns.extend(output_columns(name, first.data.len(), &of_items));
                }
            }
            None => {}
        }
        Self { columns, rows }
    }

    /// The table as RFC 4180 has it, with a header.
    ///
    /// # Errors
    /// `internal`, which does not happen: a table in memory can be written.
    pub(super) fn csv(&self) -> Result<Vec<u8>, ApiError> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(self.columns.iter().map(|(name, _)| name)).map_err(ApiError::internal)?;
        for row in 0..self.rows {
            csv.write_record(self.columns.iter().map(|(_, values)| values.cell(row))).map_err(ApiError::internal)?;
        }
        csv.into_inner().map_err(ApiError::internal)
    }
}

/// A column for each element that the output has for one item: by the output's name, and with the element's place behind it
/// where there are several.
fn output_columns(name: &str, elements: usize, items: &[&TensorValues]) -> Vec<(String, ColumnValues)> {
    let column = |element: usize| {
        let name = if elements == 1 { name.to_owned() } else { format!("{name}.{element}") };
        let numbers = || items.iter().map(|values| values.number(element).unwrap_or(f64::NAN));
        let values = match items.first() {
            Some(TensorValues::Bytes(_)) => ColumnValues::Texts(
                items.iter().map(|values| values.text(element).unwrap_or_default().to_owned()).collect(),
            ),
            Some(TensorValues::Bool(_)) => ColumnValues::Flags(numbers().map(|number| number != 0.0).collect()),
            Some(values) if values.float(element).is_none() => {
                ColumnValues::Wholes(numbers().map(|number| number as i64).collect())
            }
            _ => ColumnValues::Numbers(numbers().collect()),
        };
        (name, values)
    };
    (0..elements).map(column).collect()
}

impl ColumnValues {
    fn cell(&self, row: usize) -> String {
        let number = |number: &f64| if number.is_nan() { String::new() } else { number.to_string() };
        match self {
            Self::Texts(texts) => texts.get(row).cloned().unwrap_or_default(),
            Self::Numbers(numbers) => numbers.get(row).map(number).unwrap_or_default(),
            Self::Wholes(wholes) => wholes.get(row).map(i64::to_string).unwrap_or_default(),
            Self::Flags(flags) => flags.get(row).map(bool::to_string).unwrap_or_default(),
        }
    }
}
