//! An engine's complaint about numbers is the input's fault where the version has answered something, else the service's.

use serde_json::{Value, json};

use crate::metrics::Metrics;
use crate::onnx::{Element, graph};
use crate::sent::Sent;
use crate::service::{Answer, Running};
use crate::tensors::{engines, infer, input, repository, serving};

const REFUSALS: &str = "prediction_engine_refusals_total{model=\"m\"}";
const OPEN: &[Option<u64>] = &[None];

fn refused(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (422, &json!("invalid_input")), "{answer:?}");
    let sentence = body["error"].as_str().unwrap().to_owned();
    assert!(sentence.len() < 500 && !sentence.contains(".cc") && !sentence.contains("0x"), "{sentence}");
    sentence
}

fn of_m(metrics: &Metrics, status: &str) -> f64 {
    metrics.get(&format!("predictions_total{{model=\"m\",status=\"{status}\"}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_out_of_range_is_the_clients() {
    let file = graph(
        &[("x", Element::Float32, &[Some(3)]), ("i", Element::Int64, &[Some(1)])],
        &[("Gather", &["x", "i"], "y")],
        &[("y", Element::Float32, &[Some(1)])],
    );
    let models = repository("raw", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        assert_eq!(service.metrics().await.get(REFUSALS), 0.0, "it is there from the start");
        let picks = |indices: Value| {
            let inputs =
                [input("x", "FP32", &json!([3]), &json!([1, 2, 3])), input("i", "INT64", &json!([1]), &indices)];
            json!({ "inputs": inputs })
        };
        let good = infer(&service, &picks(json!([2]))).await;
        assert_eq!((good.status, &good.json()["outputs"][0]["data"]), (200, &json!([3.0])), "{flags:?} {good:?}");
        let sentence = refused(&infer(&service, &picks(json!([7]))).await);
        assert!(sentence.contains("cannot compute an answer"), "{flags:?} {sentence}");
        assert_eq!(infer(&service, &picks(json!([0]))).await.status, 200, "it goes on");
        let metrics = service.metrics().await;
        assert_eq!((metrics.get(REFUSALS), of_m(&metrics, "success"), of_m(&metrics, "error")), (1.0, 2.0, 1.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sizes_of_one_dimension_are_the_clients() {
    let file = graph(
        &[("a", Element::Float32, OPEN), ("b", Element::Float32, OPEN)],
        &[("Add", &["a", "b"], "y")],
        &[("y", Element::Float32, OPEN)],
    );
    let models = repository("raw", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let pair = |sizes: [usize; 2]| {
            let tensor = |name, size: usize| input(name, "FP32", &json!([size]), &json!(vec![1; size]));
            json!({ "inputs": [tensor("a", sizes[0]), tensor("b", sizes[1])] })
        };
        assert_eq!(infer(&service, &pair([3, 3])).await.status, 200);
        refused(&infer(&service, &pair([3, 2])).await);
        assert_eq!(infer(&service, &pair([2, 2])).await.status, 200, "it goes on");
    }
}

/// Asks for the logarithm of a number.
async fn logarithm(service: &Running, number: f32) -> Answer {
    service.predict(&Sent::json(&json!({ "input": [number] }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_has_not_answered_yet_is_at_fault_itself() {
    let (open, one): (&[Option<u64>], &[Option<u64>]) = (&[None, None], &[Some(1), Some(1)]);
    let file = graph(
        &[("x", Element::Float32, open)],
        &[("Log", &["x"], "l"), ("ReduceSum", &["l"], "y")],
        &[("y", Element::Float32, one)],
    );
    let models = repository("regression", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let first = logarithm(&service, 0.0).await;
        assert_eq!((first.status, &first.json()["code"]), (500, &json!("internal")), "{flags:?} {first:?}");
        assert_eq!(service.metrics().await.get(REFUSALS), 0.0);
        assert_eq!(logarithm(&service, 1.0).await.status, 200);
        let sentence = refused(&logarithm(&service, 0.0).await);
        assert!(sentence.contains("not a finite number: -inf"), "{sentence}");
        assert_eq!(service.metrics().await.get(REFUSALS), 1.0);
    }
}
