//! What others read of the lake: DuckDB, Polars and pyarrow, from PyPI and in an environment of their own.

use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use testkit::pypi;

use crate::lake::{flags, old_rows};
use crate::service::{RunningService, fresh};
use crate::store_support::Fixture;

const READERS: [pypi::Package; 3] = [("duckdb", "2.0.1"), ("polars", "2.1.0"), ("pyarrow", "26.0.1")];

/// Compares what each of them reads with a file of `GET /export` from before. Then runs each example of the page about the
/// lake, in which the lake is the folder `lake`, and prints what DuckDB answers.
const SCRIPT: &str = r#"
import datetime, json, re, sys
import duckdb, polars, pyarrow.dataset, pyarrow.parquet

def plain(rows):
    made = []
    for row in rows:
        row = {name: value for name, value in row.items() if name not in ("day", "sequence")}
        for name in ("occurred_at", "recorded_at"):
            row[name] = round(row[name].timestamp() * 1e6)
        made.append(row)
    return sorted(made, key=lambda row: row["event_id"])

cutoff = float(sys.argv[2])
before = [row for row in plain(pyarrow.parquet.read_table("before.parquet").to_pylist()) if row["occurred_at"] < cutoff]
files = "lake/predictions/*/*/*.parquet"
readers = {
    "pyarrow": lambda: pyarrow.dataset.dataset("lake/predictions", partitioning="hive").to_table().to_pylist(),
    "polars": lambda: polars.read_parquet(files, hive_partitioning=True).to_dicts(),
    "duckdb": lambda: duckdb.sql(f"FROM read_parquet('{files}', hive_partitioning = true)").to_arrow_table().to_pylist(),
}
for name, read in readers.items():
    rows = plain(read())
    assert len(rows) == len(before), f"{name}: {len(rows)} rows, not {len(before)}"
    for row, expected in zip(rows, before):
        assert row == expected, f"{name}: {row} is not {expected}"
print(len(before))
page = open(sys.argv[1]).read()
labelled = {}
for language, example in re.findall(r"^```(sql|python)\n(.*?)^```", page, re.M | re.S):
    if language == "python":
        names = {}
        exec(example, names)
        if "labelled" in names:
            labelled["polars"] = names["labelled"].height
            assert (names["labelled"]["true_label"] == "cat").all(), names["labelled"]
            labelled["pyarrow"] = len(set(names["pairs"]["event_id"].to_pylist()))
        continue
    for statement in filter(str.strip, example.split(";\n")):
        print(statement)
        print(duckdb.sql(statement))
        if "AS labelled" in statement:
            labelled["duckdb"] = sum(row[1] for row in duckdb.sql(statement).fetchall())
assert labelled == dict.fromkeys(["duckdb", "polars", "pyarrow"], int(sys.argv[3])), labelled
"#;

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_polars_and_pyarrow_read_the_rows_that_were_in_the_database() {
    let Some(python) = pypi::python(&READERS, "whether others read the lake") else { return };
    let fixture = Fixture::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let service = fresh(&fixture, &[]).await;
    let rows = crate::lake::rows();
    service.store(&rows).await;
    let old = old_rows(&rows);
    let label = |i: usize, label: &str, revision: i64| json!({ "request_id": format!("r-{i}"), "row_index": i, "label": label, "revision": revision });
    // Of each prediction the label with the highest revision counts.
    let labels: Vec<_> = (0..40).flat_map(|i| [label(i, "dog", 1), label(i, "cat", 2), label(i, "dog", 0)]).collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    let is_labelled = |row: &&serde_json::Value| row["row_index"].as_u64().is_some_and(|index| index < 40);
    let labelled: Vec<_> = rows.iter().filter(is_labelled).cloned().collect();
    let labelled = old_rows(&labelled);
    let before = reqwest::get(format!("http://{}/export?format=parquet", service.address())).await.unwrap();
    std::fs::write(folder.path().join("before.parquet"), before.bytes().await.unwrap()).unwrap();
    service.stop().await;
    // As if the labels had come on a day that is long over.
    fixture.execute("UPDATE labels SET recorded_at = recorded_at - 20 * 86400000000");
    let flags = flags(&folder.path().join("lake"));
    let service = RunningService::start(&fixture, &flags.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("the old rows are gone", |m| m.get(deleted) == old as f64).await;
    let written = (old + labels.len()) as f64;
    let counter = "logging_lake_rows_written_total";
    service.metrics_until("the labels are in the lake", |m| m.get(counter) == written).await;
    service.stop().await;

    let cutoff = (Timestamp::now() - SignedDuration::from_hours(24 * 30)).as_microsecond();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lake.md");
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).arg(page.canonicalize().unwrap()).arg(cutoff.to_string());
    command.arg(labelled.to_string());
    let output = command.current_dir(folder.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed.lines().next(), Some(old.to_string().as_str()));
}
