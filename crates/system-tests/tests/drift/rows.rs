//! Rows that are sent to `POST /predict` are what `GET /predictions` and `GET /drift` of the logging service know.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, HttpRequest, Pair, alone, copy_model, wait_until};

use crate::{asked, succeeded};

const PATIENCE: Duration = Duration::from_secs(30);
const MODEL: &str = "tumour";
/// The one feature that model.toml of this test says may not be kept.
const NOT_KEPT: &str = "texture";
/// A value of it that is nowhere else.
const SECRET: f64 = 23.456_789;
/// Rows as JSON from the north, and as CSV from the south.
const SITES: [(&str, u64); 2] = [("north", 6), ("south", 5)];
const ALL: u64 = SITES[0].1 + SITES[1].1;
const COLUMNS: [&str; 10] = [
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
];
const ROW: [f64; 10] = [14.0, SECRET, 92.0, 650.0, 0.096, 0.104, 0.089, 0.048, 0.181, 0.063];
/// How many rows of each feature have no value.
const MISSING: [(&str, u64); 3] = [("concavity", 3), ("smoothness", 1), (NOT_KEPT, 2)];

#[tokio::test(flavor = "multi_thread")]
async fn declared_features_arrive_and_are_counted() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    declare_more(folder.path());
    let pair = Pair::start_eager(|inference| inference.models(folder.path())).await;
    send_rows(&pair).await;
    assert_a_bad_row_is_refused(&pair).await;
    pair.all_delivered().await;

    assert_rows_have_their_features(&pair).await;
    assert_is_written_nowhere(&pair, &SECRET.to_string());
    assert_all_is_counted(&pair).await;
    assert_segments(&pair).await;
    assert_declaration_has_arrived(&pair).await;
    assert_metrics_name_the_features(&pair).await;
}

/// `tumour` with a feature that may not be kept, and with thresholds.
fn declare_more(folder: &Path) {
    copy_model(MODEL, folder, MODEL);
    let file = folder.join(MODEL).join("model.toml");
    let toml = fs::read_to_string(&file).unwrap();
    let name = format!("name = \"{NOT_KEPT}\"\n");
    assert!(toml.contains(&name), "{toml}");
    let toml = toml.replace(&name, &format!("{name}keep = false\n"));
    fs::write(file, format!("{toml}\n[thresholds]\npsi_drift = 0.4\nmissing = 0.2\n")).unwrap();
}

async fn send_rows(pair: &Pair) {
    let row = |missing: &[&str]| {
        let value = |(name, value): (&&str, &f64)| {
            let value = if missing.contains(name) { Value::Null } else { json!(value) };
            ((*name).to_owned(), value)
        };
        Value::Object(COLUMNS.iter().zip(&ROW).map(value).collect())
    };
    let mut rows: Vec<Value> = [&["concavity"][..], &["concavity", NOT_KEPT], &[], &[], &[], &[]].map(row).to_vec();
    // Outside of what makes sense, which this model takes and the log counts. And a feature that is not named is missing.
    rows[4]["area"] = json!(9000);
    rows[5].as_object_mut().unwrap().remove("smoothness");
    let body = json!({ "rows": rows }).to_string();
    let answer =
        predict(pair, &SentRows { id: "as-json", tags: "site=north", content_type: "application/json", body }).await;
    assert_eq!(succeeded(&answer)["predictions"].as_array().unwrap().len(), rows.len());

    let line = ROW.map(|value| value.to_string()).join(",");
    let gaps = line.replace(",0.089,", ",,").replace(&format!(",{SECRET},"), ",,");
    let csv = format!("{}\n{}\n{gaps}\n", COLUMNS.join(","), [line.as_str(); 4].join("\n"));
    let answer =
        predict(pair, &SentRows { id: "as-csv", tags: "site=south", content_type: "text/csv", body: csv }).await;
    assert_eq!((answer.status, answer.text().lines().count()), (200, 6), "{}", answer.text());
}

/// A table, and what its request says of it.
struct SentRows {
    id: &'static str,
    tags: &'static str,
    content_type: &'static str,
    body: String,
}

async fn predict(pair: &Pair, sent: &SentRows) -> Answer {
    let request = HttpRequest::post("/predict", sent.body.clone()).header("content-type", sent.content_type);
    pair.inference.send(&request.header("x-request-id", sent.id).header("x-tags", sent.tags)).await
}

/// It leaves nothing behind but a count of the feature that was wrong.
async fn assert_a_bad_row_is_refused(pair: &Pair) {
    let rows = json!({ "rows": [{ "radius": "wide" }] }).to_string();
    let answer =
        predict(pair, &SentRows { id: "bad", tags: "site=north", content_type: "application/json", body: rows }).await;
    assert_eq!((answer.status, &answer.json()["feature"]), (422, &json!("radius")), "{}", answer.text());
    let labels = [("model", MODEL), ("feature", "radius"), ("reason", "type")];
    assert_eq!(pair.inference.metrics().await.count("prediction_feature_refusals_total", &labels), 1);
}

async fn assert_rows_have_their_features(pair: &Pair) {
    let answer = asked(pair, "/predictions?model=tumour&status=success").await;
    let stored = answer["predictions"].as_array().unwrap();
    assert_eq!(stored.len() as u64, ALL, "{answer}");
    let of = |id: &str, row: u64| {
        let found = stored.iter().find(|stored| stored["request_id"] == id && stored["row_index"] == row);
        found.unwrap_or_else(|| panic!("no row {row} of {id}: {answer}"))
    };
    for (id, site) in [("as-json", "north"), ("as-csv", "south")] {
        // The third row of both has every value.
        let (whole, features) = (of(id, 2), &of(id, 2)["features"]);
        assert_eq!(whole["tags"], json!({ "site": site }), "{whole}");
        for (name, value) in COLUMNS.iter().zip(ROW) {
            let expected = if *name == NOT_KEPT { Value::Null } else { json!(value) };
            assert_eq!(features[name], expected, "{id}: {name} in {features}");
        }
        assert!(features.get(NOT_KEPT).is_none() && whole.get("counted_features").is_none(), "{whole}");
    }
    assert_eq!(of("as-json", 4)["features"]["area"], 9000.0);
    for (id, row, name) in [("as-json", 0, "concavity"), ("as-json", 5, "smoothness"), ("as-csv", 4, "concavity")] {
        assert_eq!(of(id, row)["features"].get(name), Some(&Value::Null), "{id}, row {row}: {name}");
    }
}

/// Neither the database nor the spool has the text, nor has any answer that shows rows.
fn assert_is_written_nowhere(pair: &Pair, secret: &str) {
    let files = |folder: &Path| -> Vec<_> { fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect() };
    let files = [files(pair.places.database.parent().unwrap()), files(&pair.places.spool)].concat();
    let (mut looked_at, kept) = (0, ROW[2].to_string());
    for file in files.iter().filter(|file| file.is_file()) {
        let bytes = fs::read(file).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!has(secret), "{} has what may not be kept", file.display());
        looked_at += usize::from(has("as-json") && has(&kept));
    }
    assert!(looked_at > 0, "no file has the rows at all: {files:?}");
}

/// The counts of every declared feature, as `GET /drift` compares them.
async fn assert_all_is_counted(pair: &Pair) {
    let answer = asked(pair, "/drift?model=tumour&window=1h").await;
    let drift = &answer["models"][0]["drift"];
    assert_eq!(drift["samples"], ALL, "{answer}");
    for name in COLUMNS {
        let feature = feature_of(drift, name);
        assert_eq!(feature["samples"], ALL, "{feature}");
        let missing = MISSING.iter().find(|(missing, _)| *missing == name).map_or(0, |(_, count)| *count);
        let outside = u64::from(name == "area");
        assert_share(feature, "missing", missing, ALL);
        assert_share(feature, "out_of_range", outside, ALL - missing);
        let fault = fault_of(feature, "missing");
        assert_eq!((&fault["allowed"], fault["share"].as_f64() > Some(0.2)), (&json!(0.2), missing == 3), "{fault}");
    }
}

async fn assert_segments(pair: &Pair) {
    let answer = asked(pair, "/drift?model=tumour&by=tag.site").await;
    let models = answer["models"].as_array().unwrap();
    assert_eq!(models.len(), SITES.len(), "{answer}");
    for (site, rows) in SITES {
        let segment = json!({ "tag": "site", "value": site });
        let found = models.iter().find(|model| model["segment"] == segment).unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(found["drift"]["samples"], rows, "{found}");
        let concavity = feature_of(&found["drift"], "concavity");
        assert_share(concavity, "missing", if site == "north" { 2 } else { 1 }, rows);
    }
}

/// What model.toml says, in the logging service's words and in its metrics.
async fn assert_declaration_has_arrived(pair: &Pair) {
    wait_until("the declaration is delivered", PATIENCE, async || {
        let delivered = pair.inference.metrics().await.find("model_declaration_delivered", &[("model", MODEL)]);
        delivered == Some(1.0)
    })
    .await;
    let declared = asked(pair, "/models/tumour").await.to_string();
    for part in [
        "\"psi_drift\":0.4",
        "\"missing\":0.2",
        "\"owner\":\"pathology\"",
        "\"keep\":false",
        "\"positive\":\"malignant\"",
    ] {
        assert!(declared.contains(part), "no {part} in {declared}");
    }
    wait_until("the declaration is in the metrics", PATIENCE, async || {
        let metrics = pair.logging.metrics().await;
        let threshold = |name| metrics.find("logging_model_threshold", &[("model", MODEL), ("threshold", name)]);
        let owner = metrics.find("logging_model_info", &[("model", MODEL), ("owner", "pathology")]);
        (threshold("psi_drift"), threshold("missing"), owner) == (Some(0.4), Some(0.2), Some(1.0))
    })
    .await;
}

async fn assert_metrics_name_the_features(pair: &Pair) {
    let window = [("model", MODEL), ("window", "1h")];
    wait_until("all rows are evaluated", PATIENCE, async || {
        pair.logging.metrics().await.find("logging_drift_samples", &window) == Some(ALL as f64)
    })
    .await;
    let metrics = pair.logging.metrics().await;
    for name in COLUMNS {
        let [model, window] = window;
        let psi = [model, window, ("feature", name), ("statistic", "psi")];
        assert!(metrics.value("logging_drift", &psi) > 0.0, "{name}");
        let missing = MISSING.iter().find(|(missing, _)| *missing == name).map_or(0, |(_, count)| *count);
        let share =
            metrics.value("logging_feature_fault_ratio", &[model, window, ("feature", name), ("fault", "missing")]);
        assert!((share - missing as f64 / ALL as f64).abs() < 1e-12, "{name}: {share}");
        assert!(metrics.find("logging_drift_sudden_evidence", &[model, ("feature", name)]).is_some(), "{name}");
    }
    for (site, rows) in SITES {
        let labels = [("model", MODEL), ("tag", "site"), ("value", site)];
        assert_eq!(metrics.count("logging_segment_predictions", &labels), rows);
    }
}

fn feature_of<'a>(drift: &'a Value, name: &str) -> &'a Value {
    let features = drift["features"].as_array().unwrap();
    features.iter().find(|feature| feature["feature"] == name).unwrap_or_else(|| panic!("no {name} in {drift}"))
}

fn fault_of<'a>(feature: &'a Value, kind: &str) -> &'a Value {
    let faults = feature["faults"].as_array().unwrap();
    faults.iter().find(|fault| fault["fault"] == kind).unwrap_or_else(|| panic!("no {kind} in {feature}"))
}

fn assert_share(feature: &Value, kind: &str, marked: u64, rows: u64) {
    let share = fault_of(feature, kind)["share"].as_f64().unwrap();
    assert!((share - marked as f64 / rows as f64).abs() < 1e-12, "{kind} of {feature}");
}
