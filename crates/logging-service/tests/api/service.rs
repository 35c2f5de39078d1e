//! A running service and its client.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser as _;
use logging_service::config::Config;
use monitoring::MetricsRegistry;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::metrics::ScrapedMetrics;
use crate::store_support::Fixture;

/// How long a test waits for something to happen before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const JSON: &str = "application/json";
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct ServiceAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl ServiceAnswer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|problem| panic!("{problem} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A service in this process. Dropping it stops it.
pub(crate) struct RunningService {
    address: SocketAddr,
    client: Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// Starts a service on a database that is new.
pub(crate) async fn fresh(fixture: &Fixture, flags: &[&str]) -> RunningService {
    RunningService::start(fixture, flags).await
}

impl RunningService {
    /// Serves a database from a free port.
    pub(crate) async fn start(fixture: &Fixture, flags: &[&str]) -> Self {
        let database = fixture.flag();
        let fixed = ["logging-service", "--database", &database, "--drain-seconds", "0"];
        let config = Config::try_parse_from(fixed.iter().chain(flags)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = MetricsRegistry::new(logging_service::SERVICE, "test").unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async {
            let shutdown = async {
                // The sender is never used; it is dropped.
                let _ = stopped.await;
            };
            logging_service::run(config, listener, registry, shutdown).await.unwrap();
        });
        monitoring::use_ring();
        let service = Self { address, client: Client::builder().no_proxy().build().unwrap(), stop, running };
        // The port takes connections at once; an answer means that the database was tried.
        assert_eq!(service.get("/health/live").await.status, 200);
        service
    }

    /// Stops the service and waits until it has ended.
    pub(crate) async fn stop(self) {
        // An open connection that nobody uses would be waited for.
        drop((self.client, self.stop));
        self.running.await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> ServiceAnswer {
        answer(self.client.get(self.url(path))).await
    }

    pub(crate) async fn head(&self, path: &str) -> ServiceAnswer {
        answer(self.client.head(self.url(path))).await
    }

    /// Sends a body to `POST /log`; no content type is sent where it is empty.
    pub(crate) async fn log(&self, content_type: &str, body: impl Into<reqwest::Body>) -> ServiceAnswer {
        let request = self.client.post(self.url("/log")).header("x-request-id", "the-request").body(body);
        answer(if content_type.is_empty() { request } else { request.header("content-type", content_type) }).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> ServiceAnswer {
        answer(self.client.post(self.url(path)).header("content-type", JSON).body(body.to_string())).await
    }

    /// Sends any request; a body comes with its content type.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<(String, String)>) -> ServiceAnswer {
        let request = self.client.request(method.parse().unwrap(), self.url(path));
        answer(match body {
            Some((content_type, body)) => request.header("content-type", content_type).body(body),
            None => request,
        })
        .await
    }

    /// Sends JSON with `PUT`.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> ServiceAnswer {
        answer(self.client.put(self.url(path)).header("content-type", JSON).body(body.to_string())).await
    }

    /// Sends `DELETE`.
    pub(crate) async fn delete(&self, path: &str) -> ServiceAnswer {
        answer(self.client.delete(self.url(path))).await
    }

    /// Sends a body with any method and headers.
    pub(crate) async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> ServiceAnswer {
        let request = self.client.request(method.parse().unwrap(), self.url(path)).body(body);
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Sends a body with headers.
    pub(crate) async fn send(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> ServiceAnswer {
        let request = self.client.post(self.url(path)).body(body);
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Stores records that are new.
    pub(crate) async fn store(&self, records: &[Value]) {
        let answer = self.log(JSON, Value::from(records).to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), json!({ "accepted": records.len(), "duplicates": 0 }));
    }

    /// The predictions of one page.
    pub(crate) async fn predictions(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/predictions{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.json()["predictions"].as_array().unwrap().clone()
    }

    /// How many predictions are stored.
    pub(crate) async fn count(&self) -> u64 {
        let (mut rows, mut page) = (0, "?limit=1000".to_owned());
        loop {
            let answer = self.get(&format!("/predictions{page}")).await.json();
            rows += answer["predictions"].as_array().unwrap().len() as u64;
            match answer["next_cursor"].as_str() {
                Some(cursor) => page = format!("?limit=1000&cursor={cursor}"),
                None => return rows,
            }
        }
    }

    pub(crate) async fn metrics(&self) -> ScrapedMetrics {
        ScrapedMetrics::parse(&self.get("/metrics").await.text)
    }

    /// Waits until the metrics are as they should be.
    pub(crate) async fn metrics_until(&self, what: &str, mut condition: impl FnMut(&ScrapedMetrics) -> bool) {
        let asking = async { while !condition(&self.metrics().await) {} };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never happened: {what}"));
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn answer(request: RequestBuilder) -> ServiceAnswer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    ServiceAnswer { status, headers, text: response.text().await.unwrap() }
}

/// The smallest valid record.
pub(crate) fn smallest() -> Value {
    json!({ "model": "cifar10", "label": "cat", "confidence": 0.93 })
}

/// One record a line.
pub(crate) fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}
