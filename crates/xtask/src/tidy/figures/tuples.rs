//! Tuples that stand for a list of parameters, and results with `()` in a tuple.

use syn::visit::{self, Visit};
use syn::{FnArg, Item, Pat, ReturnType, Signature, Type};

use super::finding::{CodeFigure, FigureFinding};
use super::rust_source::RustSource;
use crate::tidy::violation::Violation;

/// Finds both in a source. Closures are excepted, for the items of an iterator often are pairs, and so is what a trait
/// asks of tuples themselves.
pub(super) fn find(source: &RustSource, all: &[RustSource], findings: &mut Vec<FigureFinding>) {
    let of_program = all.iter().filter(|other| other.program() == source.program());
    let aliases = of_program.flat_map(|other| tuple_aliases(&other.syntax.items)).collect();
    SignatureVisitor { source, aliases, findings }.visit_file(&source.syntax);
}

struct SignatureVisitor<'a> {
    source: &'a RustSource,
    /// Names that stand for a tuple.
    aliases: Vec<String>,
    findings: &'a mut Vec<FigureFinding>,
}

impl SignatureVisitor<'_> {
    fn add(&mut self, figure: CodeFigure, signature: &Signature, what: &str) {
        let place = self.source.place(signature.ident.span().start().line);
        let violation = Violation::new(place, format!("{} {what}", signature.ident));
        self.findings.push(FigureFinding { figure, crate_name: self.source.crate_name.clone(), violation });
    }

    fn is_tuple(&self, kind: &Type) -> bool {
        match kind {
            Type::Tuple(tuple) => tuple.elems.len() > 1,
            Type::Reference(reference) => self.is_tuple(&reference.elem),
            Type::Paren(paren) => self.is_tuple(&paren.elem),
            Type::Path(path) => {
                path.path.get_ident().is_some_and(|name| self.aliases.iter().any(|alias| name == alias))
            }
            _ => false,
        }
    }
}

impl<'ast> Visit<'ast> for SignatureVisitor<'_> {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !self.is_tuple(&item.self_ty) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        for input in &signature.inputs {
            if let FnArg::Typed(input) = input
                && (is_tuple_pattern(&input.pat) || self.is_tuple(&input.ty))
            {
                self.add(
                    CodeFigure::TupleParameter,
                    signature,
                    "takes a tuple; give what is in it a name, as a struct",
                );
            }
        }
        if let ReturnType::Type(_, result) = &signature.output {
            let mut units = UnitVisitor { is_found: false };
            units.visit_type(result);
            if units.is_found {
                self.add(CodeFigure::UnitInTuple, signature, "gives a tuple with () in it; give what is meant alone");
            }
        }
    }
}

fn is_tuple_pattern(pattern: &Pat) -> bool {
    match pattern {
        Pat::Tuple(tuple) => tuple.elems.len() > 1,
        Pat::Reference(reference) => is_tuple_pattern(&reference.pat),
        _ => false,
    }
}

fn tuple_aliases(items: &[Item]) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        match item {
            Item::Type(alias) if matches!(&*alias.ty, Type::Tuple(tuple) if tuple.elems.len() > 1) => {
                names.push(alias.ident.to_string());
            }
            Item::Mod(module) => {
                names.extend(module.content.iter().flat_map(|(_, items)| tuple_aliases(items)));
            }
            _ => {}
        }
    }
    names
}

struct UnitVisitor {
    is_found: bool,
}

impl<'ast> Visit<'ast> for UnitVisitor {
    fn visit_type_tuple(&mut self, tuple: &'ast syn::TypeTuple) {
        let is_unit = |kind: &Type| matches!(kind, Type::Tuple(inner) if inner.elems.is_empty());
        self.is_found |= tuple.elems.len() > 1 && tuple.elems.iter().any(is_unit);
        visit::visit_type_tuple(self, tuple);
    }
}
