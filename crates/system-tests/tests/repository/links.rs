//! Links and paths in the documents lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::root;

/// A path in backticks begins with one of these.
const FOLDERS: [&str; 7] = [".ci/", ".github/", "crates/", "dashboards/", "deploy/", "docs/", "prometheus.yml"];

/// A Markdown file.
pub(crate) struct MarkdownPage {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl MarkdownPage {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// What stands in backticks within the text, without blocks of code.
    pub(crate) fn code_words(&self) -> Vec<&str> {
        let parts = self.text.split("```").step_by(2);
        parts.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
    }

    fn links(&self) -> Vec<&str> {
        let parts = self.text.split("```").step_by(2);
        parts.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next()).collect()
    }

    /// The anchors of its headings.
    fn anchors(&self) -> BTreeSet<String> {
        self.text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
    }
}

/// All pages, or those of a folder.
pub(crate) fn pages(folder: &str) -> Vec<MarkdownPage> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(MarkdownPage::read(path));
            }
        }
    }
    found
}

fn all_pages() -> Vec<MarkdownPage> {
    let at_the_top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| MarkdownPage::read(root().join(name)));
    at_the_top.into_iter().chain(["docs", "crates", "deploy"].into_iter().flat_map(pages)).collect()
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    words.chars().filter(|character| character.is_alphanumeric() || "-_".contains(*character)).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut problems = Vec::new();
    for page in all_pages() {
        for link in page.links().into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.path.clone() } else { page.path.with_file_name("").join(path) };
            let is_page = target.extension().is_some_and(|extension| extension == "md");
            if !target.exists() || (is_page && !part.is_empty() && !MarkdownPage::read(target).anchors().contains(part))
            {
                problems.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn paths_in_backticks_are_there() {
    let mut problems = Vec::new();
    for page in all_pages().into_iter().filter(|page| !page.path.ends_with("CHANGELOG.md")) {
        for word in page.code_words() {
            let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder));
            // Secrets are written by whoever runs the stack.
            let is_pattern = word.contains(['*', '<', '{', ' ', '…', '$']) || word.starts_with("deploy/secrets/");
            if is_path && !is_pattern && !exists(word.trim_end_matches('/')) {
                problems.push(format!("{}: {word}", page.path.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn exists(path: &str) -> bool {
    root().join(Path::new(path)).exists()
}
