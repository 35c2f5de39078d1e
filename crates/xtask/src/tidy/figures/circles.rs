//! Circles: files of a library or program that use each other, directly or through others.
//!
//! Rule of thumb: a file uses another if its code names an item that is defined there, whichever way the name
//! takes. A declaration of a module, what is exported again and tests do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{CodeFigure, FigureFinding};
use super::module_tree::ModuleTree;
use super::named_paths::named_paths;
use crate::tidy::violation::Violation;

/// Finds the files of circles, each with what it uses of the others.
pub(super) fn find(trees: &[ModuleTree<'_>], findings: &mut Vec<FigureFinding>) {
    for tree in trees.iter().filter(|tree| tree.scopes[0].source.is_in_src()) {
        let graph = FileGraph::of(tree);
        for circle in graph.circles() {
            for file in &circle {
                findings.push(FigureFinding {
                    figure: CodeFigure::FileInCircle,
                    crate_name: tree.crate_name().to_owned(),
                    violation: Violation::new(*file, graph.describe(file, &circle)),
                });
            }
        }
    }
}

/// Which file uses which.
struct FileGraph<'a> {
    /// For each file the files that it uses, with what it names there first.
    uses: BTreeMap<&'a str, BTreeMap<&'a str, FileUse>>,
}

struct FileUse {
    line: usize,
    names: BTreeSet<String>,
}

impl<'a> FileGraph<'a> {
    fn of(tree: &ModuleTree<'a>) -> Self {
        let mut uses = BTreeMap::<&str, BTreeMap<&str, FileUse>>::new();
        for (index, scope) in tree.scopes.iter().enumerate().filter(|(_, scope)| !scope.is_for_tests) {
            let used = uses.entry(&scope.source.path).or_default();
            for path in named_paths(scope) {
                for definition in tree.files_that_define(index, &path.segments) {
                    if definition.path == scope.source.path {
                        continue;
                    }
                    let new = || FileUse { line: path.line, names: BTreeSet::new() };
                    let of_file = used.entry(&definition.path).or_insert_with(new);
                    of_file.names.insert(item_of(&path.segments));
                }
            }
        }
        Self { uses }
    }

    /// The largest sets of files that reach each other, each of two at least.
    fn circles(&self) -> Vec<BTreeSet<&'a str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.uses.keys().map(|file| (*file, self.reached_from(file))).collect();
        let mut circles = BTreeSet::new();
        for (file, files) in &reached {
            if files.contains(file) {
                let is_mutual = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(file));
                circles.insert(files.iter().filter(is_mutual).copied().collect::<BTreeSet<_>>());
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from(&self, file: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(file) = open.pop() {
            for next in self.uses.get(file).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(*next) {
                    open.push(next);
                }
            }
        }
        reached
    }

    fn describe(&self, file: &str, circle: &BTreeSet<&str>) -> String {
        let uses = self.uses.get(file).into_iter().flatten().filter(|(other, _)| circle.contains(**other));
        let uses = uses.map(|(other, used)| {
            let names = used.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("\n    line {}: {names} of {other}", used.line)
        });
        format!("in a circle of {} files, of which it uses{}", circle.len(), uses.collect::<String>())
    }
}

/// The part of a path that names an item: the type, or the function at the end.
fn item_of(segments: &[String]) -> String {
    let is_type = |segment: &&String| segment.starts_with(char::is_uppercase);
    segments.iter().find(is_type).or(segments.last()).cloned().unwrap_or_default()
}
