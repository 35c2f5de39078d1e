//! What the models declare, as it is in force for records on their way to the writer.
//!
//! Rule of thumb: nothing is taken in before the declarations are known, because nobody knows what of it may be kept. The
//! writer reads them when it opens the database, so whoever finds the store open finds them known.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use prediction_record::ModelDeclaration;

use super::counted_segments::CountedSegments;
use super::declared_features::DeclaredFeatures;

/// The declarations in force. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct DeclarationsInForce(Arc<RwLock<Option<DeclaredParts>>>);

/// What declarations mean for a record. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct DeclaredParts {
    /// The features that are kept.
    pub(super) features: DeclaredFeatures,
    /// The segments that are counted apart.
    pub(super) segments: CountedSegments,
}

impl DeclarationsInForce {
    /// What is in force; nothing before the database was opened for the first time.
    pub(super) fn known(&self) -> Option<DeclaredParts> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts declarations into force.
    pub(super) fn replace(&self, declared: BTreeMap<String, ModelDeclaration>) {
        let segments = CountedSegments::declared(&declared);
        let parts = DeclaredParts { features: DeclaredFeatures::of(declared), segments };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(parts);
    }
}
