//! Rows, cell by cell.

use std::borrow::Cow;

use monitoring::{ApiError, ErrorCode};
use prediction_record::{FeatureKind, FeatureValue};

use super::refusal::RowRefusal;
use crate::model::features::{FeatureColumn, FeatureRefusal, RefusalReason};
use crate::model::{Engine, ModelFeatures};

/// The column that pandas adds to a file.
const PANDAS_INDEX: &str = "__index_level_0__";

/// The model that rows are read for.
#[derive(Clone, Copy)]
pub(crate) struct RowTarget<'e> {
    features: &'e ModelFeatures,
    limits: RowLimits,
}

/// What the rows of a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowLimits {
    /// Most rows that are taken at once.
    pub(crate) rows: usize,
    /// Most bytes that a file of rows may unpack to.
    pub(crate) unpacked_bytes: usize,
}

/// Checked values: a value of each feature for each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FeatureRows {
    /// Row by row, in the order of the features.
    values: Vec<FeatureValue>,
    width: usize,
}

/// What stands in a cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowCell<'a> {
    Missing,
    Flag(bool),
    Number(f64),
    /// A text in a form that has numbers as well, so that `"42"` is no number.
    Text(Cow<'a, str>),
    /// A text in a form that has nothing else, such as CSV, where the feature says what it means.
    Written(&'a str),
    /// Anything else, by what a refusal calls it.
    Other(&'static str),
}

impl RowCell<'_> {
    /// A number that JSON can write and no double holds.
    pub(crate) const BEYOND: Self = Self::Other("a number beyond 1.8e308, the largest of double precision");
}

/// Rows that are read cell by cell.
pub(crate) struct RowReader<'e> {
    target: RowTarget<'e>,
    values: Vec<FeatureValue>,
    /// Whether the row that is read has a cell of each feature.
    has_cell: Vec<bool>,
    rows: usize,
}

impl<'e> RowTarget<'e> {
    /// The features of a model.
    ///
    /// # Errors
    /// `invalid_input` for a model without them, saying how to declare them.
    pub(crate) fn of(engine: &'e Engine, limits: RowLimits) -> Result<Self, ApiError> {
        let Some(features) = engine.features() else {
            let sentence = format!(
                "The model {} takes no rows, because its model.toml declares no features; add [[features]] with name and kind \
                 (\"number\" or \"category\") for each column, or send tensors as {{\"inputs\": …}}.",
                engine.name()
            );
            return Err(ApiError::new(ErrorCode::InvalidInput, sentence));
        };
        Ok(Self { features, limits })
    }

    /// Compares a number of rows with its bound.
    ///
    /// # Errors
    /// Where there are more than are taken at once.
    pub(super) fn check_rows(self, rows: usize) -> Result<(), RowRefusal> {
        let most = self.limits.rows;
        if rows > most { Err(RowRefusal::TooMany { most }) } else { Ok(()) }
    }

    /// Most bytes that a file of rows may unpack to.
    pub(super) fn unpacked_bytes(self) -> usize {
        self.limits.unpacked_bytes
    }

    /// Begins to read rows.
    pub(crate) fn reader(self) -> RowReader<'e> {
        RowReader { target: self, values: Vec::new(), has_cell: vec![false; self.features.columns().len()], rows: 0 }
    }

    /// The place of the feature of this name, if there is one.
    pub(crate) fn position(self, name: &str) -> Option<usize> {
        self.features.position(name)
    }

    /// Whether the feature at this place is a number.
    pub(crate) fn is_number(self, place: usize) -> bool {
        self.features.columns().get(place).is_some_and(|column| column.declaration.kind == FeatureKind::Number)
    }

    /// The place of the feature that a column of the table is.
    ///
    /// # Errors
    /// For a name that the model does not have.
    pub(crate) fn column(self, name: &str) -> Result<usize, RowRefusal> {
        self.features.position(name).ok_or_else(|| {
            let columns = self.features.columns();
            let mut names: Vec<&str> = columns.iter().take(20).map(|column| column.declaration.name.as_str()).collect();
            if columns.len() > names.len() {
                names.push("…");
            }
            let hint = if name == PANDAS_INDEX {
                "; pandas writes it for the labels of the rows, unless index=False"
            } else {
                ""
            };
            let problem = format!("is none of the model's features, which are: {}{hint}", names.join(", "));
            RowRefusal::Column { feature: name.to_owned(), problem }
        })
    }

    /// The places of the features that the columns of a table are, in the table's order.
    ///
    /// # Errors
    /// For a name that the model does not have, and for one that stands twice.
    pub(crate) fn header<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Result<Vec<usize>, RowRefusal> {
        let mut places = Vec::new();
        for name in names {
            let place = self.column(name)?;
            if places.contains(&place) {
                return Err(RowRefusal::Column { feature: name.to_owned(), problem: "stands twice".to_owned() });
            }
            places.push(place);
        }
        Ok(places)
    }
}

impl<'e> RowReader<'e> {
    pub(crate) fn target(&self) -> RowTarget<'e> {
        self.target
    }

    /// Begins a row; each row is ended with [`RowReader::end_row`].
    ///
    /// # Errors
    /// Where there are more than are taken at once.
    pub(crate) fn begin_row(&mut self) -> Result<(), RowRefusal> {
        self.target.check_rows(self.rows + 1)?;
        self.has_cell.fill(false);
        self.values.resize(self.values.len() + self.has_cell.len(), FeatureValue::Missing);
        Ok(())
    }

    /// The cell of the feature at this place.
    ///
    /// # Errors
    /// For a value that the feature does not take, and for a second one.
    pub(crate) fn cell(&mut self, place: usize, cell: RowCell<'_>) -> Result<(), RowRefusal> {
        let (Some(column), Some(has_cell)) = (self.target.features.columns().get(place), self.has_cell.get_mut(place))
        else {
            let problem = format!("has a cell at the place {place}, and there are {} features", self.has_cell.len());
            return Err(RowRefusal::Row { row: self.rows, problem });
        };
        if std::mem::replace(has_cell, true) {
            return Err(self.refused(column, FeatureRefusal::new(RefusalReason::Type, "stands twice")));
        }
        let checked = value_of(cell, column).and_then(|value| column.checked(value));
        let value = checked.map_err(|refusal| self.refused(column, refusal))?;
        let start = self.rows * self.has_cell.len();
        if let Some(kept) = self.values.get_mut(start + place) {
            *kept = value;
        }
        Ok(())
    }

    /// Ends a row. Features without a cell have no value.
    ///
    /// # Errors
    /// For a feature that the model needs.
    pub(crate) fn end_row(&mut self) -> Result<(), RowRefusal> {
        for (column, has_cell) in self.target.features.columns().iter().zip(&self.has_cell) {
            if !has_cell && let Err(refusal) = column.checked(FeatureValue::Missing) {
                return Err(self.refused(column, refusal));
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// All rows.
    pub(crate) fn finish(self) -> FeatureRows {
        FeatureRows { values: self.values, width: self.has_cell.len() }
    }

    fn refused(&self, column: &FeatureColumn, refusal: FeatureRefusal) -> RowRefusal {
        let FeatureRefusal { reason, problem } = refusal;
        RowRefusal::Value { row: self.rows, feature: column.declaration.name.clone(), reason, problem }
    }
}

/// The value that a cell is, for a feature of this kind.
fn value_of(cell: RowCell<'_>, column: &FeatureColumn) -> Result<FeatureValue, FeatureRefusal> {
    let is_number = column.declaration.kind == FeatureKind::Number;
    match cell {
        RowCell::Missing => Ok(FeatureValue::Missing),
        RowCell::Flag(_) if is_number => {
            Err(FeatureRefusal::new(RefusalReason::Type, "is a truth value, and must be a number"))
        }
        RowCell::Flag(flag) => Ok(FeatureValue::Category(flag.to_string())),
        RowCell::Number(number) if number.is_nan() => Ok(FeatureValue::Missing),
        RowCell::Number(number) => Ok(FeatureValue::Number(number)),
        RowCell::Text(text) => Ok(FeatureValue::Category(text.into_owned())),
        RowCell::Written(text) if is_number => match text.trim() {
            "" => Ok(FeatureValue::Missing),
            number => match number.parse::<f64>() {
                Ok(number) if number.is_nan() => Ok(FeatureValue::Missing),
                Ok(number) => Ok(FeatureValue::Number(number)),
                Err(_) => Ok(FeatureValue::Category(text.to_owned())),
            },
        },
        RowCell::Written(text) => Ok(FeatureValue::Category(text.to_owned())),
        RowCell::Other(what) => {
            let problem = format!("is {what}, and must be a {}", if is_number { "number" } else { "text" });
            Err(FeatureRefusal::new(RefusalReason::Type, problem))
        }
    }
}

impl FeatureRows {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// The values of each row, in the order of the features.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[FeatureValue]> {
        self.values.chunks_exact(self.width.max(1))
    }
}
