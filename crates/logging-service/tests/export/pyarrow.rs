//! pyarrow, from PyPI and in an environment of its own, reads the Parquet file.

use std::fs;
use std::process::Command;

use logging_service::export::ExportFormat;
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::{encode, rows};
use testkit::pypi;

const PYARROW: pypi::Package = ("pyarrow", "26.0.1");
/// Prints the types of the times, then each row as a line of JSON, with times in Python's notation.
const SCRIPT: &str = "
import json, sys, pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
print(table.schema.field('occurred_at').type, table.schema.field('recorded_at').nullable)
for row in table.to_pylist():
    print(json.dumps(row, default=lambda time: time.isoformat()))
";

#[test]
fn pyarrow_reads_the_same_rows() {
    let Some(python) = pypi::python(&[PYARROW], "whether pyarrow reads Parquet files") else { return };
    let mut rows = rows::rows(500..501).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    rows.push(rows::full());
    // Enough rows for more than one row group.
    let rows: Vec<_> = rows.iter().cycle().take(10_500).cloned().collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.parquet");
    fs::write(&file, encode(ExportFormat::Parquet, &rows, 777)).unwrap();
    let output = Command::new(python).args(["-c", SCRIPT]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout).unwrap();
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some("timestamp[us, tz=UTC] False"));
    let read: Vec<_> = lines.map(|line| rows::from_cells(serde_json::from_str(line).unwrap())).collect();
    assert_eq!(read.len(), rows.len());
    for (read, row) in read.iter().zip(&rows) {
        assert_eq!(read, row);
    }
}
