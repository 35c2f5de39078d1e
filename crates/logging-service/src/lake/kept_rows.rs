//! The rows of a file without those that are erased.
//!
//! Rule of thumb: a file is read twice, first for whether anything in it is to go. Most files stay as they are.

use tokio::task::spawn_blocking;

use super::file_rows::FileRows;
use super::lake_table::LakeTable;
use super::layout;
use super::object_lake::{LakeError, ObjectLake};
use crate::export::{LabelFileEncoder, PredictionFileEncoder};
use crate::store::erased_rows::ErasedPrediction;
use crate::store::lake_files::LakeFileEntry;
use crate::store::lake_labels::NumberedLabel;
use crate::store::time::floor_microseconds;
use crate::store::{MAX_PAGE, NumberedPrediction, PredictionFilter, Store, erasures};

/// The predictions of a file that a filter does not select.
pub(super) struct KeptPredictions {
    /// `None` at the end.
    table: Option<LakeTable>,
    model: String,
    erased: PredictionFilter,
}

impl KeptPredictions {
    pub(super) async fn open(
        lake: &ObjectLake,
        file: &LakeFileEntry,
        erased: PredictionFilter,
    ) -> Result<Self, LakeError> {
        Ok(Self { table: Some(LakeTable::open(lake, file).await?), model: file.model.clone(), erased })
    }

    /// The next of those that the filter selects, instead of the others; none at the end.
    pub(super) async fn next_erased(&mut self) -> Result<Vec<ErasedPrediction>, LakeError> {
        let rows = self.page(true).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let record = row.prediction.record;
                Some(ErasedPrediction {
                    event_id: record.event_id?,
                    request_id: record.request_id.unwrap_or_default(),
                    occurred_at: record.occurred_at.map_or(0, floor_microseconds),
                })
            })
            .collect())
    }

    async fn page(&mut self, is_erased: bool) -> Result<Vec<NumberedPrediction>, LakeError> {
        let Some(mut table) = self.table.take() else { return Ok(Vec::new()) };
        let erased = self.erased.clone();
        let (table, rows) = spawn_blocking(move || {
            let mut rows = Vec::new();
            while rows.len() < MAX_PAGE {
                let Some(row) = table.next_row()? else { return Ok((None, rows)) };
                if erased.matches(&row.prediction) == is_erased {
                    rows.push(row);
                }
            }
            Ok::<_, LakeError>((Some(table), rows))
        })
        .await??;
        self.table = table;
        Ok(rows)
    }
}

impl FileRows for KeptPredictions {
    type Encoder = PredictionFileEncoder;

    fn model(&self) -> &str {
        &self.model
    }

    fn new_path(&self, day: i64) -> String {
        layout::new_file(&self.model, day)
    }

    fn has_more(&self) -> bool {
        self.table.is_some()
    }

    async fn next(&mut self, _: &Store) -> Result<Vec<NumberedPrediction>, LakeError> {
        self.page(false).await
    }
}

/// The labels of a file that name no erased prediction, and no request of one.
pub(super) struct KeptLabels {
    /// `None` at the end.
    table: Option<LakeTable>,
}

impl KeptLabels {
    pub(super) async fn open(lake: &ObjectLake, file: &LakeFileEntry) -> Result<Self, LakeError> {
        Ok(Self { table: Some(LakeTable::open(lake, file).await?) })
    }

    /// Whether any label of the rest is to go.
    pub(super) async fn has_erased(mut self, store: &Store) -> Result<bool, LakeError> {
        while self.has_more() {
            let rows = self.page().await?;
            let before = rows.len();
            if kept(store, rows).await?.len() < before {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn page(&mut self) -> Result<Vec<NumberedLabel>, LakeError> {
        let Some(mut table) = self.table.take() else { return Ok(Vec::new()) };
        let (table, rows) = spawn_blocking(move || {
            let mut rows = Vec::new();
            while rows.len() < MAX_PAGE {
                let Some(row) = table.next_label()? else { return Ok((None, rows)) };
                rows.push(row);
            }
            Ok::<_, LakeError>((Some(table), rows))
        })
        .await??;
        self.table = table;
        Ok(rows)
    }
}

impl FileRows for KeptLabels {
    type Encoder = LabelFileEncoder;

    fn model(&self) -> &str {
        ""
    }

    fn new_path(&self, day: i64) -> String {
        layout::new_label_file(day)
    }

    fn has_more(&self) -> bool {
        self.table.is_some()
    }

    async fn next(&mut self, store: &Store) -> Result<Vec<NumberedLabel>, LakeError> {
        let rows = self.page().await?;
        kept(store, rows).await
    }
}

/// The labels that stay.
async fn kept(store: &Store, mut labels: Vec<NumberedLabel>) -> Result<Vec<NumberedLabel>, LakeError> {
    let event = |label: &NumberedLabel| label.event_id.map(|id| id.simple().to_string());
    for is_event in [true, false] {
        let name = |label: &NumberedLabel| if is_event { event(label) } else { label.request_id.clone() };
        let names: Vec<String> = labels.iter().filter_map(name).collect();
        let erased = store.read(move |session| erasures::targets_among(session, is_event, &names)).await?;
        let erased: std::collections::HashSet<String> = erased.into_iter().collect();
        // A label that names an event is about that one, whatever the request.
        labels.retain(|label| {
            !is_event && label.event_id.is_some() || name(label).is_none_or(|name| !erased.contains(&name))
        });
    }
    Ok(labels)
}
