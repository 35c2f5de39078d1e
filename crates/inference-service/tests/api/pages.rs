//! The pages: what they show is what the API says, and what they say to send is answered.

use std::fs;

use serde_json::{Value, json};

use crate::repository::{add, shipped, with_troublemakers};
use crate::sent::Sent;
use crate::service::{Service, serve, serve_logging_to};

const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
/// The most bytes of a page.
const MOST_BYTES: usize = 100_000;

async fn page(service: &Service, path: &str) -> String {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert!(answer.text.len() < MOST_BYTES, "{path} has {} bytes", answer.text.len());
    answer.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_led_to_the_models_and_kserve_is_told_that_it_lives() {
    let service = serve(&shipped(), &[]).await;
    let alive = service.get("/").await;
    assert_eq!((alive.json(), alive.header("vary")), (json!({ "status": "alive" }), Some("accept")));
    let led = service.get_as("/", BROWSER).await;
    assert!(led.status == 200 && led.text.contains("<h1>Models</h1>"), "{led:?}");
    let none = service.get_as("/ui/models/none", BROWSER).await;
    assert!(none.status == 404 && none.text.contains("This cannot be shown"), "{none:?}");
    assert_eq!(service.get("/ui/models/none").await.json()["code"], "model_not_found");
    for file in ["style.css", "script.js", "predict.js"] {
        assert_eq!(service.get(&format!("/ui/{file}")).await.status, 200, "{file}");
    }
    service.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_model_is_shown_with_its_state_and_what_is_wrong() {
    let models = with_troublemakers();
    let service = serve(models.path(), &[]).await;
    let listed = service.get("/models").await.json();
    let shown = page(&service, "/ui").await;
    for model in listed["models"].as_array().unwrap() {
        let name = model["name"].as_str().unwrap();
        assert!(shown.contains(&format!("href=\"ui/models/{name}\"")), "{name}: {shown}");
        let one = page(&service, &format!("/ui/models/{name}")).await;
        let expected = if model["state"] == "ready" { "serves" } else { "cannot be loaded" };
        assert!(one.contains(expected), "{name}: {one}");
        if let Some(digest) = model["sha256"].as_str() {
            assert!(one.contains(digest), "{name}: {one}");
        }
        if let Some(problem) = model["error"].as_str() {
            let start: String = problem.chars().take_while(|letter| !"<>&\"".contains(*letter)).collect();
            assert!(one.contains(&start), "{name}: {problem}: {one}");
        }
    }
    assert!(!shown.contains("What the models did"), "there is no log");
    service.stopped().await;
}

/// The text that a page has in the one element of this kind.
fn text_of<'a>(page: &'a str, opening: &str, closing: &str) -> &'a str {
    let (_, rest) = page.split_once(opening).unwrap_or_else(|| panic!("{opening} in {page}"));
    rest.split_once('>').unwrap().1.split_once(closing).unwrap().0
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_every_model_is_answered() {
    let service = serve(&shipped(), &[]).await;
    for name in ["cifar10", "diabetes", "surface", "tumour"] {
        let one = page(&service, &format!("/ui/models/{name}")).await;
        let body: Value = serde_json::from_str(&unescaped(text_of(&one, "<textarea", "</textarea>"))).unwrap();
        let answer = service.predict(&Sent::json(&body).query(&format!("?model={name}"))).await;
        assert_eq!(answer.status, 200, "{name}: {body}: {answer:?}");
        let form = one.split_once("data-predict=\"").unwrap().1.split_once('"').unwrap().0;
        assert!(form.starts_with(&format!("../../predict?model={name}&amp;top_k=")), "{form}");
        let takes_pictures = service.get("/models").await.json()["models"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["name"] == name && model["input"].is_object());
        assert_eq!(one.contains("type=\"file\""), takes_pictures, "{name}");
        assert_eq!(one.contains("--data-binary @picture.jpg"), takes_pictures, "{name}");
        assert_eq!(one.contains("data-feature="), !takes_pictures, "{name}");
    }
    service.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_text_and_the_log_is_linked_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let labels = json!([hostile, "b", "c"]).to_string();
    add(folder.path(), "m", &crate::repository::model_toml([1, 3], &labels), &crate::onnx::chain([1, 3], &["Flatten"]));
    fs::create_dir_all(folder.path().join("n/1")).unwrap();
    fs::write(folder.path().join("n/model.toml"), "task = \"<b>classification</b>\"").unwrap();
    let service =
        serve_logging_to("http://user:secret@127.0.0.1:9/prefix", folder.path(), &["--record", "memory"]).await;
    for path in ["/ui", "/ui/models/m", "/ui/models/n"] {
        let shown = page(&service, path).await;
        assert!(!shown.contains("<script>alert") && !shown.contains("<img") && !shown.contains("<b>class"), "{shown}");
        assert!(shown.contains("href=\"http://127.0.0.1:9/prefix/ui") && !shown.contains("secret"), "{shown}");
    }
    assert!(page(&service, "/ui/models/m").await.contains("&lt;script&gt;alert(1)"));
    service.stopped().await;
    let told = serve(folder.path(), &["--log-pages-url", "https://logs.example.org"]).await;
    assert!(page(&told, "/ui").await.contains("href=\"https://logs.example.org/ui\""));
    told.stopped().await;
}
