//! Models whose answers were wrong, or that were refused for no good reason.

use serde_json::{Value, json};
use testkit::{Service, alone};

use crate::shelf::{NamedEngine, ScratchRepository, assert_near, cases, infer, listed, numbers, tensor};

const WHAT: &str = "the models among the cases";

/// A repository with all cases, as raw models unless they classify.
fn repository() -> Option<ScratchRepository> {
    let models = cases(WHAT)?.join("models");
    let repository = ScratchRepository::new();
    for name in ["lstm_act", "lstm_clip", "swish_alpha", "external_data", "scalar_input", "ratio_int", "noshape"] {
        repository.add(name, &models.join(name), "task = \"raw\"");
    }
    repository.add("cast_int64", &models.join("cast_int64"), "task = \"raw\"");
    repository.add("sum", &models.join("leak/sum"), "task = \"raw\"");
    repository.add("sum_regression", &models.join("leak/sum_regression"), "task = \"regression\"");
    for name in ["hf_text_cls", "sk_lr_nozip", "sk_lr_zipmap"] {
        repository.add(name, &models.join(name), "task = \"classification\"");
    }
    Some(repository)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_is_answered_rightly_or_refused_when_it_is_loaded() {
    let _alone = alone().await;
    let Some(repository) = repository() else { return };
    for engine in NamedEngine::all(WHAT) {
        let mut service = engine.launch().models(repository.path()).spawn();
        // Some models are refused, so the service is not ready as a whole.
        assert!(service.becomes_ready().await || !service.has_ended(), "{}", service.output());
        state_is_not_kept(&service).await;
        attributes_count(&service, &engine).await;
        kinds_are_served(&service, &engine).await;
        classifiers_name_their_classes(&service, &engine).await;
    }
}

/// A running sum begins anew, whoever asked before.
async fn state_is_not_kept(service: &Service) {
    for (ask, right) in [([1, 1, 1], 3.0), ([5, 6, 7], 18.0), ([1, 1, 1], 3.0), ([1, 1, 1], 3.0)] {
        let answer = infer(service, "sum", &[tensor("x", "FP32", &[3, 1], &json!(ask))]).await.unwrap();
        assert_near(&numbers(&answer, "y"), &[right], "sum");
        let body = json!({"model": "sum_regression", "inputs": [ask]}).to_string();
        let answer = service.post("/predict", "application/json", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_near(&[answer.json()["predictions"][0]["value"].as_f64().unwrap()], &[right], "sum_regression");
    }
}

/// What an engine does not do is not answered as if it were not written.
async fn attributes_count(service: &Service, engine: &NamedEngine) {
    let sequence = tensor("x", "FP32", &[3, 1, 1], &json!([1, 2, 3]));
    let row = tensor("x", "FP32", &[1, 3], &json!([1, -2, 3]));
    for (model, attribute, input, right) in [
        ("lstm_act", "activations", &sequence, &[9.360_873][..]),
        ("lstm_clip", "clip", &sequence, &[0.049_314]),
        ("swish_alpha", "alpha", &row, &[0.880_797, -0.035_972, 2.992_582]),
    ] {
        match infer(service, model, std::slice::from_ref(input)).await {
            Ok(answer) => assert_near(&numbers(&answer, "y"), right, model),
            Err(refusal) => {
                let problem = assert_refused_by_tract(service, model, engine, &refusal).await;
                assert!(problem.contains(attribute), "{problem}");
            }
        }
    }
}

/// A model may be refused when it is loaded, by tract alone, with a word on the engine that takes it; gives the reason.
async fn assert_refused_by_tract(service: &Service, model: &str, engine: &NamedEngine, refusal: &str) -> String {
    let problem = listed(service, model).await["error"].as_str().unwrap_or_default().to_owned();
    assert!(engine.is_tract() && refusal.starts_with("503"), "{model}: {refusal}");
    assert!(problem.contains("engine = \"onnxruntime\""), "{model}: {problem}");
    problem
}

async fn kinds_are_served(service: &Service, engine: &NamedEngine) {
    let ones = tensor("x", "FP32", &[1, 300], &json!(vec![1; 300]));
    let answer = infer(service, "external_data", &[ones]).await.unwrap();
    assert_near(&[numbers(&answer, "y").iter().sum()], &[-163.383_45], "external_data");

    for shape in [&[][..], &[1]] {
        let input = tensor("input", "FP32", &[1, 512], &json!(vec![0.1; 512]));
        let answer = infer(service, "scalar_input", &[input, tensor("sr", "INT64", shape, &json!([16_000]))]).await;
        assert_near(&numbers(&answer.unwrap(), "output"), &[1.599_999], "scalar_input");
    }

    let ratio = |b: i32| [tensor("a", "INT32", &[1], &json!([7])), tensor("b", "INT32", &[1], &json!([b]))];
    assert_near(&numbers(&infer(service, "ratio_int", &ratio(2)).await.unwrap(), "y"), &[3.0], "ratio_int");

    for shape in [&[2][..], &[1, 2], &[2, 1, 1]] {
        match infer(service, "noshape", &[tensor("x", "FP32", shape, &json!([-1, 2]))]).await {
            Ok(answer) => {
                assert_near(&numbers(&answer, "y"), &[0.0, 2.0], engine.name);
                assert_eq!(answer["outputs"][0]["shape"], json!(shape));
            }
            Err(refusal) => {
                assert_refused_by_tract(service, "noshape", engine, &refusal).await;
            }
        }
    }

    let answer = infer(service, "cast_int64", &[tensor("x", "FP32", &[1, 3], &json!([1.7, -2.5, 3]))]).await.unwrap();
    assert_near(&numbers(&answer, "a"), &[2.0], "cast_int64");
    assert_near(&numbers(&answer, "c"), &[1.0, -2.0, 3.0], "cast_int64");
    let datatypes = answer["outputs"].as_array().unwrap().iter().map(|output| &output["datatype"]);
    assert_eq!(datatypes.collect::<Vec<_>>(), ["INT64", "INT64"]);
}

async fn classifiers_name_their_classes(service: &Service, engine: &NamedEngine) {
    let flowers = json!([[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]]);
    for model in ["sk_lr_nozip", "sk_lr_zipmap"] {
        let body = json!({"model": model, "inputs": flowers, "top_k": 3}).to_string();
        let answer = service.post("/predict", "application/json", body).await;
        assert_eq!(answer.status, 200, "{engine:?} {model}: {} {}", answer.text(), listed(service, model).await);
        let predictions = answer.json()["predictions"].clone();
        let labels: Vec<&Value> = predictions.as_array().unwrap().iter().map(|item| &item["label"]).collect();
        assert_eq!(labels, ["0", "1"], "{model}");
        let confidence = |item: usize| predictions[item]["confidence"].as_f64().unwrap();
        assert_near(&[confidence(0), confidence(1)], &[0.984_703, 0.914_623], model);
    }
    let text = |name: &str, data: Value| tensor(name, "INT64", &[1, 3], &data);
    let inputs = [text("input_ids", json!([1, 2, 3])), text("attention_mask", json!([1, 1, 1]))];
    match infer(service, "hf_text_cls", &inputs).await {
        Ok(answer) => assert_near(&numbers(&answer, "logits"), &[-0.557_899, 0.278_900], "hf_text_cls"),
        Err(refusal) => panic!("{engine:?}: {refusal} {}", listed(service, "hf_text_cls").await),
    }
}
