//! The example rows of a model, as they are and as they come when the world has changed.
//!
//! Rule of thumb: in normal times rows come as they are. A value that is off by a little is no longer a whole number where all
//! others are, and a reference of such rows calls the real ones drift. The drift has all three things that go wrong with
//! tables: values that are larger, values that are missing, and truths that no longer follow.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::request::{DemoRequest, Episode, TrueLabels};

/// Percent of the rows whose truth becomes known.
const LABELLED: u32 = 50;

/// What a model's rows are like in a drift.
#[derive(Clone, Copy)]
pub(super) struct TablePlan {
    pub(super) model: &'static str,
    /// Columns whose values are larger, by a factor.
    pub(super) larger: &'static [(&'static str, f64)],
    /// A column that is missing, in this percentage of the rows.
    pub(super) missing: (&'static str, u32),
    /// Columns whose cells are names.
    pub(super) names: &'static [&'static str],
    /// Percent of the rows whose truth is that of another row.
    pub(super) confused: u32,
}

/// Another device measures larger nuclei and often fails at one measure, and diagnoses no longer follow.
pub(super) const TUMOURS: TablePlan = TablePlan {
    model: "tumour",
    larger: &[("radius", 1.25), ("perimeter", 1.25), ("area", 1.5)],
    missing: ("concavity", 30),
    names: &[],
    confused: 40,
};
/// Heavier patients come, blood is often not taken, and the disease takes another course.
pub(super) const PATIENTS: TablePlan = TablePlan {
    model: "diabetes",
    larger: &[("bmi", 1.3), ("blood_pressure", 1.15)],
    missing: ("glucose", 40),
    names: &["sex"],
    confused: 60,
};

/// The example rows of one model.
pub(super) struct TableRows {
    plan: TablePlan,
    columns: Vec<String>,
    rows: Vec<ExampleRow>,
}

/// A row, and what was true of it.
struct ExampleRow {
    cells: Vec<String>,
    truth: String,
}

impl TableRows {
    /// Reads `examples/rows.csv` of a model, whose last column is the truth.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn read(models: &Path, plan: TablePlan) -> Result<Self> {
        let path = models.join(plan.model).join("examples/rows.csv");
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let mut columns = lines.next().unwrap_or_default();
        columns.pop();
        let rows: Vec<ExampleRow> = lines
            .filter_map(|mut cells| {
                let truth = cells.pop()?;
                (cells.len() == columns.len()).then_some(ExampleRow { cells, truth })
            })
            .collect();
        ensure!(!columns.is_empty() && !rows.is_empty(), "{} has no rows", path.display());
        Ok(Self { plan, columns, rows })
    }

    /// A request of some rows, with the truths that become known of them.
    pub(super) fn request(&self, count: usize, episode: Episode, random: &mut Rng) -> DemoRequest {
        let id = format!("demo-{:032x}", random.u128(..));
        let mut labels = Vec::new();
        let rows: Vec<Value> = (0..count)
            .map(|index| {
                let row = self.any(random);
                let is_confused = episode == Episode::Drift && random.u32(0..100) < self.plan.confused;
                let truth = if is_confused { &self.any(random).truth } else { &row.truth };
                if random.u32(0..100) < LABELLED {
                    labels.push(json!({ "request_id": id, "row_index": index, "label": truth }));
                }
                Value::Object(self.row(row, episode, random))
            })
            .collect();
        let site = ["north", "south"][usize::from(random.bool())];
        let body = json!({ "model": self.plan.model, "request_id": id, "tags": { "site": site }, "rows": rows });
        DemoRequest {
            path: "/predict".to_owned(),
            content_type: "application/json",
            body: body.to_string().into_bytes(),
            items: count as u64,
            labels: TrueLabels(labels),
        }
    }

    fn any(&self, random: &mut Rng) -> &ExampleRow {
        &self.rows[random.usize(0..self.rows.len())]
    }

    fn row(&self, row: &ExampleRow, episode: Episode, random: &mut Rng) -> Map<String, Value> {
        let cells = self.columns.iter().zip(&row.cells);
        cells.map(|(column, cell)| (column.clone(), self.value(column, cell, episode, random))).collect()
    }

    fn value(&self, column: &str, cell: &str, episode: Episode, random: &mut Rng) -> Value {
        let TablePlan { larger, missing, names, .. } = self.plan;
        let Ok(number) = cell.parse::<f64>() else { return cell.into() };
        if names.contains(&column) {
            return cell.into();
        }
        let factor = larger.iter().find(|(name, _)| *name == column).map(|(_, factor)| *factor);
        match (episode, factor) {
            (Episode::Drift, _) if column == missing.0 && random.u32(0..100) < missing.1 => Value::Null,
            (Episode::Drift, Some(factor)) => as_precise_as(cell, number * factor).into(),
            _ => number.into(),
        }
    }
}

/// The number with as many decimals as the cell has.
fn as_precise_as(cell: &str, number: f64) -> f64 {
    let decimals = cell.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    (number * scale).round() / scale
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use testkit::root;

    fn rows(episode: Episode) -> Vec<Value> {
        let table = TableRows::read(&root().join("deploy/models"), TUMOURS).unwrap();
        let mut random = Rng::with_seed(3);
        (0..500)
            .flat_map(|_| {
                let request = table.request(2, episode, &mut random);
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                body["rows"].as_array().unwrap().clone()
            })
            .collect()
    }

    #[test]
    fn a_drift_makes_values_larger_and_takes_some_away() {
        let mean = |rows: &[Value], name: &str| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row[name].as_f64()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let [normal, drift] = [Episode::Normal, Episode::Drift].map(rows);
        assert!(mean(&drift, "radius") > mean(&normal, "radius") * 1.1);
        assert!((mean(&drift, "texture") / mean(&normal, "texture") - 1.0).abs() < 0.05);
        let missing = |rows: &[Value]| rows.iter().filter(|row| row["concavity"].is_null()).count();
        assert_eq!(missing(&normal), 0);
        assert!((200..400).contains(&missing(&drift)), "{}", missing(&drift));
    }

    #[test]
    fn normal_rows_are_the_examples_and_changed_ones_are_as_precise() {
        for plan in [TUMOURS, PATIENTS] {
            let table = TableRows::read(&root().join("deploy/models"), plan).unwrap();
            let mut random = Rng::with_seed(5);
            for row in &table.rows {
                let sent = table.row(row, Episode::Normal, &mut random);
                for (column, cell) in table.columns.iter().zip(&row.cells) {
                    let is_cell = match &sent[column] {
                        Value::Number(number) => number.as_f64() == cell.parse().ok(),
                        other => other == cell,
                    };
                    assert!(is_cell, "{column}: {cell} is sent as {}", sent[column]);
                }
                let changed = table.row(row, Episode::Drift, &mut random);
                for (name, factor) in plan.larger {
                    let place = table.columns.iter().position(|column| column == name).unwrap();
                    let (cell, number) = (&row.cells[place], changed[*name].as_f64().unwrap());
                    let decimals = cell.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                    assert!((number - cell.parse::<f64>().unwrap() * factor).abs() <= 0.5, "{name}: {cell}, {number}");
                    assert_eq!(format!("{number:.decimals$}").parse(), Ok(number), "{name}: {cell}");
                }
            }
        }
    }

    #[test]
    fn half_of_the_truths_become_known_and_name_their_row() {
        let table = TableRows::read(&root().join("deploy/models"), TUMOURS).unwrap();
        let request = table.request(1000, Episode::Normal, &mut Rng::with_seed(3));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert!((400..600).contains(&request.labels.0.len()));
        for label in &request.labels.0 {
            assert_eq!(label["request_id"], body["request_id"]);
            assert!(["benign", "malignant"].contains(&label["label"].as_str().unwrap()), "{label}");
        }
    }
}
