//! The formats of an export.

use std::str::FromStr;

use serde::Deserialize;
use utoipa::ToSchema;

/// The format of an export; the query parameter `format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A JSON object a line.
    #[default]
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// The name is not that of a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the formats are ndjson, csv and parquet")]
pub struct UnknownFormat;

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Ndjson, Self::Csv, Self::Parquet];

    /// The name of the format, and the extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.extension() == name).ok_or(UnknownFormat)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_format_has_one_name_everywhere() {
        for format in ExportFormat::ALL {
            assert_eq!(format.extension().parse(), Ok(format));
            let name = serde_json::json!(format.extension());
            assert_eq!(serde_json::from_value::<ExportFormat>(name).unwrap(), format);
        }
        assert_eq!("xlsx".parse::<ExportFormat>(), Err(UnknownFormat));
    }
}
