//! The two services, as their clients see them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::counters::PredictionCounts;
use super::request::{DemoRequest, Episode, TrueLabels};
use super::tally::{PredictAnswer, PredictionSays, RequestOutcome, SentLabels};

/// A request that takes longer gets no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The services at their URLs. Clones share their connections.
#[derive(Clone)]
pub(super) struct InferenceClient {
    base: String,
    logging: String,
    client: Client,
}

impl InferenceClient {
    /// The services at these URLs; nothing is asked of them yet.
    ///
    /// # Errors
    /// Where there can be no client.
    pub(super) fn at(inference: &str, logging: &str) -> Result<Self> {
        monitoring::use_ring();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().context("there is no HTTP client")?;
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self { base: base(inference), logging: base(logging), client })
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
    pub(super) async fn send(self, mut shot: DemoRequest, episode: Episode) -> RequestOutcome {
        let (started, items, labels) = (Instant::now(), shot.items, std::mem::take(&mut shot.labels));
        let answer = self.ask(shot).await.unwrap_or_else(|error| PredictAnswer::Nothing(format!("{error:#}")));
        let seconds = started.elapsed().as_secs_f64();
        let is_predicted = matches!(answer, PredictAnswer::Predictions(..));
        let labels = if is_predicted { self.tell(labels).await } else { SentLabels::default() };
        RequestOutcome { episode, items, seconds, answer, labels }
    }

    /// Tells the logging service what was true.
    async fn tell(&self, TrueLabels(labels): TrueLabels) -> SentLabels {
        if labels.is_empty() {
            return SentLabels::default();
        }
        let sent = labels.len() as u64;
        let request = self.client.post(format!("{}/feedback", self.logging)).header("content-type", "application/json");
        let answer = request.body(json!(labels).to_string()).send().await;
        let problem = match answer {
            Ok(answer) if answer.status() == StatusCode::OK => None,
            Ok(answer) => Some(format!("the answer was {}", answer.status())),
            Err(problem) => Some(problem.to_string()),
        };
        SentLabels { sent, taken: if problem.is_none() { sent } else { 0 }, problem }
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
        let number = |name: &str| prediction[name].as_f64();
        let says = match (number("confidence"), number("value")) {
            (Some(confidence), _) => PredictionSays::Class { confidence, defect: prediction["defect"] == true },
            (None, Some(value)) => PredictionSays::Number(value),
            (None, None) => anyhow::bail!("a prediction has neither confidence nor value"),
        };
        Ok(says)
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
        let class = |confidence, defect| PredictionSays::Class { confidence, defect };
        assert_eq!(predictions, [class(0.5, true), class(1.0, false)]);
        let number = understand(StatusCode::OK, br#"{"model":"b","predictions":[{"value":151.5}]}"#).unwrap();
        assert!(matches!(number, PredictAnswer::Predictions(_, said) if said == [PredictionSays::Number(151.5)]));
        let refusal = understand(StatusCode::NOT_FOUND, br#"{"code":"model_not_found"}"#).unwrap();
        assert!(matches!(refusal, PredictAnswer::Refusal(code) if code == "model_not_found"));
        for (status, body) in [(200, "{}"), (200, "[]"), (502, "Bad Gateway"), (500, "{\"code\":5}")] {
            assert!(understand(StatusCode::from_u16(status).unwrap(), body.as_bytes()).is_err(), "{status} {body}");
        }
    }
}
