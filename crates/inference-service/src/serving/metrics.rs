//! The metrics of models; `monitoring::prediction` has the metrics of their predictions.
//!
//! Rule of thumb: a scrape is answered from the list that serves, so a model or a file that is gone leaves no series.

use monitoring::prediction::{ModelMetrics, OTHER, PredictionMetrics};
use monitoring::{
    Collector, Counter, Each, Histogram, HistogramOpts, LeasedFamily, MetricsError, MetricsRegistry, NoLabels,
    Snapshot, each, label_enum,
};
use prometheus::{GaugeVec, Opts};

use super::feature_refusals::FeatureRefusalFamily;
use super::serving_list::PublishedList;
use super::{Model, ModelState, ModelVersions};
use crate::model::ExecutionProvider;

label_enum! {
    /// How a load of a model ended.
    pub(crate) enum LoadOutcome: "outcome" {
        /// What is in the folder serves.
        Success = "success",
        /// It does not; what served before goes on.
        Failure = "failure",
    }
}

/// Series of a model beside those of its predictions: two outcomes of loads, a histogram of runs, the gauges below, one of them
/// for each accelerator, and whether its profile and its declaration were delivered.
pub(crate) const SERIES_OF_A_MODEL: usize = 2 + RUN_BUCKETS.len() + 3 + 7 + ExecutionProvider::ACCELERATORS.len() + 2;

const RUN_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The metrics of models: what happens to them, and the state of those that serve.
pub(crate) struct ModelMetricFamilies {
    /// The list whose models are exposed.
    pub(super) published: PublishedList,
    reloads: LeasedFamily<Counter, Each<LoadOutcome>>,
    run_items: LeasedFamily<Histogram, NoLabels>,
    pub(super) feature_refusals: FeatureRefusalFamily,
}

impl ModelMetricFamilies {
    /// Registers the families, for the models of `predictions`.
    ///
    /// # Errors
    /// [`MetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry, predictions: &PredictionMetrics) -> Result<Self, MetricsError> {
        let help = "Loads of a model, the first one included, by how they ended.";
        let reloads = registry.leased_counters("model_reloads_total", help, predictions.models(), each())?;
        let run_items = HistogramOpts::new("prediction_run_items", "Items that an inference thread ran together.");
        let run_items = registry.leased_histograms(run_items.buckets(RUN_BUCKETS.to_vec()), predictions.models())?;
        let published = PublishedList::default();
        registry.snapshot("model_*", ModelGauges::new(published.clone()))?;
        Ok(Self { published, reloads, run_items, feature_refusals: FeatureRefusalFamily::register(registry)? })
    }

    /// Exposes the series of a model, before anything happens to it.
    pub(super) fn add_model(&self, model: &ModelMetrics) {
        for outcome in [LoadOutcome::Success, LoadOutcome::Failure] {
            self.reloads.with(model.label(), outcome);
        }
        self.run_items(model);
    }

    /// Where the sizes of the model's runs are counted.
    pub(super) fn run_items(&self, model: &ModelMetrics) -> Histogram {
        self.run_items.with(model.label(), NoLabels)
    }

    /// Counts a load of the model.
    pub(super) fn count_load(&self, model: &ModelMetrics, outcome: LoadOutcome) {
        self.add_model(model);
        self.reloads.with(model.label(), outcome).inc();
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
    provider_missing: GaugeVec,
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
            provider_missing: GaugeVec::new(
                Opts::new(
                    "model_provider_missing",
                    "1 if the model runs without this accelerator although its model.toml asks for it, else 0.",
                ),
                &["model", "provider"],
            )?,
            info: GaugeVec::new(
                Opts::new("model_info", "Always 1; the labels say which file serves, and what runs it."),
                &["model", "version", "sha256", "engine"],
            )?,
        })
    }

    fn set(&self, label: &str, state: GaugedState) {
        let flag = |flag: bool| f64::from(u8::from(flag));
        for (gauge, value) in [
            (&self.loaded, flag(state.is_loaded)),
            (&self.load_seconds, state.load_seconds),
            (&self.last_reload_successful, flag(state.is_newest)),
            (&self.queue_places, state.queue_places),
            (&self.item_seconds, state.item_seconds),
            (&self.batch_limit, state.batch_limit),
        ] {
            gauge.with_label_values(&[label]).set(value);
        }
    }

    /// An accelerator is missing if any version, or any of those models that are shown together, runs without it.
    fn set_providers(&self, label: &str, model: &Model) {
        let gauge = |provider: ExecutionProvider| self.provider_missing.with_label_values(&[label, provider.as_str()]);
        for provider in ExecutionProvider::ACCELERATORS {
            gauge(provider).add(0.0);
        }
        let versions = model.versions().into_iter().flat_map(ModelVersions::all);
        for missing in versions.flat_map(|version| version.engine.providers().missing()) {
            gauge(missing.provider).set(1.0);
        }
    }

    fn set_info(&self, model: &Model) {
        if let Some(ModelVersions { serving, .. }) = model.versions() {
            let engine = &serving.engine;
            let labels = [engine.name(), engine.version(), engine.sha256(), engine.runtime().as_str()];
            self.info.with_label_values(&labels).set(1.0);
        }
    }

    fn all(&self) -> [&GaugeVec; 8] {
        let Self { loaded, load_seconds, last_reload_successful, queue_places, item_seconds, .. } = self;
        let Self { batch_limit, provider_missing, info, .. } = self;
        [loaded, load_seconds, last_reload_successful, queue_places, item_seconds, batch_limit, provider_missing, info]
    }
}

impl Snapshot for ModelGauges {
    fn refresh(&self) {
        self.all().into_iter().for_each(GaugeVec::reset);
        let list = self.published.get();
        let mut others: Option<GaugedState> = None;
        for model in list.models.iter() {
            let state = GaugedState::of(model);
            let label = if model.metrics.is_other() { OTHER } else { &model.name };
            self.set_providers(label, model);
            if !model.metrics.is_other() {
                self.set_info(model);
            }
            // A model may have this very name.
            if model.metrics.is_other() || model.name == OTHER {
                others = Some(others.map_or(state, |others| others.with(state)));
            } else {
                self.set(&model.name, state);
            }
        }
        if let Some(others) = others {
            self.set(OTHER, others);
        }
    }

    fn metrics(&self) -> Vec<&dyn Collector> {
        self.all().into_iter().map(|gauges| gauges as &dyn Collector).collect()
    }
}

/// What the gauges show of a model, or of all those together that have no series of their own.
#[derive(Clone, Copy)]
struct GaugedState {
    is_loaded: bool,
    /// What serves is the newest state of the folder.
    is_newest: bool,
    load_seconds: f64,
    queue_places: f64,
    item_seconds: f64,
    batch_limit: f64,
}

impl GaugedState {
    fn of(model: &Model) -> Self {
        let versions = model.versions();
        let of_versions = |read: fn(&ModelVersions) -> f64| versions.map_or(0.0, read);
        Self {
            is_loaded: versions.is_some(),
            is_newest: !last_load_failed(model),
            load_seconds: of_versions(|versions| versions.serving.load_seconds),
            queue_places: of_versions(|versions| versions.all().map(|loaded| loaded.flow.held() as f64).sum()),
            item_seconds: of_versions(|versions| versions.serving.flow.item_seconds()),
            batch_limit: of_versions(|versions| versions.serving.measured.limit() as f64),
        }
    }

    /// Both together: what is wrong with either shows, and the larger number stands for both.
    fn with(self, other: Self) -> Self {
        Self {
            is_loaded: self.is_loaded && other.is_loaded,
            is_newest: self.is_newest && other.is_newest,
            load_seconds: self.load_seconds.max(other.load_seconds),
            queue_places: self.queue_places + other.queue_places,
            item_seconds: self.item_seconds.max(other.item_seconds),
            batch_limit: self.batch_limit.max(other.batch_limit),
        }
    }
}

fn last_load_failed(model: &Model) -> bool {
    match &model.state {
        ModelState::Loading | ModelState::Unloaded => false,
        ModelState::Ready(versions) => versions.problem.is_some(),
        ModelState::Failed(_) => true,
    }
}
