//! The cost of observability: of log lines, spans and metrics.
//!
//! Rule of thumb: nothing in the service can be switched off for a measurement that users cannot switch off. So lines and
//! spans are measured in the service, beside one whose RUST_LOG lets none through; what counts predictions and requests
//! always runs, and its cost is measured here, call by call as the service makes them.

use std::convert::Infallible;
use std::time::Instant;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::post;
use monitoring::prediction::{ModelMetrics, PredictedClass, PredictionMetrics, PredictionPhase};
use monitoring::{MetricsRegistry, Readiness, Routes, instrument};
use tower::ServiceExt as _;

use crate::disturbance::MeasuredTurns;
use crate::table::median;

const CALLS: usize = 20_000;
const BLOCKS: usize = 11;

/// Seconds for each prediction.
pub(super) struct InstrumentCost {
    /// Of all that counts and times predictions.
    pub(super) predictions: f64,
    /// Of all that is around a handler: ids, span, and what counts and times requests.
    pub(super) requests: f64,
}

/// Makes the calls of one prediction again and again.
///
/// # Errors
/// Where the metrics cannot be registered.
pub(super) fn measure(turns: &mut MeasuredTurns) -> Result<InstrumentCost> {
    let registry = MetricsRegistry::new("bench", "0")?;
    let metrics = PredictionMetrics::register(&registry)?;
    let unknown = metrics.model::<&str>("unknown", &[]);
    let model = metrics.model("model", &["yes", "no"]);
    let path = "/predict";
    let routes = Routes::<()>::new().post(path, async || "");
    let instrumented = instrument(routes, &registry, Readiness::starting())?;
    let bare = Router::new().route(path, post(async || ""));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    turns.take(|| {
        let predictions = seconds_of(|| predict(&unknown, &model));
        let [with, without] = [&instrumented, &bare].map(|router| {
            seconds_of(|| {
                let request = Request::post(path).body(Body::empty());
                let answer = request.ok().map(|request| runtime.block_on(router.clone().oneshot(request)));
                std::hint::black_box::<Option<Result<Response<Body>, Infallible>>>(answer);
            })
        });
        Ok(InstrumentCost { predictions, requests: with - without })
    })
}

/// All that the service tells of one prediction.
fn predict(unknown: &ModelMetrics, model: &ModelMetrics) {
    let mut attempt = unknown.start();
    attempt.set_model(model);
    attempt.set_model(model);
    attempt.set_items(1);
    for phase in [PredictionPhase::Decode, PredictionPhase::Queue, PredictionPhase::Inference, PredictionPhase::Record]
    {
        attempt.record_phase(phase, std::hint::black_box(1e-3));
    }
    attempt.succeed(&[PredictedClass { class: 0, confidence: 0.9 }]);
}

/// Of one call, at the median of some blocks.
fn seconds_of(call: impl Fn()) -> f64 {
    let block = |_| {
        let before = Instant::now();
        (0..CALLS).for_each(|_| call());
        before.elapsed().as_secs_f64() / CALLS as f64
    };
    median(&(0..BLOCKS).map(block).collect::<Vec<_>>())
}
