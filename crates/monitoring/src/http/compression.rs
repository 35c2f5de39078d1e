//! Answers are packed for clients that ask for it.
//!
//! Rule of thumb: the fastest level. A scrape of 133 kB becomes a tenth of that in a millisecond or two; the best level saves
//! little more and takes many times as long.

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::response::Response;
use http_body_util::BodyExt as _;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate as _, SizeAbove};

/// An answer of fewer bytes fits into a packet or two anyway.
const SMALLEST_BYTES: u64 = 1024;

type Packable = And<And<SizeAbove, NotForContentType>, NotForContentType>;

/// The status that a handler gave its answer.
#[derive(Clone, Copy)]
struct HandlersStatus(StatusCode);

/// Packs the answers of a router with gzip, deflate or zstd, as `Accept-Encoding` prefers, unless they are small or packed
/// already. Where a client forbids every coding and also an answer without one, it is answered without one, as RFC 9110,
/// section 12.5.3, allows: the request has had its effect, and a refusal would deny that.
pub(super) fn packing(router: Router) -> Router {
    // Compression asks a body once more behind its end, which a channel answers with a panic.
    let before = map_response(async |response: Response| {
        let status = HandlersStatus(response.status());
        let mut response = response.map(|body| Body::new(body.fuse()));
        response.extensions_mut().insert(status);
        response
    });
    // Compression makes 406 of an answer that no coding is acceptable for, whatever its status was.
    let behind = map_response(async |mut response: Response| {
        if let Some(HandlersStatus(status)) = response.extensions_mut().remove() {
            *response.status_mut() = status;
        }
        response
    });
    router.layer(before).layer(compression()).layer(behind)
}

fn compression() -> CompressionLayer<Packable> {
    let is_plain = SizeAbove::new(SMALLEST_BYTES).and(NotForContentType::IMAGES);
    let is_plain = is_plain.and(NotForContentType::const_new("application/vnd.apache.parquet"));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_plain)
}
