//! The figures of all sources together.

use std::fmt;

use anyhow::Result;

use super::finding::FigureFinding;
use super::module_tree::ModuleTree;
use super::rust_source::RustSource;
use super::table::{self, CrateLines};
use super::{circles, docs, lengths, tuples, type_names};
use crate::tidy::text_file::TextFile;
use crate::tidy::violation::Violation;

/// All figures of a repository.
pub(in crate::tidy) struct CodeFigures {
    findings: Vec<FigureFinding>,
    lines: Vec<CrateLines>,
}

impl CodeFigures {
    /// Counts the Rust sources among these files.
    ///
    /// # Errors
    /// Where a source cannot be parsed.
    pub(in crate::tidy) fn count(files: &[TextFile]) -> Result<Self> {
        let sources = files.iter().filter_map(RustSource::parse).collect::<Result<Vec<_>>>()?;
        let trees = ModuleTree::of_every_program(&sources);
        let mut findings = Vec::new();
        for source in &sources {
            tuples::find(source, &sources, &mut findings);
            lengths::find(source, &mut findings);
            docs::find(source, &mut findings);
        }
        for tree in &trees {
            type_names::find(tree, &mut findings);
        }
        circles::find(&trees, &mut findings);
        findings.sort_by(|one, other| one.violation.place.cmp(&other.violation.place));
        findings.dedup_by(|one, other| one.figure == other.figure && one.violation == other.violation);
        Ok(Self { findings, lines: CrateLines::count(&sources) })
    }

    /// Every place: each figure is to be 0.
    pub(in crate::tidy) fn into_violations(self) -> Vec<Violation> {
        self.findings.into_iter().map(|finding| finding.violation).collect()
    }

    #[cfg(test)]
    pub(super) fn places(&self, figure: super::finding::CodeFigure) -> Vec<&str> {
        let of_figure = self.findings.iter().filter(|finding| finding.figure == figure);
        of_figure.map(|finding| finding.violation.place.as_str()).collect()
    }
}

impl fmt::Display for CodeFigures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::write(formatter, &self.lines, &self.findings)
    }
}
