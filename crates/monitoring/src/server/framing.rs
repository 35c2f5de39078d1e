//! Which headers say how long a body is, before hyper settles it.
//!
//! Rule of thumb: hyper reads a request that has both `transfer-encoding` and `content-length` by the first alone, and hides
//! the second. A proxy before the service may have read it by the second, so such a request is refused. Heads come one behind
//! the other, with bodies in between, so bodies are passed over by their lengths; a request whose head was not read is refused.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of a line that are looked at.
const LINE_BYTES: usize = 256;
/// The end of a line after the bytes of a chunk.
const CHUNK_END: u64 = 2;

/// Reads along while requests come in.
#[derive(Default)]
pub(super) struct HeadReader(Mutex<HeadLines>);

#[derive(Default)]
struct HeadLines {
    line: Vec<u8>,
    place: ReadingPlace,
    head: RequestHead,
    /// Heads that were read to their end.
    heads: u64,
    /// Which of them, counted from 1, has two headers that say how long its body is.
    ambiguous: Option<u64>,
    /// Which of them has a coding that is not `chunked`.
    unknown_coding: Option<u64>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ReadingPlace {
    #[default]
    Head,
    /// So many bytes of a body.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk and of the end of its line.
    Chunk(u64),
    /// The lines after the last chunk.
    Trailers,
    /// Nobody knows: nothing that follows is taken for a head.
    Lost,
}

/// What the head says that is being read.
#[derive(Default)]
struct RequestHead {
    has_begun: bool,
    has_length: bool,
    length: Option<u64>,
    has_coding: bool,
    has_unknown_coding: bool,
}

impl HeadReader {
    /// Reads more of what the client sends.
    pub(super) fn read(&self, bytes: &[u8]) {
        self.lines().read(bytes);
    }

    /// Whether the head of this request, counted from 1, says twice how long its body is; or was not read, so that it may.
    pub(super) fn is_ambiguous(&self, request: u64) -> bool {
        let lines = self.lines();
        lines.heads < request || lines.ambiguous.is_some_and(|ambiguous| ambiguous <= request)
    }

    /// Whether one of the codings of this request, counted from 1, is not `chunked`.
    pub(super) fn has_unknown_coding(&self, request: u64) -> bool {
        self.lines().unknown_coding.is_some_and(|unknown| unknown <= request)
    }

    fn lines(&self) -> MutexGuard<'_, HeadLines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeadLines {
    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.place {
                ReadingPlace::Lost => return,
                ReadingPlace::Body(left) => self.pass_over(bytes, left, ReadingPlace::Body, ReadingPlace::Head),
                ReadingPlace::Chunk(left) => self.pass_over(bytes, left, ReadingPlace::Chunk, ReadingPlace::ChunkSize),
                ReadingPlace::Head | ReadingPlace::ChunkSize | ReadingPlace::Trailers => self.read_line(bytes),
            };
        }
    }

    /// Passes over what is there of so many bytes; the rest is returned.
    fn pass_over<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        within: fn(u64) -> ReadingPlace,
        then: ReadingPlace,
    ) -> &'a [u8] {
        let passed = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left - passed as u64;
        self.place = if left == 0 { then } else { within(left) };
        &bytes[passed..]
    }

    /// Reads to the end of a line, if it is there; the rest is returned.
    fn read_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        let room = LINE_BYTES.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            let line = line.trim_ascii_end();
            match self.place {
                ReadingPlace::ChunkSize => self.place = chunk_of(line),
                ReadingPlace::Trailers if line.is_empty() => self.place = ReadingPlace::Head,
                ReadingPlace::Trailers => {}
                _ => self.head_line(line),
            }
        }
        rest
    }

    fn head_line(&mut self, line: &[u8]) {
        if !line.is_empty() {
            self.head.line(line);
        } else if self.head.has_begun {
            // Lines before the first one of a head say nothing.
            self.head_ends();
        }
    }

    fn head_ends(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.heads += 1;
        if head.has_length && head.has_coding {
            self.ambiguous.get_or_insert(self.heads);
        }
        if head.has_unknown_coding {
            self.unknown_coding.get_or_insert(self.heads);
        }
        self.place = match (head.has_length, head.has_coding, head.length) {
            (false, false, _) | (true, false, Some(0)) => ReadingPlace::Head,
            (true, false, Some(length)) => ReadingPlace::Body(length),
            (false, true, _) if !head.has_unknown_coding => ReadingPlace::ChunkSize,
            // A request like this is the last of its connection.
            _ => ReadingPlace::Lost,
        };
    }
}

impl RequestHead {
    fn line(&mut self, line: &[u8]) {
        self.has_begun = true;
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"content-length") {
            self.has_length = true;
            self.length = str::from_utf8(value.trim_ascii()).ok().and_then(|length| length.parse().ok());
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.has_coding = true;
            let codings = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
            self.has_unknown_coding |= codings.into_iter().any(|coding| !coding.eq_ignore_ascii_case(b"chunked"));
        }
    }
}

/// What follows the line with the size of a chunk.
fn chunk_of(line: &[u8]) -> ReadingPlace {
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let size = str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match size {
        Some(0) => ReadingPlace::Trailers,
        Some(size) => size.checked_add(CHUNK_END).map_or(ReadingPlace::Lost, ReadingPlace::Chunk),
        None => ReadingPlace::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const LENGTH: &str = "POST / HTTP/1.1\r\nContent-Length: 29\r\n\r\ntransfer-encoding: gzip\r\n\r\n12";
    const EMPTY: &str = "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n1a;x=\"y\"\r\ncontent-length: 1\r\n\r\n23456\r\n3 \r\n\r\n\n\r\n0\r\n";
    const LAST_CHUNK: &str = "trailer: 1\r\ncontent-length: 7\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-length: 3\r\n\r\n";

    /// How many heads there are, and which of them is ambiguous and has an unknown coding.
    fn found(text: &str, piece: usize) -> (u64, Option<u64>, Option<u64>) {
        let reader = HeadReader::default();
        text.as_bytes().chunks(piece).for_each(|piece| reader.read(piece));
        let lines = reader.lines();
        (lines.heads, lines.ambiguous, lines.unknown_coding)
    }

    #[test]
    fn every_head_is_read_in_any_pieces_and_no_body_is() {
        let chunked = &format!("{CHUNKED}{LAST_CHUNK}");
        for (parts, expected) in [
            (&[PLAIN][..], (1, None, None)),
            (&[LENGTH, PLAIN, "\r\n\r\n", EMPTY, chunked, PLAIN], (5, None, None)),
            (&["POST / HTTP/1.1\ntransfer-encoding: Chunked\n\n"], (1, None, None)),
            (&["POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n", PLAIN], (1, None, Some(1))),
            (&[BOTH, PLAIN], (1, Some(1), None)),
            (&[PLAIN, LENGTH, BOTH], (3, Some(3), None)),
            (&[chunked, BOTH], (2, Some(2), None)),
            (&[CHUNKED, "\r\n", BOTH], (2, Some(2), None)),
            (&["POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", PLAIN], (1, None, None)),
            (&["POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", PLAIN], (1, None, None)),
        ] {
            let text = parts.concat();
            for piece in [1, 7, text.len()] {
                assert_eq!(found(&text, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_request_whose_head_was_not_read_may_be_anything() {
        let reader = HeadReader::default();
        reader.read([PLAIN, EMPTY, BOTH].concat().as_bytes());
        let ambiguous: Vec<bool> = (1..=4).map(|request| reader.is_ambiguous(request)).collect();
        assert_eq!(ambiguous, [false, false, true, true]);
        let reader = HeadReader::default();
        reader.read(PLAIN.as_bytes());
        assert!(!reader.is_ambiguous(1) && reader.is_ambiguous(2) && !reader.has_unknown_coding(2));
    }
}
