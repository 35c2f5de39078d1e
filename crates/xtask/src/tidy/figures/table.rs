//! The figures as a table, a line for each crate, and their places below it.

use std::collections::BTreeMap;
use std::fmt;

use super::finding::{CodeFigure, FigureFinding};
use super::rust_source::RustSource;

/// How many lines a crate has.
#[derive(Default)]
pub(super) struct CrateLines {
    crate_name: String,
    /// In `src`, with the tests that stand there.
    product: usize,
    /// In any other folder.
    tests: usize,
}

impl CrateLines {
    pub(super) fn count(sources: &[RustSource]) -> Vec<Self> {
        let mut crates = BTreeMap::<&str, Self>::new();
        for source in sources {
            let of_crate = crates.entry(&source.crate_name).or_default();
            of_crate.crate_name.clone_from(&source.crate_name);
            let lines = source.text.lines().count();
            *(if source.is_in_src() { &mut of_crate.product } else { &mut of_crate.tests }) += lines;
        }
        crates.into_values().collect()
    }
}

/// Writes a line for each crate, then every place of each figure.
pub(super) fn write(
    formatter: &mut fmt::Formatter<'_>,
    crates: &[CrateLines],
    findings: &[FigureFinding],
) -> fmt::Result {
    let headings = ["lines in src", "elsewhere"].into_iter().chain(CodeFigure::ALL.map(CodeFigure::heading));
    let headings: Vec<&str> = headings.collect();
    writeln!(formatter, "| crate | {} |", headings.join(" | "))?;
    writeln!(formatter, "|---|{}", "--:|".repeat(headings.len()))?;
    let mut sums = vec![0; headings.len()];
    for of_crate in crates {
        let is_here = |finding: &&FigureFinding| finding.crate_name == of_crate.crate_name;
        let counts = CodeFigure::ALL
            .map(|figure| findings.iter().filter(is_here).filter(|finding| finding.figure == figure).count());
        let row: Vec<usize> = [of_crate.product, of_crate.tests].into_iter().chain(counts).collect();
        write_row(formatter, &of_crate.crate_name, &row)?;
        sums.iter_mut().zip(&row).for_each(|(sum, count)| *sum += count);
    }
    write_row(formatter, "**all**", &sums)?;
    for figure in CodeFigure::ALL {
        let places: Vec<_> = findings.iter().filter(|finding| finding.figure == figure).collect();
        writeln!(formatter, "\n## {}: {}", figure.heading(), places.len())?;
        for finding in places {
            writeln!(formatter, "{}", finding.violation)?;
        }
    }
    Ok(())
}

fn write_row(formatter: &mut fmt::Formatter<'_>, name: &str, counts: &[usize]) -> fmt::Result {
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    writeln!(formatter, "| {name} | {} |", counts.join(" | "))
}
