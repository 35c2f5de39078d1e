//! One place that a figure counts.

use crate::tidy::violation::Violation;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CodeFigure {
    /// Parameters of functions that are tuples.
    TupleParameter,
    /// Results with `()` in a tuple.
    UnitInTuple,
    /// Names of types that several types of a crate, or of a test program, have.
    SharedTypeName,
    /// Files of a crate that use each other, directly or through others.
    FileInCircle,
    /// Functions that are too long.
    LongFunction,
    /// Files that are too long.
    LongFile,
    /// Docs that open with a word that stands for a sentence before it.
    DocOpening,
}

impl CodeFigure {
    pub(super) const ALL: [Self; 7] = [
        Self::TupleParameter,
        Self::UnitInTuple,
        Self::SharedTypeName,
        Self::FileInCircle,
        Self::LongFunction,
        Self::LongFile,
        Self::DocOpening,
    ];

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::TupleParameter => "tuple parameters",
            Self::UnitInTuple => "() in tuples",
            Self::SharedTypeName => "shared type names",
            Self::FileInCircle => "files in circles",
            Self::LongFunction => "long functions",
            Self::LongFile => "long files",
            Self::DocOpening => "doc openings",
        }
    }
}

/// One place that a figure counts.
pub(super) struct FigureFinding {
    pub(super) figure: CodeFigure,
    pub(super) crate_name: String,
    pub(super) violation: Violation,
}
