//! The columns of a signature as features of a model.

use std::path::Path;

use prediction_record::{FeatureDeclaration, FeatureKind, ModelDeclaration, OutsidePolicy};

use super::config::ModelConfig;
use super::error::ModelError;
use super::features::{CategoryEncoding, ModelFeatures, ServedFeature};
use super::mlflow::{MlflowColumn, MlflowSignature};
use super::runtime::{Signature, TensorSpec};
use super::tensor::Datatype;
use crate::input::MissingValues;

/// The places of a model's features: of those that model.toml declares, or else of the columns of its signature, which then
/// are its declared features.
///
/// # Errors
/// [`ModelError::Features`] where model.toml declares what the file does not have. A signature that does not fit is left
/// aside.
pub(super) fn placed_features(
    config: &mut ModelConfig,
    file: &Signature,
    missing: MissingValues,
    path: &Path,
) -> Result<Option<ModelFeatures>, ModelError> {
    if !config.features.is_empty() || config.input.is_some() {
        return ModelFeatures::of_file(&config.features, file, missing, path);
    }
    let signature = config.mlflow.as_ref().map(|saved| &saved.signature);
    let Some(served) = signature.and_then(|signature| features_of(signature, file, missing)) else { return Ok(None) };
    let features = served.iter().map(|feature| feature.declaration.clone()).collect();
    if (ModelDeclaration { features, ..ModelDeclaration::default() }).validate().is_err() {
        return Ok(None);
    }
    let placed = ModelFeatures::of_file(&served, file, missing, path).unwrap_or_default();
    if placed.is_some() {
        config.features = served;
    }
    Ok(placed)
}

/// The features that the columns are; `None` where a column is none, or there are no columns.
fn features_of(signature: &MlflowSignature, file: &Signature, missing: MissingValues) -> Option<Vec<ServedFeature>> {
    let MlflowSignature::Columns(columns) = signature else { return None };
    columns.iter().map(|column| feature(column, file, missing)).collect()
}

fn feature(column: &MlflowColumn, file: &Signature, missing: MissingValues) -> Option<ServedFeature> {
    let name = column.name.clone()?;
    let spec = input_of(&name, file)?;
    let is_text = spec.datatype == Some(Datatype::Bytes);
    let is_fraction = matches!(column.kind.as_str(), "double" | "float");
    let (kind, categories) = match column.kind.as_str() {
        "double" | "float" | "integer" | "long" => (FeatureKind::Number, Vec::new()),
        "boolean" if !is_text => (FeatureKind::Category, vec!["false".to_owned(), "true".to_owned()]),
        "boolean" | "string" => (FeatureKind::Category, Vec::new()),
        _ => return None,
    };
    // MLflow takes null in a column of fractions; a model that has no way for it would answer with nothing.
    let takes_missing = is_text || missing == MissingValues::Nan && is_float(spec);
    let optional = takes_missing && (is_fraction || !column.required);
    let encoding = (!categories.is_empty()).then_some(CategoryEncoding::Index);
    let outside = OutsidePolicy::default();
    let declaration = FeatureDeclaration { name, kind, range: None, categories, optional, outside, keep: true };
    Some(ServedFeature { declaration, input: None, column: None, encoding, missing_value: None })
}

/// The input that a column belongs to: the only one, or that of its name.
fn input_of<'a>(name: &str, file: &'a Signature) -> Option<&'a TensorSpec> {
    match &file.inputs[..] {
        [only] => Some(only),
        several => several.iter().find(|spec| spec.name == name),
    }
}

fn is_float(spec: &TensorSpec) -> bool {
    matches!(spec.datatype, None | Some(Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn column(name: &str, kind: &str, required: bool) -> MlflowColumn {
        MlflowColumn { name: Some(name.to_owned()), kind: kind.to_owned(), required }
    }

    fn file(inputs: &[(&str, Datatype)]) -> Signature {
        let spec = |(name, datatype): &(&str, Datatype)| TensorSpec {
            name: (*name).to_owned(),
            datatype: Some(*datatype),
            shape: Some(vec![None, Some(1)]),
        };
        Signature {
            inputs: inputs.iter().map(spec).collect(),
            optional: Vec::new(),
            constant: None,
            outputs: Vec::new(),
        }
    }

    fn features(
        columns: Vec<MlflowColumn>,
        file: &Signature,
        missing: MissingValues,
    ) -> Option<Vec<(FeatureKind, bool)>> {
        let features = features_of(&MlflowSignature::Columns(columns), file, missing)?;
        Some(features.iter().map(|it| (it.declaration.kind, it.declaration.optional)).collect())
    }

    #[test]
    fn columns_become_numbers_and_categories() {
        let one = file(&[("x", Datatype::Fp32)]);
        let columns = || vec![column("a", "double", true), column("b", "long", true), column("c", "boolean", false)];
        let (number, category) = (FeatureKind::Number, FeatureKind::Category);
        let strict = Some(vec![(number, false), (number, false), (category, false)]);
        assert_eq!(features(columns(), &one, MissingValues::Refuse), strict);
        let lenient = Some(vec![(number, true), (number, false), (category, true)]);
        assert_eq!(features(columns(), &one, MissingValues::Nan), lenient);
        let own = file(&[("city", Datatype::Bytes), ("age", Datatype::Int64)]);
        let mixed = vec![column("city", "string", true), column("age", "long", false)];
        assert_eq!(features(mixed, &own, MissingValues::Nan), Some(vec![(category, false), (number, false)]));
    }

    #[test]
    fn what_is_no_feature_leaves_the_signature_aside() {
        let one = file(&[("x", Datatype::Fp32)]);
        for odd in [
            column("a", "datetime", true),
            column("a", "", true),
            MlflowColumn { name: None, ..column("", "double", true) },
        ] {
            assert_eq!(features(vec![odd], &one, MissingValues::Nan), None);
        }
        let several = file(&[("x", Datatype::Fp32), ("y", Datatype::Fp32)]);
        assert_eq!(features(vec![column("a", "double", true)], &several, MissingValues::Nan), None);
        assert!(features_of(&MlflowSignature::Tensors, &one, MissingValues::Nan).is_none());
    }
}
