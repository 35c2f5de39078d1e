//! The metrics that there are.

use std::collections::{BTreeMap, BTreeSet};

use testkit::Metrics;

use crate::labels::{Labels, Values, union};

/// Labels of ours whose values come from outside: of addresses, releases and files.
const OPEN: [&str; 3] = ["instance", "version", "sha256"];

/// Names of metrics with their labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue(BTreeMap<String, Labels>);

/// Whose metrics a scrape has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// One of our services, where each value of a label exists from the start.
    Us,
    /// Somebody else.
    Others,
}

impl Catalogue {
    /// Adds a metric, or further labels and values of it.
    pub(crate) fn add(&mut self, name: &str, labels: Labels) {
        let already = self.0.remove(name).unwrap_or_default();
        self.0.insert(name.to_owned(), union(already, labels));
    }

    /// Adds what a target of a job exposes, with the labels that Prometheus gives it.
    pub(crate) fn add_scrape(&mut self, job: &str, owner: Owner, text: &str) {
        let mut bounds = BTreeSet::new();
        for (name, labels) in Metrics::parse(text).series() {
            let mut known = of_target(job);
            for (label, value) in labels {
                let is_open = owner == Owner::Others || OPEN.contains(&label.as_str());
                known.insert(label.clone(), if is_open { Values::Any } else { Values::just(value) });
            }
            // Prometheus 3 writes the bound 1 as 1.0, so a whole number cannot be asked for in both versions.
            let whole = labels.get("le").is_some_and(|bound| bound.parse::<u64>().is_ok());
            if whole {
                bounds.insert(name.to_owned());
            } else {
                self.add(name, known);
            }
        }
        assert!(bounds.iter().all(|name| self.0.contains_key(name)), "{job} has histograms of whole bounds only");
    }

    /// The same with any value for these labels, on the metrics that `chosen` takes by whether they have them already.
    pub(crate) fn with_any(&self, labels: &[&str], chosen: impl Fn(bool) -> bool) -> Self {
        let mut changed = self.clone();
        for known in changed.0.values_mut() {
            for label in labels {
                if chosen(known.contains_key(*label)) {
                    known.insert((*label).to_owned(), Values::Any);
                }
            }
        }
        changed
    }

    /// The labels of a metric.
    pub(crate) fn get(&self, name: &str) -> Option<&Labels> {
        self.0.get(name)
    }

    /// Every metric.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Labels)> {
        self.0.iter().map(|(name, labels)| (name.as_str(), labels))
    }
}

/// The labels that Prometheus gives each series of a target.
pub(crate) fn of_target(job: &str) -> Labels {
    [("job".to_owned(), Values::just(job)), ("instance".to_owned(), Values::Any)].into()
}
