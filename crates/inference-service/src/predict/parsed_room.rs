//! Memory for what a body becomes.

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::{ApiError, HeldKind, Hold, media_type};

use crate::app::App;

/// By how much JSON and CSV may swell: two bytes can stand for a number of eight, three for a text of 24.
const TEXT_SWELLING: usize = 8;
/// By how much files of tables may, which are packed, up to the bound that they unpack to.
const TABLE_SWELLING: usize = 32;

/// Takes room for what a body may become, until what this returns is dropped. Pictures take theirs when they are decoded.
///
/// # Errors
/// `overloaded` where there is none, `too_large` where there never is so much.
pub(crate) async fn parsed_room(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<Hold, ApiError> {
    let kind = media_type(headers);
    let begins = |with: &[u8]| body.starts_with(with);
    let bytes = if kind.starts_with("image/") || kind.starts_with("multipart/") {
        0
    } else if kind.contains("parquet") || kind.contains("arrow") || begins(b"PAR1") || begins(b"ARROW1") {
        body.len().saturating_mul(TABLE_SWELLING).min(body.len().saturating_add(app.config.max_body_bytes))
    } else if kind == "application/octet-stream" && !body.trim_ascii_start().starts_with(b"{") {
        0
    } else {
        body.len().saturating_mul(TEXT_SWELLING)
    };
    let mut hold = app.room.hold(HeldKind::Parsed);
    hold.grow(bytes).await?;
    Ok(hold)
}
