//! The lengths of functions and files.

use syn::visit::{self, Visit};
use syn::{Block, Signature};

use super::finding::{CodeFigure, FigureFinding};
use super::rust_source::RustSource;
use crate::tidy::violation::Violation;

/// From the line of its name to its last brace.
const MOST_LINES_OF_FUNCTION: usize = 60;
/// Most stay under 250.
const MOST_LINES_OF_FILE: usize = 350;

/// Finds functions and files that are too long.
pub(super) fn find(source: &RustSource, findings: &mut Vec<FigureFinding>) {
    let lines = source.text.lines().count();
    if lines > MOST_LINES_OF_FILE {
        let what = format!(
            "{lines} lines, and at most {MOST_LINES_OF_FILE} are allowed; give one of its nouns a file of its own"
        );
        findings.push(FigureFinding {
            figure: CodeFigure::LongFile,
            crate_name: source.crate_name.clone(),
            violation: Violation::new(&source.path, what),
        });
    }
    FunctionVisitor { source, findings }.visit_file(&source.syntax);
}

struct FunctionVisitor<'a> {
    source: &'a RustSource,
    findings: &'a mut Vec<FigureFinding>,
}

impl FunctionVisitor<'_> {
    fn measure(&mut self, signature: &Signature, body: &Block) {
        let first = signature.fn_token.span.start().line;
        let lines = body.brace_token.span.close().end().line + 1 - first;
        if lines > MOST_LINES_OF_FUNCTION {
            let what =
                format!("{} has {lines} lines, and at most {MOST_LINES_OF_FUNCTION} are allowed", signature.ident);
            self.findings.push(FigureFinding {
                figure: CodeFigure::LongFunction,
                crate_name: self.source.crate_name.clone(),
                violation: Violation::new(self.source.place(first), what),
            });
        }
    }
}

impl<'ast> Visit<'ast> for FunctionVisitor<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
