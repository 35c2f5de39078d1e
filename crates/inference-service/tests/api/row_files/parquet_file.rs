//! Parquet files as this service's own library writes them.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::json;

use super::{PARQUET, echo, file, given_back};
use crate::sent::Sent;
use crate::service::serve;

/// A file with the columns `n` and `c`; `None` is a missing value.
pub(super) fn written(numbers: &[Option<f64>], texts: &[Option<&str>], compression: Compression) -> Vec<u8> {
    let column = |name: &str, physical, logical| {
        let column = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        Arc::new(column.with_logical_type(logical).build().unwrap())
    };
    let columns =
        vec![column("n", PhysicalType::DOUBLE, None), column("c", PhysicalType::BYTE_ARRAY, Some(LogicalType::String))];
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(columns).build().unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let levels = |is_there: Vec<bool>| is_there.into_iter().map(i16::from).collect::<Vec<_>>();
    let mut column = group.next_column().unwrap().unwrap();
    let there: Vec<f64> = numbers.iter().flatten().copied().collect();
    let levels_of_numbers = levels(numbers.iter().map(Option::is_some).collect());
    column.typed::<DoubleType>().write_batch(&there, Some(&levels_of_numbers), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let there: Vec<ByteArray> = texts.iter().flatten().map(|text| ByteArray::from(*text)).collect();
    let levels_of_texts = levels(texts.iter().map(Option::is_some).collect());
    column.typed::<ByteArrayType>().write_batch(&there, Some(&levels_of_texts), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_known_by_its_type_or_by_how_it_begins() {
    let service = serve(echo().path(), &[]).await;
    let bytes = written(&[Some(1.5), None], &[Some("Zürich"), None], Compression::SNAPPY);
    for content_type in [PARQUET, "application/x-parquet", "application/octet-stream", "text/plain"] {
        let sent = Sent::new(content_type, bytes.clone()).header("accept", "application/json");
        let answer = service.predict(&sent).await;
        assert_eq!(given_back(&answer, "n_out"), [json!(1.5), json!(null)], "{content_type}");
        assert_eq!(given_back(&answer, "c_out"), [json!("Zürich"), json!("")], "{content_type}");
    }
    let answer = service.predict(&file("no file at all")).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("invalid_request")));
    assert!(answer.text.contains("The Parquet file cannot be read: its end is missing."), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_the_form_of_the_file_or_the_one_that_is_accepted() {
    let service = serve(echo().path(), &[]).await;
    let bytes = written(&[Some(1.5), None], &[Some("Zürich"), None], Compression::SNAPPY);
    let sent = file(bytes).header("x-request-id", "f");
    let answer = service.predict(&sent).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(PARQUET)), "{answer:?}");
    assert!(answer.bytes.starts_with(b"PAR1") && answer.bytes.ends_with(b"PAR1"));
    let table = service.predict(&sent.clone().header("accept", "text/html, text/csv;q=0.5")).await;
    assert_eq!(table.text, "request_id,row_index,n_out,c_out\nf,0,1.5,Zürich\nf,1,,\n");
    let of_csv = Sent::new("text/csv", "n,c\n1.5,a\n").header("accept", PARQUET).header("x-request-id", "f");
    assert_eq!(service.predict(&of_csv).await.header("content-type"), Some(PARQUET));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_file_are_refused_and_counted_like_any_others() {
    let service = serve(echo().path(), &["--max-batch", "3"]).await;
    for (numbers, status, code, says) in [
        (
            &[Some(1.0), Some(f64::INFINITY)][..],
            422,
            "invalid_input",
            "Row 1 is refused: \"n\" is inf, and must be a finite",
        ),
        (&[Some(1.0); 4], 413, "too_large", "more than 3 rows"),
        (&[], 400, "invalid_request", "There are no rows."),
    ] {
        let texts = vec![Some("a"); numbers.len()];
        let answer = service.predict(&file(written(numbers, &texts, Compression::SNAPPY))).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!(code)), "{answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(says), "{says}: {answer:?}");
    }
    let long = "x".repeat(1000);
    let answer = service.predict(&file(written(&[None], &[Some(&long)], Compression::SNAPPY))).await;
    let body = answer.json();
    assert_eq!((&body["row"], &body["feature"], &body["reason"]), (&json!(0), &json!("c"), &json!("type")), "{body}");
    let metrics = service.metrics().await;
    let refused = |feature: &str| {
        metrics.get(&format!("prediction_feature_refusals_total{{feature=\"{feature}\",model=\"m\",reason=\"type\"}}"))
    };
    assert_eq!([refused("n"), refused("c")], [1.0, 1.0]);
}
