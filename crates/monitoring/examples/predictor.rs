//! A service of your own, instrumented and described. Try `cargo run -p monitoring --example predictor`, then
//! `curl -d 0.7 localhost:8080/predict`, `curl localhost:8080/metrics`, and a browser at `localhost:8080/docs`.

use std::time::Duration;

use axum::extract::State;
use monitoring::prediction::{ModelMetrics, PredictedClass, PredictionMetrics};
use monitoring::{ApiError, Drain, ErrorCode, HealthReport, MetricsRegistry, Readiness, Routes, refusals};
use serde_json::json;
use tracing::info;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(title = "predictor", description = "Names the side of a coin.", version = "1.0.0", license(name = "MIT")),
    paths(predict),
    tags((name = "predictions", description = "What the coin shows."))
)]
struct Description;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = MetricsRegistry::new("predictor", "1.0.0")?;
    let _logs = monitoring::setup_structured_logging("predictor", "1.0.0", &metrics)?;
    let readiness = Readiness::starting();
    let coin = PredictionMetrics::register(&metrics)?.model("coin", &["heads", "tails"]);

    let routes = Routes::new()
        .post("/predict", predict)
        .with_state(coin)
        .merge(monitoring::metrics_route(&metrics))
        .merge(monitoring::health_routes(readiness.clone(), HealthReport::default))
        .merge(monitoring::docs_routes(&monitoring::describe(Description::openapi(), json!({}), &[])));
    let app = monitoring::instrument(routes, &metrics, readiness.clone())?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    readiness.set_ready();
    info!(address = %listener.local_addr()?, "listening");
    let drain = Drain { readiness, notice: Duration::ZERO, patience: Duration::from_secs(10) };
    Ok(monitoring::serve(listener, app, drain, monitoring::shutdown_signal()?).await?)
}

refusals! {
    /// The refusals of a prediction.
    PredictRefusals: InvalidInput;
}

/// The likely side of the coin
#[utoipa::path(
    post,
    path = "/predict",
    operation_id = "predict",
    tag = "predictions",
    request_body(content = String, content_type = "text/plain", example = "0.7"),
    responses((status = 200, description = "heads or tails", body = String, content_type = "text/plain"), PredictRefusals)
)]
async fn predict(State(coin): State<ModelMetrics>, body: String) -> Result<&'static str, ApiError> {
    let attempt = coin.start();
    let Ok(heads) = body.trim().parse::<f64>() else {
        attempt.fail(ErrorCode::InvalidInput);
        return Err(ApiError::new(ErrorCode::InvalidInput, "Send the probability of heads, such as 0.7."));
    };
    let class = usize::from(heads < 0.5);
    let confidence = heads.max(1.0 - heads);
    info!(model = "coin", class, confidence, latency_seconds = attempt.seconds(), "prediction_completed");
    attempt.succeed(&[PredictedClass { class, confidence }]);
    Ok(["heads", "tails"][class])
}
