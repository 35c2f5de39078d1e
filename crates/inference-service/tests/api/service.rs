//! A running service and its client.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use inference_service::Listeners;
use inference_service::config::Config;
use monitoring::MetricsRegistry;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::metrics::Metrics;
use crate::sent::Sent;

/// How long anything may take to happen before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as text; other bytes than text are replaced.
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|problem| panic!("{problem} in {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A service at an address.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    client: Client,
}

impl Service {
    pub(crate) fn at(address: SocketAddr) -> Self {
        monitoring::use_ring();
        Self { address, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.answer(self.client.get(self.url(path))).await
    }

    /// What is there, in this form.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Answer {
        self.answer(self.client.get(self.url(path)).header("accept", accept)).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.answer(self.client.head(self.url(path))).await
    }

    pub(crate) async fn predict(&self, sent: &Sent) -> Answer {
        self.answer(self.prediction(sent)).await
    }

    pub(crate) async fn post(&self, path: &str, sent: &Sent) -> Answer {
        self.answer(self.posting(path, sent)).await
    }

    /// A request to `POST /predict` that is not sent yet.
    pub(crate) fn prediction(&self, sent: &Sent) -> RequestBuilder {
        self.posting("/predict", sent)
    }

    fn posting(&self, path: &str, sent: &Sent) -> RequestBuilder {
        let request = self.client.post(self.url(&format!("{path}{}", sent.query)));
        sent.headers.iter().fold(request, |request, (name, value)| request.header(*name, value)).body(sent.body.clone())
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        Metrics::parse(&self.get("/metrics").await.text)
    }

    /// Waits until the metrics are as they should be.
    pub(crate) async fn metrics_until(&self, what: &str, condition: impl Fn(&Metrics) -> bool) -> Metrics {
        let asking = async {
            loop {
                let metrics = self.metrics().await;
                if condition(&metrics) {
                    return metrics;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never happened: {what}"))
    }

    /// Waits until the service is ready.
    pub(crate) async fn ready(&self) {
        let asking = async { while self.get("/health/ready").await.status != 200 {} };
        tokio::time::timeout(PATIENCE, asking).await.expect("the service never became ready");
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn answer(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }
}

/// A service in this process. Dropping it stops it.
pub(crate) struct Running {
    pub(crate) service: Service,
    /// Its listener for administrators.
    pub(crate) admin: Service,
    /// Its address for gRPC.
    pub(crate) grpc: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    /// Stops it, and waits until it has.
    pub(crate) async fn stopped(self) {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.serving).await.expect("the service never stopped").unwrap();
    }
}

impl std::ops::Deref for Running {
    type Target = Service;
    fn deref(&self) -> &Service {
        &self.service
    }
}

/// A test runs on tract unless it says otherwise, whatever library this machine has.
pub(crate) fn engine_unless_named(flags: &[&str]) -> &'static [&'static str] {
    if flags.contains(&"--engine") { &[] } else { &["--engine", "tract"] }
}

/// Serves the models of a folder from a free port, and waits until that is ready.
pub(crate) async fn serve(models: &Path, flags: &[&str]) -> Running {
    serve_logging_to("", models, flags).await
}

/// The same, with predictions logged to this URL.
pub(crate) async fn serve_logging_to(url: &str, models: &Path, flags: &[&str]) -> Running {
    let models = models.to_str().unwrap();
    let fixed = ["inference-service", "--models", models, "--log-url", url, "--drain-seconds", "0"];
    let config = Config::try_parse_from(fixed.iter().chain(flags).chain(engine_unless_named(flags))).unwrap();
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { http: bind().await, grpc: Some(bind().await), admin: Some(bind().await) };
    let address = |listener: &TcpListener| listener.local_addr().unwrap();
    let service = Service::at(address(&listeners.http));
    let admin = Service::at(address(listeners.admin.as_ref().unwrap()));
    let grpc = address(listeners.grpc.as_ref().unwrap());
    let registry = MetricsRegistry::new(inference_service::SERVICE, "test").unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async {
        let shutdown = async {
            // The sender is never used; it is dropped.
            let _ = stopped.await;
        };
        inference_service::run(config, listeners, registry, shutdown).await.unwrap();
    });
    service.ready().await;
    Running { service, admin, grpc, stop, serving }
}
