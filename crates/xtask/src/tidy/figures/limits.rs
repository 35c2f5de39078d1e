//! What each crate may still have of a figure. Numbers here only go down.

use super::finding::{CodeFigure, FigureFinding};
use crate::tidy::violation::Violation;

struct FigureLimit {
    crate_name: &'static str,
    figure: CodeFigure,
    at_most: usize,
}

impl FigureLimit {
    const fn new(crate_name: &'static str, figure: CodeFigure, at_most: usize) -> Self {
        Self { crate_name, figure, at_most }
    }
}

const LIMITS: [FigureLimit; 5] = [
    FigureLimit::new("inference-service", CodeFigure::TupleParameter, 1),
    FigureLimit::new("inference-service", CodeFigure::SharedTypeName, 2),
    FigureLimit::new("inference-service", CodeFigure::FileInCircle, 11),
    FigureLimit::new("inference-service", CodeFigure::LongFunction, 3),
    FigureLimit::new("inference-service", CodeFigure::DocOpening, 14),
];

/// All places of a figure in a crate that has more of it than is allowed.
pub(super) fn exceeded(findings: &[FigureFinding]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for finding in findings {
        let is_alike = |other: &&FigureFinding| {
            other.figure == finding.figure && room_of(&other.crate_name) == room_of(&finding.crate_name)
        };
        let limits = LIMITS.iter().filter(|limit| limit.figure == finding.figure);
        let of_crate = limits.filter(|limit| limit.crate_name == room_of(&finding.crate_name));
        let at_most: usize = of_crate.map(|limit| limit.at_most).sum();
        let count = findings.iter().filter(is_alike).count();
        if count > at_most {
            let mut violation = finding.violation.clone();
            if at_most > 0 {
                violation.what += &format!(" ({} of {at_most} allowed {})", count, finding.figure.heading());
            }
            violations.push(violation);
        }
    }
    violations
}

/// Code moves between the crates of tests and tasks.
fn room_of(crate_name: &str) -> &str {
    match crate_name {
        "bench" | "demo" | "system-tests" | "terminal" | "testkit" | "xtask" => "workshop",
        other => other,
    }
}
