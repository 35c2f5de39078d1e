//! The description of the service says what is there, and its examples work.

use serde_json::Value;

use crate::description::{assert_complete, assert_in_the_docs, examples};
use crate::repository::shipped;
use crate::schema::mismatches;
use crate::sent::Sent;
use crate::service::serve;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_tells_of_every_route_and_of_no_other() {
    let service = serve(&shipped(), &[]).await;
    let document = service.get("/openapi.json").await.json();
    let methods = ["GET", "POST"].map(|method| format!("method=\"{method}\""));
    let exposition = service.get("/metrics").await.text;
    assert!(methods.iter().all(|method| exposition.contains(method)));
    assert_complete(&document, &exposition);
    assert_in_the_docs(&document, "inference");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered() {
    let service = serve(&shipped(), &[]).await;
    let document = service.get("/openapi.json").await.json();
    let examples = examples(&document);
    let bodies = examples.iter().filter(|example| example.body.is_some()).count();
    assert!(bodies >= 3, "{bodies}");
    // Models are loaded and unloaded elsewhere.
    for example in examples.into_iter().filter(|example| !example.path.starts_with("/v2/repository/models/")) {
        let answer = match (&*example.method, &example.body) {
            ("GET", None) => service.get(&example.path).await,
            ("POST", None) => service.post(&example.path, &Sent::default()).await,
            ("POST", Some((content_type, body))) => {
                service.post(&example.path, &Sent::new(content_type, body.as_str())).await
            }
            _ => panic!("{example:?}"),
        };
        let content_type = answer.header("content-type").unwrap().split(';').next().unwrap();
        assert!(answer.status == 200 && example.answers.iter().any(|it| it == content_type), "{example:?}: {answer:?}");
        let operation = operation(&document, &example.method, &example.path);
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        if content_type == "application/json" {
            assert_eq!(mismatches(&answer.json(), schema, &document), [""; 0], "{example:?}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_beyond_the_examples_are_as_described() {
    let service = serve(&shipped(), &[]).await;
    let document = service.get("/openapi.json").await.json();
    let schema = |method: &str, path: &str| {
        &operation(&document, method, path)["responses"]["200"]["content"]["application/json"]["schema"]
    };
    let tensor = Sent::json(&serde_json::json!({ "model": "cifar10", "input": vec![0.5; 3072] }));
    let answer = service.predict(&tensor).await;
    assert_eq!(mismatches(&answer.json(), schema("POST", "/predict"), &document), [""; 0], "{answer:?}");
    let index = service.admin.post("/v2/repository/models/cifar10/unload", &Sent::default()).await;
    let unload = schema("POST", "/v2/repository/models/cifar10/unload");
    assert_eq!(mismatches(&index.json(), unload, &document), [""; 0], "{index:?}");
    for path in ["/models", "/health", "/v2/models/stats"] {
        let answer = service.get(path).await;
        assert_eq!(mismatches(&answer.json(), schema("GET", path), &document), [""; 0], "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_says_what_is_in_it() {
    let service = serve(&shipped(), &[]).await;
    assert_items(&service.get("/openapi.json").await.json());
}

/// Programs that generate clients refuse an array without `items`.
fn assert_items(value: &Value) {
    let is_array = match &value["type"] {
        Value::Array(types) => types.iter().any(|name| name == "array"),
        name => name == "array",
    };
    assert!(!is_array || value.get("items").is_some(), "{value}");
    value.as_object().into_iter().flatten().for_each(|(_, member)| assert_items(member));
    value.as_array().into_iter().flatten().for_each(assert_items);
}

/// The operation that answers at a path, which has values in the place of the parameters.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> &'a Value {
    let path: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
    let fits = |template: &Vec<&str>| {
        let is_same = |(part, given): (&&str, &&str)| part.starts_with('{') || part == given;
        template.len() == path.len() && template.iter().zip(&path).all(is_same)
    };
    let templates = document["paths"].as_object().unwrap();
    let fitting = templates.iter().filter(|(template, _)| fits(&template.split('/').collect()));
    let (_, operations) = fitting.min_by_key(|(template, _)| template.matches('{').count()).unwrap();
    &operations[method.to_lowercase()]
}
