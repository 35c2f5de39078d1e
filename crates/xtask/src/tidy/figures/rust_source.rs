//! A Rust file, parsed.

use anyhow::{Context, Result};
use syn::Attribute;

use crate::tidy::text_file::TextFile;

/// A Rust file of a crate.
pub(super) struct RustSource {
    /// Relative to the root of the repository.
    pub(super) path: String,
    /// The folder of its crate, which is its name as well.
    pub(super) crate_name: String,
    pub(super) text: String,
    pub(super) syntax: syn::File,
}

impl RustSource {
    /// Parses what is a Rust file of a crate.
    pub(super) fn parse(file: &TextFile) -> Option<Result<Self>> {
        let crate_name = file.path.strip_prefix("crates/")?.split('/').next()?;
        if !file.path.ends_with(".rs") {
            return None;
        }
        let parsed = syn::parse_file(&file.text).with_context(|| format!("{} cannot be parsed", file.path));
        Some(parsed.map(|syntax| Self {
            path: file.path.clone(),
            crate_name: crate_name.to_owned(),
            text: file.text.clone(),
            syntax,
        }))
    }

    /// The path below the folder of the crate.
    pub(super) fn path_in_crate(&self) -> &str {
        self.path.splitn(3, '/').last().unwrap_or(&self.path)
    }

    /// The folder or file that its program begins with: `crates/monitoring/src`, `crates/monitoring/tests/http`.
    pub(super) fn program(&self) -> &str {
        let parts = if self.is_in_src() { 3 } else { 4 };
        let end = self.path.match_indices('/').nth(parts - 1).map_or(self.path.len(), |(end, _)| end);
        self.path[..end].trim_end_matches(".rs")
    }

    /// Whether the file belongs to the library or the program of the crate.
    pub(super) fn is_in_src(&self) -> bool {
        self.path_in_crate().starts_with("src/")
    }

    pub(super) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// Whether something is compiled for tests only.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let condition = list.tokens.to_string();
        let has = |wanted: &str| condition.split(|c: char| !c.is_alphanumeric()).any(|word| word == wanted);
        list.path.is_ident("cfg") && has("test") && !has("not")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn tests_are_known_by_their_condition() {
        for (attribute, expected) in [
            ("#[cfg(test)]", true),
            ("#[cfg(all(test, unix))]", true),
            ("#[cfg(not(test))]", false),
            ("#[cfg(unix)]", false),
            ("#[test]", false),
        ] {
            let item: syn::ItemMod = syn::parse_str(&format!("{attribute} mod a;")).unwrap();
            assert_eq!(is_for_tests(&item.attrs), expected, "{attribute}");
        }
    }
}
