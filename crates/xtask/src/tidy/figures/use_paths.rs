//! The paths of `use` declarations.

use syn::{ItemUse, UseTree};

/// One path of a `use` declaration.
pub(super) struct UsePath {
    pub(super) segments: Vec<String>,
    /// The name that the module gives it; none where all names of a module are imported.
    pub(super) name: Option<String>,
    pub(super) line: usize,
}

/// The paths of a declaration, its groups taken apart.
pub(super) fn use_paths(import: &ItemUse) -> Vec<UsePath> {
    let mut found = Vec::new();
    // A path that begins with `::` leads into another crate.
    if import.leading_colon.is_none() {
        flatten(&import.tree, &mut Vec::new(), &mut found);
    }
    found
}

fn flatten(tree: &UseTree, above: &mut Vec<String>, found: &mut Vec<UsePath>) {
    let mut add = |last: &syn::Ident, name: Option<String>| {
        let mut segments = above.clone();
        if last != "self" || above.is_empty() {
            segments.push(last.to_string());
        }
        let name = name.or_else(|| segments.last().cloned());
        found.push(UsePath { segments, name, line: last.span().start().line });
    };
    match tree {
        UseTree::Path(path) => {
            above.push(path.ident.to_string());
            flatten(&path.tree, above, found);
            above.pop();
        }
        UseTree::Name(name) => add(&name.ident, None),
        UseTree::Rename(rename) => add(&rename.ident, Some(rename.rename.to_string())),
        UseTree::Glob(glob) => {
            found.push(UsePath { segments: above.clone(), name: None, line: glob.star_token.spans[0].start().line });
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, above, found)),
    }
}
