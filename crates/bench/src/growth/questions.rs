//! Everything that is asked of a log that has grown.

use super::fill::GrownLog;
use crate::rows;

/// Predictions of a page.
const PAGE: usize = 100;
/// Rows of a short range in the middle of the log.
const SHORT: usize = 10_000;

/// A question for people, and as it is asked.
pub(super) struct GrownQuestion {
    pub(super) name: &'static str,
    pub(super) path: String,
    pub(super) kind: QuestionKind,
}

/// What is expected of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuestionKind {
    /// A page whose filter many rows pass.
    Frequent,
    /// A page for which the log has to be searched.
    Rare,
    /// Pages one after the other, from a moment long ago on.
    Deep,
    /// Counts.
    Sum,
}

/// All of them.
pub(super) fn all(log: &GrownLog) -> Vec<GrownQuestion> {
    let mut questions = frequent_pages(log);
    questions.extend(rare_pages(log));
    questions.extend(sums(log));
    questions
}

fn page(kind: QuestionKind, name: &'static str, filter: impl AsRef<str>) -> GrownQuestion {
    GrownQuestion { name, path: format!("/predictions?limit={PAGE}&{}", filter.as_ref()), kind }
}

fn frequent_pages(log: &GrownLog) -> Vec<GrownQuestion> {
    use QuestionKind::{Deep, Frequent};
    let (middle, after) = (log.time_of(log.rows / 2), log.time_of(log.rows / 2 + SHORT));
    let early = log.time_of(log.rows / 20);
    vec![
        page(Frequent, "no filter", ""),
        page(Frequent, "model", "model=cifar10"),
        page(Frequent, "model, one row in 50", "model=surface"),
        page(Frequent, "model and version", "model=cifar10&version=2"),
        page(Frequent, "label", "label=cat"),
        page(Frequent, "status success", "status=success"),
        page(Frequent, "status error", "status=error"),
        page(Frequent, "defects", "defect=true"),
        page(Frequent, "no defects", "defect=false"),
        page(Frequent, "confidence above 0.9", "min_confidence=0.9"),
        page(Frequent, "confidence below 0.5, one row in 18", "max_confidence=0.5"),
        page(Frequent, "since the middle", format!("since={middle}")),
        page(Frequent, "until the middle", format!("until={middle}")),
        page(Frequent, "until the first twentieth", format!("until={early}")),
        page(Frequent, "10,000 rows in the middle", format!("since={middle}&until={after}")),
        page(Frequent, "until the middle, model", format!("until={middle}&model=cifar10")),
        page(Frequent, "until the middle, model, label", format!("until={middle}&model=cifar10&label=cat")),
        page(Frequent, "request", format!("request_id={}", rows::random_request_id(log.rows / 3))),
        page(Frequent, "request that is not there", "request_id=none"),
        page(Deep, "pages one after another", ""),
        page(Deep, "pages one after another, until the middle", format!("until={middle}")),
        page(Deep, "pages of a model, until the middle", format!("until={middle}&model=cifar10")),
    ]
}

fn rare_pages(log: &GrownLog) -> Vec<GrownQuestion> {
    use QuestionKind::Rare;
    let middle = log.time_of(log.rows / 2);
    vec![
        page(Rare, "label and model, one row in 500", "label=cat&model=surface"),
        page(Rare, "label that no row has", "label=zebra"),
        page(Rare, "label that no row has, until the middle", format!("until={middle}&label=zebra")),
        page(Rare, "status error and model, one row in 5,000", "status=error&model=surface"),
        page(Rare, "defects of a label, one row in 1,000", "defect=true&label=cat"),
        page(Rare, "version, of the oldest 5 % only", "version=1"),
        page(Rare, "model and version, of the oldest 5 % only", "model=cifar10&version=1"),
        page(Rare, "confidence below 0.41, one row in 180", "max_confidence=0.41"),
        page(Rare, "confidence below 0.4001, one row in 18,000", "max_confidence=0.4001"),
        page(Rare, "confidence below 0.3, no row", "max_confidence=0.3"),
    ]
}

fn sums(log: &GrownLog) -> Vec<GrownQuestion> {
    let sum = |name, path: String| GrownQuestion { name, path, kind: QuestionKind::Sum };
    let (beginning, middle) = (log.time_of(0), log.time_of(log.rows / 2));
    let month_later = log.time_of(log.rows / 2 + log.rows * 30 / log.days as usize);
    vec![
        sum("stats, 1 hour", "/stats?window=1h".into()),
        sum("stats, 24 hours by the hour", "/stats?window=24h&interval=1h".into()),
        sum("stats, 7 days by the hour", "/stats?window=7d&interval=1h".into()),
        sum("stats, a month of long ago", format!("/stats?since={middle}&until={month_later}")),
        sum("stats, 168 days by the day", "/stats?window=168d&interval=1d".into()),
        sum("stats, everything", format!("/stats?since={beginning}")),
        sum("stats, without a range", "/stats".into()),
        sum("quality, 24 hours", "/quality?window=24h".into()),
        sum("quality, 7 days", "/quality?window=7d".into()),
        sum("quality, a month of long ago", format!("/quality?since={middle}&until={month_later}")),
        sum("quality, everything", format!("/quality?since={beginning}")),
        sum("drift, 24 hours", "/drift?window=24h".into()),
        sum("drift, 7 days", "/drift?window=7d".into()),
        sum("drift, a month of long ago", format!("/drift?since={middle}&until={month_later}")),
        sum("drift, everything", format!("/drift?since={beginning}")),
    ]
}
