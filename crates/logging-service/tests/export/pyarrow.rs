//! pyarrow, from PyPI and in an environment of its own, reads the Parquet file.

use std::fs;
use std::process::Command;

use logging_service::export::ExportFormat;
use logging_service::store::StoredPrediction;
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::{encode, rows};
use testkit::pypi;

const PYARROW: pypi::Package = ("pyarrow", "26.0.1");
/// Prints the least and the greatest value of each column of doubles in each row group, the types of the times, then each row
/// as a line of JSON, with times in Python's notation.
const SCRIPT: &str = "
import json, sys, pyarrow.parquet as parquet
groups = parquet.ParquetFile(sys.argv[1]).metadata
doubles = {}
for group in map(groups.row_group, range(groups.num_row_groups)):
    for column in map(group.column, range(groups.num_columns)):
        if column.physical_type == 'DOUBLE':
            known = column.statistics
            ends = [known.min, known.max, known.null_count] if known.has_min_max else None
            doubles.setdefault(column.path_in_schema, []).append(ends)
print(json.dumps(doubles))
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
    check_statistics(&serde_json::from_str(lines.next().unwrap()).unwrap(), &rows);
    assert_eq!(lines.next(), Some("timestamp[us, tz=UTC] False"));
    let read: Vec<_> = lines.map(|line| rows::from_cells(serde_json::from_str(line).unwrap())).collect();
    assert_eq!(read.len(), rows.len());
    for (read, row) in read.iter().zip(&rows) {
        assert_eq!(read, row);
    }
}

/// A column of doubles of the file, as the rows have it.
type DoubleColumn = (&'static str, fn(&StoredPrediction) -> Option<f64>);

/// Each row group of a column of doubles says its least and greatest value, so that readers can pass groups over.
fn check_statistics(read: &Value, rows: &[StoredPrediction]) {
    let columns: [DoubleColumn; 4] = [
        ("confidence", |row| row.record.confidence),
        ("value", |row| row.record.value),
        ("latency_seconds", |row| row.record.latency_seconds),
        ("input_brightness", |row| row.record.input.as_ref().map(|input| input.brightness)),
    ];
    assert!(
        read.as_object().unwrap().values().flat_map(|groups| groups.as_array().unwrap()).all(Value::is_array),
        "{read}"
    );
    for (name, of_row) in columns {
        let groups = read[name].as_array().unwrap();
        assert_eq!(groups.len(), 2, "{name}");
        for (group, rows) in groups.iter().zip(rows.chunks(10_000)) {
            let values: Vec<f64> = rows.iter().filter_map(of_row).collect();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(group, &json!([least, greatest, rows.len() - values.len()]), "{name}");
        }
    }
}
