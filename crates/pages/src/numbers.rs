//! Numbers and times as people read them.
//!
//! Rule of thumb: no more digits than the number can bear; what is not there is a dash and never 0.

use jiff::Timestamp;
use maud::{Markup, html};

/// A count, its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share, 0 to 1, in percent. What is not all does not read as 100 %, and what is not nothing does not read as 0 %.
pub fn percent(share: f64) -> String {
    match share {
        0.0 => "0 %".into(),
        1.0 => "100 %".into(),
        small if small < 0.001 => "< 0.1 %".into(),
        large if large > 0.999 => "> 99.9 %".into(),
        share => format!("{:.1} %", share * 100.0),
    }
}

/// A length of time: `340 µs`, `12.3 ms`, `4.20 s`, `3.5 h`.
pub fn seconds(seconds: f64) -> String {
    match seconds.abs() {
        0.0 => "0 s".into(),
        short if short < 1e-3 => format!("{:.0} µs", seconds * 1e6),
        short if short < 1.0 => format!("{} ms", decimals(seconds * 1e3)),
        short if short < 600.0 => format!("{} s", decimals(seconds)),
        long if long < 2.0 * 86_400.0 => format!("{} h", decimals(seconds / 3600.0)),
        _ => format!("{} days", decimals(seconds / 86_400.0)),
    }
}

/// A number with three digits: `0.123`, `12.3`, `1234`, `1.2e-7`.
pub fn decimals(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        tiny if tiny < 1e-4 => format!("{number:.1e}"),
        // Each bound is where rounding would add a digit.
        small if small < 0.9995 => format!("{number:.3}"),
        small if small < 9.995 => format!("{number:.2}"),
        middle if middle < 99.95 => format!("{number:.1}"),
        large if large < 1e6 => format!("{number:.0}"),
        _ => format!("{number:.2e}"),
    }
}

/// A text of at most so many characters; of a longer one the beginning, and an ellipsis.
pub fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A time in UTC, to the second.
pub fn at(time: Timestamp) -> Markup {
    html! { time datetime=(time) { (time.strftime("%Y-%m-%d %H:%M:%S")) } }
}

/// A time in UTC, to the minute.
pub fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A number of bytes: `812 B`, `4.00 kB`, `12.3 GB`.
pub fn bytes(number: f64) -> String {
    let (value, unit) = match number {
        small if small < 1e3 => return format!("{small:.0} B"),
        kilo if kilo < 1e6 => (kilo / 1e3, "kB"),
        mega if mega < 1e9 => (mega / 1e6, "MB"),
        giga if giga < 1e12 => (giga / 1e9, "GB"),
        tera => (tera / 1e12, "TB"),
    };
    format!("{} {unit}", decimals(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.00001, 0.1234, 0.99999, 1.0].map(percent),
            ["0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100 %"]
        );
        assert_eq!([0.0, 3.4e-4, 0.0123, 4.2, 12_600.0].map(seconds), ["0 s", "340 µs", "12.3 ms", "4.20 s", "3.50 h"]);
        assert_eq!(
            [0.0, 1.2e-7, 0.1234, 9.9999, 12.34, 1234.0].map(decimals),
            ["0", "1.2e-7", "0.123", "10.0", "12.3", "1234"]
        );
        assert_eq!([812.0, 4e3, 12.34e9].map(bytes), ["812 B", "4.00 kB", "12.3 GB"]);
        assert_eq!(minute(Timestamp::UNIX_EPOCH), "1970-01-01 00:00");
        assert_eq!(["abc", "äöü…", "abcde"].map(|text| short(text, 4)), ["abc", "äöü…", "abc…"]);
    }
}
