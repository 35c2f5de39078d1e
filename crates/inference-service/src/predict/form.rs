//! A form of `POST /predict`: its pictures, by whatever names clients give them, and the options beside them.
//!
//! Rule of thumb: a part that is a file is an input, so it is predicted or refused and never passed over. Other parts are the
//! business of whoever sends the form.

use std::num::NonZeroU32;

use axum::body::{Body, Bytes};
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, header};
use monitoring::{ApiError, ErrorCode};
use utoipa::ToSchema;

use super::options::BAD_TOP_K;
use crate::input::PictureFormat;
use crate::openapi::bytes::RawBytes;

/// Most parts that are no options, twice as many as there may be pictures.
const MOST_PARTS: usize = 2048;

/// A form with at least one picture.
#[derive(ToSchema)]
pub(super) struct PredictForm {
    /// A picture; may be repeated. The names `file`, `files`, `images`, `image[]` and any other name of a file will do as
    /// well.
    #[schema(value_type = Vec<RawBytes>, min_items = 1)]
    pub(super) image: Vec<Bytes>,
    #[schema(nullable = false)]
    pub(super) model: Option<String>,
    #[schema(nullable = false)]
    pub(super) version: Option<String>,
    #[schema(value_type = Option<u32>, nullable = false, minimum = 1, maximum = 4294967295u32)]
    pub(super) top_k: Option<NonZeroU32>,
}

impl PredictForm {
    /// Reads a form whose body has its bound already.
    ///
    /// # Errors
    /// `too_large` for very many parts; `invalid_request` for a body that is no form, a form without a picture, and options
    /// that cannot be read.
    pub(super) async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, ApiError> {
        let mut request = Request::new(Body::from(body));
        *request.headers_mut() = headers.clone();
        DefaultBodyLimit::disable().apply(&mut request);
        let no_boundary = |_| {
            invalid(
                "The form cannot be read: its Content-Type has no boundary; leave that header to your client, which adds it.",
            )
        };
        let mut parts = Multipart::from_request(request, &()).await.map_err(no_boundary)?;
        let mut form = Self { image: Vec::new(), model: None, version: None, top_k: None };
        let mut passed_over = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file = FilePart::of(&part);
            let content = part.bytes().await.map_err(unreadable)?;
            let text = || Some(String::from_utf8_lossy(&content).trim().to_owned()).filter(|text| !text.is_empty());
            match name.as_str() {
                "model" => form.model = text(),
                "version" => form.version = text(),
                "top_k" => form.top_k = text().map(|text| top_k(&text)).transpose()?,
                _ if file.is_input(&name, &content) => form.image.push(content),
                _ => passed_over.push(name),
            }
            // A form of sixteen megabytes can have half a million parts.
            if form.image.len() + passed_over.len() > MOST_PARTS {
                let sentence = format!("The form has more than {MOST_PARTS} parts.");
                return Err(ApiError::new(ErrorCode::TooLarge, sentence));
            }
        }
        if form.image.is_empty() {
            return Err(without_picture(&passed_over));
        }
        Ok(form)
    }
}

/// What a part says of being a file.
enum FilePart {
    /// It has the name of a file.
    Named,
    /// It has the place for a name, and nothing in it, as a browser sends a choice that was not made.
    NotChosen,
    /// It says nothing.
    No,
}

impl FilePart {
    fn of(part: &Field<'_>) -> Self {
        let disposition = part.headers().get(header::CONTENT_DISPOSITION).map_or(&[][..], |value| value.as_bytes());
        let is_extended = disposition.to_ascii_lowercase().windows(10).any(|start| start == b"filename*=");
        match part.file_name() {
            Some("") if !is_extended => Self::NotChosen,
            Some(_) => Self::Named,
            None if is_extended => Self::Named,
            None => Self::No,
        }
    }

    /// Whether the part is to be predicted.
    fn is_input(&self, name: &str, content: &[u8]) -> bool {
        let has_name_of_pictures =
            matches!(name, "image" | "images" | "image[]" | "images[]" | "file" | "files" | "files[]");
        match self {
            Self::Named => true,
            Self::NotChosen => !content.is_empty(),
            Self::No => has_name_of_pictures || PictureFormat::detect(content).is_some(),
        }
    }
}

fn top_k(text: &str) -> Result<NonZeroU32, ApiError> {
    text.parse().map_err(|_| invalid(format!("{BAD_TOP_K}.")))
}

fn without_picture(parts: &[String]) -> ApiError {
    let sentence = match parts {
        [] => "The form has no part named image, and no other picture.".to_owned(),
        names => format!("The form has no part named image, and no file; it has: {}.", names.join(", ")),
    };
    invalid(sentence)
}

#[allow(clippy::needless_pass_by_value, reason = "it is a step of map_err")]
fn unreadable(problem: axum::extract::multipart::MultipartError) -> ApiError {
    invalid(format!("The form cannot be read: {}.", problem.body_text()))
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}
