//! Answers are packed for clients that ask for it.
//!
//! Rule of thumb: the fastest level. A scrape of 133 kB becomes a tenth of that in a millisecond or two; the best level saves
//! little more and takes many times as long.

use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate as _, SizeAbove};

/// An answer of fewer bytes fits into a packet or two anyway.
const SMALLEST_BYTES: u64 = 1024;

type Packable = And<And<SizeAbove, NotForContentType>, NotForContentType>;

/// Packs answers with gzip, deflate or zstd, as `Accept-Encoding` prefers, unless they are small or packed already.
pub(super) fn compression() -> CompressionLayer<Packable> {
    let is_plain = SizeAbove::new(SMALLEST_BYTES).and(NotForContentType::IMAGES);
    let is_plain = is_plain.and(NotForContentType::const_new("application/vnd.apache.parquet"));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_plain)
}
