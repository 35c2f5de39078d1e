//! A stand-in for a collector of traces, which speaks OTLP over HTTP.

use std::collections::BTreeMap;
use std::future::{IntoFuture as _, pending};
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::service::PATIENCE;

/// How a collector treats spans.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Takes,
    /// Reads them, and never answers.
    Hangs,
    /// Refuses them, so that trying again is of no use.
    Refuses,
}

/// Somewhere to send spans to.
pub(crate) struct Collector {
    address: SocketAddr,
    spans: watch::Receiver<Vec<Span>>,
}

/// A span, in words that are easy to compare.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) id: String,
    /// Empty if it has none.
    pub(crate) parent: String,
    pub(crate) name: String,
    /// As OTLP numbers it: 1 is internal, 2 a server.
    pub(crate) kind: i32,
    /// Nanoseconds since 1970.
    pub(crate) started: u64,
    pub(crate) ended: u64,
    /// As OTLP numbers it: 0 is unset, 2 an error.
    pub(crate) status: i32,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) resource: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, spans) = watch::channel(Vec::new());
        let routes = Router::new().route("/v1/traces", post(take)).with_state(CollectorState { manner, spans: told });
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { address, spans }
    }

    /// The environment of a service that sends its spans here, soon.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.address)),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
        ]
    }

    /// All spans that have come, once they are as they should be.
    pub(crate) async fn spans_until(&mut self, what: &str, condition: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let waiting = tokio::time::timeout(PATIENCE, self.spans.wait_for(|spans| condition(spans))).await;
        let spans = waiting.map(|spans| spans.unwrap().clone());
        spans.unwrap_or_else(|_| panic!("never came: {what}; {:?}", self.spans.borrow()))
    }
}

/// What the collector's route needs.
#[derive(Clone)]
struct CollectorState {
    manner: Manner,
    spans: watch::Sender<Vec<Span>>,
}

async fn take(
    State(CollectorState { manner, spans: told }): State<CollectorState>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    if manner == Manner::Hangs {
        pending::<()>().await;
    }
    if manner == Manner::Refuses {
        return (StatusCode::BAD_REQUEST, Vec::new());
    }
    told.send_modify(|spans| spans.extend(read(request)));
    (StatusCode::OK, ExportTraceServiceResponse::default().encode_to_vec())
}

fn read(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for part in request.resource_spans {
        let resource = words(part.resource.unwrap().attributes);
        for span in part.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            spans.push(Span {
                trace_id: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
                kind: span.kind,
                started: span.start_time_unix_nano,
                ended: span.end_time_unix_nano,
                status: span.status.map_or(0, |status| status.code),
                attributes: words(span.attributes),
                resource: resource.clone(),
            });
        }
    }
    spans
}

fn words(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let word = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("neither text nor a whole number: {other:?}"),
    };
    attributes.into_iter().map(|attribute| (attribute.key, word(attribute.value))).collect()
}
