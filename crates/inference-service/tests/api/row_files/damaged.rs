//! Files with changed bytes.

use parquet::basic::Compression;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::parquet_file::written;
use super::{echo, file};
use crate::service::serve;

/// How many bytes are changed, and how.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_refused_and_harms_nobody() {
    let service = serve(echo().path(), &[]).await;
    let numbers: Vec<Option<f64>> = (0..40_u8).map(|i| (i % 7 != 0).then_some(f64::from(i) / 4.0)).collect();
    let texts: Vec<Option<&str>> = (0..40).map(|i| (i % 5 != 0).then_some(["a", "bb", "Zürich"][i % 3])).collect();
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let good = written(&numbers, &texts, compression);
        let mut runner = TestRunner::default();
        for _ in 0..600 {
            let mut bytes = good.clone();
            for (place, byte) in changes().new_tree(&mut runner).unwrap().current() {
                *place.get_mut(&mut bytes) = byte;
            }
            let answer = service.predict(&file(bytes.clone())).await;
            let code = if answer.status == 200 { json!(null) } else { answer.json()["code"].clone() };
            let is_expected = [json!(null), json!("invalid_request"), json!("invalid_input"), json!("too_large")];
            assert!(is_expected.contains(&code) && answer.status < 500, "{answer:?} for {bytes:?}");
        }
        for length in 0..good.len() {
            assert_eq!(service.predict(&file(&good[..length])).await.status, 400, "cut after {length} bytes");
        }
    }
}
