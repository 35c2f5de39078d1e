//! The one spelling of a label that is a number.
//!
//! Rule of thumb: `1`, `1.0` and `"1"` are one label, whoever wrote it and in which type; whatever is no number in JSON's
//! notation stays as it is.

use std::borrow::Cow;

/// Whole numbers from here on are not all numbers of their own in 64 bits.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// The spelling under which a label is counted: that of the same number without a needless fraction or exponent, or the
/// text as it is. Gives `7` for `7.0`, and `007` for `007`, which is a name and no number.
pub fn label_name(text: &str) -> Cow<'_, str> {
    let Some(number) = number_of(text) else { return Cow::Borrowed(text) };
    // A whole number of any length is its own spelling, and would lose digits as a float.
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && text != "-0" {
        return Cow::Borrowed(text);
    }
    if number.abs() < WHOLE && number.fract() == 0.0 {
        return Cow::Owned(format!("{}", number as i64));
    }
    let shortest = if (1e-6..1e16).contains(&number.abs()) { number.to_string() } else { format!("{number:e}") };
    if shortest == text { Cow::Borrowed(text) } else { Cow::Owned(shortest) }
}

/// The number that a text is in JSON's notation.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'-') {
        return None; // Most labels are words.
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    if !is_plain {
        return None;
    }
    serde_json::from_str::<f64>(text).ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_spellings_of_a_number_are_one_label() {
        for (text, name) in [
            ("1", "1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("100.50", "100.5"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1e300", "1e300"),
            ("1.0E+300", "1e300"),
            ("-2.50e-9", "-2.5e-9"),
        ] {
            assert_eq!(label_name(text), name, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_stays() {
        for text in
            ["cat", "007", "1.", ".5", "+1", "1_000", "0x10", "inf", "NaN", "-", "", "1 ", "1e999", "2026-11-30"]
        {
            assert_eq!(label_name(text), text);
        }
    }

    proptest! {
        #[test]
        fn a_name_is_its_own_name_and_the_same_number(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
            let name = label_name(&serde_json::to_string(&number).unwrap()).into_owned();
            prop_assert_eq!(&label_name(&name), &name);
            prop_assert_eq!(number_of(&name), Some(number));
            prop_assert!(name.chars().count() <= 40, "{}", name);
        }
    }
}
