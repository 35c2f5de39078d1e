//! Parquet files as pyarrow, from PyPI and in an environment of its own, writes them.

use std::process::Command;

use serde_json::{Value, json};
use testkit::pypi;

use crate::command::Desk;

const PYARROW: pypi::Package = ("pyarrow", "26.0.1");
/// A column of each type that tables have; small row groups and pages.
const SCRIPT: &str = "
import datetime, decimal, pyarrow as pa, pyarrow.parquet as parquet
n = 3000
some = lambda values, gap=7: [None if i % gap == 0 else values[i % len(values)] for i in range(n)]
utc = datetime.timezone.utc
columns = {
    'dictionary': pa.array(some(['Paris', 'Rome'])).dictionary_encode(),
    'nothing': pa.nulls(n),
    'no_numbers': pa.array([None] * n, pa.float64()),
    'int8': pa.array(some([-5, 7]), pa.int8()),
    'uint8': pa.array(some([250, 7]), pa.uint8()),
    'uint32': pa.array(some([2**32 - 1]), pa.uint32()),
    'uint64': pa.array(some([2**63 + 2048]), pa.uint64()),
    'half': pa.array(some([1.5, -2.0]), pa.float16()),
    'float': pa.array(some([0.5, float('nan')]), pa.float32()),
    'decimal': pa.array(some([decimal.Decimal('-123.45'), decimal.Decimal('1.00')]), pa.decimal128(20, 2)),
    'small_decimal': pa.array(some([decimal.Decimal('9.5')]), pa.decimal128(5, 1)),
    'large': pa.array(some(['x' * 200]), pa.large_string()),
    'flag': pa.array(some([True, False])),
    'whole': pa.array(list(range(n)), pa.int64()),
    'at_ns': pa.array(some([datetime.datetime(2026, 1, 2, tzinfo=utc)]), pa.timestamp('ns', 'UTC')),
    'at_ms': pa.array(some([datetime.datetime(2026, 1, 2)]), pa.timestamp('ms')),
    'day': pa.array(some([datetime.date(2026, 1, 2)])),
    'list': pa.array([[1, 2]] * n),
    'point': pa.array([{'x': 1.0, 'y': None}] * n, pa.struct([('x', pa.float64()), ('y', pa.float64())])),
}
table = pa.table(columns)
for codec in ['snappy', 'zstd', 'gzip', 'none']:
    parquet.write_table(table, codec + '.parquet', compression=codec, row_group_size=1000, data_page_size=2000)
parquet.write_table(table, 'v2.parquet', data_page_version='2.0', use_deprecated_int96_timestamps=True, use_dictionary=False)
parquet.write_table(table, 'lz4.parquet', compression='lz4')
parquet.write_table(pa.table({'binary': pa.array([b'\\xff\\xfe'])}), 'binary.parquet')
";

/// What a batch job might have written: numbers as ids, a dictionary of classes, times without a zone, a structure of
/// features, and labels that became numbers with gaps.
const SCORED: &str = "
import datetime, pyarrow as pa, pyarrow.parquet as parquet
at = datetime.datetime(2026, 3, 1, 10)
parquet.write_table(pa.table({
    'visit': pa.array([11, 12, 13], pa.int32()),
    'answer': pa.array(['1', '0', '1']).dictionary_encode(),
    'score': pa.array([0.5, 0.75, None], pa.float32()),
    'at': pa.array([at, at + datetime.timedelta(seconds=1), at + datetime.timedelta(seconds=2)], pa.timestamp('ns')),
    'right': pa.array([1.0, None, 0.0]),
    'features': pa.array([{'age': 42, 'city': 'Rome'}, {'age': None, 'city': 'Paris'}, None],
                         pa.struct([('age', pa.int8()), ('city', pa.large_string())])),
}), 'scored.parquet', compression='zstd')
";

#[test]
fn predictions_of_a_batch_job_are_imported() {
    let Some(python) = pypi::python(&[PYARROW], "whether Parquet files of pyarrow are imported") else { return };
    let desk = Desk::new();
    let output = Command::new(python).args(["-c", SCORED]).current_dir(desk.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let map = "visit=request_id,answer=label,score=confidence,at=occurred_at";
    let words = ["--database", "sqlite:log.db", "import", "--into-database", "scored.parquet", "--model", "m"];
    let said = desk.done(&[&words[..], &["--map", map, "--truth", "right"]].concat());
    assert!(said.out.starts_with("predictions: 3 accepted, 0 duplicates; labels: 2 accepted"), "{said:?}");
    let log = rusqlite::Connection::open(desk.path("log.db")).unwrap();
    let sql =
        "SELECT json_array(request_id, label, confidence, occurred_at, features) FROM predictions ORDER BY occurred_at";
    let mut statement = log.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let rows: Vec<Value> = rows.map(|row| serde_json::from_str(&row.unwrap()).unwrap()).collect();
    let at = 1_772_359_200_000_000_i64;
    assert_eq!(rows[0], json!(["11", "1", 0.5, at, r#"{"age":42.0,"city":"Rome"}"#]));
    assert_eq!(rows[1], json!(["12", "0", 0.75, at + 1_000_000, r#"{"age":null,"city":"Paris"}"#]));
    assert_eq!(rows[2], json!(["13", "1", null, at + 2_000_000, r#"{"age":null,"city":null}"#]));
    let sql = "SELECT count(*) FROM labels WHERE label IN ('1', '0') AND state = 1";
    assert_eq!(log.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[test]
fn every_type_of_a_table_is_read() {
    let Some(python) = pypi::python(&[PYARROW], "whether Parquet files of pyarrow are read") else { return };
    let desk = Desk::new();
    let output = Command::new(python).args(["-c", SCRIPT]).current_dir(desk.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let named = |file: &str| desk.profile(&[file])["counts"]["v"].clone();
    let snappy = named("snappy.parquet");
    for file in ["zstd.parquet", "gzip.parquet", "none.parquet", "v2.parquet"] {
        assert_eq!(named(file), snappy, "{file}");
    }
    let missing = 3000 / 7 + 1;
    let range = |name: &str| [&snappy[name]["lo"], &snappy[name]["hi"]].map(Value::as_f64).map(Option::unwrap);
    assert_eq!(snappy["dictionary"]["m"], json!(missing));
    assert_eq!(snappy["dictionary"]["c"]["n"].as_object().unwrap().len(), 2);
    for empty in ["nothing", "no_numbers", "point.y"] {
        assert_eq!(snappy[empty], json!({ "m": 3000 }), "{empty}");
    }
    assert_eq!([range("int8"), range("uint8"), range("half")], [[-5.0, 7.0], [7.0, 250.0], [-2.0, 1.5]]);
    assert_eq!(range("uint32"), [4_294_967_295.0; 2]);
    assert_eq!(range("uint64"), [9_223_372_036_854_777_856.0; 2]);
    assert_eq!(range("float"), [0.5; 2]);
    assert_eq!(
        snappy["float"]["m"].as_u64().unwrap(),
        3000 - (0..3000).filter(|i| i % 7 != 0 && i % 2 == 0).count() as u64
    );
    assert_eq!([range("decimal"), range("small_decimal")], [[-123.45, 1.0], [9.5, 9.5]]);
    assert_eq!([range("whole"), range("point.x")], [[0.0, 2999.0], [1.0, 1.0]]);
    assert_eq!(snappy["large"]["c"]["n"]["x".repeat(200)], json!(3000 - missing));
    assert_eq!(snappy["flag"]["m"], json!(missing));
    for left_out in ["at_ns", "at_ms", "day", "list.list.element", "list.list.item"] {
        assert!(snappy[left_out].is_null(), "{left_out}");
    }
    let refusal = |file: &str| desk.refusal(&["profile", "--model", "credit", file]);
    let said = refusal("lz4.parquet");
    assert!(said.contains("LZ4") && said.contains("zstd"), "{said}");
    let said = refusal("binary.parquet");
    assert!(said.contains("row 1: column binary holds bytes that are no text"), "{said}");
}
