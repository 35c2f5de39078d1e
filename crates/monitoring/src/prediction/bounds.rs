//! How many models and classes have series of their own.

/// The most models and classes with series of their own. What is beyond is counted together, as `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictionBounds {
    /// Most models.
    pub models: usize,
    /// Most classes of all models together.
    pub classes: usize,
}

impl Default for PredictionBounds {
    fn default() -> Self {
        Self { models: 100, classes: 5_000 }
    }
}
