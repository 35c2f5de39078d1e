//! The modules of a program or library, from its root file on, and the names that each one has.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Expr, ExprLit, Ident, Item, ItemMod, ItemUse, Lit, Meta};

use super::rust_source::{RustSource, is_for_tests};
use super::use_paths::{UsePath, use_paths};

/// All modules of one program or library.
pub(super) struct ModuleTree<'a> {
    pub(super) scopes: Vec<ModuleScope<'a>>,
    all: &'a [RustSource],
}

/// One module: a file, or a part of a file between braces.
pub(super) struct ModuleScope<'a> {
    pub(super) source: &'a RustSource,
    pub(super) parent: Option<usize>,
    pub(super) items: &'a [Item],
    pub(super) is_for_tests: bool,
    pub(super) names: BTreeMap<String, Vec<NameMeaning>>,
    /// Modules and enums whose names are all imported.
    pub(super) globs: Vec<Vec<String>>,
    /// Where the files of its modules lie.
    folder: String,
}

/// What a name of a module stands for.
#[derive(Clone)]
pub(super) enum NameMeaning {
    /// An item that the module defines.
    Item,
    /// A module below it.
    Module(usize),
    /// What an import names.
    Import(Vec<String>),
}

impl<'a> ModuleTree<'a> {
    /// A tree for each library, program, test program and example of each crate.
    pub(super) fn of_every_program(all: &'a [RustSource]) -> Vec<Self> {
        let mut trees: Vec<Self> =
            all.iter().filter(|source| is_root(source)).map(|root| Self::grow(root, all)).collect();
        // A file that a test program has as a module is no program itself.
        let modules = trees.iter().flat_map(|tree| tree.sources().into_iter().skip(1));
        let modules: BTreeSet<&str> = modules.map(|source| source.path.as_str()).collect();
        trees.retain(|tree| !modules.contains(tree.scopes[0].source.path.as_str()));
        trees
    }

    fn grow(root: &'a RustSource, all: &'a [RustSource]) -> Self {
        let mut tree = Self { scopes: Vec::new(), all };
        let folder = root.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        tree.add(ModuleScope::new(root, &root.syntax.items, None, folder));
        tree
    }

    pub(super) fn crate_name(&self) -> &str {
        &self.scopes[0].source.crate_name
    }

    /// Every file once, the root first.
    pub(super) fn sources(&self) -> Vec<&'a RustSource> {
        let mut seen = BTreeSet::new();
        self.scopes.iter().map(|scope| scope.source).filter(|source| seen.insert(source.path.as_str())).collect()
    }

    fn add(&mut self, scope: ModuleScope<'a>) -> usize {
        let index = self.scopes.len();
        let items = scope.items;
        self.scopes.push(scope);
        for item in items {
            match item {
                Item::Mod(module) => self.add_module(index, module),
                Item::Use(import) => self.scopes[index].import(import),
                _ => {
                    if let Some(name) = name_of(item) {
                        self.scopes[index].define(name, NameMeaning::Item);
                    }
                }
            }
        }
        index
    }

    fn add_module(&mut self, parent: usize, module: &'a ItemMod) {
        let above = &self.scopes[parent];
        let name = module.ident.to_string();
        let folder = format!("{}/{name}", above.folder);
        let mut scope = if let Some((_, items)) = &module.content {
            ModuleScope::new(above.source, items, Some(parent), folder)
        } else {
            let Some(source) = self.file_of(above, module) else { return };
            ModuleScope::new(source, &source.syntax.items, Some(parent), folder_of_modules(source, &folder))
        };
        scope.is_for_tests = above.is_for_tests || is_for_tests(&module.attrs);
        let index = self.add(scope);
        self.scopes[parent].define(&module.ident, NameMeaning::Module(index));
    }

    fn file_of(&self, above: &ModuleScope<'a>, module: &ItemMod) -> Option<&'a RustSource> {
        let name = &module.ident;
        let candidates = match written_path(module) {
            Some(path) => {
                let folder = above.source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                vec![without_dots(&format!("{folder}/{path}"))]
            }
            None => vec![format!("{}/{name}.rs", above.folder), format!("{}/{name}/mod.rs", above.folder)],
        };
        self.all.iter().find(|source| candidates.contains(&source.path))
    }
}

impl<'a> ModuleScope<'a> {
    fn new(source: &'a RustSource, items: &'a [Item], parent: Option<usize>, folder: String) -> Self {
        let names = BTreeMap::new();
        Self { source, parent, items, is_for_tests: false, names, globs: Vec::new(), folder }
    }

    fn define(&mut self, name: &Ident, meaning: NameMeaning) {
        self.names.entry(name.to_string()).or_default().push(meaning);
    }

    fn import(&mut self, import: &ItemUse) {
        for UsePath { segments, name, .. } in use_paths(import) {
            match name {
                Some(name) => self.names.entry(name).or_default().push(NameMeaning::Import(segments)),
                None => self.globs.push(segments),
            }
        }
    }
}

/// Cargo finds programs at these places.
fn is_root(source: &RustSource) -> bool {
    let parts: Vec<&str> = source.path_in_crate().split('/').collect();
    match parts[..] {
        ["src", file] => matches!(file, "lib.rs" | "main.rs"),
        ["src", "bin", _] | ["build.rs"] => true,
        ["tests" | "examples" | "benches", ref below @ ..] => matches!(below, [_] | [_, "main.rs"]),
        _ => false,
    }
}

/// The modules of `mod.rs` lie beside it, those of any other file in a folder of its name.
fn folder_of_modules(source: &RustSource, folder: &str) -> String {
    match source.path.strip_suffix(".rs") {
        Some(stem) if !stem.ends_with("/mod") => stem.to_owned(),
        _ => source.path.rsplit_once('/').map_or(folder, |(folder, _)| folder).to_owned(),
    }
}

fn written_path(module: &ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

fn without_dots(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn name_of(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}
