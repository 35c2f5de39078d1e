//! Exported rows come back equal, in every format and with every reader.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod pyarrow;
mod rows;

use logging_service::export::{CellTexts, ExportFormat, encoder};
use logging_service::store::StoredPrediction;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use prediction_record::PredictionRecord;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use rows::{from_cells, rows};

/// Encodes rows that are handed over in pages.
fn encode(format: ExportFormat, rows: &[StoredPrediction], page: usize) -> Vec<u8> {
    let mut encoder = encoder(format, CellTexts::AsTheyAre).unwrap();
    let mut file: Vec<u8> = rows.chunks(page).flat_map(|page| encoder.rows(page).unwrap()).collect();
    file.extend(encoder.finish().unwrap());
    file
}

fn read_ndjson(file: &[u8]) -> Vec<StoredPrediction> {
    let lines = std::str::from_utf8(file).unwrap().lines();
    let read = |line: &str| {
        let mut record: PredictionRecord = serde_json::from_str(line).unwrap();
        let recorded_at = record.extra.remove("recorded_at").unwrap();
        StoredPrediction { record, recorded_at: serde_json::from_value(recorded_at).unwrap(), true_label: None }
    };
    lines.map(read).collect()
}

fn read_csv(file: &[u8]) -> Vec<StoredPrediction> {
    let mut reader = csv::Reader::from_reader(file);
    let names = reader.headers().unwrap().clone();
    let read = |line: csv::StringRecord| {
        let cells = names.iter().zip(line.iter()).filter(|(_, cell)| !cell.is_empty());
        from_cells(cells.map(|(name, cell)| (name.to_owned(), rows::typed(name, cell))).collect())
    };
    reader.records().map(|line| read(line.unwrap())).collect()
}

fn read_parquet(file: Vec<u8>) -> Vec<StoredPrediction> {
    let cell = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => json!(flag),
        Field::Long(integer) => json!(integer),
        Field::Double(double) => json!(double),
        Field::Str(text) => json!(text),
        Field::TimestampMicros(time) => json!(jiff::Timestamp::from_microsecond(*time).unwrap()),
        other => panic!("{other:?}"),
    };
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let read = |row: parquet::record::Row| {
        from_cells(row.get_column_iter().map(|(name, field)| (name.clone(), cell(field))).collect::<Map<_, _>>())
    };
    reader.get_row_iter(None).unwrap().map(|row| read(row.unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_format_comes_back_equal(rows in rows(0..40), page in 1_usize..50) {
        prop_assert_eq!(&read_ndjson(&encode(ExportFormat::Ndjson, &rows, page)), &rows);
        prop_assert_eq!(&read_csv(&encode(ExportFormat::Csv, &rows, page)), &rows);
        prop_assert_eq!(&read_parquet(encode(ExportFormat::Parquet, &rows, page)), &rows);
    }
}

/// Every field of the record has a column, so the table shows all that the JSON shows.
#[test]
fn a_full_record_fills_every_column() {
    let row = rows::full();
    assert_eq!(read_csv(&encode(ExportFormat::Csv, std::slice::from_ref(&row), 1)), std::slice::from_ref(&row));
    let file = encode(ExportFormat::Csv, &[row], 1);
    let mut reader = csv::Reader::from_reader(file.as_slice());
    let names = reader.headers().unwrap().clone();
    let line = reader.records().next().unwrap().unwrap();
    for (name, cell) in names.iter().zip(line.iter()) {
        assert!(!cell.is_empty(), "{name} is empty");
    }
}

#[test]
fn a_file_without_rows_is_a_file() {
    assert!(encode(ExportFormat::Ndjson, &[], 1).is_empty());
    let csv = String::from_utf8(encode(ExportFormat::Csv, &[], 1)).unwrap();
    assert!(csv.starts_with("event_id,request_id,occurred_at,") && csv.ends_with(",extra\r\n"), "{csv}");
    assert_eq!(read_parquet(encode(ExportFormat::Parquet, &[], 1)), []);
}

/// A file for spreadsheets differs in the texts that a spreadsheet would execute, and in nothing else.
#[test]
fn texts_for_spreadsheets_get_an_apostrophe_where_they_would_be_executed() {
    let mut row = rows::full();
    row.record.request_id = Some("=HYPERLINK(\"http://x\")".to_owned());
    row.record.label = Some("-1.5".to_owned());
    row.record.error_type = Some("@SUM(A1)".to_owned());
    row.record.variant = Some("a=1".to_owned());
    let mut encoder = encoder(ExportFormat::Csv, CellTexts::ForSpreadsheets).unwrap();
    let mut file = encoder.rows(std::slice::from_ref(&row)).unwrap();
    file.extend(encoder.finish().unwrap());
    let mut reader = csv::Reader::from_reader(file.as_slice());
    let names = reader.headers().unwrap().clone();
    let line = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| names.iter().zip(line.iter()).find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(cell("request_id"), "'=HYPERLINK(\"http://x\")");
    assert_eq!(cell("error_type"), "'@SUM(A1)");
    assert_eq!((cell("label"), cell("variant"), cell("value")), ("-1.5", "a=1", "-0.0015"));
    let as_they_are = encode(ExportFormat::Csv, &[row], 1);
    assert_eq!(
        String::from_utf8(file).unwrap().replace("'=", "=").replace("'@", "@"),
        String::from_utf8(as_they_are).unwrap()
    );
}
