//! Figures of the code: what a reader stumbles over, counted for each crate.
//!
//! Rule of thumb: a figure counts what a person can point at, so each one comes with its places.

mod circles;
mod code_figures;
mod docs;
mod finding;
mod lengths;
mod module_tree;
mod name_resolution;
mod named_paths;
mod rust_source;
mod table;
mod tuples;
mod type_names;
mod use_paths;

pub(super) use self::code_figures::CodeFigures;

#[cfg(test)]
mod tests;
