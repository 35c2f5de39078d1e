//! What the service has counted, beside what was counted here.
//!
//! Rule of thumb: both sides name the same things, so that they can be laid side by side line by line.

use std::collections::BTreeMap;
use std::fmt;

/// Something that both sides count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PredictionCounter {
    /// Predictions that a model made.
    Predicted(String),
    /// Predictions refused with a code.
    Refused(String),
}

impl fmt::Display for PredictionCounter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predicted(model) => write!(formatter, "predicted by {model}"),
            Self::Refused(code) => write!(formatter, "refused as {code}"),
        }
    }
}

/// A number for each; one that is not there is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PredictionCounts(BTreeMap<PredictionCounter, u64>);

impl PredictionCounts {
    /// Reads a scrape of inference-service.
    pub(super) fn parse(metrics: &str) -> Self {
        let mut counts = Self::default();
        for line in metrics.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            if let Some(counter) = counter(series) {
                counts.add(counter, value as u64);
            }
        }
        counts
    }

    /// Whether nothing is known, not even that something is 0.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts more of one.
    pub(super) fn add(&mut self, counter: PredictionCounter, more: u64) {
        *self.0.entry(counter).or_default() += more;
    }

    /// What has come since; `None` where something has become less, as after a restart.
    pub(super) fn since(&self, before: &Self) -> Option<Self> {
        let mut counts = Self::default();
        for (counter, value) in &self.0 {
            counts.add(counter.clone(), value.checked_sub(before.of(counter))?);
        }
        before.0.keys().all(|counter| self.0.contains_key(counter)).then_some(counts)
    }

    /// Lays both side by side, without what is 0 on both.
    pub(super) fn beside<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a PredictionCounter, u64, u64)> {
        let mut counters: Vec<&PredictionCounter> = self.0.keys().chain(other.0.keys()).collect();
        counters.sort();
        counters.dedup();
        let both = counters.into_iter().map(|counter| (counter, self.of(counter), other.of(counter)));
        both.filter(|(_, mine, theirs)| *mine > 0 || *theirs > 0)
    }

    fn of(&self, counter: &PredictionCounter) -> u64 {
        self.0.get(counter).copied().unwrap_or_default()
    }
}

fn counter(series: &str) -> Option<PredictionCounter> {
    let (name, labels) = series.split_once('{')?;
    match name {
        "predictions_total" if label(labels, "status")? == "success" => {
            Some(PredictionCounter::Predicted(label(labels, "model")?.to_owned()))
        }
        "prediction_errors_total" => Some(PredictionCounter::Refused(label(labels, "error_type")?.to_owned())),
        _ => None,
    }
}

/// The value of a label. The values of these metrics have no quotes in them.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.split('"').next())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const BEFORE: &str = "# HELP predictions_total Predictions attempted.
predictions_total{model=\"a\",status=\"error\"} 1
predictions_total{model=\"a\",status=\"success\"} 5
predictions_total{model=\"b\",status=\"success\"} 0
prediction_errors_total{error_type=\"invalid_input\",model=\"a\"} 1
prediction_errors_total{model=\"unknown\",error_type=\"invalid_input\"} 2
prediction_queue_depth 3
";

    fn counts(counts: &[(PredictionCounter, u64)]) -> PredictionCounts {
        PredictionCounts(counts.iter().cloned().collect())
    }

    fn predicted(model: &str) -> PredictionCounter {
        PredictionCounter::Predicted(model.into())
    }

    fn refused(code: &str) -> PredictionCounter {
        PredictionCounter::Refused(code.into())
    }

    #[test]
    fn a_scrape_is_read_by_model_and_by_code() {
        let expected = [(predicted("a"), 5), (predicted("b"), 0), (refused("invalid_input"), 3)];
        assert_eq!(PredictionCounts::parse(BEFORE), counts(&expected));
        assert!(PredictionCounts::parse("logging_predictions_total{model=\"a\",status=\"success\"} 1\n").is_empty());
    }

    #[test]
    fn only_what_came_meanwhile_counts() {
        let before = PredictionCounts::parse(BEFORE);
        let after = PredictionCounts::parse(&BEFORE.replace("} 5", "} 9"));
        let since = after.since(&before).unwrap();
        assert_eq!(since.beside(&PredictionCounts::default()).collect::<Vec<_>>(), [(&predicted("a"), 4, 0)]);
        assert_eq!(before.since(&after), None, "the service has counted from 0 again");
        assert_eq!(PredictionCounts::default().since(&before), None, "nothing of it is there any more");
    }

    #[test]
    fn both_sides_have_a_line_for_what_only_one_knows() {
        let (mine, theirs) = (counts(&[(predicted("a"), 2)]), counts(&[(refused("internal"), 1)]));
        let lines: Vec<_> = mine.beside(&theirs).collect();
        assert_eq!(lines, [(&predicted("a"), 2, 0), (&refused("internal"), 0, 1)]);
    }
}
