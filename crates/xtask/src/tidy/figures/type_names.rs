//! Names of types that several types have.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::finding::{CodeFigure, FigureFinding};
use super::module_tree::ModuleTree;
use crate::tidy::violation::Violation;

/// Finds names that stand for several types of one program, its tests included.
pub(super) fn find(tree: &ModuleTree<'_>, findings: &mut Vec<FigureFinding>) {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for source in tree.sources() {
        let mut definitions = DefinitionVisitor { found: Vec::new() };
        definitions.visit_file(&source.syntax);
        for (name, line) in definitions.found {
            places.entry(name).or_default().push(source.place(line));
        }
    }
    for (name, places) in places.into_iter().filter(|(_, places)| places.len() > 1) {
        let what = format!("{name} is the name of {} types: {}", places.len(), places.join(", "));
        findings.push(FigureFinding {
            figure: CodeFigure::SharedTypeName,
            crate_name: tree.crate_name().to_owned(),
            violation: Violation::new(&places[0], what),
        });
    }
}

/// Collects the definitions of types and traits, those inside of functions as well.
struct DefinitionVisitor {
    found: Vec<(String, usize)>,
}

impl DefinitionVisitor {
    fn add(&mut self, name: &syn::Ident) {
        self.found.push((name.to_string(), name.span().start().line));
    }
}

impl<'ast> Visit<'ast> for DefinitionVisitor {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident);
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.add(&item.ident);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident);
        visit::visit_item_trait(self, item);
    }
}
