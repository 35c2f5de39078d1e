//! What a profile holds, as lines for a person.

use super::feature_column::FeatureColumn;
use crate::analysis::{AnswerCorrelations, ReferenceProfile, ValueCounts};
use crate::tables::shown_number;

/// The lines about a profile and the columns that it was made of.
pub(super) fn lines(profile: &ReferenceProfile, columns: &[FeatureColumn]) -> Vec<String> {
    let counted = || profile.counts.named.iter().chain(profile.counts.unkept.iter());
    let width = counted().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(40);
    let mut lines = vec![format!("{}: {} predictions", profile.model, profile.counts.predictions)];
    for (name, counts) in counted() {
        let missing = 100.0 * counts.missing as f64 / counts.total().max(1) as f64;
        let correlation = correlation(profile.correlations.as_ref(), name);
        lines.push(format!("{name:width$}  {missing:5.1} % missing  {}{correlation}", values(counts)));
    }
    for column in columns {
        lines.extend(column.left_out.map(|what| format!("{} is left out: it holds {what}", column.name)));
    }
    let (classes, values) = (&profile.counts.classes, &profile.counts.values);
    if !classes.is_empty() {
        lines.push(format!("{} classes are predicted", classes.len()));
    }
    if let (Some(least), Some(greatest)) = (values.least, values.greatest) {
        let [least, greatest] = [least, greatest].map(shown_number);
        lines.push(format!("numbers from {least} to {greatest} are predicted"));
    }
    if profile.counts.labels.labelled > 0 {
        lines.push(format!("{} predictions have a label", profile.counts.labels.labelled));
    }
    lines
}

fn values(counts: &ValueCounts) -> String {
    let mut parts = Vec::new();
    if let (Some(least), Some(greatest)) = (counts.least, counts.greatest) {
        let [least, greatest] = [least, greatest].map(shown_number);
        parts.push(format!("numbers from {least} to {greatest}"));
    }
    if !counts.categories.is_empty() {
        let named: u64 = counts.categories.iter().map(|(_, count)| count).sum();
        let more = if named < counts.categories.total() { " and more, which are counted together" } else { "" };
        parts.push(format!("{} categories{more}", counts.categories.len()));
    }
    parts.join(", ")
}

fn correlation(correlations: Option<&AnswerCorrelations>, name: &str) -> String {
    let r = correlations.and_then(|correlations| correlations.features.get(name));
    r.map(|r| format!(", r = {r:+.2}")).unwrap_or_default()
}
