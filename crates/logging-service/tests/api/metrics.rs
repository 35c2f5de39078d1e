//! The metrics of one scrape.

use std::collections::BTreeMap;

/// Every series and its value, by the text that stands before the value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScrapedMetrics(BTreeMap<String, f64>);

impl ScrapedMetrics {
    pub(crate) fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line:?}")))
        };
        Self(samples.map(sample).collect())
    }

    /// The value of a series, which must exist.
    pub(crate) fn get(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("there is no series {series}"))
    }

    /// The value of a series that may not exist.
    pub(crate) fn find(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The series whose text starts like this.
    pub(crate) fn of(&self, start: &str) -> Self {
        Self(self.0.iter().filter(|(series, _)| series.starts_with(start)).map(|(s, v)| (s.clone(), *v)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All values together.
    pub(crate) fn sum(&self) -> f64 {
        self.0.values().sum()
    }
}
