//! `[[features]]` of model.toml: a feature, and how the model's file is given it.

use prediction_record::{FeatureDeclaration, FeatureKind, OutsidePolicy};
use serde::Deserialize;

/// How a category is given to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CategoryEncoding {
    /// As it is, to an input of texts.
    Text,
    /// As its place among the declared categories, from 0.
    Index,
    /// As a 1 in the column of its own, and 0 in the columns of the other categories, which follow each other.
    OneHot,
}

/// What the model is given where there is no value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "missing_value must be a number or a text")]
pub enum MissingFill {
    /// For an input of numbers.
    Number(f64),
    /// For an input of texts.
    Text(String),
}

/// A declared feature, and its place in the model's file as far as the author says it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedFeature {
    /// What the feature is; this is told to the logging service as well.
    pub declaration: FeatureDeclaration,
    /// The input that it belongs to.
    pub input: Option<String>,
    /// Its column in that input, from 0; with several columns, the first of them.
    pub column: Option<usize>,
    /// How a category is given to the model.
    pub encoding: Option<CategoryEncoding>,
    /// What the model is given where there is no value.
    pub missing_value: Option<MissingFill>,
}

/// One table of `[[features]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct FeatureTable {
    name: String,
    kind: FeatureKind,
    range: Option<[f64; 2]>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    outside: OutsidePolicy,
    keep: Option<bool>,
    input: Option<String>,
    column: Option<usize>,
    encoding: Option<CategoryEncoding>,
    missing_value: Option<MissingFill>,
}

impl From<FeatureTable> for ServedFeature {
    fn from(table: FeatureTable) -> Self {
        let FeatureTable { name, kind, range, categories, optional, outside, keep, .. } = table;
        let keep = keep.unwrap_or(true);
        Self {
            declaration: FeatureDeclaration { name, kind, range, categories, optional, outside, keep },
            input: table.input,
            column: table.column,
            encoding: table.encoding,
            missing_value: table.missing_value,
        }
    }
}
