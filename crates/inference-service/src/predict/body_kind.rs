//! What a body is, by what its request says and by how it begins.
//!
//! Rule of thumb: clients send a picture under many names, or under none, and curl calls everything a form. So the first
//! bytes decide, except where the request names a type that settles it.

use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};

use crate::input::PictureFormat;
use crate::rows::{ARROW_MAGIC, PARQUET_MAGIC};

/// What curl says of every body unless it is told otherwise.
const FORM_OF_TEXT: &str = "application/x-www-form-urlencoded";

/// The forms of a body that `POST /predict` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    Picture,
    Form,
    Json,
    Csv,
    Parquet,
    ArrowStream,
    ArrowFile,
}

/// The media type of Parquet files.
pub(super) const PARQUET: &str = "application/vnd.apache.parquet";
/// The media type of Arrow streams.
pub(super) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
/// The media type of Arrow files, which pandas calls Feather.
pub(super) const ARROW_FILE: &str = "application/vnd.apache.arrow.file";

impl BodyKind {
    /// Tells what a body is.
    ///
    /// # Errors
    /// `unsupported_media_type` where neither the type nor the bytes tell; `invalid_request` for a picture from which curl
    /// has taken bytes.
    pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        let media_type = monitoring::media_type(headers);
        match media_type.as_str() {
            "image/jpeg" | "image/jpg" | "image/pjpeg" | "image/png" | "image/x-png" | "image/webp" | "image/bmp"
            | "image/x-bmp" | "image/x-ms-bmp" => Ok(Self::Picture),
            "multipart/form-data" => Ok(Self::Form),
            "application/json" => Ok(Self::Json),
            "text/csv" | "application/csv" => Ok(Self::Csv),
            // The second is what many clients called it before there was a registered name.
            PARQUET | "application/x-parquet" => Ok(Self::Parquet),
            ARROW_STREAM => Ok(Self::ArrowStream),
            ARROW_FILE => Ok(Self::ArrowFile),
            FORM_OF_TEXT if has_lost_bytes(body) => Err(lost_bytes()),
            _ if PictureFormat::detect(body).is_some() => Ok(Self::Picture),
            _ if body.starts_with(PARQUET_MAGIC) => Ok(Self::Parquet),
            _ if body.starts_with(ARROW_MAGIC) => Ok(Self::ArrowFile),
            _ if body.trim_ascii_start().starts_with(b"{") => Ok(Self::Json),
            _ => Err(unsupported(&media_type, body)),
        }
    }
}

/// Whether a body begins like a picture and has no byte that is 0. The head of every picture has some; curl's `-d` takes
/// them out, and line ends as well, one of which stands in the first bytes of a PNG.
fn has_lost_bytes(body: &[u8]) -> bool {
    let begins_like_a_picture = PictureFormat::detect(body).is_some() || body.starts_with(b"\x89PNG");
    begins_like_a_picture && !body.contains(&0)
}

fn lost_bytes() -> ApiError {
    let sentence = "The picture has lost bytes on its way: curl's -d takes line ends and zeros out of a file; \
                    send it with --data-binary.";
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}

fn unsupported(media_type: &str, body: &[u8]) -> ApiError {
    let shown: String = media_type.chars().take(100).collect();
    let what = match (media_type, body) {
        ("", []) => "The request has neither a Content-Type nor a body".to_owned(),
        ("", _) => "The request has no Content-Type, and its body is neither a picture nor a table nor JSON".to_owned(),
        (_, []) => format!("The Content-Type is {shown}, and there is no body"),
        _ => format!("The Content-Type is {shown}, and the body is neither a picture nor a table nor JSON"),
    };
    let sentence = format!(
        "{what}; send image/jpeg, image/png, image/webp, image/bmp, multipart/form-data, application/json, \
         text/csv, {PARQUET}, {ARROW_STREAM} or {ARROW_FILE} (curl: --data-binary @FILE -H 'content-type: image/jpeg')."
    );
    ApiError::new(ErrorCode::UnsupportedMediaType, sentence)
}
