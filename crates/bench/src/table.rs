//! What came out, in columns.
//!
//! Rule of thumb: a number stands beside its target, and the table says which was missed.

use terminal::say;

/// The middle of some measurements.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

/// The value below which a part of some measurements lies.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(((part * sorted.len() as f64) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Says lines of cells as a table.
pub(super) fn print(head: &[&str], lines: &[Vec<String>]) {
    say(text(head, lines));
}

/// Lines of cells, written as a table of Markdown, so that it can be kept as it is.
pub(super) fn text(head: &[&str], lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let row = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("|");
    let mut rows = vec![row(head.to_vec()), format!("|{rule}|")];
    rows.extend(lines.iter().map(|line| row(line.iter().map(String::as_str).collect())));
    rows.join("\n")
}

/// A target beside a measurement.
pub(super) fn verdict(kept: bool) -> String {
    if kept { "kept" } else { "MISSED" }.to_owned()
}

/// A count, with a comma between thousands.
pub(super) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([12.4, 1234.0, 1_234_567.0].map(thousands), ["12", "1,234", "1,234,567"]);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
