//! Which headers say how long a body is, before hyper settles it.
//!
//! Rule of thumb: hyper reads a request that has both `transfer-encoding` and `content-length` by the first alone, and hides
//! the second. A proxy before the service may have read it by the second, so such a request is refused.

use std::sync::Mutex;
use std::sync::PoisonError;

/// Bytes of a line that are looked at.
const LINE_BYTES: usize = 256;

/// What the head says that was read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BodyFraming {
    pub(super) has_length: bool,
    pub(super) has_coding: bool,
    /// One of the codings is not `chunked`.
    pub(super) has_unknown_coding: bool,
}

impl BodyFraming {
    /// Whether two headers say how long the body is.
    pub(super) fn is_ambiguous(self) -> bool {
        self.has_length && self.has_coding
    }
}

/// Reads along while heads come in; bodies are passed over.
#[derive(Default)]
pub(super) struct HeadReader(Mutex<HeadLines>);

#[derive(Default)]
struct HeadLines {
    line: Vec<u8>,
    framing: BodyFraming,
    /// A body follows, which has no lines to read.
    is_over: bool,
}

impl HeadReader {
    /// Reads more of a head; `is_new`: no request is under way, so whatever comes after a body is a head again.
    pub(super) fn read(&self, bytes: &[u8], is_new: bool) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_over && is_new {
            *lines = HeadLines::default();
        }
        lines.read(bytes);
    }

    /// What the last head said.
    pub(super) fn framing(&self) -> BodyFraming {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).framing
    }
}

impl HeadLines {
    fn read(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.is_over {
                return;
            }
            let room = LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.line_ends(line.trim_ascii_end());
            }
        }
    }

    fn line_ends(&mut self, line: &[u8]) {
        if line.is_empty() {
            // Without a body, the next head follows; what this one said is kept until then.
            self.is_over = self.framing.has_length || self.framing.has_coding;
            return;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"content-length") {
            self.framing.has_length = true;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.framing.has_coding = true;
            let codings = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            self.framing.has_unknown_coding |=
                codings.into_iter().any(|coding| !coding.eq_ignore_ascii_case(b"chunked"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_in_any_pieces_and_a_body_is_not() {
        let framing =
            |has_length, has_coding, has_unknown_coding| BodyFraming { has_length, has_coding, has_unknown_coding };
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], framing(false, false, false)),
            (b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\ntransfer-encoding: gzip\r\n", framing(true, false, false)),
            (b"POST / HTTP/1.1\ntransfer-encoding: Chunked\n\n", framing(false, true, false)),
            (b"POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n", framing(false, true, true)),
            (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-length: 3\r\n\r\n", framing(true, true, false)),
            (
                b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding:x\r\n\r\n",
                framing(true, true, true),
            ),
        ] {
            for size in [1, 7, bytes.len()] {
                let reader = HeadReader::default();
                bytes.chunks(size).for_each(|piece| reader.read(piece, false));
                assert_eq!(reader.framing(), expected, "{}", String::from_utf8_lossy(bytes));
            }
        }
    }

    #[test]
    fn after_a_body_another_head_is_read() {
        let reader = HeadReader::default();
        reader.read(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n", true);
        reader.read(b"ab", false);
        assert!(reader.framing().has_length);
        reader.read(b"GET / HTTP/1.1\r\n\r\n", true);
        assert_eq!(reader.framing(), BodyFraming::default());
    }
}
