//! Proves that a trace goes through both services: what the inference service delivers and what the logging service
//! stores are spans of one trace at a collector, and the prediction's record names the span of its request.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::future::IntoFuture as _;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use testkit::{Launch, Pair, Shot, alone, pictures};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
const CALLER: u64 = 0x00f0_67aa_0ba9_02b7;

/// Spans with the names of the services that they are of.
type Spans = Vec<(String, Span)>;

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_one_trace_through_both_services() {
    let _alone = alone().await;
    let (endpoint, mut spans) = collector().await;
    let traced = |launch: Launch| {
        let launch = launch.environment("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        launch.environment("OTEL_BSP_SCHEDULE_DELAY", "50")
    };
    let pair = Pair::start_at(|places| places, |inference, logging| (traced(inference), traced(logging))).await;
    let trace = fastrand::u128(1..);
    let shot = Shot::picture("cifar10", &pictures("cifar10")[0]);
    let sent = shot.request().header("traceparent", &format!("00-{trace:032x}-{CALLER:016x}-01"));
    assert_eq!(pair.inference.send(&sent).await.status, 200);
    pair.all_delivered().await;

    let all = |spans: &Spans| stored(spans).is_some() && request(spans).is_some();
    let both = timeout(PATIENCE, spans.wait_for(all)).await;
    let spans = both.expect("the spans never came").unwrap().clone();
    let (delivery, stored) = stored(&spans).unwrap();
    assert_eq!(delivery.trace_id, stored.trace_id);
    assert!(delivery.parent_span_id.is_empty() && delivery.trace_id != trace.to_be_bytes());
    assert!(delivery.start_time_unix_nano <= stored.start_time_unix_nano);
    let request = request(&spans).unwrap();
    assert_eq!(
        (&request.trace_id[..], &request.parent_span_id[..]),
        (&trace.to_be_bytes()[..], &CALLER.to_be_bytes()[..])
    );
    let found = pair.logging.get(&format!("/predictions?request_id={}", shot.request_id)).await.json();
    let id: String = request.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found["predictions"][0]["trace_id"], format!("{trace:032x}"), "{found}");
    assert_eq!(found["predictions"][0]["span_id"], id, "{found}");
}

/// The span of the prediction's request.
fn request(spans: &Spans) -> Option<&Span> {
    spans.iter().map(|(_, span)| span).find(|span| span.name == "POST /predict")
}

/// The span of a delivery, and that of the request which it was to the logging service.
fn stored(spans: &Spans) -> Option<(&Span, &Span)> {
    let named = |service: &'static str, kind: SpanKind| {
        let fits = move |of: &str, span: &Span| of == service && span.name == "POST /log" && span.kind == kind as i32;
        spans.iter().filter(move |(of, span)| fits(of, span)).map(|(_, span)| span)
    };
    let mut pairs = named("inference-service", SpanKind::Client)
        .flat_map(|delivery| named("logging-service", SpanKind::Server).map(move |stored| (delivery, stored)));
    pairs.find(|(delivery, stored)| stored.parent_span_id == delivery.span_id)
}

/// Something that takes every span, and its URL.
async fn collector() -> (&'static str, watch::Receiver<Spans>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, spans) = watch::channel(Vec::new());
    let routes = Router::new().route("/v1/traces", post(take)).with_state(told);
    tokio::spawn(axum::serve(listener, routes).into_future());
    (url.leak(), spans)
}

async fn take(State(told): State<watch::Sender<Spans>>, body: Bytes) {
    for part in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        let attributes = part.resource.unwrap().attributes;
        let name = attributes.into_iter().find(|attribute| attribute.key == "service.name").expect("a service's name");
        let Some(Value::StringValue(service)) = name.value.and_then(|value| value.value) else { panic!("no text") };
        let received = part.scope_spans.into_iter().flat_map(|scope| scope.spans);
        told.send_modify(|spans| spans.extend(received.map(|span| (service.clone(), span))));
    }
}
