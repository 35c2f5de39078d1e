//! The spans of calls over gRPC.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use crate::collector::{Collector, Manner};
use crate::process::Process;
use crate::repository::shipped;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// One frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header as HPACK has it, without any compression.
fn header(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// Calls a method with a message, and stays on the line until the result is dropped.
pub(crate) fn call(address: SocketAddr, method: &str, message: &[u8]) -> TcpStream {
    let path = format!("/inference.GRPCInferenceService/{method}");
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &path),
        (":authority", "test"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("traceparent", &traceparent),
    ];
    let headers: Vec<u8> = headers.into_iter().flat_map(|(name, value)| header(name, value)).collect();
    let mut bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    bytes.extend(frame(1, 0x4, 1, &headers));
    bytes.extend(frame(0, 0x1, 1, &[&[0], length.as_slice(), message].concat()));
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(&bytes).unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_span_with_its_status() {
    let mut collector = Collector::start(Manner::Takes).await;
    let process = Process::start_in(&collector.environment(), "", &shipped(), &[]);
    process.service.ready().await;
    let line = process.log.wait_for("where gRPC is", |line| line["message"] == "listening_grpc");
    let address = line["address"].as_str().unwrap().parse().unwrap();
    let calls = [
        ("ServerLive", &[][..], "0", None),
        ("ModelMetadata", &b"\x0a\x06nobody"[..], "5", Some("NOT_FOUND")),
        ("ModelInfer", &b"\x0a\x06nobody"[..], "5", Some("model_not_found")),
        ("Made-up", &[][..], "12", Some("UNIMPLEMENTED")),
    ];
    let connections = calls.map(|(method, message, ..)| call(address, method, message));
    let of_calls = |span: &&crate::collector::Span| span.attributes.contains_key("rpc.system");
    let spans = collector.spans_until("all calls", |spans| spans.iter().filter(of_calls).count() == calls.len()).await;
    drop(connections);
    for (method, _, status, error_type) in calls {
        let known = method != "Made-up";
        let name = if known { format!("inference.GRPCInferenceService/{method}") } else { "grpc".to_owned() };
        let span = spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}: {spans:?}"));
        assert_eq!((span.trace_id.as_str(), span.parent.as_str(), span.kind), (TRACE, CALLER, 2));
        assert_eq!(span.attributes["rpc.grpc.status_code"], status, "{span:?}");
        assert_eq!(span.attributes.get("error.type").map(String::as_str), error_type, "{span:?}");
        // To OpenTelemetry, a call that does not exist is the service's fault.
        assert_eq!(span.status == 2, !known, "{span:?}");
        assert_eq!(span.attributes.get("rpc.method").map(String::as_str), Some(if known { method } else { "_OTHER" }));
    }
}
