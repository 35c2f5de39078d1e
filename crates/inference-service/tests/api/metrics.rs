//! The metrics of one scrape.

use std::collections::BTreeMap;

/// Every series and its value, by the text that stands before the value.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
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

    /// The series whose text starts like this.
    pub(crate) fn of<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0
            .iter()
            .filter(move |(series, _)| series.starts_with(start))
            .map(|(series, value)| (series.as_str(), *value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// By how much the series that start like one of these have grown since `before`, those that have.
    pub(crate) fn growth(&self, before: &Self, starts: &[&str]) -> BTreeMap<String, f64> {
        let of_interest = |series: &str| starts.iter().any(|start| series.starts_with(start));
        let growth = |(series, value): (&String, &f64)| (series.clone(), value - before.0.get(series).unwrap_or(&0.0));
        self.0.iter().filter(|(series, _)| of_interest(series)).map(growth).filter(|(_, grown)| *grown != 0.0).collect()
    }
}
