//! What each figure counts, and what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::code_figures::CodeFigures;
use super::finding::CodeFigure;
use crate::tidy::text_file::TextFile;

/// The places of a figure in a crate of these files, without its folder.
fn places(figure: CodeFigure, files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<TextFile> = files
        .iter()
        .map(|(path, text)| TextFile { path: format!("crates/a/{path}"), text: (*text).to_owned() })
        .collect();
    let figures = CodeFigures::count(&files).unwrap();
    let places = figures.places(figure).into_iter();
    places.map(|place| place.trim_start_matches("crates/a/").to_owned()).collect()
}

#[test]
fn tuples_are_found_by_type_by_pattern_and_by_alias() {
    let counted = "type Bag = (u8, u8);
fn a((x, y): (u8, u8)) {}
fn b(bag: Bag) {}
fn c((x, y): Alias) {}
fn d(&self, bag: &(u8, u8)) {}
trait T { fn e(bag: (u8, u8)); }
fn f() { fn g(_: (u8, u8)) {} }
";
    let lines = ["src/lib.rs:2", "src/lib.rs:3", "src/lib.rs:4", "src/lib.rs:5", "src/lib.rs:6", "src/lib.rs:7"];
    assert_eq!(places(CodeFigure::TupleParameter, &[("src/lib.rs", counted)]), lines);
    let allowed = "fn a(pairs: &[(u8, u8)], one: (u8,), unit: ()) -> (u8, u8) { f(|(x, y): (u8, u8)| x) }
impl<A, B> Labels for (A, B) { fn index(&self, (a, b): (A, B)) {} }
";
    assert!(places(CodeFigure::TupleParameter, &[("src/lib.rs", allowed)]).is_empty());
}

#[test]
fn a_unit_in_a_tuple_of_a_result_is_found() {
    let text = "fn a() -> Result<(Vec<u8>, ()), E> {}\nfn b() -> Result<(), E> {}\nfn c() -> (u8, u8) {}\n";
    assert_eq!(places(CodeFigure::UnitInTuple, &[("src/lib.rs", text)]), ["src/lib.rs:1"]);
}

#[test]
fn a_name_may_be_used_once_in_src_and_once_in_each_test_program() {
    let files = [
        ("src/lib.rs", "mod b;\nstruct Value;\n#[cfg(test)]\nmod tests { struct Value; }\n"),
        ("src/b.rs", "fn f() { enum Other {} }\ntrait Other {}\nimpl T for U { type Value = u8; }\n"),
        ("tests/one.rs", "mod common;\nstruct Value;\n"),
        ("tests/two.rs", "mod common;\nstruct Value;\n"),
        ("tests/common/mod.rs", "struct Shared;\n"),
        ("tests/three/main.rs", "mod deep;\ntype Value = u8;\n"),
        ("tests/three/deep.rs", "struct Value;\n"),
    ];
    let expected = ["src/b.rs:1", "src/lib.rs:2", "tests/three/main.rs:2"];
    assert_eq!(places(CodeFigure::SharedTypeName, &files), expected);
}

/// Two files, of which the second uses the first.
fn circle(one: &str, other: &str) -> Vec<String> {
    let root = "mod one;\nmod other;\npub use one::One;\npub(crate) use other::Other;\n";
    places(CodeFigure::FileInCircle, &[("src/lib.rs", root), ("src/one.rs", one), ("src/other.rs", other)])
}

#[test]
fn files_that_use_each_other_are_in_a_circle() {
    let other = "use crate::One;\npub(crate) struct Other;\n";
    for uses in [
        "use crate::other::Other;",
        "use super::other::{self, Other as Renamed};",
        "use crate::Other;",
        "fn f() { crate::other::Other::new() }",
        "fn f() { g(vec![crate::Other; 2]) }",
        "fn f(other: &super::other::Other) {}",
        "use crate::other::*; fn f() -> Other { Other }",
        "#[path(crate::other::Other)] fn f() {}",
        "mod inner { use super::super::other::Other; }",
    ] {
        let one = format!("{uses}\npub struct One;\n");
        assert_eq!(circle(&one, other), ["src/one.rs", "src/other.rs"], "{uses}");
    }
}

#[test]
fn tests_declarations_exports_and_modules_alone_make_no_circle() {
    let other = "use crate::One;\npub(crate) struct Other;\n";
    for uses in [
        "#[cfg(test)] mod tests { use crate::other::Other; }",
        "#[cfg(test)] use crate::other::Other;",
        "pub use crate::other::Other;",
        "use crate::other;",
        "use super::One as Alias;",
        "use elsewhere::Other;",
        "fn f(other: u8) { other.Other(); other + 1 }",
        "/// [`crate::other::Other`]\nstruct S;",
    ] {
        let one = format!("{uses}\npub struct One;\n");
        assert!(circle(&one, other).is_empty(), "{uses}");
    }
}

#[test]
fn a_circle_leads_through_any_number_of_files() {
    let files = [
        ("src/main.rs", "mod a;\nmod b;\nmod c;\nmod d;\nuse a::A;\n"),
        ("src/a/mod.rs", "mod below;\nuse crate::b::B;\npub(crate) struct A;\n"),
        ("src/a/below.rs", "use super::A;\n"),
        ("src/b.rs", "use crate::c::f;\npub(crate) struct B;\n"),
        ("src/c.rs", "use crate::a::A;\npub(crate) fn f() {}\n"),
        ("src/d.rs", "use crate::a::A;\n"),
    ];
    assert_eq!(places(CodeFigure::FileInCircle, &files), ["src/a/mod.rs", "src/b.rs", "src/c.rs"]);
}

#[test]
fn functions_and_files_have_a_length_that_is_allowed() {
    for (lines, expected) in [(60, 0), (61, 1)] {
        let text = format!("fn a() {{\n{}}}\n", "\n".repeat(lines - 2));
        assert_eq!(places(CodeFigure::LongFunction, &[("tests/x.rs", &text)]).len(), expected, "{lines}");
    }
    for (lines, expected) in [(350, 0), (351, 1)] {
        assert_eq!(places(CodeFigure::LongFile, &[("src/x.rs", &"\n".repeat(lines))]).len(), expected, "{lines}");
    }
}

#[test]
fn docs_open_with_their_subject() {
    let text = "//! Who it is.\n\n/// Fine.\n/// Those that follow.\nfn a() {}\n/// Those of b.\nfn b() {}\n/// Whoever\nfn c() {}\n";
    assert_eq!(places(CodeFigure::DocOpening, &[("src/lib.rs", text)]), ["src/lib.rs:1", "src/lib.rs:6"]);
}
