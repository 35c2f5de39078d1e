//! Calls over HTTP/2 that wait for their client: for a message, or for room to send the answer to.
//!
//! A library sees to it that its user is polite, so these are frames written by hand (RFC 9113, RFC 7541).

/// Calls that one connection makes, and never finishes.
#[derive(Clone, Copy, Debug)]
pub struct WaitingCalls {
    /// The path of the call.
    pub path: &'static str,
    /// How many of them.
    pub calls: u32,
    /// Whether an empty message comes with each, so that there is an answer; it has no window to be sent to.
    pub is_asked: bool,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl WaitingCalls {
    /// Everything that is sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // INITIAL_WINDOW_SIZE is 0.
        let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
        let mut bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat();
        // `POST` and `http` are in the static table, under 3 and 6.
        let mut head = vec![0x83, 0x86];
        let fields =
            [(":path", self.path), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers")];
        for (name, value) in fields {
            head.push(0);
            for text in [name, value] {
                head.push(u8::try_from(text.len()).expect("a short text"));
                head.extend_from_slice(text.as_bytes());
            }
        }
        for call in 0..self.calls {
            let stream = call * 2 + 1;
            bytes.extend(frame(HEADERS, END_HEADERS, stream, &head));
            if self.is_asked {
                bytes.extend(frame(DATA, END_STREAM, stream, &[0; 5]));
            }
        }
        bytes
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
