//! The metrics of models; those of their predictions are in `monitoring::prediction`.
//!
//! Rule of thumb: a scrape is answered from the list that serves, so a model or a file that is gone leaves no series behind.

use std::sync::{Arc, OnceLock, PoisonError};

use monitoring::prediction::MAX_MODELS;
use monitoring::{
    Collector, Counter, Desc, Each, Family, Histogram, LabelSet, MetricFamily, MetricsError, MetricsRegistry, each,
    label_enum,
};
use prometheus::core::Describer as _;
use prometheus::{GaugeVec, Opts};

use super::models::Published;
use super::{Model, ModelState};

label_enum! {
    /// How a load of a model ended.
    pub(crate) enum LoadOutcome: "outcome" {
        /// What is in the folder serves.
        Success = "success",
        /// It does not; what served before goes on.
        Failure = "failure",
    }
}

/// A gauge of each model: name, help, and the value of a model.
type OfModel = (&'static str, &'static str, fn(&Model) -> f64);

const OF_MODELS: [OfModel; 6] = [
    ("model_loaded", "1 if the model serves, else 0.", |model| f64::from(u8::from(model.versions().is_some()))),
    (
        "model_load_seconds",
        "Seconds that reading, optimising and warming up the model took; 0 until it is loaded.",
        |model| model.versions().map_or(0.0, |versions| versions.serving.load_seconds),
    ),
    (
        "model_last_reload_successful",
        "0 if the newest state of the model's folder could not be loaded, else 1.",
        |model| {
            let failed = match &model.state {
                ModelState::Loading | ModelState::Unloaded => false,
                ModelState::Ready(versions) => versions.problem.is_some(),
                ModelState::Failed(_) => true,
            };
            f64::from(u8::from(!failed))
        },
    ),
    ("prediction_queue_places", "Places in the queue that items of the model hold.", |model| {
        model.versions().map_or(0.0, |versions| versions.all().map(|loaded| loaded.flow.held() as f64).sum())
    }),
    (
        "model_item_seconds",
        "Seconds that an item takes of an inference thread, as of late; measured while warming up at first.",
        |model| model.versions().map_or(0.0, |versions| versions.serving.flow.item_seconds()),
    ),
    (
        "model_batch_limit",
        "Items that run together at most, as was measured to be fastest; 0 until the model is loaded.",
        |model| model.versions().map_or(0.0, |versions| versions.serving.measured.limit() as f64),
    ),
];
const RUN_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
const INFO: (&str, &str) = ("model_info", "Always 1; the labels say which file serves, and what runs it.");

/// What is known of each model.
pub(crate) struct ModelGauges {
    names: LabelSet,
    reloads: Family<Counter, (LabelSet, Each<LoadOutcome>)>,
    run_items: Family<Histogram, LabelSet>,
    published: Arc<OnceLock<Published>>,
}

impl ModelGauges {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let names = LabelSet::new(&["model"], MAX_MODELS);
        let published = Arc::<OnceLock<_>>::default();
        registry.collector(ModelsCollector::new(Arc::clone(&published)))?;
        let help = "Loads of a model, the first one included, by how they ended.";
        let reloads = registry.counters("model_reloads_total", help, (names.clone(), each::<LoadOutcome>()))?;
        let help = "Items that an inference thread ran together.";
        let run_items = registry.histograms("prediction_run_items", help, RUN_BUCKETS, names.clone())?;
        Ok(Self { names, reloads, run_items, published })
    }

    /// What a scrape is answered from.
    pub(super) fn watch(&self, published: &Published) {
        // There is one list of models.
        let _ = self.published.set(Arc::clone(published));
    }

    /// The model exists.
    pub(super) fn known(&self, name: &str) {
        if let Ok(model) = self.names.admit(&[name]) {
            for outcome in [LoadOutcome::Success, LoadOutcome::Failure] {
                self.reloads.with((model, outcome));
            }
            self.run_items.with(model);
        }
    }

    /// Where the sizes of the model's runs are counted; `None` if there are too many models.
    pub(super) fn run_items(&self, name: &str) -> Option<Histogram> {
        self.known(name);
        self.names.get(&[name]).map(|model| self.run_items.with(model).clone())
    }

    /// The model's folder was loaded, or could not be.
    pub(super) fn reloaded(&self, name: &str, outcome: LoadOutcome) {
        self.known(name);
        if let Some(model) = self.names.get(&[name]) {
            self.reloads.with((model, outcome)).inc();
        }
    }
}

/// The gauges, made anew for each scrape.
struct ModelsCollector {
    published: Arc<OnceLock<Published>>,
    descs: Vec<Desc>,
}

impl ModelsCollector {
    fn new(published: Arc<OnceLock<Published>>) -> Self {
        let of_models = OF_MODELS.iter().map(|(name, help, _)| opts((name, help), &["model"]));
        let all = of_models.chain([opts(INFO, &INFO_LABELS)]);
        Self { published, descs: all.filter_map(|opts| opts.describe().ok()).collect() }
    }
}

const INFO_LABELS: [&str; 4] = ["model", "version", "sha256", "engine"];

fn opts((name, help): (&str, &str), labels: &[&str]) -> Opts {
    Opts::new(name, help).variable_labels(labels.iter().map(|label| (*label).to_owned()).collect())
}

/// A family of these series; none where there are none.
fn family<'a>(
    named: (&str, &str),
    labels: &[&str],
    series: impl Iterator<Item = (Vec<&'a str>, f64)>,
) -> Option<MetricFamily> {
    let gauges = GaugeVec::new(Opts::new(named.0, named.1), labels).ok()?;
    for (values, value) in series {
        gauges.get_metric_with_label_values(&values).ok()?.set(value);
    }
    gauges.collect().into_iter().find(|family| !family.get_metric().is_empty())
}

impl Collector for ModelsCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(published) = self.published.get() else { return Vec::new() };
        let now = Arc::clone(&published.read().unwrap_or_else(PoisonError::into_inner));
        let of_models = OF_MODELS.iter().filter_map(|(name, help, value)| {
            let series = now.models.iter().map(|model| (vec![model.name.as_str()], value(model)));
            family((name, help), &["model"], series)
        });
        let engines = now.models.iter().filter_map(|model| Some(&model.versions()?.serving.engine));
        let info = engines
            .map(|engine| (vec![engine.name(), engine.version(), engine.sha256(), engine.runtime().as_str()], 1.0));
        of_models.chain(family(INFO, &INFO_LABELS, info)).collect()
    }
}
