//! A model's answer and the truth about it, out of cells.

use prediction_record::{MAX_LABEL_CHARS, Task};

use super::cell_text::{MissingWords, number, whole};
use crate::tables::TableCell;

/// What a model answered, or what was true.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AnswerValue {
    /// A class.
    Class(String),
    /// A number.
    Number(f64),
}

/// Reads answers. The task that is not given is found out at the first answer.
#[derive(Debug)]
pub(super) struct AnswerReader {
    pub(super) task: Option<Task>,
    /// The names of the classes by index, where they are declared.
    pub(super) labels: Vec<String>,
    pub(super) missing: MissingWords,
}

impl AnswerReader {
    /// The answer in a cell; `None` where there is none.
    ///
    /// # Errors
    /// What is wrong with the cell.
    pub(super) fn answer(&mut self, cell: &TableCell) -> Result<Option<AnswerValue>, String> {
        if self.is_missing(cell) {
            return Ok(None);
        }
        let task = match self.task {
            Some(task) => task,
            None => *self.task.insert(task_of(cell)?),
        };
        match task {
            Task::Classification => self.class(cell).map(AnswerValue::Class).map(Some),
            Task::Regression | Task::Raw => numeric(cell)
                .map(|number| Some(AnswerValue::Number(number)))
                .ok_or_else(|| format!("holds {}, and a number is expected", cell.shown())),
        }
    }

    /// The probability in a cell; `None` where there is none.
    ///
    /// # Errors
    /// What is wrong with the cell.
    pub(super) fn confidence(&self, cell: &TableCell) -> Result<Option<f64>, String> {
        if self.is_missing(cell) {
            return Ok(None);
        }
        let probability = numeric(cell).filter(|number| (0.0..=1.0).contains(number));
        probability.map(Some).ok_or_else(|| format!("holds {}, and a number from 0 to 1 is expected", cell.shown()))
    }

    fn is_missing(&self, cell: &TableCell) -> bool {
        match cell {
            TableCell::Missing | TableCell::Null => true,
            TableCell::Written(text) => self.missing.are_label(text, &self.labels),
            _ => false,
        }
    }

    /// A whole number is an index where the classes are declared, else the name of a class.
    fn class(&self, cell: &TableCell) -> Result<String, String> {
        let class = match cell {
            TableCell::Flag(flag) => flag.to_string(),
            TableCell::Integer(index) => self.class_at(*index)?,
            TableCell::Number(number) => match whole(*number) {
                Some(index) => self.class_at(index)?,
                None => return Err(format!("holds {number}, which is no class")),
            },
            TableCell::Text(text) => text.clone(),
            TableCell::Written(text) if self.labels.contains(text) => text.clone(),
            TableCell::Written(text) => match number(text).and_then(whole) {
                Some(index) => self.class_at(index)?,
                None => text.clone(),
            },
            TableCell::Missing | TableCell::Null | TableCell::Time(_) | TableCell::Nested(_) => {
                return Err(format!("holds {}, which is no class", cell.shown()));
            }
        };
        if class.chars().count() > MAX_LABEL_CHARS {
            return Err(format!("holds a class of more than {MAX_LABEL_CHARS} characters"));
        }
        Ok(class)
    }

    fn class_at(&self, index: i64) -> Result<String, String> {
        if self.labels.is_empty() {
            return Ok(index.to_string());
        }
        let label = usize::try_from(index).ok().and_then(|index| self.labels.get(index));
        label.cloned().ok_or_else(|| format!("holds {index}, and the model has {} classes", self.labels.len()))
    }
}

/// The number in a cell.
fn numeric(cell: &TableCell) -> Option<f64> {
    match cell {
        TableCell::Integer(integer) => Some(*integer as f64),
        TableCell::Number(number) => Some(*number),
        TableCell::Text(text) | TableCell::Written(text) => number(text),
        _ => None,
    }
}

/// What a model does that answers so. Whole numbers may be classes or numbers, and are not guessed at.
fn task_of(cell: &TableCell) -> Result<Task, String> {
    let is_whole = |number: f64, text: &str| whole(number).is_some() && !text.contains(['.', 'e', 'E']);
    let task = match cell {
        TableCell::Flag(_) | TableCell::Text(_) => Some(Task::Classification),
        TableCell::Number(_) => Some(Task::Regression),
        TableCell::Written(text) => match number(text) {
            None => Some(Task::Classification),
            Some(number) => (!is_whole(number, text)).then_some(Task::Regression),
        },
        _ => None,
    };
    task.ok_or_else(|| {
        format!("holds {}, a class or a number; say --task classification or --task regression", cell.shown())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn reader(task: Option<Task>, labels: &[&str]) -> AnswerReader {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        AnswerReader { task, labels, missing: MissingWords::new(None) }
    }

    fn written(text: &str) -> TableCell {
        TableCell::Written(text.to_owned())
    }

    #[test]
    fn whole_numbers_are_not_guessed_at() {
        assert!(reader(None, &[]).answer(&written("1")).unwrap_err().contains("--task"));
        assert_eq!(reader(None, &[]).answer(&written("1.0")).unwrap(), Some(AnswerValue::Number(1.0)));
        let class = |text: &str| Some(AnswerValue::Class(text.to_owned()));
        assert_eq!(reader(None, &[]).answer(&written("cat")).unwrap(), class("cat"));
        let mut indexed = reader(Some(Task::Classification), &["no", "yes"]);
        assert_eq!(indexed.answer(&written("1.0")).unwrap(), class("yes"));
        assert_eq!(indexed.answer(&TableCell::Integer(0)).unwrap(), class("no"));
        assert!(indexed.answer(&TableCell::Integer(2)).unwrap_err().contains("2 classes"));
        assert_eq!(reader(Some(Task::Classification), &[]).answer(&TableCell::Number(1.0)).unwrap(), class("1"));
        assert_eq!(reader(None, &[]).answer(&written("NA")).unwrap(), None);
    }

    #[test]
    fn a_confidence_is_a_probability() {
        let reader = reader(None, &[]);
        assert_eq!(reader.confidence(&written("0.5")), Ok(Some(0.5)));
        assert_eq!(reader.confidence(&TableCell::Missing), Ok(None));
        assert!(reader.confidence(&TableCell::Number(1.5)).is_err());
    }
}
