//! Names and texts as YAML of Kubernetes takes them.

use std::path::Path;

/// The name of a file as part of an object's name: no underscores there.
pub(super) fn stem(path: &Path) -> String {
    object_name(&path.file_stem().unwrap_or_default().to_string_lossy())
}

/// A name as part of an object's name.
pub(super) fn object_name(name: &str) -> String {
    name.replace('_', "-")
}

/// Indents every line that is not empty. A line of blanks only is indented too: in a block of text they count.
pub(super) fn indented(text: &str, by: usize) -> String {
    let indentation = " ".repeat(by);
    let line = |line: &str| if line == "\n" { line.to_owned() } else { format!("{indentation}{line}") };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_inside_a_text_stay_as_many_as_they_are() {
        assert_eq!(indented("a: |\n  b\n\n   \n  c\n", 2), "  a: |\n    b\n\n     \n    c\n");
    }
}
