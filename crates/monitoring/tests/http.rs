//! What `instrument` promises to every request, seen from outside the router.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use monitoring::{
    Access, ApiError, ApiKeys, CredentialMetrics, ErrorCode, Exposition, HealthReport, Instrumentation, LabelEnum as _,
    MetricsRegistry, Readiness, Routes,
};
use serde_json::Value;
use tower::ServiceExt as _;

struct Service {
    router: Router,
    metrics: MetricsRegistry,
    readiness: Readiness,
}

impl Service {
    fn new() -> Self {
        Self::with_access(|_| Access::default())
    }

    fn with_access(access: impl FnOnce(&MetricsRegistry) -> Access) -> Self {
        let metrics = MetricsRegistry::new("test", "1").unwrap();
        let readiness = Readiness::starting();
        let routes = Routes::new()
            .get("/items/{id}", async || "an item")
            .post("/busy", async || ApiError::new(ErrorCode::Overloaded, "Too much.").retry_after(0.2))
            .get("/panic", async || Vec::<String>::new().remove(0))
            .get("/library", async || axum::http::StatusCode::PAYLOAD_TOO_LARGE)
            .get("/never", async || std::future::pending::<()>().await)
            .merge(monitoring::metrics_route(&metrics))
            .merge(monitoring::health_routes(readiness.clone(), HealthReport::default));
        let instrumentation = Instrumentation::register(&metrics, readiness.clone(), access(&metrics)).unwrap();
        let router = instrumentation.around(routes).unwrap();
        Self { router, metrics, readiness }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn sample(&self, series: &str) -> Option<f64> {
        let text = self.metrics.render(Exposition::Classic);
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }
}

async fn json(response: Response<Body>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn every_refusal_has_the_one_shape() {
    let service = Service::new();
    service.readiness.set_ready();
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/items/1", 405, "method_not_allowed"),
        ("POST", "/busy", 429, "overloaded"),
        ("GET", "/panic", 500, "internal"),
        ("GET", "/library", 413, "too_large"),
    ] {
        let response = service.send(method, path, &[("x-request-id", "mine")]).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["x-request-id"], "mine", "{path}");
        let body = json(response).await;
        assert_eq!(body["code"], code, "{path}");
        assert_eq!(body["request_id"], "mine", "{path}");
        assert!(body["error"].as_str().is_some_and(|sentence| sentence.len() > 3), "{path}: {body}");
        assert!(!body.to_string().contains("panicked"), "the cause stays inside: {body}");
    }
    assert_eq!(service.send("POST", "/busy", &[]).await.headers()["retry-after"], "1");
    assert!(service.send("DELETE", "/items/1", &[]).await.headers().contains_key("allow"));
}

#[tokio::test]
async fn series_of_declared_routes_exist_at_zero_and_no_path_becomes_a_label() {
    let service = Service::new();
    let ok = r#"http_requests_total{method="GET",route="/items/{id}",status="200"}"#;
    assert_eq!(service.sample(ok), Some(0.0));
    for id in 0..5 {
        service.send("GET", &format!("/items/{id}"), &[]).await;
        service.send("BREW", &format!("/secret/{id}"), &[]).await;
    }
    assert_eq!(service.sample(ok), Some(5.0));
    assert_eq!(service.sample(r#"http_requests_total{method="other",route="unmatched",status="404"}"#), Some(5.0));
    let text = service.metrics.render(Exposition::Classic);
    assert!(!text.contains("secret") && !text.contains("BREW"), "{text}");
}

#[tokio::test]
async fn a_client_that_leaves_counts_as_499() {
    let service = Service::new();
    let mut request = Box::pin(service.send("GET", "/never", &[]));
    assert!(futures_poll_once(&mut request).await.is_none(), "the handler never answers");
    assert_eq!(service.sample("http_requests_in_flight"), Some(1.0));
    drop(request);
    assert_eq!(service.sample("http_requests_in_flight"), Some(0.0));
    assert_eq!(service.sample(r#"http_requests_total{method="GET",route="/never",status="499"}"#), Some(1.0));
}

/// Polls once; `None` while pending.
async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn readiness_follows_the_life_of_the_service() {
    let service = Service::new();
    let ready = |status: u16| (status, if status == 200 { "ready" } else { "" });
    assert_eq!(service.send("GET", "/health/ready", &[]).await.status(), 503);
    assert_eq!(service.send("GET", "/health/live", &[]).await.status(), 200);
    service.readiness.set_ready();
    let response = service.send("GET", "/health", &[]).await;
    assert_eq!((response.status().as_u16(), json(response).await["status"].as_str().unwrap()), ready(200));
    service.readiness.set_draining();
    let response = service.send("GET", "/health/ready", &[]).await;
    assert_eq!(response.headers()["connection"], "close");
    assert_eq!(response.status(), 503);
    assert_eq!(json(response).await["status"], "draining");
    service.readiness.set_ready();
    assert!(service.readiness.is_draining(), "a draining service does not come back");
}

#[tokio::test]
async fn metrics_come_in_the_form_that_was_asked_for() {
    let service = Service::new();
    let classic = service.send("GET", "/metrics", &[]).await;
    assert_eq!(classic.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let open = service.send("GET", "/metrics", &[("accept", "application/openmetrics-text; version=1.0.0")]).await;
    assert_eq!(open.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = String::from_utf8(open.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert!(open.ends_with("# EOF\n"));
    assert!(open.contains("# TYPE http_requests counter\n"));
    assert!(open.contains(r#"http_requests_total{method="GET",route="/metrics",status="200"} 1.0"#), "{open}");
    assert!(
        open.contains(r#"http_request_duration_seconds_bucket{method="GET",route="/never",le="1.0"} 0.0"#),
        "{open}"
    );
}

#[tokio::test]
async fn with_keys_only_health_and_perhaps_metrics_are_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "0123456789abcdef").unwrap();
    for metrics_need_key in [false, true] {
        let service = Service::with_access(|registry| {
            let keys = ApiKeys::follow(&file, &CredentialMetrics::register(registry).unwrap()).unwrap();
            Access::new(Some(keys), metrics_need_key, false)
        });
        service.readiness.set_ready();
        let key = [("authorization", "Bearer 0123456789abcdef")];
        for (method, path, open, with_key) in [
            ("GET", "/health", true, 200),
            ("HEAD", "/health/live", true, 200),
            ("GET", "/health/ready", true, 200),
            ("GET", "/health/", false, 404),
            ("GET", "/metrics", !metrics_need_key, 200),
            ("GET", "/items/1", false, 200),
            ("GET", "/nowhere", false, 404),
            ("DELETE", "/items/1", false, 405),
        ] {
            assert_eq!(service.send(method, path, &key).await.status(), with_key, "{method} {path}");
            let response = service.send(method, path, &[]).await;
            if open {
                assert_eq!(response.status(), with_key, "{method} {path}");
            } else {
                assert_eq!(response.status(), 401, "{method} {path}");
                assert_eq!(response.headers()["www-authenticate"], "Bearer", "{method} {path}");
                assert_eq!(json(response).await["code"], "unauthorized", "{method} {path}");
            }
        }
    }
}

#[test]
fn every_code_has_a_refusing_status() {
    for code in ErrorCode::ALL {
        assert!((400..600).contains(&code.status()), "{code:?}");
    }
}
