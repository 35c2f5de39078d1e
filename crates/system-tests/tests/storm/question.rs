//! Questions of clients that mean well, and what their answers have to say.

use serde_json::Value;

/// Rows that are asked for.
const ROWS: u64 = 20;

/// A question to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HonestQuestion {
    Predictions,
    Stats,
    Quality,
    Models,
}

impl HonestQuestion {
    pub(super) const ALL: [Self; 4] = [Self::Predictions, Self::Stats, Self::Quality, Self::Models];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Predictions => "/predictions?limit=20",
            Self::Stats => "/stats",
            Self::Quality => "/quality?window=1h",
            Self::Models => "/models",
        }
    }

    /// So many records had been acknowledged before it was asked, so the answer knows of them.
    ///
    /// # Panics
    /// If it does not.
    pub(super) fn assert_answered(self, answer: &Value, acknowledged: u64) {
        match self {
            Self::Predictions => {
                let rows = answer["predictions"].as_array().expect("a list of predictions");
                assert!(rows.len() as u64 >= acknowledged.min(ROWS), "{} rows of {acknowledged}", rows.len());
                // Without its last letter, a time in UTC is in order as text.
                let time = |row: &Value| row["occurred_at"].as_str().expect("a time").trim_end_matches('Z').to_owned();
                let times: Vec<String> = rows.iter().map(time).collect();
                assert!(times.is_sorted_by(|newer, older| newer >= older), "the newest are not first: {times:?}");
            }
            Self::Stats => {
                let honest = &answer["models"]["honest"]["predictions"];
                // Many models of attackers may leave no place for this one.
                let predictions = honest.as_u64().unwrap_or_else(|| {
                    assert!(acknowledged == 0 || answer["other_models"] != 0, "no model honest in {answer}");
                    acknowledged
                });
                assert!(predictions >= acknowledged, "{predictions} predictions of {acknowledged}");
            }
            Self::Quality | Self::Models => assert!(!answer.is_null(), "an answer without content"),
        }
    }
}
