//! inference-service, as its clients see it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::counters::PredictionCounts;
use super::mix::{DemoRequest, Episode};
use super::tally::{PredictAnswer, RequestOutcome, SeenPrediction};

/// A request that takes longer gets no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service at a URL. Clones share their connections.
#[derive(Clone)]
pub(super) struct InferenceClient {
    base: String,
    client: Client,
}

impl InferenceClient {
    /// The service at this URL; nothing is asked of it yet.
    ///
    /// # Errors
    /// Where there can be no client.
    pub(super) fn at(url: &str) -> Result<Self> {
        monitoring::use_ring();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().context("there is no HTTP client")?;
        Ok(Self { base: url.trim_end_matches('/').to_owned(), client })
    }

    /// The service's counts since its start.
    ///
    /// # Errors
    /// Where it does not answer, or something else does.
    pub(super) async fn counts(&self) -> Result<PredictionCounts> {
        let response = self.client.get(format!("{}/metrics", self.base)).send().await?.error_for_status()?;
        let text = response.text().await?;
        let counts = PredictionCounts::parse(&text);
        ensure!(!counts.is_empty(), "something else answers there: its /metrics has no predictions_total");
        Ok(counts)
    }

    /// Sends a request and waits for the answer.
    pub(super) async fn send(self, shot: DemoRequest, episode: Episode) -> RequestOutcome {
        let (started, items) = (Instant::now(), shot.items);
        let answer = self.ask(shot).await.unwrap_or_else(|error| PredictAnswer::Nothing(format!("{error:#}")));
        RequestOutcome { episode, items, seconds: started.elapsed().as_secs_f64(), answer }
    }

    async fn ask(&self, shot: DemoRequest) -> Result<PredictAnswer> {
        let request = self.client.post(format!("{}{}", self.base, shot.path)).header("content-type", shot.content_type);
        let response = request.body(shot.body).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        understand(status, &body).with_context(|| format!("the answer {status} is not understood"))
    }
}

/// Predictions, or the code of a refusal.
fn understand(status: StatusCode, body: &[u8]) -> Result<PredictAnswer> {
    let body: Value = serde_json::from_slice(body)?;
    if status != StatusCode::OK {
        return Ok(PredictAnswer::Refusal(body["code"].as_str().context("it has no code")?.to_owned()));
    }
    let model = body["model"].as_str().context("it has no model")?.to_owned();
    let predictions = body["predictions"].as_array().context("it has no predictions")?;
    let predictions = predictions.iter().map(|prediction| {
        let confidence = prediction["confidence"].as_f64().context("a prediction has no confidence")?;
        Ok(SeenPrediction { confidence, defect: prediction["defect"] == true })
    });
    Ok(PredictAnswer::Predictions(model, predictions.collect::<Result<_>>()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn answers_are_understood_or_said_not_to_be() {
        let body = br#"{"model":"a","predictions":[{"confidence":0.5,"defect":true},{"confidence":1,"defect":false}]}"#;
        let PredictAnswer::Predictions(model, predictions) = understand(StatusCode::OK, body).unwrap() else {
            panic!()
        };
        assert_eq!((model.as_str(), predictions.len()), ("a", 2));
        assert!(predictions[0].defect && !predictions[1].defect);
        let refusal = understand(StatusCode::NOT_FOUND, br#"{"code":"model_not_found"}"#).unwrap();
        assert!(matches!(refusal, PredictAnswer::Refusal(code) if code == "model_not_found"));
        for (status, body) in [(200, "{}"), (200, "[]"), (502, "Bad Gateway"), (500, "{\"code\":5}")] {
            assert!(understand(StatusCode::from_u16(status).unwrap(), body.as_bytes()).is_err(), "{status} {body}");
        }
    }
}
