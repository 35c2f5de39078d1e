//! Payloads that are no JSON: what they seem to be.

use serde::{Deserialize, Serialize};

use crate::cloudevents::batch::without_mark;
use crate::cloudevents::shortened;

/// The most characters that are kept of a text.
const MAX_TEXT_CHARS: usize = 256;

/// What a payload that is no JSON seems to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpaqueForm {
    /// There is nothing.
    Empty,
    /// A page, as proxies answer with.
    Html,
    /// Plain text.
    Text,
    /// Events that a model sends while it generates text (`text/event-stream`).
    Stream,
    /// Bytes that are no text.
    #[default]
    Binary,
}

impl OpaqueForm {
    /// Looks at the first bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(without_mark(bytes)) else { return Self::Binary };
        let text = text.trim_start();
        let starts = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if text.is_empty() {
            Self::Empty
        } else if ["<!doctype", "<html", "<head", "<body", "<?xml"].iter().any(|word| starts(word)) {
            Self::Html
        } else if ["data:", "event:"].iter().any(|word| text.starts_with(word)) {
            Self::Stream
        } else {
            Self::Text
        }
    }

    /// The type of the failure that an answer of this form is.
    pub(in crate::cloudevents) fn failure(self) -> &'static str {
        match self {
            Self::Empty => "empty_response",
            Self::Html => "html_response",
            Self::Text | Self::Stream => "text_response",
            Self::Binary => "binary_response",
        }
    }

    /// The beginning of a text.
    pub(super) fn beginning(self, bytes: &[u8]) -> Option<String> {
        let text = match self {
            Self::Html | Self::Text => std::str::from_utf8(without_mark(bytes)).ok()?.trim(),
            Self::Empty | Self::Stream | Self::Binary => return None,
        };
        Some(shortened(text, MAX_TEXT_CHARS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_told_apart_by_their_first_bytes() {
        for (bytes, form) in [
            (&b""[..], OpaqueForm::Empty),
            (b"\xef\xbb\xbf \r\n", OpaqueForm::Empty),
            (b"\n<!DOCTYPE html><html>", OpaqueForm::Html),
            (b"<HTML>", OpaqueForm::Html),
            (b"upstream connect error", OpaqueForm::Text),
            (b"data: {\"choices\": []}\n\ndata: [DONE]\n", OpaqueForm::Stream),
            (b"\x80\x00", OpaqueForm::Binary),
        ] {
            assert_eq!(OpaqueForm::of(bytes), form, "{bytes:?}");
        }
    }
}
