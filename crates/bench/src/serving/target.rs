//! A figure beside what it should be.
//!
//! Rule of thumb: a figure that cannot be right keeps no target. While others use the cores none is judged, and a server
//! that seems faster than its own engine is a fault of the measurement.

use crate::table::verdict;

/// What serves may seem this much faster than its engine alone, by chance.
const MOST_OF_LOOP: f64 = 1.03;

/// A figure, and what it should be.
pub(super) struct FigureTarget {
    /// A name for the figure.
    pub(super) what: String,
    /// The figure; `None` where it was not measured.
    pub(super) value: Option<f64>,
    /// The bound that the figure is held against.
    pub(super) bound: TargetBound,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(super) enum TargetBound {
    /// At least this.
    AtLeast(f64),
    /// At least this, but never more than the whole.
    PartOfLoop(f64),
    /// Below this.
    Below(f64),
}

impl FigureTarget {
    /// Its line of a table; it is judged only in a quiet run.
    pub(super) fn line(&self, quiet: bool) -> Vec<String> {
        let bound = match self.bound {
            TargetBound::AtLeast(least) | TargetBound::PartOfLoop(least) => format!("at least {least:.2}"),
            TargetBound::Below(limit) => format!("below {limit:.2}"),
        };
        let (found, judged) = match self.value {
            None => (String::new(), "not measured".to_owned()),
            Some(value) if !quiet => (format!("{value:.2}"), "not judged".to_owned()),
            Some(value) => (format!("{value:.2}"), self.bound.judge(value)),
        };
        vec![self.what.clone(), bound, found, judged]
    }
}

impl TargetBound {
    fn judge(self, value: f64) -> String {
        match self {
            Self::PartOfLoop(_) if value > MOST_OF_LOOP => "NOT CREDIBLE".to_owned(),
            Self::AtLeast(least) | Self::PartOfLoop(least) => verdict(value >= least),
            Self::Below(limit) => verdict(value < limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_outruns_its_engine_keeps_no_target() {
        let judged = [0.84, 0.85, 1.0, 1.5].map(|value| TargetBound::PartOfLoop(0.85).judge(value));
        assert_eq!(judged, ["MISSED", "kept", "kept", "NOT CREDIBLE"]);
        assert_eq!([0.9, 1.0].map(|value| TargetBound::Below(1.0).judge(value)), ["kept", "MISSED"]);
        assert_eq!(TargetBound::AtLeast(2.0).judge(f64::NAN), "MISSED");
    }

    #[test]
    fn nothing_is_judged_while_others_work() {
        let target = |value| FigureTarget { what: String::new(), value, bound: TargetBound::Below(1.0) };
        assert_eq!(target(Some(2.0)).line(false)[3], "not judged");
        assert_eq!(target(Some(2.0)).line(true)[3], "MISSED");
        assert_eq!(target(None).line(true)[3], "not measured");
    }
}
