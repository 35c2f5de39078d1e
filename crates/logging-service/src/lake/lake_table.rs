//! The rows of a file of the lake, as they were stored.
//!
//! Rule of thumb: columns are known by their names, so a file of an older version, which has fewer, can be read as well.

use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use prediction_record::{FeatureValues, InputSummary, PredictionRecord, Status, Task};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::lake_object::{HeldBytes, LakeObject};
use super::object_lake::{LakeError, ObjectLake};
use crate::store::lake_files::LakeFileEntry;
use crate::store::lake_labels::NumberedLabel;
use crate::store::time::floor_microseconds;
use crate::store::{NumberedPrediction, StoredPrediction};
use crate::tables::{ParquetTable, TableCell, TableReader as _, TableRow};

/// A file of the lake that is read row by row, newest first.
pub(super) struct LakeTable {
    table: ParquetTable<LakeObject>,
    row: TableRow,
}

impl LakeTable {
    /// Reads the index of a file.
    ///
    /// # Errors
    /// The store's, and [`LakeError::Unreadable`] for what is no file of a lake.
    pub(super) async fn open(lake: &ObjectLake, file: &LakeFileEntry) -> Result<Self, LakeError> {
        let groups = Arc::new(OnceLock::new());
        let object = LakeObject {
            lake: lake.clone(),
            path: file.path.clone(),
            bytes: file.bytes,
            groups: Arc::clone(&groups),
            runtime: Handle::current(),
            held: Mutex::new(HeldBytes::default()),
        };
        let table = spawn_blocking(move || ParquetTable::new(object)).await?.map_err(LakeError::unreadable)?;
        let _ = groups.set(table.groups());
        Ok(Self { table, row: TableRow::default() })
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.table.rows()
    }

    /// The most bytes that are held of it at once: a row group as it is fetched, and unpacked.
    pub(super) fn held_bytes(&self) -> usize {
        self.table.largest_group_bytes()
    }

    /// The next row; `None` at the end. Blocks.
    ///
    /// # Errors
    /// As [`LakeTable::open`].
    pub(super) fn next_row(&mut self) -> Result<Option<NumberedPrediction>, LakeError> {
        let Some(mut cells) = self.next_cells()? else { return Ok(None) };
        cells.prediction().map(Some).map_err(wrong_column)
    }

    /// The next label of a file of labels; `None` at the end. Blocks.
    ///
    /// # Errors
    /// As [`LakeTable::open`].
    pub(super) fn next_label(&mut self) -> Result<Option<NumberedLabel>, LakeError> {
        let Some(mut cells) = self.next_cells()? else { return Ok(None) };
        cells.label().map(Some).map_err(wrong_column)
    }

    fn next_cells(&mut self) -> Result<Option<RowCells<'_>>, LakeError> {
        if !self.table.next_row(&mut self.row).map_err(LakeError::unreadable)? {
            return Ok(None);
        }
        let cells = std::mem::take(&mut self.row.cells);
        Ok(Some(RowCells { names: self.table.columns(), cells }))
    }
}

fn wrong_column(name: &'static str) -> LakeError {
    LakeError::Unreadable(format!("the column {name} is not its own"))
}

/// The cells of one row, each under its name. Each method gives an error with the name where a cell is of another kind.
struct RowCells<'n> {
    names: &'n [String],
    cells: Vec<TableCell>,
}

type LakeCell<T> = Result<Option<T>, &'static str>;

impl RowCells<'_> {
    fn take(&mut self, name: &str) -> TableCell {
        let place = self.names.iter().position(|known| known == name);
        place.and_then(|place| self.cells.get_mut(place)).map(std::mem::take).unwrap_or_default()
    }

    fn text(&mut self, name: &'static str) -> LakeCell<String> {
        match self.take(name) {
            TableCell::Missing => Ok(None),
            TableCell::Text(text) => Ok(Some(text)),
            _ => Err(name),
        }
    }

    fn whole(&mut self, name: &'static str) -> LakeCell<i64> {
        match self.take(name) {
            TableCell::Missing => Ok(None),
            TableCell::Integer(number) => Ok(Some(number)),
            _ => Err(name),
        }
    }

    fn small(&mut self, name: &'static str) -> LakeCell<u32> {
        self.whole(name)?.map(u32::try_from).transpose().map_err(|_| name)
    }

    fn number(&mut self, name: &'static str) -> LakeCell<f64> {
        match self.take(name) {
            TableCell::Missing => Ok(None),
            TableCell::Number(number) => Ok(Some(number)),
            _ => Err(name),
        }
    }

    fn time(&mut self, name: &'static str) -> LakeCell<Timestamp> {
        match self.take(name) {
            TableCell::Missing => Ok(None),
            TableCell::Time(time) => Ok(Some(time)),
            _ => Err(name),
        }
    }

    fn json<T: DeserializeOwned + Default>(&mut self, name: &'static str) -> Result<T, &'static str> {
        let text = self.text(name)?;
        text.map_or_else(|| Ok(T::default()), |text| serde_json::from_str(&text).map_err(|_| name))
    }

    fn input(&mut self) -> Result<Option<InputSummary>, &'static str> {
        let Some(width) = self.small("input_width")? else { return Ok(None) };
        Ok(Some(InputSummary {
            width,
            height: self.small("input_height")?.unwrap_or_default(),
            brightness: self.number("input_brightness")?.unwrap_or_default(),
            contrast: self.number("input_contrast")?.unwrap_or_default(),
            sharpness: self.number("input_sharpness")?.unwrap_or_default(),
            mean: self.json("input_mean")?,
            std: self.json("input_std")?,
        }))
    }

    fn label(&mut self) -> Result<NumberedLabel, &'static str> {
        let event_id = self.text("event_id")?.map(|id| Uuid::parse_str(&id)).transpose().map_err(|_| "event_id")?;
        Ok(NumberedLabel {
            id: self.whole("sequence")?.ok_or("sequence")?,
            event_id,
            request_id: self.text("request_id")?,
            row_index: self.whole("row_index")?,
            model: self.text("model")?,
            version: self.text("version")?,
            variant: self.text("variant")?,
            label: self.text("label")?.ok_or("label")?,
            labelled_at: self.time("labelled_at")?.map(floor_microseconds).ok_or("labelled_at")?,
            source: self.text("source")?,
            revision: self.whole("revision")?.ok_or("revision")?,
            recorded_at: self.time("recorded_at")?.map(floor_microseconds).ok_or("recorded_at")?,
        })
    }

    fn prediction(&mut self) -> Result<NumberedPrediction, &'static str> {
        let event_id = self.text("event_id")?.ok_or("event_id")?;
        let record = PredictionRecord {
            event_id: Some(Uuid::parse_str(&event_id).map_err(|_| "event_id")?),
            request_id: self.text("request_id")?,
            row_index: self.small("row_index")?.unwrap_or_default(),
            items: self.small("items")?,
            occurred_at: self.time("occurred_at")?,
            model: self.text("model")?.ok_or("model")?,
            version: self.text("version")?,
            model_sha256: self.text("model_sha256")?,
            variant: self.text("variant")?,
            status: match self.text("status")?.as_deref() {
                Some("error") => Status::Error,
                _ => Status::Success,
            },
            error_type: self.text("error_type")?,
            label: self.text("label")?,
            class: self.small("class")?,
            confidence: self.number("confidence")?,
            defect: matches!(self.take("defect"), TableCell::Flag(true)),
            top: self.json("top")?,
            task: self.text("task")?.map(|word| Task::from_word(&word)).unwrap_or_default(),
            value: self.number("value")?,
            latency_seconds: self.number("latency_seconds")?,
            decode_seconds: self.number("decode_seconds")?,
            queue_seconds: self.number("queue_seconds")?,
            inference_seconds: self.number("inference_seconds")?,
            trace_id: self.text("trace_id")?,
            span_id: self.text("span_id")?,
            input_sha256: self.text("input_sha256")?,
            input: self.input()?,
            schema_version: self.small("schema_version")?,
            features: self.json("features")?,
            counted_features: FeatureValues::new(),
            tags: self.json("tags")?,
            extra: self.json("extra")?,
        };
        let recorded_at = self.time("recorded_at")?.ok_or("recorded_at")?;
        let prediction = StoredPrediction { record, recorded_at, true_label: None };
        Ok(NumberedPrediction { id: self.whole("sequence")?.ok_or("sequence")?, prediction })
    }
}
