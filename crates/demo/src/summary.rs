//! What the demo says at its end.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, bail};

use super::counters::PredictionCounts;
use super::request::Episode;
use super::tally::RequestTally;

/// Everything that was sent, and what became of it.
pub(super) fn requests(tally: &RequestTally, took: Duration) -> String {
    let (ended, seconds) = (tally.ended(), took.as_secs_f64());
    let mut text = format!(
        "{ended} requests in {seconds:.0} s, {:.1} a second: {} answered, {} refused, {} without an answer.",
        ended as f64 / seconds,
        tally.answered,
        tally.refused,
        tally.unanswered
    );
    if let Some(latency) = tally.latency() {
        let _ = write!(text, "\nLatency of the answers: {}.", milliseconds(latency));
    }
    if let Some(problem) = &tally.last_problem {
        let _ = write!(text, "\nThe last one without an answer: {problem}");
    }
    let labels = &tally.labels;
    let _ = write!(text, "\n{} true labels were sent, {} were taken.", labels.sent, labels.taken);
    if let Some(problem) = &labels.problem {
        let _ = write!(text, " The last problem: {problem}");
    }
    text
}

/// What the models said in normal times and during the drift; `None` where they said nothing.
pub(super) fn qualities(tally: &RequestTally) -> Option<String> {
    if tally.qualities.is_empty() {
        return None;
    }
    let mut text = format!("{:<24}{:>12}{:>12}{:>12}", "", "confidence", "defects", "value");
    let shown = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    for ((model, episode), quality) in &tally.qualities {
        let when = if *episode == Episode::Drift { "drift" } else { "normal" };
        let _ = write!(
            text,
            "\n{:<24}{:>12}{:>12}{:>12}",
            format!("{model}, {when}"),
            shown(quality.confidence().map(|mean| format!("{mean:.3}"))),
            shown(quality.defects().map(|share| format!("{:.1} %", share * 100.0))),
            shown(quality.value().map(|mean| format!("{mean:.1}")))
        );
    }
    Some(text)
}

/// What was counted here and what the service has counted meanwhile, side by side.
pub(super) fn counters(tally: &RequestTally, counted: &PredictionCounts) -> String {
    let mut text = format!("{:<36}{:>10}{:>10}", "predictions", "demo", "service");
    for (counter, mine, theirs) in tally.counts.beside(counted) {
        let _ = write!(text, "\n{:<36}{mine:>10}{theirs:>10}", counter.to_string());
    }
    text
}

/// Whether the service has counted what was counted here, in a sentence.
///
/// # Errors
/// Where it has counted less.
pub(super) fn verdict(tally: &RequestTally, counted: &PredictionCounts) -> Result<String> {
    let mut more = 0;
    for (counter, mine, theirs) in tally.counts.beside(counted) {
        if theirs < mine {
            bail!("the service has counted {} too few {counter}", mine - theirs);
        }
        more += theirs - mine;
    }
    Ok(match more {
        0 => "Both have counted the same.".into(),
        more if more <= tally.uncertain => {
            format!("The {more} that the service has more may be those without an answer.")
        }
        more => format!("The service has {more} more: somebody else asks it, too."),
    })
}

/// Median and 95th percentile in words.
pub(super) fn milliseconds([median, high]: [f64; 2]) -> String {
    format!("p50 {:.1} ms, p95 {:.1} ms", median * 1000.0, high * 1000.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::counters::PredictionCounter;
    use super::*;

    fn counts(predictions: u64) -> PredictionCounts {
        let mut counts = PredictionCounts::default();
        counts.add(PredictionCounter::Predicted("a".into()), predictions);
        counts
    }

    #[test]
    fn too_few_is_an_error_and_too_many_has_a_reason() {
        let mut tally = RequestTally::default();
        (tally.counts, tally.uncertain) = (counts(5), 2);
        assert!(verdict(&tally, &counts(4)).unwrap_err().to_string().contains("1 too few predicted by a"));
        for (counted, words) in [(5, "the same"), (7, "without an answer"), (8, "somebody else")] {
            let sentence = verdict(&tally, &counts(counted)).unwrap();
            assert!(sentence.contains(words), "{counted}: {sentence}");
        }
    }
}
