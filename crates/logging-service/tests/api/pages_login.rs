//! Keys of people with browsers: sessions, and what each key may do.

use std::fs;

use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde_json::json;

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

const ALL: &str = "all-0123456789abcdef";
const READER: &str = "read-0123456789abcdef";
const RATER: &str = "rate-0123456789abcdef";

on_each_engine! {
    a_person_logs_in_and_out,
    a_key_does_what_it_is_for,
}

/// A browser that shows what it is answered.
struct Browser<'a> {
    service: &'a RunningService,
    client: Client,
}

struct Shown {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Shown {
    /// The cookie as a browser sends it back.
    fn cookie(&self) -> &str {
        self.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap()
    }

    fn place(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }
}

impl<'a> Browser<'a> {
    fn of(service: &'a RunningService) -> Self {
        Self { service, client: Client::builder().no_proxy().redirect(Policy::none()).build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address())
    }

    async fn send(&self, request: RequestBuilder, cookie: &str) -> Shown {
        let request = request.header("accept", "text/html,*/*;q=0.8").header("origin", self.url(""));
        let answer = request.header("cookie", cookie).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Shown { status, headers, text: answer.text().await.unwrap() }
    }

    async fn get(&self, path: &str, cookie: &str) -> Shown {
        self.send(self.client.get(self.url(path)), cookie).await
    }

    async fn post(&self, path: &str, form: &str, cookie: &str) -> Shown {
        let request = self.client.post(self.url(path)).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(form.to_owned()), cookie).await
    }

    /// The cookie for a key.
    async fn log_in(&self, key: &str) -> String {
        let entered = self.post("/ui/login", &format!("key={key}&next=ui/quality%3Fwindow=1h"), "").await;
        assert_eq!((entered.status, entered.place()), (303, "../ui/quality?window=1h"));
        entered.cookie().to_owned()
    }
}

async fn with_keys(fixture: &Fixture) -> (tempfile::TempDir, RunningService) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    fs::write(&file, format!("boss: {ALL}\nguest read: {READER}\nrita label: {RATER}\n")).unwrap();
    let service = fresh(fixture, &["--api-keys", file.to_str().unwrap()]).await;
    (folder, service)
}

async fn a_person_logs_in_and_out(fixture: Fixture) {
    let (_folder, service) = with_keys(&fixture).await;
    let browser = Browser::of(&service);
    for (path, place) in [
        ("/", "ui/login?next="),
        ("/ui", "ui/login?next=ui"),
        ("/ui/quality?window=1h", "../ui/login?next=ui%2Fquality%3Fwindow%3D1h"),
        ("/ui/predictions/x", "../../ui/login?next=ui%2Fpredictions%2Fx"),
    ] {
        let led = browser.get(path, "").await;
        assert_eq!((led.status, led.place()), (303, place), "{path}");
    }
    // A program is told what is missing.
    assert_eq!(service.get("/ui/quality").await.status, 401);
    assert_eq!(browser.get("/predictions", "").await.status, 401);
    let login = browser.get("/ui/login?next=ui%2Fquality", "").await;
    assert!(login.status == 200 && login.text.contains("name=\"next\" value=\"ui/quality\""), "{}", login.text);
    assert_eq!(browser.get("/ui/style.css", "").await.status, 200);

    let wrong = browser.post("/ui/login", "key=no-0123456789abcdef", "").await;
    assert!(
        wrong.status == 401 && wrong.text.contains("not one that is known") && !wrong.headers.contains_key(SET_COOKIE)
    );
    let entered = browser.post("/ui/login", &format!("key={READER}&next=//evil.example"), "").await;
    let set = entered.headers[SET_COOKIE].to_str().unwrap();
    assert!(set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax") && !set.contains(READER), "{set}");
    assert_eq!((entered.status, entered.place()), (303, "../ui"));
    let cookie = entered.cookie();
    for path in ["/ui", "/ui/quality", "/predictions", "/export", "/openapi.json"] {
        assert_eq!(browser.get(path, cookie).await.status, 200, "{path}");
    }
    assert_eq!(browser.get("/ui", "glasshouse_session=0123456789abcdef").await.status, 303);
    let left = browser.post("/ui/logout", "", cookie).await;
    assert!(left.status == 303 && left.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(browser.get("/ui", cookie).await.status, 303);
    service.stop().await;

    let open = fresh(&fixture, &[]).await;
    assert!(Browser::of(&open).get("/ui/login", "").await.text.contains("asks nobody for a key"));
    open.stop().await;
}

async fn a_key_does_what_it_is_for(fixture: Fixture) {
    let (_folder, service) = with_keys(&fixture).await;
    let browser = Browser::of(&service);
    let bearer = |key: &str| format!("Bearer {key}");
    let send = async |method: &str, path: &str, key: &str, body: &serde_json::Value| {
        let bearer = bearer(key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        service.exchange(method, path, &headers, body.to_string()).await
    };
    let event_id = "01a204b7-5bcf-7210-9e53-fceee37a8b25";
    let record = json!({ "model": "m", "event_id": event_id, "request_id": "r", "label": "cat", "confidence": 0.5 });
    let label = json!({ "request_id": "r", "label": "dog", "source": "rater" });
    for (key, may_label, may_all) in [(READER, false, false), (RATER, true, false), (ALL, true, true)] {
        let expected = |may: bool| if may { 200 } else { 403 };
        assert_eq!(send("GET", "/predictions", key, &json!(null)).await.status, 200, "{key}");
        assert_eq!(send("POST", "/log", key, &record).await.status, expected(may_all), "{key}");
        assert_eq!(send("POST", "/feedback", key, &label).await.status, expected(may_label), "{key}");
        let removed = send("DELETE", "/models/m", key, &json!(null)).await;
        assert_eq!(removed.status, expected(may_all), "{key}: {removed:?}");
        assert!(may_all || removed.json()["code"] == "forbidden", "{removed:?}");
    }
    let form = format!("event_id={event_id}&label=cat");
    for (key, expected) in [(READER, 403), (RATER, 303)] {
        let cookie = browser.log_in(key).await;
        assert_eq!(browser.post("/ui/label", &form, &cookie).await.status, expected, "{key}");
        // A session is for pages; what programs write needs the key.
        assert_eq!(browser.post("/feedback", &form, &cookie).await.status, 401, "{key}");
    }
    let known = send("GET", &format!("/predictions/{event_id}"), ALL, &json!(null)).await.json();
    assert_eq!(known["true_label"]["source"], "rita", "who labelled it: {known}");
    service.stop().await;
}
