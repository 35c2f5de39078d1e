//! What the text of a CSV cell means.

/// Texts that pandas reads as no value, and writes where it is asked to.
const PANDAS: [&str; 17] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "nan", "null",
];

/// The texts of a CSV file that stand for no value.
#[derive(Clone, Debug)]
pub(super) struct MissingWords {
    words: Vec<String>,
    /// Whether a person has named them.
    pub(super) are_asked: bool,
}

impl MissingWords {
    /// These words, or those of pandas.
    pub(super) fn new(words: Option<Vec<String>>) -> Self {
        let are_asked = words.is_some();
        let words = words.unwrap_or_else(|| ["n/a"].iter().chain(&PANDAS).map(ToString::to_string).collect());
        Self { words, are_asked }
    }

    /// Whether a label is one of them. A class that is declared may be called so.
    pub(super) fn are_label(&self, text: &str, declared: &[String]) -> bool {
        self.contains(text) && !declared.iter().any(|label| label == text)
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        self.words.iter().any(|word| word == text)
    }
}

/// The number that a text says; `None` for a text that says none, and for one that is not finite.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether a text is the number that there is none of: an infinity, which is no value of a feature in any format.
pub(super) fn is_infinite(text: &str) -> bool {
    text.trim().parse().is_ok_and(f64::is_infinite)
}

/// `true` or `false` where the text is one of Python's or JSON's words for it.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A whole number without the `.0` that pandas gives it in a column with gaps.
pub(super) fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    is_whole.then_some(number as i64)
}
