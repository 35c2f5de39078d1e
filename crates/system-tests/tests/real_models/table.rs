//! The table of real models in docs/serving.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What stands above the table.
const HEADING: &str = "| model | ONNX Runtime | tract |";

/// What an engine makes of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is served, and each answer is Python's.
    Equal,
    /// It is not loaded, for this reason; in the document, for a reason that contains this.
    Refused(String),
}

impl Outcome {
    /// Reads a cell: `equal`, or `refused: ` and a part of the reason in backticks.
    fn from_cell(cell: &str) -> Option<Self> {
        let cell = cell.trim();
        let part = cell.strip_prefix("refused: `").and_then(|rest| rest.strip_suffix('`'));
        (cell == "equal").then_some(Self::Equal).or_else(|| Some(Self::Refused(part?.to_owned())))
    }

    /// Whether this cell tells what was found.
    fn tells(&self, found: &Self) -> bool {
        match (self, found) {
            (Self::Equal, Self::Equal) => true,
            (Self::Refused(part), Self::Refused(reason)) => !part.is_empty() && reason.contains(part.as_str()),
            _ => false,
        }
    }
}

/// The rows of the table by model, each with the cells of ONNX Runtime and tract.
///
/// # Panics
/// If there is no such table, or a cell says something else than an outcome.
pub(super) fn documented(page: &Path) -> BTreeMap<String, [Outcome; 2]> {
    let text = fs::read_to_string(page).unwrap();
    let below = text.lines().skip_while(|line| *line != HEADING).skip(2);
    let rows = below.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').splitn(3, '|').collect();
        let outcome = |cell: &str| Outcome::from_cell(cell).unwrap_or_else(|| panic!("{cell} in {line}"));
        (cells[0].trim().trim_matches('`').to_owned(), [outcome(cells[1]), outcome(cells[2])])
    });
    rows.collect()
}

/// Holds the table against what was found.
///
/// # Errors
/// What the table should say.
pub(super) fn compare(
    documented: &BTreeMap<String, [Outcome; 2]>,
    found: &BTreeMap<String, [&Outcome; 2]>,
) -> Result<(), String> {
    let tells = |model: &String, found: &[&Outcome; 2]| {
        documented.get(model).is_some_and(|cells| cells.iter().zip(found).all(|(cell, found)| cell.tells(found)))
    };
    let wrong = found.iter().filter(|(model, found)| !tells(model, found));
    let mut problems: Vec<String> = wrong.map(|(model, [one, two])| format!("`{model}`: {one:?}; {two:?}")).collect();
    let gone = documented.keys().filter(|model| !found.contains_key(*model));
    problems.extend(gone.map(|model| format!("`{model}`: there is no such model")));
    if problems.is_empty() { Ok(()) } else { Err(format!("the table differs from:\n{}", problems.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_tells_what_was_found() {
        let cell = Outcome::from_cell(" refused: `ZipMap` ").unwrap();
        assert!(cell.tells(&Outcome::Refused("there is no ZipMap here".to_owned())));
        assert!(!cell.tells(&Outcome::Refused("of another kind".to_owned())));
        assert!(!cell.tells(&Outcome::Equal) && !Outcome::Equal.tells(&cell));
        assert_eq!(Outcome::from_cell("equal"), Some(Outcome::Equal));
        assert_eq!(Outcome::from_cell("it works"), None);
    }

    #[test]
    fn what_the_table_lacks_and_what_it_has_too_much_is_told() {
        let (equal, table) = (Outcome::Equal, BTreeMap::from([("a".to_owned(), [Outcome::Equal, Outcome::Equal])]));
        let found = |name: &str| BTreeMap::from([(name.to_owned(), [&equal, &equal])]);
        assert_eq!(compare(&table, &found("a")), Ok(()));
        let told = compare(&table, &found("b")).unwrap_err();
        assert!(told.contains("`a`") && told.contains("`b`"), "{told}");
    }
}
