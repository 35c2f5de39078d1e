//! The same data sets in the service, in scipy, in Evidently and in NannyML, as one table.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use logging_service::analysis::{Observation, WindowCounts};
use prediction_record::{FeatureValue, FeatureValues};
use serde_json::{Value, json};
use testkit::pypi;

use crate::scratch::ScratchFolder;
use crate::table;

/// Evidently; newer versions of pandas have lost what it needs.
pub(super) const EVIDENTLY: [pypi::Package; 2] = [("evidently", "0.7.23"), ("pandas", "2.3.3")];
/// NannyML, and what it needs without saying so.
const NANNYML: [pypi::Package; 2] = [("nannyml", "0.13.1"), ("statsmodels", "0.15.0")];
const SCIPY: [pypi::Package; 3] = [("numpy", "2.4.6"), ("scipy", "1.17.1"), ("scikit-learn", "1.9.1")];

/// The script of the test that holds the service's numbers against scipy's.
const DATASETS: &str = include_str!("../../../logging-service/tests/peers/datasets.py");
const PEERS: &str = include_str!("peers.py");

/// Runs a script with packages: one JSON object in, one JSON out.
///
/// # Errors
/// Where the packages cannot be had, or the script fails.
pub(super) fn ask(packages: &[pypi::Package], script: &str, work: &Value, scratch: &ScratchFolder) -> Result<Value> {
    let name = packages.first().map_or("", |(name, _)| name);
    let python = pypi::python(packages, name).with_context(|| format!("{name} cannot be had"))?;
    let path = scratch.path("peer.py");
    fs::write(&path, script)?;
    let mut child = quiet(&python, &path).spawn().context("Python cannot be started")?;
    child.stdin.take().context("no input")?.write_all(work.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{name} fails: {}", String::from_utf8_lossy(&output.stderr));
    // Libraries may greet before they answer.
    let answer = String::from_utf8_lossy(&output.stdout);
    let json = answer.lines().last().context("no answer")?;
    Ok(serde_json::from_str(json)?)
}

fn quiet(python: &Path, script: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Neither library may tell its maker of this run.
    command.envs([("DO_NOT_TRACK", "1"), ("NML_DISABLE_USAGE_LOGGING", "1"), ("PYTHONWARNINGS", "ignore")]);
    command
}

/// Asks all of them; a table of Markdown.
///
/// # Errors
/// Where a peer cannot be had or fails.
pub(super) fn compare(scratch: &ScratchFolder) -> Result<String> {
    let values = ask(&SCIPY, DATASETS, &json!({}), scratch)?;
    let work = |peer: &str| json!({ "peer": peer, "sets": values["sets"] });
    let theirs = [
        ask(&SCIPY, PEERS, &work("scipy"), scratch)?,
        ask(&EVIDENTLY, PEERS, &work("evidently"), scratch)?,
        ask(&NANNYML, PEERS, &work("nannyml"), scratch)?,
    ];
    let mut lines = Vec::new();
    for (at, set) in list(&values["sets"]).enumerate() {
        let name = set["name"].as_str().unwrap_or_default();
        let first = &set["features"][0];
        let feature = first["name"].as_str().unwrap_or_default();
        lines.extend(rows(&format!("{name}: {feature}"), &numbers(first), &theirs.each_ref().map(|peer| &peer[at][0])));
        if set["classes"].is_object() {
            let sides = &set["classes"];
            lines.extend(rows(&format!("{name}: class"), &classes(sides), &theirs.each_ref().map(|peer| &peer[at][1])));
        }
    }
    let head = ["data set: feature", "statistic", "service", "scipy, raw numbers", "Evidently", "NannyML"];
    Ok(table::text(&head, &lines))
}

/// What is reported of one feature, by the names of the service's statistics; `_p` is a p-value.
type FoundStatistics = Vec<(String, f64)>;

fn rows(what: &str, ours: &FoundStatistics, theirs: &[&Value; 3]) -> Vec<Vec<String>> {
    let row = |(name, value): &(String, f64)| {
        let cells = theirs.iter().map(|peer| peer[name.as_str()].as_f64().map_or("–".to_owned(), number));
        [what.to_owned(), name.replace("_p", ", p-value"), number(*value)].into_iter().chain(cells).collect()
    };
    ours.iter().map(row).collect()
}

fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 { format!("{value:.1e}") } else { format!("{value:.4}") }
}

fn numbers(feature: &Value) -> FoundStatistics {
    let counts = |side: &str| counted(list(&feature[side]).filter_map(Value::as_f64), FeatureValue::Number);
    reported(&counts("reference"), &counts("current"), &["psi", "js", "ks", "ks_p", "wasserstein"])
}

fn classes(sides: &Value) -> FoundStatistics {
    let counts = |side: &str| {
        let names = list(&sides[side]).filter_map(Value::as_str);
        counted(names, |name| FeatureValue::Category(name.to_owned()))
    };
    reported(&counts("reference"), &counts("current"), &["psi", "js", "chi2", "chi2_p", "linf"])
}

fn counted<T>(values: impl Iterator<Item = T>, value: impl Fn(T) -> FeatureValue) -> WindowCounts {
    let mut counts = WindowCounts::default();
    for found in values {
        let row = FeatureValues::from([("feature".to_owned(), value(found))]);
        counts.observe(&Observation { features: Some(&row), ..Observation::default() });
    }
    counts
}

/// The statistics that the service reports, in the order of these names.
fn reported(reference: &WindowCounts, current: &WindowCounts, names: &[&str]) -> FoundStatistics {
    let report = logging_service::analysis::compare(reference, current);
    let found = report.features.iter().flat_map(|feature| &feature.statistics);
    let all: Vec<(String, f64)> = found
        .flat_map(|measured| {
            let name = measured.statistic.as_str();
            let p_value = measured.p_value.map(|p_value| (format!("{name}_p"), p_value));
            [(name.to_owned(), measured.value)].into_iter().chain(p_value)
        })
        .collect();
    names.iter().filter_map(|name| all.iter().find(|(known, _)| known == name).cloned()).collect()
}

/// A list of a peer's answer.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
