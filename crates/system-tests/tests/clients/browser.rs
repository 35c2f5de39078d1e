//! A picture as a page in a browser sends it: by fetch from another origin, with a key, and by a form.

use std::fs;
use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use serde_json::{Value, json};
use testkit::{Launch, alone, root, skip_without, wait_until};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

const KEY: &str = "0123456789abcdef";
const PAGE: &str = include_str!("browser.html");
/// A browser takes seconds to start, and longer on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser without a window, ended when it is dropped.
struct Browser(Child);

impl Browser {
    fn open(program: &Path, profile: &Path, url: &str) -> Self {
        // As root, Chromium starts without its sandbox only.
        let flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
        let mut command = Command::new(program);
        command.args(flags).arg(format!("--user-data-dir={}", profile.display())).arg(url);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves the page and its picture, and hands on what the page sends.
async fn serve_page() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, answers) = mpsc::unbounded_channel();
    let cat = fs::read(root().join("deploy/models/cifar10/examples/cat.jpg")).unwrap();
    let router = Router::new()
        .route("/", get(async || ([(CONTENT_TYPE, "text/html")], PAGE)))
        .route("/cat.jpg", get(async move || ([(CONTENT_TYPE, "image/jpeg")], cat)))
        .route("/answers", post(async move |text: String| drop(told.send(text))));
    tokio::spawn(axum::serve(listener, router).into_future());
    (address, answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_predicts_by_fetch_and_by_a_form() {
    let _alone = alone().await;
    let Some(chromium) = skip_without("chromium", "a picture that a page in a browser sends") else { return };
    let (page, mut answers) = serve_page().await;
    let scratch = tempfile::tempdir().unwrap();
    let keys = scratch.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    let for_pages =
        |launch: Launch| launch.flag("--api-keys=", &keys).flag("--cors-origins=", format!("http://{page}"));
    let keyed = for_pages(Launch::inference()).start().await;
    let logging = for_pages(Launch::logging(&scratch.path().join("log.db"))).start().await;
    let open = Launch::inference().start().await;
    let query = format!("key={KEY}&keyed={}&logging={}&open={}", keyed.address, logging.address, open.address);
    let _browser = Browser::open(&chromium, &scratch.path().join("profile"), &format!("http://{page}/?{query}"));

    let told = timeout(PATIENCE, answers.recv()).await.expect("the page sends nothing").unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let expected = json!([
        [200, "cat", true],
        [200, "cat", true],
        [200, "cat", true],
        [401, "unauthorized", true],
        [401, "unauthorized", true],
        [404, "model_not_found", true],
        [414, "invalid_request", true],
        [200, "an answer", true],
        [401, "unauthorized", true],
    ]);
    assert_eq!(told, expected);
    wait_until("the form is answered", PATIENCE, async || {
        open.metrics().await.count("prediction_classes_total", &[("class", "cat")]) == 1
    })
    .await;
}
