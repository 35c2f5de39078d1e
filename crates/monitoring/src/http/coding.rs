//! Bodies that are packed: what `Content-Encoding` says, and unpacking within a bound.
//!
//! Rule of thumb: a body is unpacked once it is here as a whole. So a connection that breaks and a body that was packed badly
//! are told apart, and neither what comes nor what it unpacks to is larger than the bound.

use std::io::{self, Read as _};

use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::{ApiError, ErrorCode};

/// The window that every client may use and none may exceed, 8 MiB (RFC 9659); unpacking takes as much memory.
const ZSTD_WINDOW_BITS: u32 = 23;
/// Bytes by which the buffer of an unpacked body grows at least.
const GROWTH: usize = 32 * 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyCoding {
    Gzip,
    Deflate,
    Zstd,
}

/// Why a body cannot be unpacked.
enum UnpackError {
    TooLarge,
    Damaged,
}

impl BodyCoding {
    /// What the headers say; `None` for a body as it is.
    ///
    /// # Errors
    /// `unsupported_media_type` for a coding that is not known, and for a body that was packed more than once.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let unsupported = |problem: &str| {
            let sentence = format!("{problem}; send the body in gzip, in deflate, in zstd or as it is.");
            Err(ApiError::new(ErrorCode::UnsupportedMediaType, sentence))
        };
        let mut found = None;
        for name in names(headers) {
            let coding = match name.as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                "zstd" => Self::Zstd,
                _ => return unsupported("The Content-Encoding is not known"),
            };
            if found.replace(coding).is_some() {
                return unsupported("The Content-Encoding says that the body was packed more than once");
            }
        }
        Ok(found)
    }

    /// The bytes of a body that was packed like this.
    ///
    /// # Errors
    /// `too_large` for more than `limit` bytes; `invalid_request` for a packing that is damaged or cut.
    pub(super) fn unpack(self, packed: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
        let unpacked = match self {
            Self::Gzip => read(MultiGzDecoder::new(packed), limit),
            Self::Deflate => inflate(packed, limit),
            Self::Zstd => zstd_decoder(packed).map_err(|_| UnpackError::Damaged).and_then(|body| read(body, limit)),
        };
        unpacked.map_err(|problem| match problem {
            UnpackError::TooLarge => {
                let sentence = format!("The body unpacks to more than {limit} bytes, the most that is taken.");
                ApiError::new(ErrorCode::TooLarge, sentence)
            }
            UnpackError::Damaged => {
                let name = self.name();
                let sentence =
                    format!("The body cannot be unpacked: it is not the {name} that its Content-Encoding says, or it is damaged or cut.");
                ApiError::new(ErrorCode::InvalidRequest, sentence)
            }
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

/// Unpacks gzip that no header announces.
///
/// # Errors
/// `too_large` for more than `limit` bytes; `invalid_request` for a packing that is damaged or cut.
pub fn unpack_gzip(packed: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    BodyCoding::Gzip.unpack(packed, limit)
}

/// Whether the headers say that the body is packed in any way, so that its length does not tell how large it is.
#[must_use]
pub fn is_packed(headers: &HeaderMap) -> bool {
    names(headers).any(|name| !matches!(name.as_str(), "" | "identity"))
}

/// The codings in the order in which they were applied, in lower case.
fn names(headers: &HeaderMap) -> impl Iterator<Item = String> + '_ {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    values.flat_map(|value| {
        // What is no text is no name that is known.
        value.to_str().unwrap_or("?").split(',').map(|name| name.trim().to_ascii_lowercase())
    })
}

fn zstd_decoder(packed: &[u8]) -> io::Result<zstd::Decoder<'_, &[u8]>> {
    let mut decoder = zstd::Decoder::with_buffer(packed)?;
    decoder.window_log_max(ZSTD_WINDOW_BITS)?;
    Ok(decoder)
}

fn read(body: impl io::Read, limit: usize) -> Result<Vec<u8>, UnpackError> {
    let mut unpacked = Vec::new();
    body.take(limit as u64 + 1).read_to_end(&mut unpacked).map_err(|_| UnpackError::Damaged)?;
    if unpacked.len() > limit { Err(UnpackError::TooLarge) } else { Ok(unpacked) }
}

/// Unpacks what HTTP calls deflate, the format of zlib. Its reader does not tell whether the end was there.
fn inflate(packed: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    let mut state = Decompress::new(true);
    let mut unpacked = Vec::new();
    loop {
        unpacked.reserve(GROWTH);
        let rest = usize::try_from(state.total_in()).ok().and_then(|read| packed.get(read..)).unwrap_or_default();
        let status = state.decompress_vec(rest, &mut unpacked, FlushDecompress::None);
        let is_all_read = state.total_in() == packed.len() as u64;
        if unpacked.len() > limit {
            return Err(UnpackError::TooLarge);
        }
        match status.map_err(|_| UnpackError::Damaged)? {
            Status::StreamEnd if is_all_read => return Ok(unpacked),
            Status::StreamEnd => return Err(UnpackError::Damaged),
            Status::Ok | Status::BufError if is_all_read && unpacked.len() < unpacked.capacity() => {
                return Err(UnpackError::Damaged);
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::io::Write as _;

    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    const CODINGS: [BodyCoding; 3] = [BodyCoding::Gzip, BodyCoding::Deflate, BodyCoding::Zstd];

    fn packed(coding: BodyCoding, bytes: &[u8]) -> Vec<u8> {
        match coding {
            BodyCoding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            BodyCoding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            BodyCoding::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        }
    }

    fn said(values: &[&str]) -> Result<Option<BodyCoding>, ApiError> {
        let named = values.iter().map(|value| (header::CONTENT_ENCODING, HeaderValue::from_str(value).unwrap()));
        BodyCoding::of(&HeaderMap::from_iter(named))
    }

    #[test]
    fn a_coding_may_be_spelled_in_any_way() {
        for (value, coding) in [
            ("gzip", Some(BodyCoding::Gzip)),
            ("GZIP", Some(BodyCoding::Gzip)),
            ("X-GZip", Some(BodyCoding::Gzip)),
            ("Deflate", Some(BodyCoding::Deflate)),
            ("zstd", Some(BodyCoding::Zstd)),
            ("identity", None),
            ("", None),
            (" gzip , identity,", Some(BodyCoding::Gzip)),
        ] {
            assert_eq!(said(&[value]).unwrap(), coding, "{value}");
        }
        assert_eq!(said(&[]).unwrap(), None);
        for values in [&["br"][..], &["gzip, gzip"], &["gzip", "zstd"], &["gzip;q=1"]] {
            assert_eq!(said(values).unwrap_err().code, ErrorCode::UnsupportedMediaType, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back_whole_or_is_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..3000), repeated in 1_usize..40, which in 0_usize..3,
            cut in any::<prop::sample::Index>(),
        ) {
            let (coding, bytes) = (CODINGS[which], bytes.repeat(repeated));
            let body = packed(coding, &bytes);
            prop_assert_eq!(coding.unpack(&body, bytes.len()).unwrap(), bytes.clone());
            let cut = &body[..cut.index(body.len())];
            prop_assert_eq!(coding.unpack(cut, bytes.len()).unwrap_err().code, ErrorCode::InvalidRequest);
            if let Some(limit) = bytes.len().checked_sub(1) {
                prop_assert_eq!(coding.unpack(&body, limit).unwrap_err().code, ErrorCode::TooLarge);
            }
            let behind = [&body[..], b"more"].concat();
            prop_assert_eq!(coding.unpack(&behind, bytes.len()).unwrap_err().code, ErrorCode::InvalidRequest);
        }

        #[test]
        fn damage_is_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0_usize..3) {
            let _ = CODINGS[which].unpack(&bytes, 100_000);
        }
    }

    #[test]
    fn a_body_may_have_several_members() {
        for coding in [BodyCoding::Gzip, BodyCoding::Zstd] {
            let body = [packed(coding, b"one "), packed(coding, b""), packed(coding, b"two")].concat();
            assert_eq!(coding.unpack(&body, 7).unwrap(), b"one two");
            assert_eq!(coding.unpack(&body, 6).unwrap_err().code, ErrorCode::TooLarge);
        }
    }

    #[test]
    fn a_window_that_takes_much_memory_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        // Without the length in its head, a frame has the window that was asked for.
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(&vec![0; 20_000_000]).unwrap();
        let body = encoder.finish().unwrap();
        assert_eq!(BodyCoding::Zstd.unpack(&body, 30_000_000).unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
