//! The sections of documents that a measurement writes.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;

/// Replaces what stands between the marks of a command in a page.
///
/// # Errors
/// Where the page cannot be read or written, or has no such marks.
pub(super) fn write_section(page: &Path, command: &str, section: &str) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("{} cannot be read", page.display()))?;
    let text = replaced(&text, command, section).with_context(|| format!("{} has no marks", page.display()))?;
    Ok(fs::write(page, text)?)
}

/// The text with another section between its marks.
fn replaced(text: &str, command: &str, section: &str) -> Option<String> {
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- {command} --write: {which} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{section}\n{end}{after}"))
}

/// Machine, date and command.
///
/// # Errors
/// Where the machine does not say what it is.
pub(super) fn caption(command: &str, seconds: f64) -> Result<String> {
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    let model = processor.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let cores = std::thread::available_parallelism()?;
    let day = Timestamp::now().strftime("%Y-%m-%d");
    let minutes = seconds / 60.0;
    let model = model.unwrap_or(std::env::consts::ARCH);
    Ok(format!("{model}, {cores} cores, {day}, {command} ({minutes:.0} minutes)"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let [begin, end] = ["begin", "end"].map(|which| format!("<!-- bench x --write: {which} -->"));
        let page = |section| format!("# Title\n{begin}\n{section}\n{end}\nthe rest\n");
        assert_eq!(replaced(&page("old\nlines"), "bench x", "new").unwrap(), page("new"));
        assert!(replaced("no marks", "bench x", "new").is_none());
        assert!(replaced(&format!("{begin} only one"), "bench x", "new").is_none());
    }
}
