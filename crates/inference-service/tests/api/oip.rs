//! The Open Inference Protocol: the same model gives the same answers, in every form that its clients choose.

use serde_json::{Value, json};

use crate::pictures::{base64, cat, numbers};
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Answer, Running, serve};

const INFER: &str = "/v2/models/cifar10/infer";
const JSON_LENGTH: &str = "inference-header-content-length";

/// The names of the shipped model's input and output.
async fn names(service: &Running) -> (String, String) {
    let metadata = service.get("/v2/models/cifar10").await.json();
    let name = |tensors: &Value| tensors[0]["name"].as_str().unwrap().to_owned();
    (name(&metadata["inputs"]), name(&metadata["outputs"]))
}

/// JSON with bytes behind it.
fn binary(request: &Value, bytes: &[u8]) -> Sent {
    let json = request.to_string();
    let length = json.len().to_string();
    // The client of Triton sends no content type.
    let sent = Sent { body: [json.as_bytes(), bytes].concat(), ..Sent::default() };
    sent.header(JSON_LENGTH, &length)
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The numbers of the first output, from JSON or from behind it.
fn logits(answer: &Answer) -> Vec<f32> {
    assert_eq!(answer.status, 200, "{answer:?}");
    match answer.header(JSON_LENGTH) {
        None => serde_json::from_value(answer.json()["outputs"][0]["data"].clone()).unwrap(),
        Some(length) => {
            let (json, numbers) = answer.bytes.split_at(length.parse().unwrap());
            let json: Value = serde_json::from_slice(json).unwrap();
            assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], json!(numbers.len()), "{json}");
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            numbers.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_input_in_every_form() {
    let service = serve(&shipped(), &[]).await;
    let (input, output) = names(&service).await;
    let (values, [a, b, c]) = numbers("cifar10", &cat());
    let picture = cat();
    let tensor = |shape: Value, datatype: &str, data: Value| json!({ "inputs": [{ "name": input, "shape": shape, "datatype": datatype, "data": data }] });
    let behind = |shape: Value, datatype: &str, size: usize| {
        let parameters = json!({ "binary_data_size": size });
        json!({ "inputs": [{ "name": input, "shape": shape, "datatype": datatype, "parameters": parameters }] })
    };
    let with = |mut request: Value, name: &str, value: Value| {
        request[name] = value;
        request
    };
    let flat = tensor(json!([1, a, b, c]), "FP32", json!(values));
    let element = [&u32::try_from(picture.len()).unwrap().to_le_bytes()[..], &picture].concat();
    let wants_bytes = json!({ "binary_data_output": true });
    let one_as_bytes = json!([{ "name": output, "parameters": { "binary_data": true } }]);
    let forms = [
        ("flat", Sent::json(&flat)),
        ("nested", Sent::json(&tensor(json!([1, a, b, c]), "FP32", json!([values])))),
        ("another shape", Sent::json(&tensor(json!([1, a * b * c]), "FP32", json!(values)))),
        ("binary", binary(&behind(json!([1, a, b, c]), "FP32", 4 * values.len()), &bytes(&values))),
        ("a picture", binary(&behind(json!([1]), "BYTES", element.len()), &element)),
        ("a picture as base64", Sent::json(&tensor(json!([1, 1]), "BYTES", json!([base64(&picture)])))),
        ("binary output", Sent::json(&with(flat.clone(), "parameters", wants_bytes))),
        ("one output as bytes", Sent::json(&with(flat.clone(), "outputs", one_as_bytes))),
        ("that output", Sent::json(&with(flat.clone(), "outputs", json!([{ "name": output }])))),
    ];
    let expected = logits(&service.post(INFER, &forms[0].1).await);
    assert_eq!(expected.len(), 10);
    for (name, sent) in &forms {
        let found = logits(&service.post(INFER, sent).await);
        assert_eq!(found, expected, "{name}");
    }
    // The numbers are the logits behind the answer of POST /predict.
    let prediction = service.predict(&Sent::new("image/jpeg", picture.clone())).await.json()["predictions"][0].clone();
    let likeliest = (0..10).max_by(|a, b| expected[*a].total_cmp(&expected[*b])).unwrap();
    assert_eq!(prediction["class"], json!(likeliest));
    let versioned = service.post("/v2/models/cifar10/versions/1/infer", &forms[0].1).await;
    assert_eq!(logits(&versioned), expected);

    let all = forms.len() + 3;
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("predictions_total{model=\"cifar10\",status=\"success\"}"), all as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_an_id_and_classes() {
    let service = serve(&shipped(), &[]).await;
    let (input, output) = names(&service).await;
    let request = json!({
        "id": "mine",
        "inputs": [{ "name": input, "shape": [2], "datatype": "BYTES", "data": [base64(&cat()), base64(&cat())] }],
        "outputs": [{ "name": output, "parameters": { "classification": 2 } }],
    });
    let answer = service.post(INFER, &Sent::json(&request)).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("mine")), "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (&body["id"], &body["model_name"], &body["model_version"]),
        (&json!("mine"), &json!("cifar10"), &json!("1"))
    );
    let told = &body["outputs"][0];
    assert_eq!((&told["datatype"], &told["shape"]), (&json!("BYTES"), &json!([2, 2])));
    let best = told["data"][0].as_str().unwrap();
    assert!(best.ends_with(":3:cat") && best.starts_with("0."), "{best}");
    assert_eq!(told["data"][0], told["data"][2], "both are the same cat");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is() {
    let service = serve(&shipped(), &[]).await;
    let ok = async |path: &str| {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    assert_eq!(ok("/v2").await["name"], "inference-service");
    assert_eq!(ok("/v2/health/live").await, json!({ "live": true }));
    assert_eq!(ok("/v2/health/ready").await["ready"], true);
    let metadata = ok("/v2/models/cifar10").await;
    assert_eq!(metadata, ok("/v2/models/cifar10/versions/1").await);
    assert_eq!((&metadata["versions"], &metadata["platform"]), (&json!(["1"]), &json!("onnx_onnxv1")));
    assert_eq!(metadata["inputs"][0]["shape"], json!([-1, 3, 32, 32]));
    assert_eq!(metadata["outputs"][0]["shape"], json!([-1, 10]));
    assert_eq!(metadata["inputs"][0]["datatype"], "FP32");
    assert_eq!(ok("/v2/models/surface/ready").await, json!({ "name": "surface", "ready": true }));
    assert_eq!(ok("/v2/models/cifar10/config").await["max_batch_size"], 64);
    let index = service.post("/v2/repository/index", &Sent::json(&json!({}))).await.json();
    let expected = |name: &str| json!({ "name": name, "version": "1", "state": "READY", "reason": "" });
    assert_eq!(index, json!(["cifar10", "diabetes", "surface", "tumour"].map(expected)));
    for path in ["/v2/models/none", "/v2/models/cifar10/versions/2/ready"] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("model_not_found")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_answered_and_counted() {
    let service = serve(&shipped(), &["--max-batch", "3"]).await;
    let (input, _) = names(&service).await;
    let tensor = |name: &str, shape: Value, datatype: &str, data: Value| {
        Sent::json(&json!({ "inputs": [{ "name": name, "shape": shape, "datatype": datatype, "data": data }] }))
    };
    let zeros = json!(vec![0.0; 3072]);
    let good = json!({ "name": input, "shape": [1, 3072], "datatype": "FP32", "data": zeros });
    let behind = |size: usize| {
        let parameters = json!({ "binary_data_size": size });
        json!({ "inputs": [{ "name": input, "shape": [1, 3072], "datatype": "FP32", "parameters": parameters }] })
    };
    let rows = [
        ("invalid_request", "no JSON", Sent::new("application/json", "{"), "cannot be read"),
        ("invalid_request", "no inputs", Sent::json(&json!({})), "inputs"),
        ("invalid_input", "two inputs", Sent::json(&json!({ "inputs": [good, good] })), "2 inputs"),
        ("invalid_input", "another input", tensor("x", json!([1, 3072]), "FP32", zeros.clone()), &*input),
        (
            "invalid_input",
            "another output",
            { Sent::json(&json!({ "inputs": [good], "outputs": [{ "name": "no" }] })) },
            "no output",
        ),
        ("invalid_input", "integers", tensor(&input, json!([1, 3072]), "INT32", zeros.clone()), "INT32"),
        ("invalid_input", "fewer numbers", tensor(&input, json!([1, 3072]), "FP32", json!([1.0])), "1 numbers"),
        ("invalid_input", "another shape", tensor(&input, json!([3072]), "FP32", zeros.clone()), "shape"),
        ("invalid_input", "text", tensor(&input, json!([1, 3072]), "FP32", json!(["a"])), "string"),
        ("invalid_request", "a negative size", tensor(&input, json!([-1]), "FP32", zeros.clone()), "-1"),
        ("invalid_request", "an overflow", tensor(&input, json!([u64::MAX, 2]), "FP32", zeros.clone()), "shape"),
        ("invalid_request", "bytes that are not there", binary(&behind(12288), &[]), "12288"),
        ("invalid_request", "half a number", binary(&behind(3), &[0; 3]), "3 bytes"),
        (
            "invalid_request",
            "a length beyond the body",
            { Sent::json(&behind(4)).header(JSON_LENGTH, "100000") },
            "Inference-Header-Content-Length",
        ),
        ("invalid_request", "a cut picture", tensor(&input, json!([2]), "BYTES", json!(["AA=="])), "1 elements"),
        ("invalid_input", "no picture", tensor(&input, json!([1]), "BYTES", json!(["AAAA"])), "picture"),
        ("too_large", "a batch", tensor(&input, json!([4, 3072]), "FP32", json!(vec![0.0; 4 * 3072])), "4 items"),
    ];
    for (code, name, sent, says) in rows {
        let counted = format!("prediction_errors_total{{error_type=\"{code}\",model=\"cifar10\"}}");
        let before = service.metrics().await.get(&counted);
        let answer = service.post(INFER, &sent).await;
        let body = answer.json();
        assert_eq!(body["code"], code, "{name}: {body}");
        assert!(body["error"].as_str().unwrap().contains(says), "{name}: {body}");
        assert!(service.metrics().await.get(&counted) > before, "{name}");
    }
    let unknown = service.post("/v2/models/none/infer", &Sent::json(&json!({ "inputs": [good] }))).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("model_not_found")));
}
