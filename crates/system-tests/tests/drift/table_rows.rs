//! Rows of `tumour` as the demo makes them: those that were held back, each value off by a little.

use std::fs;

use fastrand::Rng;
use serde_json::{Map, Value};
use testkit::model_folder;

/// By how much a value is off, as a share of it.
const SPREAD: f64 = 0.02;

/// The example rows, without their truths.
pub(crate) struct TableRows {
    pub(crate) columns: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl TableRows {
    pub(crate) fn of_tumour() -> Self {
        let text = fs::read_to_string(model_folder().join("tumour/examples/rows.csv")).unwrap();
        let mut lines = text.lines().map(|line| line.rsplit_once(',').unwrap().0.split(','));
        let columns = lines.next().unwrap().map(str::to_owned).collect();
        let rows = lines.map(|cells| cells.map(|cell| cell.parse().unwrap()).collect()).collect();
        Self { columns, rows }
    }

    /// Any row.
    pub(crate) fn any(&self, random: &mut Rng) -> Map<String, Value> {
        let row = &self.rows[random.usize(0..self.rows.len())];
        let mut off = || 1.0 + (0..3).map(|_| random.f64() * 2.0 - 1.0).sum::<f64>() * SPREAD;
        self.columns.iter().zip(row).map(|(column, value)| (column.clone(), (value * off()).into())).collect()
    }
}
