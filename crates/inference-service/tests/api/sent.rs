//! A request to `POST /predict`.

use serde_json::Value;

/// The boundary of every form that is sent here.
const BOUNDARY: &str = "----a-boundary";

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// Empty, or from the question mark on.
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }.header("content-type", content_type)
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new("application/json", body.to_string())
    }

    /// A form of these parts, each a name and its content.
    pub(crate) fn form(parts: &[(&str, &[u8])]) -> Self {
        let mut body = Vec::new();
        for (name, content) in parts {
            let file =
                if *name == "image" { "; filename=\"a.bin\"\r\ncontent-type: application/octet-stream" } else { "" };
            body.extend(
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes(),
            );
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        Self::new(&format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    pub(crate) fn query(self, query: &str) -> Self {
        Self { query: query.to_owned(), ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The request's head in HTTP/1.1, with these further lines, such as the body's length.
    pub(crate) fn head(&self, more: &str) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("POST /predict{} HTTP/1.1\r\nhost: test\r\n{headers}{more}\r\n", self.query)
    }
}
