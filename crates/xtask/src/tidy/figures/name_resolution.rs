//! Where the item that a path names is defined, through imports and what is exported again.

use super::module_tree::{ModuleTree, NameMeaning};
use super::rust_source::RustSource;

/// Imports that lead to each other in a circle end here.
const MOST_STEPS: usize = 12;

/// What a path leads to.
#[derive(Clone, Copy)]
enum PathTarget {
    /// An item of this module.
    ItemOf(usize),
    Module(usize),
}

impl<'a> ModuleTree<'a> {
    /// The files that define what `segments` names in a module; none where it lies in another crate.
    pub(super) fn files_that_define(&self, module: usize, segments: &[String]) -> Vec<&'a RustSource> {
        let targets = self.resolve(module, segments, MOST_STEPS).into_iter();
        let of_items = targets.filter_map(|target| match target {
            PathTarget::ItemOf(module) => Some(&self.scopes[module]),
            PathTarget::Module(_) => None,
        });
        of_items.filter(|scope| !scope.is_for_tests).map(|scope| scope.source).collect()
    }

    fn resolve(&self, module: usize, segments: &[String], steps: usize) -> Vec<PathTarget> {
        let Some((first, rest)) = segments.split_first().filter(|_| steps > 0) else { return Vec::new() };
        let targets = match first.as_str() {
            "crate" => vec![PathTarget::Module(0)],
            "self" => vec![PathTarget::Module(module)],
            "super" => self.above(module),
            name => self.look_up(module, name, steps - 1),
        };
        self.follow(targets, rest, steps - 1)
    }

    /// What follows an item is a part of it: a variant, a constant, a function. Where a module and an item have the
    /// same name, the module is meant if it knows what follows.
    fn follow(&self, mut targets: Vec<PathTarget>, segments: &[String], steps: usize) -> Vec<PathTarget> {
        for segment in segments {
            let mut below = Vec::new();
            for target in &targets {
                match target {
                    PathTarget::Module(module) if segment == "super" => below.extend(self.above(*module)),
                    PathTarget::Module(module) => below.extend(self.look_up(*module, segment, steps)),
                    PathTarget::ItemOf(_) => {}
                }
            }
            if below.is_empty() {
                targets.retain(|target| matches!(target, PathTarget::ItemOf(_)));
            } else {
                targets = below;
            }
        }
        targets
    }

    fn above(&self, module: usize) -> Vec<PathTarget> {
        self.scopes[module].parent.map(PathTarget::Module).into_iter().collect()
    }

    fn look_up(&self, module: usize, name: &str, steps: usize) -> Vec<PathTarget> {
        let scope = &self.scopes[module];
        if let Some(meanings) = scope.names.get(name) {
            let targets = meanings.iter().map(|meaning| match meaning {
                NameMeaning::Item => vec![PathTarget::ItemOf(module)],
                NameMeaning::Module(below) => vec![PathTarget::Module(*below)],
                NameMeaning::Import(path) if path.first().is_some_and(|first| first == name) => {
                    // `use tower;` names the other crate, and `use parse::parse;` an item of the module.
                    self.follow(self.modules_of_name(module, name), &path[1..], steps)
                }
                NameMeaning::Import(path) => self.resolve(module, path, steps),
            });
            return targets.flatten().collect();
        }
        let modules = scope.globs.iter().flat_map(|glob| self.resolve(module, glob, steps));
        let found = modules.flat_map(|target| match target {
            PathTarget::Module(other) if other != module && steps > 0 => self.look_up(other, name, steps - 1),
            _ => Vec::new(),
        });
        found.collect()
    }

    fn modules_of_name(&self, module: usize, name: &str) -> Vec<PathTarget> {
        let meanings = self.scopes[module].names.get(name).into_iter().flatten();
        let modules = meanings.filter_map(|meaning| match meaning {
            NameMeaning::Module(below) => Some(PathTarget::Module(*below)),
            _ => None,
        });
        modules.collect()
    }
}
