//! Pictures as base64.

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine as _};
use monitoring::{ApiError, ErrorCode};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes the standard alphabet with or without padding, and skips the head of a `data:` URL.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with "is not base64: ".
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let payload = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,").ok_or("it is a data: URL without ;base64, in it")?.1,
        None => text,
    };
    BASE64.decode(payload.trim()).map_err(|problem| match problem {
        DecodeError::InvalidByte(position, byte) if byte.is_ascii() => {
            format!("{:?} at position {position} does not belong there", char::from(byte))
        }
        DecodeError::InvalidByte(position, _) => format!("what stands at position {position} does not belong there"),
        DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol { .. } | DecodeError::InvalidPadding => {
            "its end is missing".to_owned()
        }
    })
}

/// The refusal of a text that is not base64; `item` is its position where there are several.
pub(super) fn not_base64(item: Option<usize>, problem: &str) -> ApiError {
    let invalid = |sentence| ApiError::new(ErrorCode::InvalidRequest, sentence);
    match item {
        None => invalid(format!("The image is not base64: {problem}.")),
        Some(item) => invalid(format!("Item {item} is not base64: {problem}.")).detail("item", item),
    }
}
