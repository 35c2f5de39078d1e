//! The paths that a module's code names: in its imports, its code, its attributes and the calls of its macros.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, ItemUse, Visibility};

use super::module_tree::ModuleScope;
use super::rust_source::is_for_tests;
use super::use_paths::use_paths;

/// A path, and the line where it stands.
pub(super) struct NamedPath {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// All paths of a module, without its tests, its modules and what it exports again.
pub(super) fn named_paths(scope: &ModuleScope<'_>) -> Vec<NamedPath> {
    let mut visitor = PathVisitor { paths: Vec::new(), bound: Vec::new() };
    for item in scope.items {
        visitor.visit_item(item);
    }
    visitor.paths
}

struct PathVisitor {
    paths: Vec<NamedPath>,
    /// Names of variables, for each function around.
    bound: Vec<BTreeSet<String>>,
}

impl PathVisitor {
    fn add(&mut self, segments: Vec<String>, line: usize) {
        let is_variable = segments.len() == 1 && self.bound.iter().any(|bound| bound.contains(&segments[0]));
        if !is_variable && segments.first().is_some_and(|first| first != "Self") {
            self.paths.push(NamedPath { segments, line });
        }
    }

    /// Nobody knows what a macro makes of its tokens: whatever looks like a path counts as one.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = NamedPath { segments: Vec::new(), line: 0 };
        let mut before = String::new();
        for token in tokens {
            if let TokenTree::Punct(character) = token {
                before.push(character.as_char());
                continue;
            }
            if before != "::" || !matches!(token, TokenTree::Ident(_)) {
                self.add_path(&mut path);
            }
            match token {
                // After a single dot comes a method or a field.
                TokenTree::Ident(_) if before.ends_with('.') && !before.ends_with("..") => {}
                TokenTree::Ident(name) => {
                    path.line = name.span().start().line;
                    path.segments.push(name.to_string());
                }
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(_) | TokenTree::Punct(_) => {}
            }
            before.clear();
        }
        self.add_path(&mut path);
    }

    fn add_path(&mut self, path: &mut NamedPath) {
        if !path.segments.is_empty() {
            self.add(std::mem::take(&mut path.segments), path.line);
        }
    }

    fn within(&mut self, function: impl Fn(&mut VariableVisitor), visit: impl FnOnce(&mut Self)) {
        let mut variables = VariableVisitor { names: BTreeSet::new() };
        function(&mut variables);
        self.bound.push(variables.names);
        visit(self);
        self.bound.pop();
    }
}

impl<'ast> Visit<'ast> for PathVisitor {
    fn visit_item(&mut self, item: &'ast Item) {
        if !matches!(item, Item::Mod(_)) && !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if matches!(import.vis, Visibility::Inherited) {
            for path in use_paths(import).into_iter().filter(|path| path.name.is_some()) {
                self.add(path.segments, path.line);
            }
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.within(|variables| variables.visit_item_fn(function), |this| visit::visit_item_fn(this, function));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.within(
                |variables| variables.visit_impl_item_fn(function),
                |this| visit::visit_impl_item_fn(this, function),
            );
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none()
            && let Some(first) = path.segments.first()
        {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(segments, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // Only what stands between the parentheses: the name of an attribute is a macro's, seldom our own.
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.add_tokens(tokens.clone());
    }
}

/// Collects the variables of a function, those of its closures too.
struct VariableVisitor {
    names: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for VariableVisitor {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.names.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
