//! The formats of tables.

use std::ffi::OsStr;
use std::path::Path;

use clap::ValueEnum;

/// The format of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// The same with tabs.
    Tsv,
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    /// The format that the extension of a file says; `.gz` after it says nothing.
    pub(super) fn of_name(path: &Path) -> Option<Self> {
        let is_packed = path.extension() == Some(OsStr::new("gz"));
        let name = if is_packed { path.with_extension("") } else { path.to_owned() };
        let extension = name.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_format_packed_or_not() {
        let of = |name: &str| TableFormat::of_name(Path::new(name));
        assert_eq!(of("a/train.CSV"), Some(TableFormat::Csv));
        assert_eq!(of("train.csv.gz"), Some(TableFormat::Csv));
        assert_eq!(of("rows.jsonl.gz"), Some(TableFormat::Ndjson));
        assert_eq!([of("rows"), of("rows.gz"), of("rows.xlsx")], [None; 3]);
    }
}
