//! What the rules themselves bring into the world: recorded series, and `ALERTS`.

use crate::catalogue::Catalogue;
use crate::expression::read;
use crate::labels::{Labels, Values, union};
use crate::sources::Rule;

/// Adds the recorded series, whose labels follow from their rules, and says which rules ask for what is not there.
pub(crate) fn add_recorded(catalogue: &mut Catalogue, rules: &[Rule]) -> Vec<String> {
    let mut waiting: Vec<&Rule> = rules.iter().filter(|rule| !rule.is_alert).collect();
    loop {
        // One rule may build on another, whichever stands first.
        let before = waiting.len();
        waiting.retain(|rule| {
            let reading = read(&rule.question.query, catalogue);
            if reading.missing.is_empty() {
                catalogue.add(&rule.name, union(reading.labels, given_by(rule)));
            }
            !reading.missing.is_empty()
        });
        if waiting.len() == before {
            return waiting.iter().map(|rule| format!("{}: records nothing", rule.question.place)).collect();
        }
    }
}

/// The severities that alerts may have, whether or not one has it now.
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

/// Adds `ALERTS` with the labels of every alert.
pub(crate) fn add_alerts(catalogue: &mut Catalogue, rules: &[Rule]) {
    for rule in rules.iter().filter(|rule| rule.is_alert) {
        let mut labels = union(read(&rule.question.query, catalogue).labels, given_by(rule));
        labels.insert("severity".to_owned(), Values::Only(SEVERITIES.map(str::to_owned).into()));
        labels.insert("alertname".to_owned(), Values::just(&rule.name));
        for state in ["pending", "firing"] {
            let state = [("alertstate".to_owned(), Values::just(state))].into();
            catalogue.add("ALERTS", union(labels.clone(), state));
        }
    }
}

fn given_by(rule: &Rule) -> Labels {
    rule.labels.iter().map(|(label, value)| (label.clone(), Values::just(value))).collect()
}
