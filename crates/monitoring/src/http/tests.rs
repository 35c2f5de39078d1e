#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::io::{Read as _, Write as _};

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Channel};
use tower::ServiceExt as _;

use super::*;
use crate::memory::MemoryRoom;

const LONG: &str = "a line of metrics 1\n";
const ORIGIN: &str = "https://example.org";

/// A service that echoes bodies, and has something long, something short and something packed to tell.
fn router(origins: &[&str], access: Access) -> Router {
    let room = MemoryRoom::register(1_048_576, &MetricsRegistry::new("room", "1").unwrap()).unwrap();
    let echo = async move |headers: HeaderMap, body: Body| read_body(&room, &headers, body, 1000).await;
    let long = async || LONG.repeat(1000);
    let rows = async || ([(header::CONTENT_TYPE, "application/vnd.apache.parquet")], LONG.repeat(1000));
    let sent = async || {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        tokio::spawn(async move {
            for _ in 0..1000 {
                sender.send_data(Bytes::from_static(LONG.as_bytes())).await.unwrap();
            }
        });
        Body::new(body)
    };
    let routes = Routes::new()
        .get("/sent", sent)
        .post("/echo", echo)
        .get("/long", long)
        .get("/short", async || LONG)
        .post("/busy", async || ApiError::new(ErrorCode::Overloaded, "Too much."))
        .post("/panic", async || Vec::<String>::new().remove(0))
        .get("/rows", rows);
    let origins: Vec<AllowedOrigin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let instrumentation = Instrumentation::register(&registry, Readiness::starting(), access).unwrap();
    instrumentation.around(routes.open_to(&origins)).unwrap()
}

/// Status, headers and body.
struct Answered(StatusCode, HeaderMap, Bytes);

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    Answered(head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_answer_is_packed_if_that_is_asked_for_and_worth_it() {
    let router = router(&[], Access::default());
    for (path, accepted, coding) in [
        ("/long", "gzip", Some("gzip")),
        ("/long", "GZIP", Some("gzip")),
        ("/long", "gzip, deflate, br, zstd", Some("zstd")),
        ("/long", "deflate, gzip;q=0", Some("deflate")),
        ("/sent", "gzip", Some("gzip")),
        ("/sent", "zstd", Some("zstd")),
        ("/sent", "", None),
        ("/long", "gzip;q=0", None),
        ("/long", "br", None),
        ("/long", "", None),
        // Nothing is acceptable, and the answer is worth more than that.
        ("/long", "identity;q=0, *;q=0", None),
        ("/long", "*;q=0", None),
        ("/short", "gzip", None),
        ("/rows", "gzip", None),
    ] {
        let Answered(status, headers, body) = ask(&router, "GET", path, &[("accept-encoding", accepted)], vec![]).await;
        assert_eq!(status, 200, "{path} {accepted}");
        let found = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
        assert_eq!(found, coding, "{path} {accepted}");
        assert_eq!(headers.contains_key(header::VARY), ["/long", "/sent"].contains(&path), "{path} {accepted}");
        match found {
            Some("gzip") => {
                let mut text = String::new();
                GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
                assert_eq!(text, LONG.repeat(1000));
            }
            Some("zstd") => assert_eq!(zstd::decode_all(&body[..]).unwrap(), LONG.repeat(1000).as_bytes()),
            Some(_) => assert!(body.len() < 1000),
            None => assert!(body.starts_with(LONG.as_bytes())),
        }
    }
}

#[tokio::test]
async fn a_packed_body_is_read_as_if_it_were_plain() {
    let router = router(&[], Access::default());
    let packed = gzip(b"the body");
    for (coding, body, status, says) in [
        ("gzip", packed.clone(), 200, "the body"),
        ("X-GZIP", [packed.clone(), packed.clone()].concat(), 200, "the bodythe body"),
        ("identity", b"the body".to_vec(), 200, "the body"),
        ("gzip", packed[..packed.len() - 5].to_vec(), 400, "\"invalid_request\""),
        ("gzip", b"the body".to_vec(), 400, "cannot be unpacked"),
        ("gzip", gzip(&[0; 1001]), 413, "\"too_large\""),
        ("gzip", vec![0; 1001], 413, "\"too_large\""),
        ("br", packed.clone(), 415, "\"unsupported_media_type\""),
        ("gzip, gzip", packed.clone(), 415, "more than once"),
    ] {
        let Answered(found, _, text) = ask(&router, "POST", "/echo", &[("content-encoding", coding)], body).await;
        let text = String::from_utf8_lossy(&text);
        assert_eq!(found, status, "{coding}: {text}");
        assert!(text.contains(says), "{coding}: {text}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_text() {
    let router = router(&[], Access::default());
    for (content_type, sent, read) in [
        ("application/json", "\u{feff}{}", "{}"),
        ("text/csv", "\u{feff}\u{feff}a", "\u{feff}a"),
        ("", "\u{feff}", ""),
        ("text/plain", "a\u{feff}", "a\u{feff}"),
        ("application/octet-stream", "\u{feff}{}", "\u{feff}{}"),
    ] {
        let headers = [("content-type", content_type)];
        let Answered(_, _, found) = ask(&router, "POST", "/echo", &headers, sent.into()).await;
        assert_eq!(found, read, "{content_type:?} {sent:?}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_ask_only_where_they_are_allowed_to() {
    let asked = [("origin", ORIGIN), ("access-control-request-method", "POST")];
    let Answered(status, headers, _) = ask(&router(&[], Access::default()), "OPTIONS", "/echo", &asked, vec![]).await;
    assert_eq!((status, headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)), (StatusCode::METHOD_NOT_ALLOWED, None));
    for (allowed, told) in [(ORIGIN, Some(ORIGIN)), ("*", Some("*")), ("https://example.com", None)] {
        let router = router(&[allowed], Access::default());
        // Also a refusal can be read, whoever made it.
        for (method, path) in [("OPTIONS", "/echo"), ("POST", "/echo"), ("GET", "/echo"), ("GET", "/nowhere")] {
            let Answered(_, headers, _) = ask(&router, method, path, &asked, vec![]).await;
            let found = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(found, told.map(HeaderValue::from_static).as_ref(), "{allowed}: {method} {path}");
        }
        let Answered(status, headers, _) = ask(&router, "OPTIONS", "/echo", &asked, vec![]).await;
        let sent = headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        assert!(status == 200 && sent.contains("authorization") && sent.contains("content-type"), "{sent}");
    }
}

#[tokio::test]
async fn nothing_acceptable_is_no_refusal_and_hides_none() {
    let router = router(&[], Access::default());
    for (method, path, status) in [("POST", "/echo", 200), ("GET", "/echo", 405), ("GET", "/nowhere", 404)] {
        let headers = [("accept-encoding", "identity;q=0, *;q=0")];
        let Answered(found, _, body) = ask(&router, method, path, &headers, b"the body".to_vec()).await;
        assert_eq!(found, status, "{method} {path}");
        assert_eq!(&body[..] == b"the body", status == 200, "{body:?}");
    }
}

#[tokio::test]
async fn pages_ask_with_keys_and_can_read_every_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, "0123456789abcdef").unwrap();
    let registry = MetricsRegistry::new("keys", "1").unwrap();
    let keys = crate::ApiKeys::follow(&file, &crate::CredentialMetrics::register(&registry).unwrap()).unwrap();
    let router = router(&[ORIGIN], Access::new(Some(keys), true, false));
    let asked = [
        ("origin", ORIGIN),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    // A browser never sends the key with this question.
    let Answered(status, headers, _) = ask(&router, "OPTIONS", "/echo", &asked, vec![]).await;
    let allowed = headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
    assert!(status == 200 && allowed.contains("authorization"), "{status} {headers:?}");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN);
    let long = "x".repeat(401_000);
    let key = ("authorization", "Bearer 0123456789abcdef");
    for (path, more, body, status) in [
        ("/echo", key, 8, 200),
        ("/echo", ("authorization", "Bearer another"), 8, 401),
        ("/echo", ("accept", "*/*"), 8, 401),
        ("/echo", key, 1001, 413),
        ("/nowhere", key, 8, 404),
        ("/long", key, 8, 405),
        ("/busy", key, 8, 429),
        ("/panic", key, 8, 500),
        ("/echo", ("long", &long), 8, 431),
    ] {
        let Answered(found, headers, body) =
            ask(&router, "POST", path, &[("origin", ORIGIN), more], vec![b'x'; body]).await;
        assert_eq!(found, status, "{path}: {body:?}");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN, "{path}");
        let readable = headers[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
        assert!(readable.contains("x-request-id") && readable.contains("retry-after"), "{readable}");
    }
}
