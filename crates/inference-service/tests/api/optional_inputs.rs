//! Initialisers that are listed as inputs: a request may leave them out, or bring others.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::onnx::{Default, Element, field, graph_with_defaults, varint_field};
use crate::sent::Sent;
use crate::service::{Answer, Running};
use crate::tensors::{engines, infer, input, repository, serving};

const OPEN: &[Option<u64>] = &[None];
const PAIR: &[Option<u64>] = &[Some(2)];
const PAIRS: &[Option<u64>] = &[None, Some(2)];

/// `y = x * scale + shift`, with [2, 3] and [1] where they are left out.
fn affine() -> Vec<u8> {
    let scale = Default { tensor: ("scale", Element::Float32, PAIR), sizes: &[2], numbers: &[2.0, 3.0] };
    let shift = Default { tensor: ("shift", Element::Float32, OPEN), sizes: &[1], numbers: &[1.0] };
    graph_with_defaults(
        &[("x", Element::Float32, PAIRS)],
        &[scale, shift],
        &[("Mul", &["x", "scale"], "scaled"), ("Add", &["scaled", "shift"], "y")],
        &[("y", Element::Float32, PAIRS)],
    )
}

fn tensor(name: &str, shape: &[usize], numbers: &[f32]) -> Value {
    input(name, "FP32", &json!(shape), &json!(numbers))
}

fn ones() -> Value {
    tensor("x", &[1, 2], &[1.0, 1.0])
}

fn outputs(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["outputs"][0]["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_the_files_and_what_is_sent_is_the_requests() {
    let models = repository("raw", &affine());
    for flags in engines() {
        let service = serving(&models, &flags).await;
        for _ in 0..2 {
            for (sent, right) in [
                (vec![], [3.0, 4.0]),
                (vec![tensor("scale", &[2], &[5.0, 6.0])], [6.0, 7.0]),
                (vec![tensor("shift", &[2], &[5.0, 6.0])], [7.0, 9.0]),
                (vec![tensor("shift", &[1], &[10.0]), tensor("scale", &[2], &[5.0, 6.0])], [15.0, 16.0]),
            ] {
                let inputs: Vec<Value> = sent.iter().cloned().chain([ones()]).collect();
                let answer = infer(&service, &json!({ "inputs": inputs })).await;
                assert_eq!(outputs(&answer), json!(right), "{flags:?} {sent:?}");
                let mut named = json!({ "x": [[1, 1]] });
                sent.iter().for_each(|tensor| named[tensor["name"].as_str().unwrap()] = tensor["data"].clone());
                let answer = service.predict(&Sent::json(&json!({ "model": "m", "inputs": named }))).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(
                    answer.json()["predictions"][0]["outputs"]["y"]["data"],
                    json!(right),
                    "{flags:?} {answer:?}"
                );
            }
        }
        let head = json!({ "inputs": [ones(), { "name": "scale", "datatype": "FP32", "shape": [2],
            "parameters": { "binary_data_size": 8 } }] })
        .to_string();
        let numbers = [5.0_f32, 6.0].map(f32::to_le_bytes).concat();
        let sent = Sent { body: [head.as_bytes(), &numbers].concat(), ..Sent::default() };
        let length = head.len().to_string();
        let answer = service.post("/v2/models/m/infer", &sent.header("inference-header-content-length", &length)).await;
        assert_eq!(outputs(&answer), json!([6.0, 7.0]), "{flags:?}");

        for (sent, says) in [
            (vec![tensor("scale", &[3], &[1.0; 3])], "the model takes type FP32 and shape [2]"),
            (vec![tensor("scale", &[1, 2], &[1.0; 2])], "the model takes type FP32 and shape [2]"),
            (vec![input("scale", "INT64", &json!([2]), &json!([1, 1]))], "takes FP32"),
            (vec![tensor("scale", &[2], &[1.0; 2]), tensor("scale", &[2], &[1.0; 2])], "\"scale\" twice"),
            (vec![tensor("other", &[2], &[1.0; 2])], "it has: x, scale, shift"),
        ] {
            let inputs: Vec<Value> = sent.iter().cloned().chain([ones()]).collect();
            let answer = infer(&service, &json!({ "inputs": inputs })).await;
            assert_eq!(answer.status, 422, "{flags:?} {sent:?} {answer:?}");
            assert!(answer.json()["error"].as_str().unwrap().contains(says), "{flags:?} {answer:?}");
        }
        let alone = infer(&service, &json!({ "inputs": [tensor("scale", &[2], &[1.0; 2])] })).await;
        assert_eq!(alone.status, 422, "the other input is needed: {alone:?}");
    }
}

/// The bytes that a call over gRPC is answered with.
async fn call(service: &Running, method: &str, message: &[u8]) -> Vec<u8> {
    let stream = TokioIo::new(TcpStream::connect(service.grpc).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let request = Request::post(format!("http://{}/inference.GRPCInferenceService/{method}", service.grpc))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::from([&[0], &length[..], message].concat()))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    to_bytes(Body::new(answer.into_body()), 1 << 20).await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_grpc_too() {
    let models = repository("raw", &affine());
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let described = |name: &str, shape: &[u64]| {
        let shape: Vec<u8> = shape.iter().flat_map(|size| varint_field(3, *size)).collect();
        field(5, &[field(1, name.as_bytes()), field(2, b"FP32"), shape].concat())
    };
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let left_out = [field(1, b"m"), described("x", &[1, 2]), field(7, &bytes(&[1.0, 1.0]))].concat();
        let answer = call(&service, "ModelInfer", &left_out).await;
        assert!(answer.ends_with(&bytes(&[3.0, 4.0])), "{flags:?} {answer:?}");
        let inputs = [described("x", &[1, 2]), described("scale", &[2])].concat();
        let tensors = [field(7, &bytes(&[1.0, 1.0])), field(7, &bytes(&[5.0, 6.0]))].concat();
        let answer = call(&service, "ModelInfer", &[field(1, b"m"), inputs, tensors].concat()).await;
        assert!(answer.ends_with(&bytes(&[6.0, 7.0])), "{flags:?} {answer:?}");

        let config = call(&service, "ModelConfig", &field(1, b"m")).await;
        let input = |name: &str| config.windows(name.len()).position(|text| text == name.as_bytes()).unwrap();
        let is_optional = varint_field(8, 1);
        let marks: Vec<usize> = (0..config.len()).filter(|at| config[*at..].starts_with(&is_optional)).collect();
        assert_eq!(marks.len(), 2, "{flags:?} {config:?}");
        assert!(marks[0] > input("scale"), "{config:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_say_what_may_be_left_out() {
    let models = repository("raw", &affine());
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let expected = json!([
            { "name": "x", "datatype": "FP32", "shape": [-1, 2] },
            { "name": "scale", "datatype": "FP32", "shape": [2], "optional": true },
            { "name": "shift", "datatype": "FP32", "shape": [-1], "optional": true },
        ]);
        assert_eq!(service.get("/v2/models/m").await.json()["inputs"], expected, "{flags:?}");
        assert_eq!(service.get("/models").await.json()["models"][0]["inputs"], expected, "{flags:?}");
        let config = service.get("/v2/models/m/config").await.json();
        assert_eq!(config["input"][0].get("optional"), None, "{config}");
        assert_eq!((&config["input"][1]["name"], &config["input"][1]["optional"]), (&json!("scale"), &json!(true)));
    }
}

/// The product of numbers with a factor of 2, an item a row.
fn product() -> TempDir {
    let numbers: &[Option<u64>] = &[None, Some(1)];
    let factor = Default { tensor: ("factor", Element::Float32, &[]), sizes: &[], numbers: &[2.0] };
    let operators: &[(&str, &[&str], &str)] = &[("Mul", &["x", "factor"], "y")];
    let x = ("x", Element::Float32, numbers);
    let models = tempfile::tempdir().unwrap();
    let file = graph_with_defaults(&[x], &[factor], operators, &[("y", Element::Float32, numbers)]);
    crate::repository::add(models.path(), "m", "task = \"regression\"\n[batching]\nmax_delay_ms = 20\n", &file);
    models
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_for_its_own_request_alone() {
    let models = product();
    for flags in engines() {
        let flags: Vec<String> = flags.into_iter().chain(["--threads", "1"].map(str::to_owned)).collect();
        let service = Arc::new(serving(&models, &flags).await);
        let mut clients = JoinSet::new();
        for number in 1..=24_u8 {
            let service = service.clone();
            clients.spawn(async move {
                let rows = [f32::from(number), 100.0, 200.0];
                let mut inputs = vec![tensor("x", &[3, 1], &rows)];
                let factor = if number % 2 == 0 { 2.0 } else { f32::from(number) };
                if number % 2 == 1 {
                    inputs.push(tensor("factor", &[], &[factor]));
                }
                let answer = infer(&service, &json!({ "inputs": inputs })).await;
                assert_eq!(outputs(&answer), json!(rows.map(|row| row * factor)), "{number}");
            });
        }
        clients.join_all().await;
        let body = json!({ "model": "m", "inputs": { "x": [[4], [5]], "factor": 10 } });
        let answer = service.predict(&Sent::json(&body)).await;
        assert_eq!(answer.json()["predictions"], json!([{ "value": 40.0 }, { "value": 50.0 }]), "{flags:?} {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_files_of_old_every_constant_is_listed_and_stays() {
    // A field that comes again takes the place of the earlier one: 1 (ir_version), a varint.
    let models = repository("raw", &[&affine()[..], &[0x08, 3]].concat());
    for flags in engines() {
        let service = serving(&models, &flags).await;
        assert_eq!(outputs(&infer(&service, &json!({ "inputs": [ones()] })).await), json!([3.0, 4.0]), "{flags:?}");
        let inputs = [ones(), tensor("scale", &[2], &[5.0, 6.0])];
        let answer = infer(&service, &json!({ "inputs": inputs })).await;
        let sentence = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(answer.status == 422 && sentence.contains("version 3 of the format"), "{flags:?} {answer:?}");
        let described = service.get("/v2/models/m").await.json();
        assert_eq!(described["inputs"].as_array().map(Vec::len), Some(1), "{described}");
    }
}

/// What tract has to know before it runs stays constant there, and a request that brings it learns what to do.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_keeps_constant_is_refused_and_never_passed_over() {
    let picture: &[Option<u64>] = &[Some(1), Some(1), Some(3), Some(3)];
    let kernel: &[Option<u64>] = &[Some(1), Some(1), Some(3), Some(3)];
    let one: &[Option<u64>] = &[Some(1), Some(1), Some(1), Some(1)];
    let weights = Default { tensor: ("w", Element::Float32, kernel), sizes: &[1, 1, 3, 3], numbers: &[1.0; 9] };
    let number: &[Option<u64>] = &[Some(1)];
    let factor = Default { tensor: ("factor", Element::Float32, number), sizes: &[1], numbers: &[2.0] };
    let file = graph_with_defaults(
        &[("x", Element::Float32, picture)],
        &[weights, factor],
        &[("Conv", &["x", "w"], "c"), ("Mul", &["c", "factor"], "y")],
        &[("y", Element::Float32, one)],
    );
    let models = repository("raw", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let x = tensor("x", &[1, 1, 3, 3], &[1.0; 9]);
        assert_eq!(outputs(&infer(&service, &json!({ "inputs": [x] })).await), json!([18.0]), "{flags:?}");
        let factor = tensor("factor", &[1], &[3.0]);
        assert_eq!(outputs(&infer(&service, &json!({ "inputs": [x, factor] })).await), json!([27.0]), "{flags:?}");
        let weights = tensor("w", &[1, 1, 3, 3], &[2.0; 9]);
        let answer = infer(&service, &json!({ "inputs": [x, weights] })).await;
        match answer.status {
            200 => assert_eq!(outputs(&answer), json!([36.0]), "{flags:?}"),
            other => {
                assert!(flags.is_empty() && other == 422, "{flags:?} {answer:?}");
                let sentence = answer.json()["error"].as_str().unwrap().to_owned();
                assert!(sentence.contains("engine = \"onnxruntime\""), "{sentence}");
            }
        }
    }
}

/// A pooling makes nothing of a short sequence, and a GRU of nothing would end the process.
#[tokio::test(flavor = "multi_thread")]
async fn sequences_that_end_up_empty_are_answered_or_refused() {
    let sequences: &[Option<u64>] = &[None, Some(1), Some(1)];
    let weights: &[Option<u64>] = &[Some(1), Some(3), Some(1)];
    let constant = |name| Default { tensor: (name, Element::Float32, weights), sizes: &[1, 3, 1], numbers: &[0.5; 3] };
    let file = graph_with_defaults(
        &[("x", Element::Float32, sequences)],
        &[constant("w"), constant("r")],
        &[("Identity", &["h"], "y")],
        &[("y", Element::Float32, &[None, Some(1), Some(1), Some(1)])],
    );
    let hidden_size = field(5, &[field(1, b"hidden_size"), varint_field(3, 1), varint_field(20, 2)].concat());
    let inputs = ["x", "w", "r"].map(|name| field(1, name.as_bytes())).concat();
    let gru = [inputs, field(2, b"h"), field(4, b"GRU"), hidden_size].concat();
    // A first part of the graph, whose nodes come before those of the second.
    let models = repository("raw", &[field(7, &field(1, &gru)), file].concat());
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let sequence =
            |shape: [usize; 3]| json!({ "inputs": [tensor("x", &shape, &vec![0.5; shape.iter().product()])] });
        let full = infer(&service, &sequence([2, 1, 1])).await;
        let right = outputs(&full);
        let empty = infer(&service, &sequence([0, 1, 1])).await;
        assert!(matches!(empty.status, 200 | 422), "{flags:?} {empty:?}");
        assert_eq!(outputs(&infer(&service, &sequence([2, 1, 1])).await), right, "{flags:?}");
    }
}

/// Whatever sizes and numbers a request brings, the service is there for the next.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_would_end_the_process_are_answered() {
    let file = graph_with_defaults(
        &[("a", Element::Int64, OPEN), ("b", Element::Int64, OPEN)],
        &[],
        &[("Div", &["a", "b"], "y")],
        &[("y", Element::Int64, OPEN)],
    );
    let models = repository("raw", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let quotient = |a: i64, b: i64| {
            let tensor = |name: &str, number: i64| input(name, "INT64", &json!([1]), &json!([number]));
            json!({ "inputs": [tensor("a", a), tensor("b", b)] })
        };
        assert_eq!(outputs(&infer(&service, &quotient(7, -2)).await), json!([-3]), "{flags:?}");
        let smallest = infer(&service, &quotient(i64::MIN, -1)).await;
        match smallest.status {
            200 => assert_eq!(outputs(&smallest), json!([i64::MIN])),
            other => assert_eq!(other, 422, "{flags:?} {smallest:?}"),
        }
        assert_eq!(infer(&service, &quotient(7, 0)).await.status, 422, "{flags:?}");
        assert_eq!(outputs(&infer(&service, &quotient(7, -1)).await), json!([-7]), "{flags:?}");
    }
}
