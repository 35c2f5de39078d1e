//! One row of the error table: a request that is refused, and everything that must be seen of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::metrics::Metrics;
use crate::process::Process;
use crate::sent::Sent;
use crate::service::Answer;

/// The codes of the error table, and the status of each.
pub(crate) const STATUSES: [(&str, u16); 10] = [
    ("invalid_request", 400),
    ("invalid_input", 422),
    ("unsupported_media_type", 415),
    ("too_large", 413),
    ("model_not_found", 404),
    ("overloaded", 429),
    ("not_ready", 503),
    ("deadline_exceeded", 504),
    ("cancelled", 499),
    ("internal", 500),
];

/// What may grow when a prediction request ends.
const WATCHED: [&str; 7] = [
    "http_requests_total{method=\"POST\",",
    "prediction_classes_total",
    "prediction_confidence_count",
    "prediction_errors_total",
    "prediction_latency_seconds_count",
    "predictions_total",
    "prediction_log_",
];

/// A request and how it must end.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    /// The `model` label; `unknown` until the request has named one that exists.
    pub(crate) model: &'static str,
    pub(crate) items: u32,
    /// What the sentence must contain to be of help.
    pub(crate) says: &'static str,
    pub(crate) sent: Sent,
}

impl Row {
    pub(crate) fn new(code: &'static str, name: &'static str, sent: Sent, says: &'static str) -> Self {
        Self { name, code, model: "unknown", items: 1, says, sent }
    }

    pub(crate) fn of(self, model: &'static str) -> Self {
        Self { model, ..self }
    }

    pub(crate) fn items(self, items: u32) -> Self {
        Self { items, ..self }
    }

    /// Sends the request under this id, and looks at the answer, the metrics and the log.
    pub(crate) async fn check(&self, process: &Process, request_id: &str) -> Answer {
        let before = process.service.metrics().await;
        let sent = self.sent.clone().header("x-request-id", request_id);
        let answer = process.service.predict(&sent).await;
        self.check_answer(&answer, request_id);
        self.check_metrics(&before, &process.service.metrics().await);
        let line = self.check_log(process, request_id);
        assert_eq!(line["error"], answer.json()["error"], "{self:?}");
        answer
    }

    /// The answer has the one shape, the status of its code, the id of its request, and a sentence that helps.
    pub(crate) fn check_answer(&self, answer: &Answer, request_id: &str) {
        assert_eq!(answer.status, self.status(), "{self:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{self:?}");
        assert_eq!(answer.header("x-request-id"), Some(request_id), "{self:?}");
        let body = answer.json();
        let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members[..3], ["error", "code", "request_id"], "{self:?}");
        assert!(matches!(members[3..], [] | ["item"]), "{self:?}: {body}");
        assert_eq!((&body["code"], &body["request_id"]), (&json!(self.code), &json!(request_id)), "{self:?}");
        let sentence = body["error"].as_str().unwrap();
        assert!(sentence.ends_with(['.', ')']) && !sentence.contains('\n'), "{} says: {sentence:?}", self.name);
        assert!(sentence.contains(self.says), "{} says: {sentence}", self.name);
        assert!(sentence.len() < 650, "{} says a lot: {sentence}", self.name);
        let retry_after = answer.header("retry-after").map(|seconds| seconds.parse::<u32>().unwrap());
        match self.code {
            "overloaded" | "not_ready" => assert!(matches!(retry_after, Some(1..=60)), "{self:?}: {retry_after:?}"),
            _ => assert_eq!(retry_after, None, "{self:?}"),
        }
    }

    /// Each count that belongs to this refusal has grown by as much as it should, and no other has.
    pub(crate) fn check_metrics(&self, before: &Metrics, after: &Metrics) {
        let Self { code, model, .. } = self;
        let items = f64::from(self.items);
        let expected = BTreeMap::from([
            (format!("http_requests_total{{method=\"POST\",route=\"/predict\",status=\"{}\"}}", self.status()), 1.0),
            (format!("prediction_errors_total{{error_type=\"{code}\",model=\"{model}\"}}"), items),
            (format!("prediction_latency_seconds_count{{model=\"{model}\",status=\"error\"}}"), 1.0),
            (format!("predictions_total{{model=\"{model}\",status=\"error\"}}"), items),
        ]);
        assert_eq!(after.growth(before, &WATCHED), expected, "{self:?}");
    }

    /// The log has one line about this request, which says the same.
    pub(crate) fn check_log(&self, process: &Process, request_id: &str) -> Value {
        let is_it = |line: &Value| line["request_id"] == request_id && line["message"] == "prediction_failed";
        let line = process.log.wait_for(&format!("the failure of {self:?}"), is_it);
        assert_eq!(process.log.about(request_id).len(), 1, "{self:?}");
        let told = ["level", "service", "model", "items", "error_type", "status"].map(|field| line[field].clone());
        let level = if self.status() >= 500 { "ERROR" } else { "WARN" };
        let service = "inference-service";
        let expected = json!([level, service, self.model, self.items, self.code, self.status()]);
        assert_eq!(Value::from(told.to_vec()), expected, "{line}");
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
        assert!(line["latency_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{line}");
        line
    }

    fn status(&self) -> u16 {
        STATUSES.iter().find(|(code, _)| *code == self.code).unwrap().1
    }
}
