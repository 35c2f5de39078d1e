//! Pictures of the pages, which the documents show.
//!
//! Rule of thumb: they are made in every run, and thrown away; `cargo xtask pictures` keeps them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Launch, Service, alone, model_folder, root};

use crate::browser::Browser;
use crate::feed::LoggedDays;

/// Where the pictures are kept; a folder of its own where nothing is said.
const KEPT: &str = "PICTURES";
/// The folder of the documents' pictures.
const DOCUMENTED: &str = "docs/images";

/// The pages that have pictures: the name and the address. Each is taken wide in light, and narrow in dark.
fn pages(logging: &Service, inference: &Service) -> Vec<(&'static str, String)> {
    vec![
        ("overview", logging.url("/ui?window=7d")),
        ("predictions", logging.url("/ui/predictions?model=cats&max_confidence=0.7")),
        ("label", logging.url("/ui/label?model=cats")),
        ("quality", logging.url("/ui/quality?window=7d&model=cats")),
        ("drift", logging.url("/ui/drift?window=24h&model=cats")),
        ("compare", logging.url("/ui/compare?model=cats")),
        ("data", logging.url("/ui/data?model=cats")),
        ("models", inference.url("/ui")),
        ("model", inference.url("/ui/models/tumour")),
    ]
}

fn file(folder: &Path, name: &str, view: &str) -> PathBuf {
    folder.join(format!("page-{name}-{view}.png"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_every_page_are_made_and_shown() {
    let _alone = alone().await;
    let Some(browser) = Browser::or_skip("pictures of pages") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let folder = std::env::var_os(KEPT).map_or_else(|| scratch.path().to_owned(), |kept| root().join(kept));
    let logging = Launch::logging(&scratch.path().join("log.db")).flag("--grafana-url=", "http://localhost:3000");
    let logging = logging.flag("--retention-days=", "90").start().await;
    let inference = Launch::inference_logging_to(logging.address).models(&model_folder()).start().await;
    LoggedDays::send(&logging).await;
    let pages = pages(&logging, &inference);
    let shots = [("wide", "light", 1280), ("narrow", "dark", 390)];
    let task = |(name, url): &(&str, String), (view, scheme, width): (&str, &str, u32)| json!({ "kind": "look", "url": url, "scheme": scheme, "width": width, "script": true, "shot": file(&folder, name, view) });
    let tasks: Vec<Value> = pages.iter().flat_map(|page| shots.map(|shot| task(page, shot))).collect();
    browser.run(&tasks).await;

    let names = pages.iter().flat_map(|(name, _)| shots.map(|(view, ..)| file(Path::new("images"), name, view)));
    let names: BTreeSet<String> = names.map(|path| path.display().to_string()).collect();
    for name in &names {
        let made = fs::read(folder.join(Path::new(name).file_name().unwrap())).unwrap();
        assert!(made.starts_with(b"\x89PNG") && made.len() < 300_000, "{name} has {} bytes", made.len());
    }
    let text = fs::read_to_string(root().join("docs/pages.md")).unwrap();
    let shown: BTreeSet<String> = text
        .split("](")
        .filter_map(|part| part.split(')').next())
        .filter(|link| link.starts_with("images/page-"))
        .map(str::to_owned)
        .collect();
    assert_eq!(shown, names, "docs/pages.md shows each of them");
    for name in &names {
        assert!(root().join("docs").join(name).is_file(), "cargo xtask pictures makes {name} in {DOCUMENTED}");
    }
}
