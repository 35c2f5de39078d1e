//! The metrics that only this service has; those of predictions are in `monitoring::prediction`, those of
//! the log's books in `outbox::books`.

use monitoring::prediction::MAX_MODELS;
use monitoring::{Family, Gauge, LabelSet, MetricsError, MetricsRegistry};

/// What is known of each model.
pub(crate) struct ModelGauges {
    names: LabelSet,
    versions: LabelSet,
    loaded: Family<Gauge, LabelSet>,
    load_seconds: Family<Gauge, LabelSet>,
    info: Family<Gauge, LabelSet>,
}

impl ModelGauges {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let names = LabelSet::new(&["model"], MAX_MODELS);
        let versions = LabelSet::new(&["model", "version", "sha256", "engine"], MAX_MODELS);
        Ok(Self {
            loaded: registry.gauges("model_loaded", "1 if the model serves, else 0.", names.clone())?,
            load_seconds: registry.gauges(
                "model_load_seconds",
                "Seconds that reading, optimising and warming up the model took; 0 until it is loaded.",
                names.clone(),
            )?,
            info: registry.gauges(
                "model_info",
                "Always 1; the labels say which file serves, and what runs it.",
                versions.clone(),
            )?,
            names,
            versions,
        })
    }

    /// The model exists, and does not serve yet.
    pub(crate) fn known(&self, name: &str) {
        if let Ok(model) = self.names.admit(&[name]) {
            self.loaded.with(model).set(0.0);
            self.load_seconds.with(model).set(0.0);
        }
    }

    /// The model serves from now on.
    pub(crate) fn loaded(&self, [name, version, sha256, engine]: [&str; 4], seconds: f64) {
        if let (Ok(model), Ok(version)) =
            (self.names.admit(&[name]), self.versions.admit(&[name, version, sha256, engine]))
        {
            self.load_seconds.with(model).set(seconds);
            self.info.with(version).set(1.0);
            self.loaded.with(model).set(1.0);
        }
    }
}
