//! The metrics of models; `monitoring::prediction` has the metrics of their predictions.
//!
//! Rule of thumb: a scrape is answered from the list that serves, so a model or a file that is gone leaves no series.

use monitoring::prediction::MAX_MODELS;
use monitoring::{
    Collector, Counter, Each, Family, Histogram, LabelSet, MetricsError, MetricsRegistry, Snapshot, each, label_enum,
};
use prometheus::{GaugeVec, Opts};

use super::serving_list::PublishedList;
use super::{Model, ModelState, ModelVersions};

label_enum! {
    /// How a load of a model ended.
    pub(crate) enum LoadOutcome: "outcome" {
        /// What is in the folder serves.
        Success = "success",
        /// It does not; what served before goes on.
        Failure = "failure",
    }
}

const RUN_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The metrics of models: what happens to them, and the state of those that serve.
pub(crate) struct ModelMetricFamilies {
    /// The list whose models are exposed.
    pub(super) published: PublishedList,
    names: LabelSet,
    reloads: Family<Counter, (LabelSet, Each<LoadOutcome>)>,
    run_items: Family<Histogram, LabelSet>,
}

impl ModelMetricFamilies {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let names = LabelSet::new(&["model"], MAX_MODELS);
        let help = "Loads of a model, the first one included, by how they ended.";
        let reloads = registry.counters("model_reloads_total", help, (names.clone(), each::<LoadOutcome>()))?;
        let help = "Items that an inference thread ran together.";
        let run_items = registry.histograms("prediction_run_items", help, RUN_BUCKETS, names.clone())?;
        let published = PublishedList::default();
        registry.snapshot("model_*", ModelGauges::new(published.clone()))?;
        Ok(Self { published, names, reloads, run_items })
    }

    /// Exposes the series of a model, before anything happens to it.
    pub(super) fn add_model(&self, name: &str) {
        if let Ok(model) = self.names.admit(&[name]) {
            for outcome in [LoadOutcome::Success, LoadOutcome::Failure] {
                self.reloads.with((model, outcome));
            }
            self.run_items.with(model);
        }
    }

    /// Where the sizes of the model's runs are counted; `None` if there are too many models.
    pub(super) fn run_items(&self, name: &str) -> Option<Histogram> {
        self.add_model(name);
        self.names.get(&[name]).map(|model| self.run_items.with(model).clone())
    }

    /// Counts a load of the model.
    pub(super) fn count_load(&self, name: &str, outcome: LoadOutcome) {
        self.add_model(name);
        if let Some(model) = self.names.get(&[name]) {
            self.reloads.with((model, outcome)).inc();
        }
    }
}

/// The state of each model that is in the list.
struct ModelGauges {
    published: PublishedList,
    loaded: GaugeVec,
    load_seconds: GaugeVec,
    last_reload_successful: GaugeVec,
    queue_places: GaugeVec,
    item_seconds: GaugeVec,
    batch_limit: GaugeVec,
    info: GaugeVec,
}

impl ModelGauges {
    fn new(published: PublishedList) -> prometheus::Result<Self> {
        let of_model = |name, help| GaugeVec::new(Opts::new(name, help), &["model"]);
        Ok(Self {
            published,
            loaded: of_model("model_loaded", "1 if the model serves, else 0.")?,
            load_seconds: of_model(
                "model_load_seconds",
                "Seconds that reading, optimising and warming up the model took; 0 until it is loaded.",
            )?,
            last_reload_successful: of_model(
                "model_last_reload_successful",
                "0 if the newest state of the model's folder could not be loaded, else 1.",
            )?,
            queue_places: of_model("prediction_queue_places", "Places in the queue that items of the model hold.")?,
            item_seconds: of_model(
                "model_item_seconds",
                "Seconds that an item takes of an inference thread, as of late; measured while warming up at first.",
            )?,
            batch_limit: of_model(
                "model_batch_limit",
                "Items that run together at most, as was measured to be fastest; 0 until the model is loaded.",
            )?,
            info: GaugeVec::new(
                Opts::new("model_info", "Always 1; the labels say which file serves, and what runs it."),
                &["model", "version", "sha256", "engine"],
            )?,
        })
    }

    fn all(&self) -> [&GaugeVec; 7] {
        let Self { loaded, load_seconds, last_reload_successful, queue_places, .. } = self;
        [loaded, load_seconds, last_reload_successful, queue_places, &self.item_seconds, &self.batch_limit, &self.info]
    }
}

impl Snapshot for ModelGauges {
    fn refresh(&self) {
        self.all().into_iter().for_each(GaugeVec::reset);
        for model in self.published.get().models.iter() {
            let versions = model.versions();
            let set = |gauge: &GaugeVec, value: f64| gauge.with_label_values(&[model.name.as_str()]).set(value);
            let of_versions = |read: fn(&ModelVersions) -> f64| versions.map_or(0.0, read);
            set(&self.loaded, f64::from(u8::from(versions.is_some())));
            set(&self.load_seconds, of_versions(|versions| versions.serving.load_seconds));
            set(&self.last_reload_successful, f64::from(u8::from(!last_load_failed(model))));
            let places = |versions: &ModelVersions| versions.all().map(|loaded| loaded.flow.held() as f64).sum();
            set(&self.queue_places, of_versions(places));
            set(&self.item_seconds, of_versions(|versions| versions.serving.flow.item_seconds()));
            set(&self.batch_limit, of_versions(|versions| versions.serving.measured.limit() as f64));
            if let Some(ModelVersions { serving, .. }) = versions {
                let engine = &serving.engine;
                let labels = [engine.name(), engine.version(), engine.sha256(), engine.runtime().as_str()];
                self.info.with_label_values(&labels).set(1.0);
            }
        }
    }

    fn metrics(&self) -> Vec<&dyn Collector> {
        self.all().into_iter().map(|gauges| gauges as &dyn Collector).collect()
    }
}

fn last_load_failed(model: &Model) -> bool {
    match &model.state {
        ModelState::Loading | ModelState::Unloaded => false,
        ModelState::Ready(versions) => versions.problem.is_some(),
        ModelState::Failed(_) => true,
    }
}
