//! Models are loaded and unloaded by order, at a listener of its own, and no request is lost to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::onnx;
use crate::pictures::{base64, dot};
use crate::repository::{self, Versions, add, model_toml};
use crate::sent::Sent;
use crate::service::{Answer, Running, serve};

/// The folder is looked at all the time.
const EAGER: &[&str] = &["--model-poll-seconds", "0.01"];
/// It is looked at once.
const NEVER: &[&str] = &["--model-poll-seconds", "0"];
const ORDERS: usize = 30;
const CLIENTS: usize = 4;

fn input() -> Sent {
    Sent::json(&json!({ "model": "m", "input": [0, 0, 1] }))
}

async fn order(service: &Running, model: &str, verb: &str) -> Answer {
    service.admin.post(&format!("/v2/repository/models/{model}/{verb}"), &Sent::json(&json!({}))).await
}

async fn index(service: &Running) -> Value {
    let index = service.admin.post("/v2/repository/index", &Sent::default()).await.json();
    assert_eq!(index, service.post("/v2/repository/index", &Sent::default()).await.json());
    index
}

fn refused(answer: &Answer, status: u16, code: &str, says: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{answer:?}");
    assert!(answer.text.contains(says), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unloaded_model_stays_so_until_an_order_or_another_file() {
    let versions = Versions::new("");
    versions.add(1);
    let service = serve(versions.path(), EAGER).await;
    let answer = order(&service, "m", "unload").await;
    let line = json!({ "name": "m", "state": "UNAVAILABLE", "reason": "unloaded" });
    assert_eq!((answer.status, answer.json()), (200, json!([line])));
    refused(&service.predict(&input()).await, 503, "not_ready", "unloaded");
    refused(&service.get("/health").await, 503, "not_ready", "No model serves");

    // The other version is found and loaded only after some looks at the folder.
    add(versions.path(), "second", &model_toml([1, 3], r#"["x", "y", "z"]"#), &onnx::chain([1, 3], &["Flatten"]));
    let metrics = service
        .metrics_until("the other serves", |metrics| {
            metrics.of("model_loaded{model=\"second\"}").any(|(_, loaded)| loaded == 1.0)
        })
        .await;
    assert_eq!(metrics.get("model_loaded{model=\"m\"}"), 0.0);
    assert_eq!(metrics.of("model_info{engine=\"tract\",model=\"m\"").count(), 0);
    assert_eq!(service.get("/models").await.json()["models"][0]["state"], "unloaded");
    assert_eq!(index(&service).await[0], line);

    let answer = order(&service, "m", "load").await;
    assert_eq!(answer.json(), json!([{ "name": "m", "version": "1", "state": "READY", "reason": "" }]), "{answer:?}");
    assert_eq!(service.predict(&input()).await.json()["version"], "1");

    order(&service, "m", "unload").await;
    versions.add(2);
    service.metrics_until("its folder changed", |metrics| metrics.get("model_loaded{model=\"m\"}") == 1.0).await;
    assert_eq!(service.predict(&input()).await.json()["version"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_takes_what_is_there_now_or_says_why_not() {
    let versions = Versions::new("");
    versions.add(1);
    let service = serve(versions.path(), NEVER).await;
    let reloads = async |outcome: &str| {
        service.metrics().await.get(&format!("model_reloads_total{{model=\"m\",outcome=\"{outcome}\"}}"))
    };
    assert_eq!(order(&service, "m", "load").await.status, 200);
    assert_eq!(reloads("success").await, 2.0, "also what has not changed is loaded");

    versions.add_file(2, b"no model");
    refused(&order(&service, "m", "load").await, 422, "invalid_input", "2/model.onnx");
    assert_eq!(reloads("failure").await, 1.0);
    assert_eq!(service.predict(&input()).await.json()["version"], "1", "what served goes on");
    assert_eq!(index(&service).await[0]["state"], "READY");
    versions.remove(2);
    versions.add(3);
    assert_eq!(order(&service, "m", "load").await.json()[0]["version"], "3");

    for verb in ["load", "unload"] {
        refused(&order(&service, "none", verb).await, 404, "model_not_found", "there is: m");
    }
    let path = "/v2/repository/models/m/load";
    for (body, says) in [(json!({ "parameters": { "config": "{}" } }), "config"), (json!([1, 2]), "order")] {
        refused(&service.admin.post(path, &Sent::json(&body)).await, 400, "invalid_request", says);
    }
    refused(&service.admin.post(path, &Sent::new("", vec![b' '; 100_000])).await, 413, "too_large", "65536");
    refused(&service.post(path, &Sent::json(&json!({}))).await, 404, "not_found", "--admin-listen");
    refused(&service.admin.get("/models").await, 404, "not_found", "load");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_a_model_is_unloaded_is_answered() {
    let models = repository::slow();
    let service = serve(models.path(), &["--threads", "1"]).await;
    let client = service.service.clone();
    let batch = Sent::json(&json!({ "images": vec![base64(&dot()); 8] })).query("?model=slow");
    let asked = tokio::spawn(async move { client.predict(&batch).await });
    service.metrics_until("some wait", |metrics| metrics.get("prediction_queue_depth") > 0.0).await;
    assert_eq!(order(&service, "slow", "unload").await.status, 200);
    let answer = asked.await.unwrap();
    assert_eq!((answer.status, answer.json()["predictions"].as_array().unwrap().len()), (200, 8), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_under_load_and_looks_at_the_folder_lose_no_request() {
    let versions = Versions::new("");
    versions.add(1);
    let service = serve(versions.path(), EAGER).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (service, done) = (service.service.clone(), done.clone());
            tokio::spawn(async move {
                let (mut answered, mut refusals) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    let answer = service.predict(&input()).await;
                    if answer.status == 200 {
                        let body = answer.json();
                        let version: u32 = body["version"].as_str().unwrap().parse().unwrap();
                        let is_odd = body["predictions"][0]["label"] == "c";
                        assert_eq!(is_odd, !version.is_multiple_of(2), "half of another version: {body}");
                        answered += 1;
                    } else {
                        refused(&answer, 503, "not_ready", "unloaded");
                        refusals += 1;
                    }
                }
                (answered, refusals)
            })
        })
        .collect();
    for number in 0..ORDERS {
        versions.add(u32::try_from(number).unwrap() + 2);
        let (loaded, unloaded) = tokio::join!(order(&service, "m", "load"), order(&service, "m", "unload"));
        assert_eq!((loaded.status, unloaded.status), (200, 200), "{loaded:?} {unloaded:?}");
    }
    assert_eq!(order(&service, "m", "load").await.json()[0]["state"], "READY");
    done.store(true, Ordering::Relaxed);
    let (mut answered, mut refusals) = (0, 0);
    for client in clients {
        let (some, others) = client.await.unwrap();
        (answered, refusals) = (answered + some, refusals + others);
    }
    let metrics = service.metrics().await;
    assert!(answered > 0 && refusals > 0, "the orders went by unseen: {answered} {refusals}");
    assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"success\"}"), f64::from(answered));
    assert_eq!(metrics.get("prediction_errors_total{error_type=\"not_ready\",model=\"m\"}"), f64::from(refusals));
    assert_eq!(metrics.get("model_reloads_total{model=\"m\",outcome=\"failure\"}"), 0.0);
}
