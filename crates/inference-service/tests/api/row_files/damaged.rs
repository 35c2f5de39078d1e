//! Files with changed bytes.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use parquet::basic::Compression;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::parquet_file::written;
use super::{ARROW_STREAM, echo, file};
use crate::sent::Sent;
use crate::service::{Running, serve};

/// An Arrow stream with the columns `n` and `c`.
fn stream(numbers: &[Option<f64>], texts: &[Option<&str>], compression: Option<CompressionType>) -> Vec<u8> {
    let numbers: ArrayRef = Arc::new(Float64Array::from(numbers.to_vec()));
    let texts: DictionaryArray<Int32Type> = texts.iter().copied().collect();
    let batch = RecordBatch::try_from_iter([("n", numbers), ("c", Arc::new(texts))]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// How many bytes are changed, and how.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_refused_and_harms_nobody() {
    let service = serve(echo().path(), &[]).await;
    let numbers: Vec<Option<f64>> = (0..40_u8).map(|i| (i % 7 != 0).then_some(f64::from(i) / 4.0)).collect();
    let texts: Vec<Option<&str>> = (0..40).map(|i| (i % 5 != 0).then_some(["a", "bb", "Zürich"][i % 3])).collect();
    let parquet = [Compression::UNCOMPRESSED, Compression::SNAPPY].map(|codec| file(written(&numbers, &texts, codec)));
    let codecs = [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)];
    let arrow = codecs.map(|codec| Sent::new(ARROW_STREAM, stream(&numbers, &texts, codec)));
    for good in parquet.into_iter().chain(arrow) {
        assert_eq!(service.predict(&good).await.status, 200);
        let mut runner = TestRunner::default();
        for _ in 0..400 {
            let mut sent = good.clone();
            for (place, byte) in changes().new_tree(&mut runner).unwrap().current() {
                *place.get_mut(&mut sent.body) = byte;
            }
            check(&service, &sent).await;
        }
        for length in (0..good.body.len()).step_by(5) {
            check(&service, &Sent { body: good.body[..length].to_vec(), ..good.clone() }).await;
        }
    }
}

/// Whatever a file has become, it is answered or refused.
async fn check(service: &Running, sent: &Sent) {
    let answer = service.predict(sent).await;
    let code = if answer.status == 200 { json!(null) } else { answer.json()["code"].clone() };
    let is_expected = [json!(null), json!("invalid_request"), json!("invalid_input"), json!("too_large")];
    assert!(is_expected.contains(&code), "{answer:?} for {sent:?}");
}
