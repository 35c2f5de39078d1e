//! The Parquet file as Python's users read it: pyarrow, from PyPI, in an environment of its own.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use logging_service::export::ExportFormat;
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::{encode, rows};

const VERSION: &str = "26.0.1";
/// Prints the schema's times, then a row a line; times as Python knows them, everything else as JSON.
const SCRIPT: &str = "
import json, sys, pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
print(table.schema.field('occurred_at').type, table.schema.field('recorded_at').nullable)
for row in table.to_pylist():
    print(json.dumps(row, default=lambda time: time.isoformat()))
";

#[test]
fn pyarrow_reads_the_same_rows() {
    let python = match python() {
        Ok(python) => python,
        Err(problem) => {
            let sentence = format!("pyarrow cannot be installed ({problem}), so Parquet is not read with it");
            assert!(env::var_os("CI").is_none(), "{sentence}");
            // Straight to stderr: the test harness swallows what passing tests print.
            std::io::stderr().write_all(format!("SKIPPED: {sentence}\n").as_bytes()).unwrap();
            return;
        }
    };
    let mut rows = rows::rows(500..501).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    rows.push(rows::full());
    // More than one row group.
    let rows: Vec<_> = rows.iter().cycle().take(10_500).cloned().collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.parquet");
    fs::write(&file, encode(ExportFormat::Parquet, &rows, 777)).unwrap();
    let output = run(Command::new(python).args(["-c", SCRIPT]).arg(&file)).unwrap();
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some("timestamp[us, tz=UTC] False"));
    let read: Vec<_> = lines.map(|line| rows::from_cells(serde_json::from_str(line).unwrap())).collect();
    assert_eq!(read.len(), rows.len());
    for (read, row) in read.iter().zip(&rows) {
        assert_eq!(read, row);
    }
}

/// Python with pyarrow, installed once for each version.
fn python() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pyarrow-{VERSION}"));
    let python = folder.join("bin/python");
    // A folder that is there may be what an interrupted installation has left.
    let is_there = format!("import pyarrow; assert pyarrow.__version__ == '{VERSION}'");
    if run(Command::new(&python).args(["-c", &is_there])).is_err() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let requirement = format!("pyarrow=={VERSION}");
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &requirement]))?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr).replace('\n', "; ")) }
}
