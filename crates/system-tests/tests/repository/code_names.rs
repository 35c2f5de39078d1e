//! The pages that lead through the code name what is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use testkit::root;

use crate::links::pages;

/// Names of types and traits, and of what is called in them, stand in the sources.
#[test]
fn names_in_the_pages_about_code_are_defined() {
    let mut words = BTreeSet::new();
    collect_words(&root().join("crates"), &mut words);
    let pages = pages("docs/how-to");
    assert!(pages.len() >= 3, "only {} pages", pages.len());
    let mut problems = Vec::new();
    for page in pages {
        for name in page.code_words() {
            let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
            let parts: Vec<&str> = name.trim_end_matches("()").split("::").collect();
            let is_type = parts[0].starts_with(char::is_uppercase) && parts[0].contains(char::is_lowercase);
            if parts.iter().all(|part| is_name(part)) && (is_type || parts.len() > 1 || name.ends_with("()")) {
                let missing = parts.iter().filter(|part| !words.contains(**part));
                problems.extend(missing.map(|part| format!("{}: {part} of {name}", page.path.display())));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The words of all Rust sources but this one.
fn collect_words(folder: &Path, words: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect_words(&path, words);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let is_part = |character: char| character.is_alphanumeric() || character == '_';
            words.extend(text.split(|character| !is_part(character)).map(str::to_owned));
        }
    }
}
