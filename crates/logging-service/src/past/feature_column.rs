//! A column whose cells are values of a feature.
//!
//! Rule of thumb: what a column holds is declared, or its first value says it; it does not change after that, so that a
//! number among names and a name among numbers are both noticed.

use prediction_record::{FeatureDeclaration, FeatureKind, FeatureValue, MAX_LABEL_CHARS};

use super::cell_text::{MissingWords, flag, is_infinite, number, whole};
use super::cell_time::time;
use crate::analysis::{Correlation, ValueCounts};
use crate::tables::TableCell;

/// A feature, and what was counted of it.
#[derive(Debug)]
pub(super) struct FeatureColumn {
    pub(super) name: String,
    kind: Option<FeatureKind>,
    /// What is declared of it. A declared category is a value even if it reads like none.
    declared: Option<FeatureDeclaration>,
    /// Whether it was asked for by name; a column that was not is left out where it holds no values of a feature.
    is_asked: bool,
    /// Why it is left out.
    pub(super) left_out: Option<&'static str>,
    pub(super) counts: ValueCounts,
    pub(super) correlation: Correlation,
}

impl FeatureColumn {
    /// A column that nothing is declared about.
    pub(super) fn new(name: &str, kind: Option<FeatureKind>, is_asked: bool) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            declared: None,
            is_asked,
            left_out: None,
            counts: ValueCounts::default(),
            correlation: Correlation::default(),
        }
    }

    /// A column that is declared.
    pub(super) fn declared(feature: &FeatureDeclaration) -> Self {
        Self { declared: Some(feature.clone()), ..Self::new(&feature.name, Some(feature.kind), true) }
    }

    /// Whether the log keeps the values.
    pub(super) fn is_kept(&self) -> bool {
        self.declared.as_ref().is_none_or(|declared| declared.keep)
    }

    /// Counts a cell. A number is held against the number of the row's answer.
    ///
    /// # Errors
    /// What is wrong with the cell.
    pub(super) fn count(
        &mut self,
        cell: &TableCell,
        answer: Option<f64>,
        missing: &MissingWords,
    ) -> Result<(), String> {
        if self.left_out.is_some() {
            return Ok(());
        }
        let mut value = self.value(cell, missing)?;
        if let Some(declared) = self.declared.as_ref().filter(|declared| !declared.keep) {
            value = declared.coarse(&value);
        }
        // What is missing is counted at the end: a row may lack the column altogether.
        if value != FeatureValue::Missing {
            self.counts.add(&value);
        }
        if let (FeatureValue::Number(number), Some(answer)) = (value, answer) {
            self.correlation.add(number, answer);
        }
        Ok(())
    }

    /// The value in a cell.
    ///
    /// # Errors
    /// A description of what is wrong with it.
    pub(super) fn value(&mut self, cell: &TableCell, missing: &MissingWords) -> Result<FeatureValue, String> {
        match cell {
            TableCell::Missing | TableCell::Null => Ok(FeatureValue::Missing),
            TableCell::Written(text) => self.written(text, missing),
            TableCell::Text(text) => self.text(text),
            TableCell::Flag(flag) => match self.kind_or(FeatureKind::Category) {
                FeatureKind::Category => Ok(FeatureValue::Category(flag.to_string())),
                FeatureKind::Number => Ok(FeatureValue::Number(f64::from(u8::from(*flag)))),
            },
            TableCell::Integer(integer) => Ok(self.number(*integer as f64)),
            TableCell::Number(number) => Ok(self.number(*number)),
            TableCell::Time(_) => self.no_feature("times"),
            TableCell::Nested(_) => self.no_feature("lists or objects"),
        }
    }

    /// What stands in a CSV file.
    fn written(&mut self, text: &str, missing: &MissingWords) -> Result<FeatureValue, String> {
        let categories = self.declared.as_ref().map_or(&[][..], |declared| &declared.categories);
        let is_category = categories.iter().any(|category| category == text);
        if !is_category && missing.contains(text) {
            return Ok(FeatureValue::Missing);
        }
        if self.kind != Some(FeatureKind::Category) && !is_category && is_infinite(text) {
            return Ok(FeatureValue::Missing);
        }
        match (self.kind, number(text)) {
            (None | Some(FeatureKind::Number), Some(number)) => Ok(self.number(number)),
            // Python writes its flags so, and sends them as JSON's.
            (None | Some(FeatureKind::Category), _) if !is_category && flag(text).is_some() => {
                self.text(if flag(text) == Some(true) { "true" } else { "false" })
            }
            _ => self.text(text),
        }
    }

    fn text(&mut self, text: &str) -> Result<FeatureValue, String> {
        // A CSV file and JSON have times as texts.
        if self.kind.is_none() && !self.is_asked && time(&TableCell::Text(text.to_owned())).is_some() {
            return self.no_feature("times");
        }
        match self.kind_or(FeatureKind::Category) {
            FeatureKind::Number => Err(format!(
                "holds {}, and numbers are expected; --category {} counts its values as names, --missing says which texts \
                 stand for no value",
                if self.is_kept() { format!("{:?}", shortened(text)) } else { "a text".to_owned() },
                self.name
            )),
            FeatureKind::Category if text.chars().count() > MAX_LABEL_CHARS => Err(format!(
                "holds a text of more than {MAX_LABEL_CHARS} characters; --without {} leaves the column out",
                self.name
            )),
            FeatureKind::Category => Ok(FeatureValue::Category(text.to_owned())),
        }
    }

    fn number(&mut self, number: f64) -> FeatureValue {
        match self.kind_or(FeatureKind::Number) {
            FeatureKind::Number => FeatureValue::Number(number),
            FeatureKind::Category => {
                FeatureValue::Category(whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string()))
            }
        }
    }

    fn kind_or(&mut self, kind: FeatureKind) -> FeatureKind {
        *self.kind.get_or_insert(kind)
    }

    fn no_feature(&mut self, what: &'static str) -> Result<FeatureValue, String> {
        if self.is_asked || self.kind.is_some() {
            return Err(format!("holds {what}, which are no feature"));
        }
        self.left_out = Some(what);
        Ok(FeatureValue::Missing)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn counted(column: &mut FeatureColumn, cells: &[TableCell]) -> Result<(), String> {
        let missing = MissingWords::new(None);
        cells.iter().try_for_each(|cell| column.count(cell, None, &missing))
    }

    fn written(texts: &[&str]) -> Vec<TableCell> {
        texts.iter().map(|text| TableCell::Written((*text).to_owned())).collect()
    }

    #[test]
    fn the_first_value_of_a_csv_column_says_what_it_holds() {
        let mut column = FeatureColumn::new("age", None, false);
        counted(&mut column, &written(&["NA", "42", " 43.5 "])).unwrap();
        assert_eq!((column.kind, column.counts.present()), (Some(FeatureKind::Number), 2));
        let problem = counted(&mut column, &written(&["old"])).unwrap_err();
        assert!(problem.contains("\"old\"") && problem.contains("--category age"), "{problem}");
        let mut column = FeatureColumn::new("zip", Some(FeatureKind::Category), true);
        counted(&mut column, &written(&["01234", "None"])).unwrap();
        assert_eq!((column.counts.categories.get("01234"), column.counts.present()), (1, 1));
        let mut column = FeatureColumn::new("flag", None, false);
        counted(&mut column, &[&written(&["True"])[..], &[TableCell::Flag(true)]].concat()).unwrap();
        assert_eq!(column.counts.categories.get("true"), 2);
    }

    #[test]
    fn a_declared_category_is_a_value_even_if_it_reads_like_none() {
        let json = r#"{"name": "country", "kind": "category", "categories": ["NA", "DE"]}"#;
        let mut column = FeatureColumn::declared(&serde_json::from_str(json).unwrap());
        counted(&mut column, &written(&["NA", "NaN"])).unwrap();
        assert_eq!((column.counts.categories.get("NA"), column.counts.present()), (1, 1));
    }

    #[test]
    fn times_are_left_out_unless_they_were_asked_for() {
        let time = [TableCell::Time(jiff::Timestamp::UNIX_EPOCH)];
        let mut column = FeatureColumn::new("at", None, false);
        counted(&mut column, &time).unwrap();
        assert_eq!(column.left_out, Some("times"));
        assert!(counted(&mut FeatureColumn::new("at", None, true), &time).is_err());
    }
}
