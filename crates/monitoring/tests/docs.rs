//! The description of what every service answers, and the page that shows it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "description/mod.rs"]
mod description;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use monitoring::{HealthReport, MetricsRegistry, Readiness, Routes, describe, docs_routes};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(info(title = "Test", license(name = "MIT")))]
struct Nothing;

fn router() -> Router {
    let metrics = MetricsRegistry::new("test", "1").unwrap();
    let readiness = Readiness::starting();
    readiness.set_ready();
    let document = describe(Nothing::openapi(), json!({ "Health": { "type": "object" } }), &[]);
    let routes = Routes::new()
        .merge(monitoring::metrics_route(&metrics))
        .merge(monitoring::health_routes(readiness.clone(), HealthReport::default))
        .merge(docs_routes(&document));
    monitoring::instrument(routes, &metrics, readiness).unwrap()
}

async fn get(router: &Router, path: &str) -> (u16, HeaderMap, Bytes) {
    let answer = router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
}

fn is(headers: &HeaderMap, name: header::HeaderName, value: &str) -> bool {
    headers.get(name).is_some_and(|found| found == value)
}

#[tokio::test]
async fn what_every_service_answers_is_described() {
    let router = router();
    let (_, _, exposition) = get(&router, "/metrics").await;
    let (status, headers, document) = get(&router, "/openapi.json").await;
    assert!(status == 200 && is(&headers, header::CONTENT_TYPE, "application/json"), "{headers:?}");
    let document: Value = serde_json::from_slice(&document).unwrap();
    description::assert_complete(&document, std::str::from_utf8(&exposition).unwrap());
    let examples = description::examples(&document);
    assert!(examples.iter().any(|example| example.path == "/docs/swagger-ui.css"), "{examples:?}");
    for example in examples {
        assert!(example.method == "GET" && example.body.is_none(), "{example:?}");
        let (status, headers, _) = get(&router, &example.path).await;
        let content_type = headers[header::CONTENT_TYPE].to_str().unwrap().split(';').next().unwrap();
        assert!(status == 200 && example.answers.iter().any(|answer| answer == content_type), "{example:?}: {status}");
    }
}

/// A page that asked for anything from elsewhere would not work without network, and its policy would forbid it.
#[tokio::test]
async fn the_page_comes_with_all_that_it_loads() {
    let router = router();
    let (status, headers, page) = get(&router, "/docs").await;
    assert!(status == 200 && is(&headers, header::CONTENT_TYPE, "text/html; charset=utf-8"), "{headers:?}");
    let page = std::str::from_utf8(&page).unwrap();
    assert!(!page.contains("//") && !page.contains("<style") && !page.contains("onload"), "{page}");
    let loaded: Vec<&str> = page.split(['"']).filter(|text| text.starts_with("docs/")).collect();
    assert_eq!(loaded.len(), page.matches("<script").count() + page.matches("<link").count() - 1, "{loaded:?}");
    for file in loaded {
        let (status, headers, content) = get(&router, &format!("/{file}")).await;
        let expected =
            if file.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        assert!(status == 200 && !content.is_empty(), "{file}");
        assert!(is(&headers, header::CONTENT_TYPE, expected), "{file}: {headers:?}");
        assert!(is(&headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff"), "{file}: {headers:?}");
    }
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("http"), "{policy}");
    let (_, _, script) = get(&router, "/docs/swagger-initializer.js").await;
    let script = std::str::from_utf8(&script).unwrap();
    assert!(script.contains("\"url\": \"openapi.json\"") && !script.contains("://"), "{script}");
}

#[tokio::test]
async fn only_the_files_of_the_page_are_given_out() {
    let router = router();
    for file in ["index.html", "oauth2-redirect.html", "swagger-ui.js", "..%2FCargo.toml", "%2e%2e"] {
        let (status, _, refusal) = get(&router, &format!("/docs/{file}")).await;
        let refusal: Value = serde_json::from_slice(&refusal).unwrap();
        assert_eq!((status, &refusal["code"]), (404, &json!("not_found")), "{file}");
    }
}
