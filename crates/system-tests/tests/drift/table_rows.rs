//! The example rows of a shipped model, which are its normal traffic.

use std::fs;

use fastrand::Rng;
use serde_json::{Map, Value};
use testkit::model_folder;

/// Columns whose cells are names, also where these look like numbers.
const NAMES: [&str; 1] = ["sex"];

/// The example rows, without their truths.
pub(crate) struct TableRows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Map<String, Value>>,
}

impl TableRows {
    pub(crate) fn of(model: &str) -> Self {
        let text = fs::read_to_string(model_folder().join(model).join("examples/rows.csv")).unwrap();
        let mut lines = text.lines().map(|line| line.rsplit_once(',').unwrap().0.split(','));
        let columns: Vec<String> = lines.next().unwrap().map(str::to_owned).collect();
        let value = |(column, cell): (&String, &str)| match NAMES.contains(&column.as_str()) {
            true => (column.clone(), cell.into()),
            false => (column.clone(), cell.parse::<f64>().unwrap().into()),
        };
        let rows = lines.map(|cells| columns.iter().zip(cells).map(value).collect()).collect();
        Self { columns, rows }
    }

    /// Any row.
    pub(crate) fn any(&self, random: &mut Rng) -> Map<String, Value> {
        self.rows[random.usize(0..self.rows.len())].clone()
    }
}
