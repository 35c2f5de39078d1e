//! Files that would take more than a machine has are refused before they do.

use crate::command::{Desk, gzip};

const COMMAND: [&str; 3] = ["profile", "--model", "credit"];

#[test]
fn long_rows_and_wide_tables_are_refused() {
    let desk = Desk::new();
    let long = "x".repeat(3 << 20);
    desk.put("quote.csv", format!("a,b\n1,2\n3,\"{long}\n4,5\n"));
    desk.put("long.ndjson", format!("{{\"a\": \"1\"}}\n{{\"a\": \"{long}\"}}\n"));
    let wide: Vec<String> = (0..2_001).map(|column| format!("c{column}")).collect();
    desk.put("wide.csv", format!("{}\n", wide.join(",")));
    let members: Vec<String> = wide.iter().map(|name| format!("\"{name}\": 1")).collect();
    desk.put("wide.ndjson", format!("{{{}}}\n", members.join(",")));
    let features: Vec<&str> = wide.iter().take(501).map(String::as_str).collect();
    desk.put("features.csv", format!("{}\n{}\n", features.join(","), vec!["1"; 501].join(",")));
    for (file, says) in [
        ("quote.csv", "after row 1: a row has more than 1048576 bytes; perhaps a quote is not closed"),
        ("long.ndjson", "row 2: it has more than 1048576 bytes"),
        ("wide.csv", "more than 2000 columns"),
        ("wide.ndjson", "more than 2000 columns"),
        ("features.csv", "column c500 would be a feature, and there are 500 already"),
    ] {
        let said = desk.refusal(&[&COMMAND[..], &[file]].concat());
        assert!(said.contains(says), "{file}: {said}");
    }
}

/// A kilobyte of gzip holds a megabyte; what it unpacks to is never held as a whole.
#[test]
fn a_bomb_unpacks_into_a_refusal() {
    let desk = Desk::new();
    desk.put("bomb.csv.gz", gzip(&vec![b'x'; 64 << 20]));
    desk.put("bomb.ndjson.gz", gzip(&vec![b'['; 64 << 20]));
    desk.put("cut.csv.gz", &gzip(b"a,b\n1,2\n3,4\n")[..20]);
    for (file, says) in [
        ("bomb.csv.gz", "a row has more than 1048576 bytes"),
        ("bomb.ndjson.gz", "it has more than 1048576 bytes"),
        ("cut.csv.gz", "cut.csv.gz"),
    ] {
        let said = desk.refusal(&[&COMMAND[..], &[file]].concat());
        assert!(said.contains(says), "{file}: {said}");
    }
}
