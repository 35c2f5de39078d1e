//! What a logging service gets to see, and a stand-in for one.

use std::collections::VecDeque;
use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{post, put};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::pictures::{base64, cat, numbers};
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{PATIENCE, serve_logging_to};

/// Stands in for the logging service: takes every record, and answers profiles as it is told to.
pub(crate) struct FakeLog {
    pub(crate) url: String,
    records: mpsc::UnboundedReceiver<Value>,
    profiles: mpsc::UnboundedReceiver<SentProfile>,
    declarations: mpsc::UnboundedReceiver<SentDeclaration>,
    heads: Arc<Mutex<HeaderMap>>,
}

/// A profile as it was sent.
pub(crate) struct SentProfile {
    pub(crate) headers: HeaderMap,
    pub(crate) json: String,
}

/// What was declared about a model.
pub(crate) struct SentDeclaration {
    pub(crate) model: String,
    pub(crate) query: String,
    pub(crate) json: Value,
}

/// What the handlers know.
#[derive(Clone)]
struct LogState {
    records: mpsc::UnboundedSender<Value>,
    profiles: mpsc::UnboundedSender<SentProfile>,
    declarations: mpsc::UnboundedSender<SentDeclaration>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    heads: Arc<Mutex<HeaderMap>>,
}

impl FakeLog {
    /// Answers the first profiles with these codes, and 200 from then on.
    pub(crate) async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (records_in, records) = mpsc::unbounded_channel();
        let (profiles_in, profiles) = mpsc::unbounded_channel();
        let (declarations_in, declarations) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        let heads = Arc::<Mutex<HeaderMap>>::default();
        let told = LogState {
            records: records_in,
            profiles: profiles_in,
            declarations: declarations_in,
            answers,
            heads: heads.clone(),
        };
        let routes = Router::new()
            .route("/log", post(log))
            .route("/drift/reference", put(reference))
            .route("/models/{model}", put(declaration))
            .with_state(told);
        tokio::spawn(axum::serve(listener, routes).into_future());
        Self { url, records, profiles, declarations, heads }
    }

    /// The next record.
    pub(crate) async fn record(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.records.recv()).await.expect("no record came").unwrap()
    }

    /// The headers that the last records came with.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.heads.lock().unwrap().clone()
    }

    /// The next profile.
    pub(crate) async fn profile(&mut self) -> SentProfile {
        tokio::time::timeout(PATIENCE, self.profiles.recv()).await.expect("no profile came").unwrap()
    }

    /// The next declaration.
    pub(crate) async fn declaration(&mut self) -> SentDeclaration {
        tokio::time::timeout(PATIENCE, self.declarations.recv()).await.expect("no declaration came").unwrap()
    }

    /// Whether another profile has come.
    pub(crate) fn has_profile(&mut self) -> bool {
        self.profiles.try_recv().is_ok()
    }
}

async fn log(State(told): State<LogState>, headers: HeaderMap, body: String) -> String {
    *told.heads.lock().unwrap() = headers;
    let records: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let accepted = records.len();
    for record in records {
        // The test may be over.
        let _ = told.records.send(record);
    }
    json!({ "accepted": accepted, "duplicates": 0 }).to_string()
}

async fn declaration(State(told): State<LogState>, Path(model): Path<String>, uri: Uri, body: String) {
    let (query, json) = (uri.query().unwrap_or_default().to_owned(), serde_json::from_str(&body).unwrap());
    let _ = told.declarations.send(SentDeclaration { model, query, json });
}

async fn reference(State(told): State<LogState>, headers: HeaderMap, body: String) -> StatusCode {
    let _ = told.profiles.send(SentProfile { headers, json: body });
    let answer = told.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_what_the_input_looked_like() {
    let mut log = FakeLog::start(&[]).await;
    let service = serve_logging_to(&log.url, &shipped(), &["--record", "memory"]).await;
    let cat = cat();
    let (values, _) = numbers("cifar10", &cat);

    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = Sent::new("image/jpeg", cat.clone()).query("?model=cifar10").header("traceparent", traceparent);
    assert_eq!(service.predict(&sent).await.status, 200);
    let picture = log.record().await;
    assert_eq!(picture["schema_version"], 5);
    assert_eq!(picture["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    let span = picture["span_id"].as_str().unwrap();
    assert!(span.len() == 16 && span != "b7ad6b7169203331", "{span}");
    assert_eq!(picture["input_sha256"].as_str().unwrap().len(), 64);
    assert!(picture.get("variant").is_none(), "{picture}");
    let input = &picture["input"];
    assert_eq!((&input["width"], &input["height"]), (&json!(32), &json!(32)), "{input}");
    for field in ["brightness", "contrast", "sharpness"] {
        assert!(input[field].as_f64().is_some_and(|number| (0.0..1.0).contains(&number) && number > 0.0), "{input}");
    }
    assert_eq!((input["mean"].as_array().unwrap().len(), input["std"].as_array().unwrap().len()), (3, 3));

    let sent = Sent::json(&json!({ "model": "cifar10", "image": base64(&cat) }));
    assert_eq!(service.predict(&sent).await.status, 200);
    let again = log.record().await;
    assert_eq!((&again["input"], &again["input_sha256"]), (input, &picture["input_sha256"]));

    let sent = Sent::json(&json!({ "model": "cifar10", "input": values }));
    assert_eq!(service.predict(&sent).await.status, 200);
    let tensor = log.record().await;
    assert_eq!(&tensor["input"], input);
    assert!(tensor.get("input_sha256").is_none(), "{tensor}");

    // An input that was never decoded has no summary.
    let sent = Sent::new("image/jpeg", "no picture").query("?model=cifar10");
    assert_eq!(service.predict(&sent).await.status, 422);
    let refused = log.record().await;
    assert_eq!(refused["error_type"], "invalid_input");
    assert!(refused.get("input").is_none() && refused.get("input_sha256").is_none(), "{refused}");
}
