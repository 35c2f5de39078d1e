//! Conventions on any text file.

use super::{TextFile, Violation};

/// Of a Rust source file. Most stay under 250.
const MOST_LINES: usize = 350;
/// Where people's own folders are.
const HOMES: [&str; 3] = ["/home/", "/root/", "/Users/"];

/// Source files are short, and nobody's home folder is named in any file.
pub(super) fn check(file: &TextFile) -> Vec<Violation> {
    let mut violations = Vec::new();
    let lines = file.text.lines().count();
    if is_source(&file.path) && lines > MOST_LINES {
        violations.push(Violation::new(
            &file.path,
            format!("{lines} lines, and at most {MOST_LINES} are allowed; give one of its nouns a file of its own"),
        ));
    }
    for (index, line) in file.text.lines().enumerate() {
        if names_a_home(line) {
            violations.push(Violation::new(
                format!("{}:{}", file.path, index + 1),
                "a path into somebody's home folder; write it relative to the repository, or take it as an option",
            ));
        }
    }
    violations
}

fn is_source(path: &str) -> bool {
    matches!(path.split('/').collect::<Vec<_>>()[..], ["crates", _, "src", ..]) && path.ends_with(".rs")
}

/// A path that begins at the root folder and goes on below a home; not a part of a URL, and not the bare prefix.
fn names_a_home(line: &str) -> bool {
    HOMES.iter().any(|home| {
        line.match_indices(home).any(|(start, _)| {
            let before = line[..start].chars().next_back();
            let after = line[start + home.len()..].chars().next();
            let begins = before.is_none_or(|before| !before.is_alphanumeric() && !"._-}~".contains(before));
            begins && after.is_some_and(|after| after.is_alphanumeric() || after == '.')
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn file(path: &str, text: String) -> TextFile {
        TextFile { path: path.into(), text }
    }

    #[test]
    fn only_sources_are_counted_and_the_limit_itself_is_allowed() {
        for (path, lines, violations) in [
            ("crates/a/src/b.rs", MOST_LINES, 0),
            ("crates/a/src/b.rs", MOST_LINES + 1, 1),
            ("crates/a/src/deep/er/b.rs", MOST_LINES + 1, 1),
            ("crates/a/tests/b.rs", MOST_LINES + 1, 0),
            ("crates/a/src/labels.txt", MOST_LINES + 1, 0),
        ] {
            assert_eq!(check(&file(path, "x\n".repeat(lines))).len(), violations, "{path} with {lines} lines");
        }
    }

    #[test]
    fn homes_are_found_in_any_file_with_their_line() {
        let text = format!("fine\nmodels = \"{}ada/models\"\n", HOMES[0]);
        assert_eq!(check(&file("docs/a.md", text))[0].place, "docs/a.md:2");
        for home in HOMES {
            for line in
                [format!("{home}ada"), format!("cd {home}ada/x"), format!("({home}.cargo)"), format!("a={home}b")]
            {
                assert!(names_a_home(&line), "{line}");
            }
            for line in
                [format!("{home} "), format!("\"{home}\""), format!("https://a.org{home}page"), format!("./x{home}y")]
            {
                assert!(!names_a_home(&line), "{line}");
            }
        }
    }
}
