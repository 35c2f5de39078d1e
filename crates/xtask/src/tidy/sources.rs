//! Conventions on any text file.

use super::text_file::TextFile;
use super::violation::Violation;

/// Where people's own folders are.
const HOMES: [&str; 3] = ["/home/", "/root/", "/Users/"];

/// Nobody's home folder is named in any file.
pub(super) fn check(file: &TextFile) -> Vec<Violation> {
    let mut violations = Vec::new();
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
