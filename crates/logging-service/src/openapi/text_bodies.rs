//! Bodies that are not one JSON value: schemas for lines of JSON and for files of bytes.

use utoipa::ToSchema;

/// A JSON object a line.
#[derive(ToSchema)]
#[schema(value_type = String, format = "ndjson")]
#[expect(dead_code, reason = "the type exists for its schema")]
pub(crate) struct Lines(String);

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the type exists for its schema")]
pub(crate) struct FileBytes(Vec<u8>);
