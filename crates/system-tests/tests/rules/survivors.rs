//! Mutations that no test notices, and why none has to.

/// The name of a mutation, and why it may survive.
pub(crate) const SURVIVORS: &[(&str, &str)] = &[
    ("Watchdog: `1` becomes `0.5` at 7", "an alert fires whatever the value is"),
    ("Watchdog: `1` becomes `2` at 7", "an alert fires whatever the value is"),
    ("SegmentBehind: `window=\"24h\"` becomes `` at 62", "segments are judged over 24 hours alone"),
    ("DeadlinesExceeded: `model!=\"unknown\"` becomes `` at 82", "the other side of the division leaves it out"),
    ("DeadlinesExceeded: `model!=\"unknown\"` becomes `` at 152", "the other side of the division leaves it out"),
];
