//! Docs whose first words can only be understood after another sentence.

use super::finding::{CodeFigure, FigureFinding};
use super::rust_source::RustSource;
use crate::tidy::violation::Violation;

const OPENINGS: [&str; 4] = ["That of ", "Those ", "Who ", "What it "];

/// Finds the first lines of docs that open so.
pub(super) fn find(source: &RustSource, findings: &mut Vec<FigureFinding>) {
    let mut is_within = false;
    for (index, line) in source.text.lines().enumerate() {
        let line = line.trim_start();
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let opening = doc.and_then(|doc| OPENINGS.iter().find(|opening| doc.trim_start().starts_with(**opening)));
        if let Some(opening) = opening
            && !is_within
        {
            let what = format!("a doc opens with “{}”; name the subject", opening.trim_end());
            findings.push(FigureFinding {
                figure: CodeFigure::DocOpening,
                crate_name: source.crate_name.clone(),
                violation: Violation::new(source.place(index + 1), what),
            });
        }
        is_within = doc.is_some_and(|doc| !doc.trim().is_empty());
    }
}
