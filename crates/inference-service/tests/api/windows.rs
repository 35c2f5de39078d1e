//! Kernels that are larger than what a request brings.

use serde_json::json;

use crate::onnx::{Default, Element, graph_with_defaults};
use crate::tensors::{engines, infer, input, repository, serving};

/// A convolution of 3 by 3 ones, without padding, over a picture of any size; as many pictures as one has rows.
fn convolution() -> Vec<u8> {
    let weights: &[Option<u64>] = &[Some(1), Some(1), Some(3), Some(3)];
    let pictures: &[Option<u64>] = &[None, Some(1), None, None];
    graph_with_defaults(
        &[("x", Element::Float32, pictures)],
        &[Default { tensor: ("w", Element::Float32, weights), sizes: &[1, 1, 3, 3], numbers: &[1.0; 9] }],
        &[("Conv", &["x", "w"], "y")],
        &[("y", Element::Float32, &[None; 4])],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_smaller_than_the_kernel_does_not_end_the_process() {
    let models = repository("raw", &convolution());
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let ones = |size: usize| {
            let shape = json!([size, 1, size, size]);
            json!({ "inputs": [input("x", "FP32", &shape, &json!(vec![1; size * size * size]))] })
        };
        if flags.is_empty() {
            let first = infer(&service, &ones(1)).await;
            assert_eq!(first.status, 422, "tract's guard knows, without any answer before: {first:?}");
            let sentence = "the convolution \"y\" needs a size of at least 3 in dimension 2 of its input, which has 1.";
            assert!(first.json()["error"].as_str().unwrap().ends_with(sentence), "{first:?}");
        }
        let good = infer(&service, &ones(3)).await;
        assert_eq!(good.status, 200, "{flags:?} {good:?}");
        assert_eq!(good.json()["outputs"][0]["data"], json!([9.0, 9.0, 9.0]));
        for small in [1, 2] {
            let refused = infer(&service, &ones(small)).await;
            let body = refused.json();
            assert_eq!((refused.status, &body["code"]), (422, &json!("invalid_input")), "{flags:?} {refused:?}");
        }
        assert_eq!(infer(&service, &ones(3)).await.status, 200, "it goes on");
    }
}
