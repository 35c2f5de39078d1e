//! Proves that the documents are true: docs/metrics.md has a row for each metric that the services expose, with its
//! type and labels, and no other; and the commands of the README work as printed.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Launch, Pair, Shot, alone, pictures, wait_until};

/// What is known of a metric besides its name.
#[derive(Debug, PartialEq, Eq)]
struct Description {
    kind: String,
    labels: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_has_its_row_and_every_row_its_metric() {
    let _alone = alone().await;
    let often = |logging: Launch| logging.flag("--evaluate-seconds=", "0.2");
    let pair = Pair::start_at(|places| places, |inference, logging| (inference, often(logging))).await;
    predict_and_label(&pair).await;
    pair.other_tasks_are_judged().await;
    let mut exposed = BTreeMap::new();
    for service in [&pair.inference, &pair.logging] {
        exposed.extend(described_by_exposition(&service.get("/metrics").await.text()));
    }
    let documented = described_by_table(&fs::read_to_string(root().join("docs/metrics.md")).unwrap());
    for (name, description) in &exposed {
        assert_eq!(documented.get(name), Some(description), "{name} in docs/metrics.md");
    }
    for name in documented.keys() {
        assert!(exposed.contains_key(name), "docs/metrics.md describes {name}, which no service exposes");
    }
}

/// A number that has nothing to stand on has no series, so there must be a prediction and its label.
async fn predict_and_label(pair: &Pair) {
    let shot = Shot::picture("cifar10", &pictures("cifar10")[0]);
    assert_eq!(pair.inference.send(&shot.request()).await.status, 200);
    let label = json!({ "request_id": shot.request_id, "label": "cat" }).to_string();
    assert_eq!(pair.logging.post("/feedback", "application/json", label).await.status, 200);
    wait_until("it is evaluated", Duration::from_secs(30), async || {
        let metrics = pair.logging.metrics().await;
        ["logging_accuracy", "logging_drift_verdict"].iter().all(|name| metrics.find(name, &[]).is_some())
    })
    .await;
}

/// The pages whose `$ curl` commands are run, in this order, each followed by its output.
const PAGES_WITH_COMMANDS: [&str; 2] = ["README.md", "docs/prediction-log.md"];

#[tokio::test(flavor = "multi_thread")]
async fn documented_commands_work_as_printed() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    for page in PAGES_WITH_COMMANDS {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let mut lines = text.lines();
        let mut commands = 0;
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("$ curl ") else { continue };
            let printed = lines.next().unwrap();
            let command = format!("curl -sS --fail {command}")
                .replace("127.0.0.1:8000", &pair.inference.address.to_string())
                .replace("127.0.0.1:8001", &pair.logging.address.to_string());
            let output = Command::new("bash").args(["-c", &command]).current_dir(root()).output().unwrap();
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            let output = String::from_utf8(output.stdout).unwrap();
            require_printed(printed, &output).unwrap_or_else(|problem| panic!("{page}: {command}: {problem}"));
            pair.all_delivered().await;
            commands += 1;
        }
        assert!(commands >= 3, "{page} has only {commands} commands");
    }
}

/// Whether a command's output is what a page prints: the same members of JSON (those that `…` stands for excepted), or
/// the same text before the last number. Values change from run to run, except for what was predicted.
fn require_printed(printed: &str, output: &str) -> Result<(), String> {
    let first = output.lines().next().unwrap_or_default();
    let Ok(real) = serde_json::from_str::<Value>(first) else {
        let text_before_number = |line: &str| line.rsplit_once(' ').unwrap_or((line, "")).0.to_owned();
        let same = text_before_number(first) == text_before_number(printed);
        return if same { Ok(()) } else { Err(format!("{first:?} instead of {printed:?}")) };
    };
    let is_shortened = printed.contains('…');
    let whole = printed.replace("…,", "").replace(",…", "").replace('…', "");
    let printed = serde_json::from_str(&whole).map_err(|error| format!("{error} in {whole}"))?;
    require_members(&printed, &real, is_shortened)
}

fn require_members(printed: &Value, real: &Value, is_shortened: bool) -> Result<(), String> {
    match (printed, real) {
        (Value::Object(printed), Value::Object(real)) => {
            if !is_shortened && printed.len() != real.len() {
                return Err(format!("the members are {:?}", real.keys().collect::<Vec<_>>()));
            }
            printed.iter().try_for_each(|(name, value)| {
                let real = real.get(name).ok_or_else(|| format!("there is no member {name}"))?;
                require_members(value, real, is_shortened)
            })
        }
        (Value::Array(printed), Value::Array(real)) if printed.len() <= real.len() => {
            printed.iter().zip(real).try_for_each(|(printed, real)| require_members(printed, real, is_shortened))
        }
        (Value::String(printed), Value::String(real)) if printed != real && ["cat", "ship"].contains(&&**printed) => {
            Err(format!("{real:?} instead of {printed:?}"))
        }
        (printed, real) if std::mem::discriminant(printed) == std::mem::discriminant(real) => Ok(()),
        (printed, real) => Err(format!("{real} instead of {printed}")),
    }
}

/// Reads `# TYPE` lines and the labels of the samples that follow.
fn described_by_exposition(text: &str) -> BTreeMap<String, Description> {
    let mut metrics: BTreeMap<String, Description> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            current = name.to_owned();
            metrics.insert(current.clone(), Description { kind: kind.to_owned(), labels: BTreeSet::new() });
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            // No label value of the shipped models holds a quote or an equals sign.
            let names = labels.split("=\"").map(|part| part.rsplit([',', '"']).next().unwrap_or(part));
            let names: BTreeSet<&str> = names.filter(|name| !name.contains('}') && *name != "le").collect();
            metrics.get_mut(&current).unwrap().labels.extend(names.into_iter().map(str::to_owned));
        }
    }
    metrics
}

/// Reads rows such as "| `name` | counter | `a`, `b` | meaning |".
fn described_by_table(page: &str) -> BTreeMap<String, Description> {
    let mut metrics = BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells.as_slice() else { continue };
        let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { continue };
        assert!(meaning.len() > 10, "{name} has no meaning in docs/metrics.md");
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let twice = metrics.insert(name.to_owned(), Description { kind: (*kind).to_owned(), labels });
        assert!(twice.is_none(), "{name} stands twice in docs/metrics.md");
    }
    metrics
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
