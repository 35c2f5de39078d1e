//! A service of somebody else's, instrumented: try `cargo run -p monitoring --example predictor`,
//! then `curl -d 0.7 localhost:8080/predict` and `curl localhost:8080/metrics`.

use axum::extract::State;
use monitoring::prediction::{ModelMetrics, PredictedClass, PredictionMetrics};
use monitoring::{ApiError, Drain, ErrorCode, HealthReport, MetricsRegistry, Readiness, Routes};
use std::time::Duration;
use tracing::info;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = MetricsRegistry::new("predictor", "1.0.0")?;
    let _logs = monitoring::setup_structured_logging("predictor", "1.0.0", &metrics)?;
    let readiness = Readiness::starting();
    let coin = PredictionMetrics::register(&metrics)?.model("coin", &["heads", "tails"])?;

    let routes = Routes::new()
        .post("/predict", predict)
        .with_state(coin)
        .merge(monitoring::metrics_route(&metrics))
        .merge(monitoring::health_routes(readiness.clone(), HealthReport::default));
    let app = monitoring::instrument(routes, &metrics, readiness.clone())?;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    readiness.set_ready();
    info!(address = %listener.local_addr()?, "listening");
    let drain = Drain { readiness, notice: Duration::ZERO, patience: Duration::from_secs(10) };
    Ok(monitoring::serve(listener, app, drain, monitoring::shutdown_signal()?).await?)
}

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
