//! What the log holds when it is looked at.

use serde_json::{Value, json};
use testkit::Service;

/// The pages of the logging service that need no prediction.
pub(crate) const PAGES: [&str; 8] = [
    "/ui",
    "/ui/predictions",
    "/ui/label",
    "/ui/quality?window=7d&model=cats",
    "/ui/drift?window=7d&model=cats",
    "/ui/compare?model=cats",
    "/ui/data",
    "/ui/login",
];

/// What would execute, if anything that senders write could.
pub(crate) const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// Hours of predictions.
const HOURS: u64 = 168;
const CLASSES: [&str; 5] = ["bird", "cat", "dog", "frog", "ship"];

/// A week of predictions of a model, in the last day of which its input has drifted and it is wrong more often.
pub(crate) struct LoggedDays {
    pub(crate) predictions: u64,
    event_id: String,
}

impl LoggedDays {
    /// Sends them, their labels and a reference.
    pub(crate) async fn send(logging: &Service) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let (mut records, mut labels) = (Vec::new(), Vec::new());
        for hour in 1..HOURS {
            for number in 0..12 + random.u32(0..12) {
                let request = format!("r{hour}-{number}");
                let at = now - hour * 3600 + random.u64(0..3600);
                let truth = CLASSES[random.usize(0..CLASSES.len())];
                let (record, is_labelled) = (record(&mut random, hour < 24, truth), random.f64() < 0.6);
                let more = json!({ "request_id": request, "occurred_at": time(at) });
                records.push(merged(record, &more));
                if is_labelled {
                    labels.push(json!({ "request_id": request, "label": truth, "source": "rater" }));
                }
            }
        }
        records.push(json!({ "model": "cats", "version": "2", "status": "error", "error_type": "deadline_exceeded" }));
        let predictions = records.len() as u64;
        post(logging, "/log", &Value::from(records)).await;
        for labels in labels.chunks(1_000) {
            post(logging, "/feedback", &Value::from(labels)).await;
        }
        let (since, until) = (time(now - HOURS * 3600), time(now - 26 * 3600));
        post(logging, "/drift/reference", &json!({ "model": "cats", "since": since, "until": until })).await;
        let found = logging.get("/predictions?status=success&limit=1").await;
        let found: Value = serde_json::from_slice(&found.body).unwrap();
        Self { predictions, event_id: found["predictions"][0]["event_id"].as_str().unwrap().to_owned() }
    }

    /// Every page of the logging service.
    pub(crate) fn pages(&self) -> Vec<String> {
        let of_one = format!("/ui/predictions/{}", self.event_id);
        let label = format!("/ui/label?event_id={}&done={}&as=cat", self.event_id, self.event_id);
        PAGES.map(str::to_owned).into_iter().chain([of_one, label]).collect()
    }
}

fn record(random: &mut fastrand::Rng, has_drifted: bool, truth: &str) -> Value {
    let confidence = (0.55 + 0.45 * random.f64()).min(0.999);
    let is_right = random.f64() < confidence - if has_drifted { 0.2 } else { 0.02 };
    let label = if is_right { truth } else { CLASSES[random.usize(0..CLASSES.len())] };
    let others = CLASSES
        .iter()
        .filter(|class| **class != label)
        .map(|class| json!({ "label": class, "confidence": (1.0 - confidence) / 4.0 }));
    let top: Vec<Value> = [json!({ "label": label, "confidence": confidence })].into_iter().chain(others).collect();
    let brightness = 90.0 + 60.0 * random.f64() + if has_drifted { 45.0 } else { 0.0 };
    let (sha256, camera) = ("5f".repeat(32), ["left", "right"][random.usize(0..2)]);
    json!({
        "model": "cats", "version": "2", "model_sha256": sha256, "label": label, "confidence": confidence, "top": top,
        "latency_seconds": 0.008 + 0.01 * random.f64(), "decode_seconds": 0.002, "queue_seconds": 0.001,
        "inference_seconds": 0.004, "features": { "brightness": brightness, "camera": camera },
        "tags": { "site": "north" },
    })
}

/// A few predictions of dogs about which the model was not sure.
pub(crate) async fn send_doubtful(logging: &Service) {
    let doubtful = |number: u32| {
        json!({ "model": "cats", "request_id": format!("r{number}"), "label": "dog", "confidence": 0.5 + f64::from(number) / 10.0,
            "top": [{ "label": "dog", "confidence": 0.5 }, { "label": "cat", "confidence": 0.4 }] })
    };
    post(logging, "/log", &(1..=3).map(doubtful).collect()).await;
}

/// Predictions in which everything that a sender can write would execute.
pub(crate) async fn send_hostile(logging: &Service) {
    let long = "w".repeat(250);
    for text in [HOSTILE, "javascript:alert(1)", "\u{202e}drawkcab", &long, "{{7*7}} ${7*7} <!-- -->"] {
        let record = json!({
            "model": "hostile", "request_id": &text[..text.len().min(100)], "label": text, "confidence": 0.5,
            "top": [{ "label": text, "confidence": 0.5 }], "features": { "number": 1, &text[..text.len().min(100)]: text },
            "tags": { "site": &text[..text.len().min(60)] }, "note": text,
        });
        let failed = json!({ "model": "hostile", "status": "error", "error_type": &text[..text.len().min(60)] });
        post(logging, "/log", &json!([record, record, failed])).await;
        let label = json!({ "request_id": &text[..text.len().min(100)], "label": text, "source": text });
        post(logging, "/feedback", &label).await;
    }
    post(logging, "/drift/reference", &json!({ "model": "hostile" })).await;
}

/// The pages that show them.
pub(crate) async fn hostile_pages(logging: &Service) -> Vec<String> {
    let found = logging.get("/predictions?model=hostile").await;
    let found: Value = serde_json::from_slice(&found.body).unwrap();
    let mut pages: Vec<String> = ["predictions", "label", "quality", "drift", "compare", "data"]
        .map(|page| format!("/ui/{page}?model=hostile"))
        .into();
    let ids = found["predictions"].as_array().unwrap().iter().map(|one| one["event_id"].as_str().unwrap().to_owned());
    pages.extend(ids.take(8).flat_map(|id| [format!("/ui/predictions/{id}"), format!("/ui/label?event_id={id}")]));
    let escaped: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    pages.push(format!("/ui/predictions?label={escaped}&tag.site={escaped}"));
    pages
}

/// A time in whole seconds since 1970, as RFC 3339 has it.
fn time(seconds: u64) -> String {
    jiff::Timestamp::from_second(seconds as i64).unwrap().to_string()
}

fn merged(mut record: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

async fn post(logging: &Service, path: &str, body: &Value) {
    let answer = logging.post(path, "application/json", body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
}
