//! Pictures as base64, in the spellings that clients use.
//!
//! Rule of thumb: what can be read in one way only is taken, and what has lost something on its way is refused. A space
//! inside of a line has been a `+` before a form was decoded, so it is no line break.

use std::borrow::Cow;

use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine as _};
use monitoring::{ApiError, ErrorCode};

use crate::input::PictureFormat;

const BASE64: GeneralPurpose = engine(&STANDARD);
const BASE64_OF_URLS: GeneralPurpose = engine(&URL_SAFE);
const NO_BASE64: &str = "it is a data: URL without ;base64, in it";

const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

/// Decodes base64 in the standard alphabet or in the one of URLs, with or without padding and line breaks, and `data:`
/// URLs in any spelling.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with "is not base64: ".
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    let Some(url) = without_scheme(text) else { return from_base64(text.as_bytes()) };
    let (head, data) = url.split_once(',').ok_or(NO_BASE64)?;
    let data = unescaped(data);
    if head.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64")) {
        return from_base64(data.trim_ascii());
    }
    // Without base64 the data are the bytes themselves, escaped.
    if PictureFormat::detect(&data).is_some() { Ok(data.into_owned()) } else { Err(NO_BASE64.to_owned()) }
}

/// What follows `data:`; `None` for another text.
fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked("data:".len())?;
    scheme.eq_ignore_ascii_case("data:").then_some(rest)
}

/// The bytes for which `%2B` and its like stand.
fn unescaped(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    loop {
        rest = match *rest {
            [b'%', high, low, ref behind @ ..] if digit(high).is_some() && digit(low).is_some() => {
                bytes.push(digit(high).unwrap_or_default() << 4 | digit(low).unwrap_or_default());
                behind
            }
            [byte, ref behind @ ..] => {
                bytes.push(byte);
                behind
            }
            [] => return Cow::Owned(bytes),
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn from_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    // Nearly every text is in one line of the standard alphabet, and needs no second look.
    if let Ok(bytes) = BASE64.decode(text) {
        return Ok(bytes);
    }
    let joined = joined(text);
    let is_of_urls = joined.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if is_of_urls { BASE64_OF_URLS } else { BASE64 };
    engine.decode(&joined).map_err(|problem| match problem {
        DecodeError::InvalidByte(at, byte) => misplaced(position(text, at), byte),
        DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol { .. } | DecodeError::InvalidPadding => {
            "its end is missing".to_owned()
        }
    })
}

/// The lines of a text as one, without the blanks at their ends.
fn joined(text: &[u8]) -> Vec<u8> {
    let lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.flat_map(<[u8]>::trim_ascii).copied().collect()
}

/// Where in the text the byte stands that is at this position of the joined lines.
fn position(text: &[u8], joined: usize) -> usize {
    let lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
    let mut start = 0;
    let places = lines.flat_map(|line| {
        let blanks = line.len() - line.trim_ascii_start().len();
        let first = start + blanks;
        start += line.len() + 1;
        first..first + line.trim_ascii().len()
    });
    places.into_iter().nth(joined).unwrap_or(text.len())
}

fn misplaced(position: usize, byte: u8) -> String {
    match byte {
        b' ' => format!("the space at position {position} does not belong there; has it been a + once?"),
        b'=' => format!("something follows the = at position {position}, which ends it"),
        0x21..=0x7E => format!("'{}' at position {position} does not belong there", char::from(byte)),
        _ => format!("what stands at position {position} does not belong there"),
    }
}

/// The refusal of a text that is not base64; `item` is its position where there are several.
pub(super) fn not_base64(item: Option<usize>, problem: &str) -> ApiError {
    let invalid = |sentence| ApiError::new(ErrorCode::InvalidRequest, sentence);
    match item {
        None => invalid(format!("The image is not base64: {problem}.")),
        Some(item) => invalid(format!("Item {item} is not base64: {problem}.")).detail("item", item),
    }
}

#[cfg(test)]
mod tests;
