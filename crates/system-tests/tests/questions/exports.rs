//! All of it, to take along.

use std::collections::HashSet;

use bytes::Bytes;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use testkit::{Answer, Pair};

pub(crate) async fn every_row_in_every_format(pair: &Pair) {
    let rows = usize::try_from(pair.database().rows()).unwrap();
    assert!(rows > 1000, "only {rows} rows");

    let ndjson = export(pair, "ndjson").await.text();
    let records: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ids: HashSet<&str> = records.iter().map(|record| record["event_id"].as_str().unwrap()).collect();
    assert_eq!((records.len(), ids.len()), (rows, rows));

    // No field has a line break in it.
    let csv = export(pair, "csv").await.text();
    assert_eq!(csv.lines().count(), rows + 1);
    assert!(ids.iter().all(|id| csv.contains(id)), "the rows are others");

    let parquet = SerializedFileReader::new(Bytes::from(export(pair, "parquet").await.body)).expect("a Parquet file");
    assert_eq!(usize::try_from(parquet.metadata().file_metadata().num_rows()).unwrap(), rows);

    // With a filter, that is all there is of it.
    let some = Answer::text(&pair.logging.get("/export?format=ndjson&model=iris").await);
    assert_eq!(some.lines().count(), 2);
}

async fn export(pair: &Pair, format: &str) -> Answer {
    let answer = pair.logging.get(&format!("/export?format={format}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}
