//! Files as pyarrow, pandas and polars write them, from PyPI and in an environment of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::pypi;

use super::{ARROW_FILE, ARROW_STREAM, PARQUET, echo, given_back};
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Running, serve};

const WRITERS: &[pypi::Package] = &[("pyarrow", "26.0.1"), ("pandas", "3.1.1"), ("polars", "2.1.0")];

/// Rows of a shipped model, of which some have gaps, in every form; and the names of the files.
const SHIPPED: &str = r#"
import json, sys, pandas, polars, pyarrow as pa, pyarrow.parquet as parquet
source, target = sys.argv[1:]
frame = pandas.read_csv(source).head(12).drop(columns=target)
gap = "bmi" if "bmi" in frame else "radius"
frame[gap] = frame[gap].astype(float)
frame.loc[[1, 5], gap] = None
rows = json.loads(frame.to_json(orient="records", double_precision=15))
for row in rows:
    if "sex" in row:
        row["sex"] = str(row["sex"])
open("rows.json", "w").write(json.dumps({"rows": rows}))
frame.to_csv("rows.csv", index=False)
table = pa.Table.from_pandas(frame, preserve_index=False)
for codec in ["snappy", "zstd", "gzip", "lz4", "none"]:
    parquet.write_table(table, f"{codec}.parquet", compression=codec)
parquet.write_table(table, "plain.parquet", use_dictionary=False)
parquet.write_table(table, "groups.parquet", row_group_size=5, data_page_size=1, write_page_checksum=True)
parquet.write_table(table, "v2.parquet", data_page_version="2.0", compression="zstd")
split = {name: "BYTE_STREAM_SPLIT" if pa.types.is_floating(table.field(name).type) else "DELTA_BINARY_PACKED" for name in table.column_names}
parquet.write_table(table, "encoded.parquet", use_dictionary=False, column_encoding=split)
frame.to_parquet("pandas.parquet", index=False)
categories = frame.copy()
if "sex" in categories:
    categories["sex"] = categories["sex"].astype(str).astype("category")
categories.to_parquet("categories.parquet", index=False)
polars.from_pandas(frame).write_parquet("polars.parquet")
for codec in [None, "lz4", "zstd"]:
    with pa.OSFile(f"{codec}.stream", "wb") as out, pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table, max_chunksize=5)
with pa.OSFile("pyarrow.arrow", "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
    writer.write_table(table, max_chunksize=5)
frame.to_feather("feather.arrow")
categories.to_feather("categories.arrow", compression="zstd")
polars.from_pandas(frame).write_ipc("polars.arrow")
polars.from_pandas(frame).write_ipc_stream("polars.stream")
"#;

/// A column of each type with values that are read, and one of each that is not.
const TYPES: &str = r#"
import datetime, decimal, json, pandas, pyarrow as pa, pyarrow.parquet as parquet
none = None
def written(columns, name):
    table = pa.table(columns)
    parquet.write_table(table, f"{name}.parquet")
    with pa.OSFile(f"{name}.stream", "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
read = {
    **{str(t): pa.array([-5, none, 7], t) for t in [pa.int8(), pa.int16(), pa.int32(), pa.int64()]},
    **{str(t): pa.array([5, none, 2 ** bits - 1], t) for bits, t in zip([8, 16, 32, 64], [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()])},
    **{str(t): pa.array([-2.0, none, 1.5, float("nan")], t) for t in [pa.float16(), pa.float32(), pa.float64()]},
    **{str(t): pa.array([decimal.Decimal("-123.45"), none, decimal.Decimal("9.50")], t) for t in [pa.decimal128(7, 2), pa.decimal128(30, 2), pa.decimal256(50, 2)]},
    "null": pa.nulls(3),
}
told = lambda value: None if value is None or value != value else float(value)
expected = {}
for name, array in read.items():
    written({"n": array}, f"n_{name}")
    expected[f"n_{name}"] = [told(value) for value in array.to_pylist()]
texts = ["a", none, "Zürich"]
for name, array in {
    "string": pa.array(texts),
    "large_string": pa.array(texts, pa.large_string()),
    "string_view": pa.array(texts, pa.string_view()),
    "dictionary": pa.array(texts).dictionary_encode(),
    "binary": pa.array([text and text.encode() for text in texts]),
    "bool": pa.array([True, none, False]),
}.items():
    written({"c": array}, f"c_{name}")
    expected[f"c_{name}"] = [{None: "", True: "true", False: "false"}.get(value, value.decode() if isinstance(value, bytes) else value) for value in array.to_pylist()]
parquet.write_table(pa.table({"n": pa.nulls(0, pa.float64())}), "n_empty.parquet")
json.dump(expected, open("expected.json", "w"))
at = datetime.datetime(2026, 1, 2)
refused = {
    "date": ("n", pa.array([at.date()])), "at_ns": ("n", pa.array([at], pa.timestamp("ns"))),
    "at_ms": ("n", pa.array([at], pa.timestamp("ms", "UTC"))), "clock": ("n", pa.array([datetime.time(1)])),
    "list": ("n", pa.array([[1]])), "struct": ("n", pa.array([{"a": 1, "b": {"c": 2}}])), "flag": ("n", pa.array([True])),
    "text": ("n", pa.array(["1"])), "bytes": ("c", pa.array([b"\xff"])), "fixed": ("c", pa.array([b"ab"], pa.binary(2))),
    "number": ("c", pa.array([7])), "map": ("c", pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))),
}
for name, (column, array) in refused.items():
    written({"c" if column == "n" else "n": pa.nulls(1), column: array}, f"refused_{name}")
parquet.write_table(pa.table({"n": [at]}), "refused_int96.parquet", use_deprecated_int96_timestamps=True)
open("refused_int96.stream", "wb").write(open("refused_at_ns.stream", "rb").read())
parquet.write_table(pa.table({"n": [1.0]}), "brotli.parquet", compression="brotli")
for encoding in ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]:
    parquet.write_table(pa.table({"c": ["a"]}), f"{encoding}.parquet", use_dictionary=False, column_encoding={"c": encoding})
pandas.DataFrame({"n": [1.0, 2.0]}, index=[7, 9]).to_parquet("index.parquet")
"#;

/// Reads an answer of any form.
const ANSWER: &str = r#"
import json, sys, pyarrow as pa, pyarrow.parquet as parquet
read = {"parquet": parquet.read_table, "stream": lambda name: pa.ipc.open_stream(name).read_all(), "arrow": lambda name: pa.ipc.open_file(name).read_all()}
print(json.dumps(read[sys.argv[1].split(".")[1]](sys.argv[1]).to_pylist()))
"#;

fn run(python: &Path, script: &str, folder: &TempDir, words: &[&str]) -> String {
    let output = Command::new(python).args(["-c", script]).args(words).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn files(folder: &TempDir, extension: &str) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(extension)).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_models_say_the_same_of_rows_in_every_form() {
    let Some(python) = pypi::python(WRITERS, "whether files of pandas and polars are served") else { return };
    let service = serve(&shipped(), &[]).await;
    for (model, target) in [("tumour", "diagnosis"), ("diabetes", "progression")] {
        let folder = tempfile::tempdir().unwrap();
        let source = shipped().join(model).join("examples/rows.csv");
        run(&python, SHIPPED, &folder, &[source.to_str().unwrap(), target]);
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let query = format!("?model={model}");
        let told = async |sent: Sent| service.predict(&sent.query(&query).header("accept", "application/json")).await;
        let expected = told(Sent::new("application/json", read("rows.json"))).await;
        assert_eq!(expected.status, 200, "{expected:?}");
        let expected = expected.json()["predictions"].clone();
        assert_eq!(expected.as_array().unwrap().len(), 12);
        let csv = told(Sent::new("text/csv", read("rows.csv"))).await;
        assert_eq!(csv.json()["predictions"], expected);
        for (extension, content_type, count, one) in [
            (".parquet", PARQUET, 12, "zstd.parquet"),
            (".stream", ARROW_STREAM, 4, "lz4.stream"),
            (".arrow", ARROW_FILE, 4, "feather.arrow"),
        ] {
            let files = files(&folder, extension);
            assert_eq!(files.len(), count, "{files:?}");
            for name in files {
                let answer = told(Sent::new(content_type, read(&name))).await;
                assert_eq!(answer.status, 200, "{model} {name}: {answer:?}");
                assert_eq!(answer.json()["predictions"], expected, "{model} {name}: {answer:?}");
            }
            let sent = Sent::new(content_type, read(one)).query(&query).header("x-request-id", "file");
            let answer = service.predict(&sent).await;
            assert_eq!(answer.header("content-type"), Some(content_type));
            let name = format!("answer{extension}");
            fs::write(folder.path().join(&name), &answer.bytes).unwrap();
            let rows: Vec<Value> = serde_json::from_str(&run(&python, ANSWER, &folder, &[&name])).unwrap();
            assert_eq!(rows.len(), 12);
            for (index, (row, one)) in rows.iter().zip(expected.as_array().unwrap()).enumerate() {
                assert_eq!((&row["request_id"], &row["row_index"]), (&json!("file"), &json!(index)));
                for member in ["label", "class", "confidence", "defect", "value"] {
                    assert_eq!(row[member], one[member], "{row} {one}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_that_a_feature_may_have_is_read() {
    let Some(python) = pypi::python(WRITERS, "whether every type of Parquet files is read") else { return };
    let folder = tempfile::tempdir().unwrap();
    run(&python, TYPES, &folder, &[]);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let service = serve(echo().path(), &[]).await;
    let expected: serde_json::Map<String, Value> = serde_json::from_slice(&read("expected.json")).unwrap();
    assert_eq!(expected.len(), 21);
    for (name, values) in &expected {
        let output = if name.starts_with("n_") { "n_out" } else { "c_out" };
        for (extension, content_type) in [("parquet", PARQUET), ("stream", ARROW_STREAM)] {
            let sent = Sent::new(content_type, read(&format!("{name}.{extension}")));
            let answer = service.predict(&sent.header("accept", "application/json")).await;
            assert_eq!(Value::from(given_back(&answer, output)), *values, "{name}.{extension}");
        }
    }
}

/// What a file is refused with.
async fn refusal(service: &Running, folder: &TempDir, name: &str) -> Value {
    let content_type = if name.ends_with(".stream") { ARROW_STREAM } else { PARQUET };
    let sent = Sent::new(content_type, fs::read(folder.path().join(name)).unwrap());
    let answer = service.predict(&sent).await;
    assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_feature_is_refused_by_row_and_feature_or_with_what_to_write_instead() {
    let Some(python) = pypi::python(WRITERS, "whether other types of Parquet files are refused") else { return };
    let folder = tempfile::tempdir().unwrap();
    run(&python, TYPES, &folder, &[]);
    let service = serve(echo().path(), &[]).await;
    for (name, feature, says) in [
        ("date", "n", "is a date, and must be a number"),
        ("at_ns", "n", "is a time, and must be a number"),
        ("at_ms", "n", "is a time, and must be a number"),
        ("int96", "n", "is a time, and must be a number"),
        ("clock", "n", "is a time of day, and must be a number"),
        ("list", "n", "is a list or a structure, and must be a number"),
        ("struct", "n", "is a list or a structure, and must be a number"),
        ("flag", "n", "is a truth value, and must be a number"),
        ("text", "n", "is \"1\", and must be a number"),
        ("bytes", "c", "is bytes that are no text in UTF-8, and must be a text"),
        ("fixed", "c", "is bytes of a fixed length, and must be a text"),
        ("number", "c", "is the number 7, and must be a text"),
        ("map", "c", "is a list or a structure, and must be a text"),
    ] {
        for extension in ["parquet", "stream"] {
            let told = refusal(&service, &folder, &format!("refused_{name}.{extension}")).await;
            assert_eq!((&told["row"], &told["feature"], &told["reason"]), (&json!(0), &json!(feature), &json!("type")));
            assert!(told["error"].as_str().unwrap().contains(says), "{name}.{extension}: {told}");
        }
    }
    for (name, code, says) in [
        ("brotli.parquet", "invalid_request", "\"n\" is packed with Brotli; write it with snappy, gzip"),
        ("DELTA_BYTE_ARRAY.parquet", "invalid_request", "write them with a dictionary, or plain"),
        (
            "DELTA_LENGTH_BYTE_ARRAY.parquet",
            "invalid_request",
            "\"c\", its texts are encoded as DELTA_LENGTH_BYTE_ARRAY",
        ),
        (
            "index.parquet",
            "invalid_input",
            "which are: n, c; pandas writes it for the labels of the rows, unless index=False",
        ),
        ("n_empty.parquet", "invalid_request", "There are no rows."),
    ] {
        let told = refusal(&service, &folder, name).await;
        assert_eq!(told["code"], code, "{name}: {told}");
        assert!(told["error"].as_str().unwrap().contains(says), "{name}: {told}");
    }
}
