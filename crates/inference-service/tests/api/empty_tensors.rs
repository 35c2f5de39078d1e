//! Empty tensors with which ONNX Runtime's library would end the process.

use serde_json::{Value, json};

use crate::onnx::{Default, Element, field, graph_with_defaults, varint_field};
use crate::sent::Sent;
use crate::tensors::{engines, infer, input, repository, serving};

type Sizes = &'static [Option<u64>];
const OPEN: Sizes = &[None, None, None];

fn tensor(name: &str, shape: &[usize]) -> Value {
    let count: usize = shape.iter().product();
    input(name, "FP32", &json!(shape), &json!(vec![0.5; count]))
}

/// The flags that serve with ONNX Runtime, where it is there.
fn onnxruntime() -> impl Iterator<Item = Vec<String>> {
    engines().into_iter().filter(|flags| !flags.is_empty())
}

/// A product of matrices in batches, `y[b, k, i] = sum over j of x[b, i, j] z[b, k, j]`.
fn product() -> Vec<u8> {
    let names = [field(1, b"x"), field(1, b"z"), field(2, b"product"), field(4, b"Einsum")].concat();
    let equation = [field(1, b"equation"), field(4, b"bij,bkj->bki"), varint_field(20, 3)].concat();
    let inputs = [("x", Element::Float32, OPEN), ("z", Element::Float32, OPEN)];
    let file = graph_with_defaults(&inputs, &[], &[("Identity", &["product"], "y")], &[("y", Element::Float32, OPEN)]);
    // A first part of the graph, whose nodes come before those of the second.
    [field(7, &field(1, &[names, field(5, &equation)].concat())), file].concat()
}

fn normalisation(sizes: Sizes) -> Vec<u8> {
    let constant = |name| Default { tensor: (name, Element::Float32, &[Some(1)]), sizes: &[1], numbers: &[1.0] };
    graph_with_defaults(
        &[("x", Element::Float32, sizes)],
        &[constant("scale"), constant("bias")],
        &[("InstanceNormalization", &["x", "scale", "bias"], "y")],
        &[("y", Element::Float32, sizes)],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_tensors_are_refused_and_the_service_lives() {
    let shapes: [&[&[usize]]; 3] = [&[&[1, 1, 2], &[1, 1, 2]], &[&[0, 3, 4], &[0, 5, 4]], &[&[2, 3, 0], &[2, 5, 0]]];
    let normalised: [&[&[usize]]; 3] = [&[&[1, 1, 2]], &[&[2, 1, 0]], &[&[0, 1, 3]]];
    for (file, [full, empty @ ..]) in [(product(), shapes), (normalisation(&[None, Some(1), None]), normalised)] {
        let models = repository("raw", &file);
        for flags in onnxruntime() {
            let service = serving(&models, &flags).await;
            let sent = |shapes: &[&[usize]]| {
                let tensors: Vec<Value> =
                    ["x", "z"].into_iter().zip(shapes).map(|(name, shape)| tensor(name, shape)).collect();
                json!({ "inputs": tensors })
            };
            let right = infer(&service, &sent(full)).await;
            assert_eq!(right.status, 200, "{right:?}");
            for shapes in empty {
                let answer = infer(&service, &sent(shapes)).await;
                assert_eq!(answer.status, 422, "{shapes:?} {answer:?}");
                assert!(answer.text.contains("without elements"), "{shapes:?} {answer:?}");
                let again = infer(&service, &sent(full)).await;
                assert_eq!(again.json()["outputs"], right.json()["outputs"], "{shapes:?}");
            }
        }
    }
}

/// An item's own size is empty.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_item_is_refused_by_predict_too() {
    let models = repository("raw", &normalisation(&[None, Some(1), None]));
    for flags in onnxruntime() {
        let service = serving(&models, &flags).await;
        let answer = service.predict(&Sent::json(&json!({ "model": "m", "input": [[[0.5, 1.5]]] }))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let empty = service.predict(&Sent::json(&json!({ "model": "m", "input": [[[]]] }))).await;
        assert_eq!(empty.status, 422, "{empty:?}");
        let again = service.predict(&Sent::json(&json!({ "model": "m", "input": [[[0.5, 1.5]]] }))).await;
        assert_eq!(again.json()["outputs"], answer.json()["outputs"]);
    }
}
