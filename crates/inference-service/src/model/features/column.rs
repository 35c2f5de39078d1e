//! One feature at its place in a model's input: which values it takes, and how they are written there.

use prediction_record::{FeatureDeclaration, FeatureKind, FeatureValue, MAX_LABEL_CHARS, OutsidePolicy};

use super::refusal::{FeatureRefusal, RefusalReason};
use crate::model::{Datatype, TensorValues};

/// How values of a feature stand in the model's input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ColumnForm {
    /// A number as it is.
    Number { datatype: Datatype, missing: f64 },
    /// The place of a category among the declared ones.
    Index { missing: f64 },
    /// A column for each category.
    OneHot { missing: f64 },
    /// A category as it is.
    Text { missing: String },
}

/// A feature and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FeatureColumn {
    pub(crate) declaration: FeatureDeclaration,
    pub(super) form: ColumnForm,
    /// The place of its input among those that a run needs.
    pub(super) input: usize,
    /// Its first column there.
    pub(super) first: usize,
}

/// The elements of one row of an input, in the order of its columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RowElements {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl FeatureColumn {
    pub(super) fn width(&self) -> usize {
        match self.form {
            ColumnForm::OneHot { .. } => self.declaration.categories.len(),
            _ => 1,
        }
    }

    /// Checks a value, and gives it back as it is recorded: an empty text is no value.
    ///
    /// # Errors
    /// [`FeatureRefusal`].
    pub(crate) fn checked(&self, value: FeatureValue) -> Result<FeatureValue, FeatureRefusal> {
        match (self.declaration.kind, value) {
            (_, FeatureValue::Missing) => self.missing(),
            (_, FeatureValue::Category(name)) if name.is_empty() => self.missing(),
            (FeatureKind::Number, FeatureValue::Number(number)) => {
                self.check_number(number)?;
                Ok(FeatureValue::Number(number))
            }
            (FeatureKind::Category, FeatureValue::Category(name)) => {
                let name = self.spelled(name);
                self.check_category(&name)?;
                Ok(FeatureValue::Category(name))
            }
            (FeatureKind::Number, FeatureValue::Category(name)) => {
                Err(mistyped(format!("is {}, and must be a number", quoted(&name))))
            }
            (FeatureKind::Category, FeatureValue::Number(number)) => self.category_of(number),
        }
    }

    /// The declared category that is the same number as a text: a column with gaps has `2.0` for `2` in files of pandas.
    fn spelled(&self, name: String) -> String {
        let categories = &self.declaration.categories;
        if !name.starts_with(|first: char| first.is_ascii_digit() || first == '-') || categories.contains(&name) {
            return name;
        }
        let same = name.parse::<f64>().map(|number| number.to_string());
        same.ok().filter(|same| categories.contains(same)).unwrap_or(name)
    }

    fn missing(&self) -> Result<FeatureValue, FeatureRefusal> {
        if self.declaration.optional {
            return Ok(FeatureValue::Missing);
        }
        Err(FeatureRefusal::new(RefusalReason::Missing, "is missing, and the model needs it"))
    }

    fn check_number(&self, number: f64) -> Result<(), FeatureRefusal> {
        if let ColumnForm::Number { datatype, .. } = self.form
            && !(number.is_finite() && datatype.holds(number))
        {
            return Err(mistyped(match datatype.whole_bounds() {
                Some([least, greatest]) => {
                    format!("is {number}, and must be a whole number from {least} to {greatest}")
                }
                None => format!("is {number:e}, and must be a finite number of {datatype}"),
            }));
        }
        self.check_range(number)
    }

    fn check_range(&self, number: f64) -> Result<(), FeatureRefusal> {
        match (self.declaration.range, self.declaration.outside) {
            (Some([least, greatest]), OutsidePolicy::Refuse) if !(least..=greatest).contains(&number) => {
                let problem = format!("is {number}, and must be from {least} to {greatest}");
                Err(FeatureRefusal::new(RefusalReason::OutOfRange, problem))
            }
            _ => Ok(()),
        }
    }

    fn check_category(&self, name: &str) -> Result<(), FeatureRefusal> {
        if name.chars().count() > MAX_LABEL_CHARS || name.chars().any(char::is_control) {
            let problem = format!("must be a text of at most {MAX_LABEL_CHARS} characters, without control characters");
            return Err(mistyped(problem));
        }
        let FeatureDeclaration { categories, outside, .. } = &self.declaration;
        if categories.is_empty() || *outside == OutsidePolicy::Accept || categories.iter().any(|one| one == name) {
            return Ok(());
        }
        let problem = format!("is {}, and must be one of {}", quoted(name), listed(categories));
        Err(FeatureRefusal::new(RefusalReason::UnknownCategory, problem))
    }

    /// The declared category that is written like this number, as `"3"` is like 3.
    fn category_of(&self, number: f64) -> Result<FeatureValue, FeatureRefusal> {
        let name = number.to_string();
        if self.declaration.categories.contains(&name) {
            return Ok(FeatureValue::Category(name));
        }
        Err(mistyped(format!("is the number {number}, and must be a text")))
    }

    /// Writes a checked value to its place.
    pub(super) fn write(&self, value: &FeatureValue, row: &mut RowElements) {
        match (&self.form, row) {
            (ColumnForm::Text { missing }, RowElements::Texts(texts)) => {
                let text = if let FeatureValue::Category(name) = value { name } else { missing };
                if let Some(place) = texts.get_mut(self.first) {
                    place.clone_from(text);
                }
            }
            (ColumnForm::OneHot { missing }, RowElements::Numbers(numbers)) => {
                let Some(places) = numbers.get_mut(self.first..self.first + self.width()) else { return };
                match value {
                    FeatureValue::Category(name) => places
                        .iter_mut()
                        .zip(&self.declaration.categories)
                        .for_each(|(place, category)| *place = f64::from(category == name)),
                    _ => places.fill(*missing),
                }
            }
            (ColumnForm::Index { missing } | ColumnForm::Number { missing, .. }, RowElements::Numbers(numbers)) => {
                let number = match value {
                    FeatureValue::Number(number) => Some(*number),
                    FeatureValue::Category(name) => self.index_of(name).map(|place| place as f64),
                    FeatureValue::Missing => None,
                };
                if let Some(place) = numbers.get_mut(self.first) {
                    *place = number.unwrap_or(*missing);
                }
            }
            _ => {}
        }
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.declaration.categories.iter().position(|category| category == name)
    }

    /// Checks what a tensor has at its place in the row that begins at `start`, by the same rules as a value of a row, and
    /// gives it back as it is recorded; `None` for what is accepted and has no name.
    ///
    /// # Errors
    /// [`FeatureRefusal`].
    pub(super) fn held(&self, values: &TensorValues, start: usize) -> Result<Option<FeatureValue>, FeatureRefusal> {
        let accepts = self.declaration.outside == OutsidePolicy::Accept;
        match self.read(values, start) {
            // What is not declared is encoded as if it were missing.
            Ok(FeatureValue::Missing) if accepts && !matches!(self.form, ColumnForm::Number { .. }) => {
                Ok(Some(FeatureValue::Missing))
            }
            Ok(FeatureValue::Missing) => self.missing().map(Some),
            Ok(FeatureValue::Number(number)) if !number.is_finite() => {
                Err(mistyped(format!("is {number}, and must be a finite number")))
            }
            Ok(FeatureValue::Number(number)) => {
                let number = self.at_bound(number);
                self.check_range(number)?;
                Ok(Some(FeatureValue::Number(number)))
            }
            Ok(FeatureValue::Category(name)) => {
                self.check_category(&name)?;
                Ok(Some(FeatureValue::Category(name)))
            }
            Err(refusal) if accepts && refusal.reason == RefusalReason::UnknownCategory => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The value that stands at its place in the row of the tensor that begins at `start`.
    fn read(&self, values: &TensorValues, start: usize) -> Result<FeatureValue, FeatureRefusal> {
        let first = start + self.first;
        let number = |place: usize| values.number(place).unwrap_or(f64::NAN);
        match &self.form {
            ColumnForm::Text { missing } => {
                let name = if let TensorValues::Bytes(texts) = values { texts.get(first) } else { None };
                match name {
                    Some(name) if !name.is_empty() && name != missing => Ok(FeatureValue::Category(name.clone())),
                    _ => Ok(FeatureValue::Missing),
                }
            }
            ColumnForm::Number { missing, .. } => {
                let number = number(first);
                let Self { declaration: FeatureDeclaration { optional, range, .. }, .. } = self;
                // A fill that could be a true value is taken for one.
                let could_be = !optional || range.is_none_or(|[least, most]| (least..=most).contains(&number));
                let is_missing = number.is_nan() || self.is_fill(number, *missing) && !could_be;
                Ok(if is_missing { FeatureValue::Missing } else { FeatureValue::Number(number) })
            }
            ColumnForm::Index { missing } => {
                let number = number(first);
                let place = (number >= 0.0 && number.fract() == 0.0).then_some(number as usize);
                match place.and_then(|place| self.declaration.categories.get(place)) {
                    Some(category) => Ok(FeatureValue::Category(category.clone())),
                    None if number.is_nan() || self.is_fill(number, *missing) => Ok(FeatureValue::Missing),
                    None => Err(FeatureRefusal::new(
                        RefusalReason::UnknownCategory,
                        format!("is {number}, and must be the place of a category, from 0 to {}", self.last_category()),
                    )),
                }
            }
            ColumnForm::OneHot { missing } => {
                let mut places = (0..self.width()).map(|place| number(first + place));
                let ones: Vec<usize> =
                    places.clone().enumerate().filter(|(_, it)| *it == 1.0).map(|(at, _)| at).collect();
                let rest_is_zero = places.clone().filter(|it| *it == 0.0).count() + ones.len() == self.width();
                match (&ones[..], rest_is_zero) {
                    ([], true) => Ok(FeatureValue::Missing),
                    ([place], true) => Ok(FeatureValue::Category(self.declaration.categories[*place].clone())),
                    _ if places.all(|it| it.is_nan() || self.is_fill(it, *missing)) => Ok(FeatureValue::Missing),
                    _ => Err(FeatureRefusal::new(
                        RefusalReason::UnknownCategory,
                        format!("has no single 1 in its {} columns, one for each category", self.width()),
                    )),
                }
            }
        }
    }

    fn last_category(&self) -> usize {
        self.declaration.categories.len().saturating_sub(1)
    }

    /// Whether a number of the input is what this fill has become there.
    fn is_fill(&self, number: f64, fill: f64) -> bool {
        number == fill || self.in_input(fill) == Some(number)
    }

    /// The bound of the range that the number has been before it was rounded to the input's type.
    fn at_bound(&self, number: f64) -> f64 {
        match self.declaration.range {
            Some(range) if !(range[0]..=range[1]).contains(&number) => {
                range.into_iter().find(|bound| self.in_input(*bound) == Some(number)).unwrap_or(number)
            }
            _ => number,
        }
    }

    /// What a number is in the input's type.
    fn in_input(&self, number: f64) -> Option<f64> {
        let ColumnForm::Number { datatype, .. } = self.form else { return None };
        TensorValues::of_numbers(datatype, &[number])?.number(0)
    }
}

fn mistyped(problem: String) -> FeatureRefusal {
    FeatureRefusal::new(RefusalReason::Type, problem)
}

/// A value as a refusal shows it, cut where it is long.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    if shown.len() == text.len() { format!("{shown:?}") } else { format!("{shown:?}…") }
}

/// The first of the categories.
fn listed(categories: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = categories.iter().take(SHOWN).map(|category| quoted(category)).collect::<Vec<_>>().join(", ");
    match categories.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
