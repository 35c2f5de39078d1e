//! A service's structured log.

use std::collections::BTreeMap;

use serde_json::Value;

/// One line of a log, as JSON.
pub type LogLine = Value;

/// Reads a log.
///
/// # Panics
/// If a line is no JSON object, or lacks what every line has.
pub fn read_log_lines(text: &str) -> Vec<LogLine> {
    text.lines()
        .map(|text| {
            let line: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in the line {text}"));
            for member in ["timestamp", "level", "service", "version", "target", "message"] {
                assert!(line[member].as_str().is_some_and(|text| !text.is_empty()), "no {member} in the line {text}");
            }
            line
        })
        .collect()
}

/// How many lines there are of each value of a member.
pub fn count_by<'a>(lines: impl IntoIterator<Item = &'a LogLine>, member: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line[member].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}
