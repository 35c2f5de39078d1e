//! Chromium, and what it has seen.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{Service, npm_packages, root, skip_without};
use tokio::task::spawn_blocking;

const FOLDER: &str = "crates/system-tests/tests/pages";

/// A browser that can be started.
pub(crate) struct Browser {
    chromium: PathBuf,
    packages: PathBuf,
}

/// How pages are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Light and wide, and dark and narrow.
    All,
    /// Light and narrow alone, and without a look for barriers.
    Quick,
    /// Wide, and without scripts.
    WithoutScripts,
}

impl Browser {
    /// The browser, or a line that says that `what` is not tested.
    pub(crate) fn or_skip(what: &str) -> Option<Self> {
        let chromium = skip_without("chromium", what)?;
        let packages = npm_packages(&root().join(FOLDER).join("package-lock.json"), what)?;
        Some(Self { chromium, packages })
    }

    /// Looks at pages of a service.
    pub(crate) async fn look(&self, service: &Service, pages: &[String], looks: Looks) -> Vec<Value> {
        let views: &[(&str, u32)] = match looks {
            Looks::All => &[("light", 1280), ("dark", 390)],
            Looks::Quick => &[("light", 390)],
            Looks::WithoutScripts => &[("light", 1280)],
        };
        let script = looks != Looks::WithoutScripts;
        // It takes a second a page, and finds the same whatever stands in the page.
        let barriers = looks == Looks::All;
        let look = |page: &String, (scheme, width): &(&str, u32)| json!({ "kind": "look", "url": service.url(page), "scheme": scheme, "width": width, "script": script, "barriers": barriers });
        let tasks: Vec<Value> = pages.iter().flat_map(|page| views.iter().map(move |view| look(page, view))).collect();
        self.run(&tasks).await
    }

    /// Does what the tasks say, in their order, in one browser.
    pub(crate) async fn run(&self, tasks: &[Value]) -> Vec<Value> {
        let input = json!({ "chromium": self.chromium, "packages": self.packages, "list": tasks }).to_string();
        let mut command = Command::new("node");
        command.arg(root().join(FOLDER).join("browser.mjs"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = spawn_blocking(move || {
            let mut node = command.spawn().unwrap();
            node.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            node.wait_with_output().unwrap()
        });
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found.len(), tasks.len());
        found
    }
}
