//! What the columns of a table are in a record or a label.

use std::collections::HashMap;

use prediction_record::{FeatureKind, ModelDeclaration};

use super::feature_column::FeatureColumn;
use super::import_options::ImportOptions;
use super::record_fields::{FieldKind, INPUT, LABEL, PREDICTION};
use crate::store::declared_features::ModelFeatures;

/// What a column is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ImportRole {
    /// A field.
    Field(&'static str, FieldKind),
    /// A part of the input.
    Input(&'static str, FieldKind),
    /// The feature at this place of the list.
    Feature(usize),
    /// A tag of this key.
    Tag(String),
    /// The truth about the prediction.
    Truth,
    /// Unknown fields together, as an export has them.
    Extra,
    /// A field that this version does not know.
    Unknown,
    /// Nothing that is imported.
    LeftOut,
}

/// The columns of all files.
pub(super) struct ImportColumns<'a> {
    options: &'a ImportOptions,
    declaration: ModelDeclaration,
    /// What of a record's features may be kept, where features are declared.
    pub(super) kept: Option<ModelFeatures>,
    pub(super) features: Vec<FeatureColumn>,
    places: HashMap<String, usize>,
}

impl<'a> ImportColumns<'a> {
    pub(super) fn new(options: &'a ImportOptions, declaration: ModelDeclaration) -> Self {
        let features = declaration.features.clone();
        let kept = (!features.is_empty()).then(|| ModelFeatures::of(features));
        Self { options, declaration, kept, features: Vec::new(), places: HashMap::new() }
    }

    /// The declared names of the classes.
    pub(super) fn labels(&self) -> &[String] {
        &self.declaration.labels
    }

    /// The role of a column.
    pub(super) fn role(&mut self, column: &str) -> ImportRole {
        let is_in = |names: &[String]| names.iter().any(|name| name == column);
        if self.options.truth.as_deref() == Some(column) {
            return ImportRole::Truth;
        }
        if is_in(&self.options.features) {
            return self.feature(column);
        }
        if is_in(&self.options.tags) {
            return ImportRole::Tag(column.to_owned());
        }
        // pandas gives the column of row numbers no name.
        if is_in(&self.options.without) || column.is_empty() {
            return ImportRole::LeftOut;
        }
        let mapped = self.options.map.iter().find(|mapping| mapping.column == column);
        let role = self.known(mapped.map_or(column, |mapping| &mapping.field));
        // A column of a key need be nothing else.
        if role == ImportRole::Unknown && is_in(&self.options.key) { ImportRole::LeftOut } else { role }
    }

    /// The role of a column that has one of our names.
    fn known(&mut self, name: &str) -> ImportRole {
        let fields = if self.options.labels { LABEL } else { PREDICTION };
        if let Some((field, kind)) = fields.iter().find(|(field, _)| *field == name) {
            return ImportRole::Field(field, *kind);
        }
        match name {
            // The store says when it wrote a row.
            "recorded_at" => return ImportRole::LeftOut,
            _ if self.options.labels => return ImportRole::Unknown,
            "extra" => return ImportRole::Extra,
            _ => {}
        }
        if let Some(feature) = name.strip_prefix("features.") {
            return self.feature(feature);
        }
        if let Some(tag) = name.strip_prefix("tags.") {
            return ImportRole::Tag(tag.to_owned());
        }
        let part = name.strip_prefix("input_").or_else(|| name.strip_prefix("input."));
        match INPUT.iter().find(|(field, _)| Some(*field) == part) {
            Some((field, kind)) => ImportRole::Input(field, *kind),
            None => ImportRole::Unknown,
        }
    }

    fn feature(&mut self, name: &str) -> ImportRole {
        let place = self.places.get(name).copied().unwrap_or_else(|| {
            self.features.push(match self.declaration.feature(name) {
                Some(feature) => FeatureColumn::declared(feature),
                None => FeatureColumn::new(name, None::<FeatureKind>, true),
            });
            self.places.insert(name.to_owned(), self.features.len() - 1);
            self.features.len() - 1
        });
        ImportRole::Feature(place)
    }
}
