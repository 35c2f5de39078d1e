//! A row of a table as a prediction and its label, or as a label.

use prediction_record::{FeatureValue, PredictionRecord, Task};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::cell_text::{MissingWords, number, whole};
use super::import_columns::{ImportColumns, ImportRole};
use super::import_options::ImportOptions;
use super::record_fields::{FieldKind, text};
use super::row_identity::{RowIdentity, RowKey};
use crate::ingest::BodyItem;
use crate::store::labels::TrueLabel;
use crate::tables::{TableCell, TableRow};

/// What a row is imported as.
pub(super) struct ImportItem {
    pub(super) record: Option<PredictionRecord>,
    /// The JSON of a label that is valid.
    pub(super) label: Option<Value>,
}

/// Makes items of the rows of all files.
pub(super) struct RowImporter<'a> {
    options: &'a ImportOptions,
    columns: ImportColumns<'a>,
    missing: MissingWords,
    /// Values that were left out, because they are of no declared feature.
    pub(super) undeclared: u64,
}

/// A file whose rows are imported.
pub(super) struct ImportFile {
    pub(super) identity: RowIdentity,
    /// The roles of its columns.
    pub(super) roles: Vec<ImportRole>,
    /// Whether rows may lack columns.
    pub(super) is_sparse: bool,
}

impl<'a> RowImporter<'a> {
    pub(super) fn new(options: &'a ImportOptions, columns: ImportColumns<'a>) -> Self {
        Self { options, columns, missing: options.input.missing_words(), undeclared: 0 }
    }

    /// Finds out what columns are that were not there before.
    pub(super) fn meet(&mut self, file: &mut ImportFile, columns: &[String]) {
        for column in &columns[file.roles.len()..] {
            let role = self.columns.role(column);
            file.roles.push(role);
        }
    }

    /// The item of a row of a table with these columns.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub(super) fn item(
        &mut self,
        file: &mut ImportFile,
        columns: &[String],
        row: &TableRow,
    ) -> Result<ImportItem, String> {
        let mut members = self.members(file, columns, row)?;
        if self.options.labels {
            self.complete_label(&mut members);
            return Ok(ImportItem { record: None, label: Some(valid_label(members)?) });
        }
        self.complete_record(&mut members)?;
        let mut record: PredictionRecord = read(members)?;
        if record.event_id.is_none() {
            record.event_id = Some(self.id(file, columns, row, &record)?);
        }
        // A row without a time would be one of today.
        record.occurred_at = record.occurred_at.or(self.options.at);
        if record.occurred_at.is_none() {
            return Err(
                "occurred_at is missing; --map names its column, --at gives rows a time that have none".to_owned()
            );
        }
        record.validate().map_err(|problem| problem.to_string())?;
        if let Some(kept) = &self.columns.kept {
            self.undeclared += kept.apply(&mut record);
        }
        let label = self.truth(file, columns, row, &record)?;
        Ok(ImportItem { record: Some(record), label })
    }

    /// The members of the row's JSON.
    fn members(&mut self, file: &ImportFile, columns: &[String], row: &TableRow) -> Result<Map<String, Value>, String> {
        let mut members = Map::new();
        let [mut input, mut features, mut tags] = [Map::new(), Map::new(), Map::new()];
        for ((cell, role), column) in row.cells.iter().zip(&file.roles).zip(columns) {
            let in_column = |problem: String| format!("column {column} {problem}");
            match role {
                ImportRole::Field("label", _) if self.is_no_label(cell) => {}
                ImportRole::Field(name, kind) => {
                    let value = kind.json(cell, &self.missing).map_err(in_column)?;
                    members.extend(value.map(|value| ((*name).to_owned(), value)));
                }
                ImportRole::Input(name, kind) => {
                    let value = kind.json(cell, &self.missing).map_err(in_column)?;
                    input.extend(value.map(|value| ((*name).to_owned(), value)));
                }
                // A row of NDJSON that lacks a feature does not have it; elsewhere every row has every column.
                ImportRole::Feature(_) if *cell == TableCell::Missing && file.is_sparse => {}
                ImportRole::Feature(place) => {
                    let feature = &mut self.columns.features[*place];
                    let value = feature.value(cell, &self.missing).map_err(in_column)?;
                    features.insert(feature.name.clone(), feature_json(value));
                }
                ImportRole::Tag(key) => tags.extend(text(cell).map(|tag| (key.clone(), Value::from(tag)))),
                ImportRole::Extra => {
                    let extra = FieldKind::Json.json(cell, &self.missing).map_err(in_column)?;
                    if let Some(Value::Object(extra)) = extra {
                        members.extend(extra);
                    }
                }
                ImportRole::Unknown => members.extend(any_json(cell).map(|value| (column.clone(), value))),
                ImportRole::Truth | ImportRole::LeftOut => {}
            }
        }
        for (name, parts) in [("input", input), ("features", features), ("tags", tags)] {
            if parts.is_empty() {
                continue;
            }
            match members.entry(name).or_insert_with(|| Map::new().into()) {
                Value::Object(members) => members.extend(parts),
                _ => return Err(format!("{name} must be an object")),
            }
        }
        Ok(members)
    }

    /// Fills in what the options say of every row.
    fn complete_record(&self, members: &mut Map<String, Value>) -> Result<(), String> {
        let ImportOptions { model, model_version, task, .. } = self.options;
        for (name, value) in [("model", model), ("version", model_version)] {
            if let (Some(value), None) = (value, members.get(name)) {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
        if !members.contains_key("model") {
            return Err("model is missing; --model names it for rows without one".to_owned());
        }
        if !members.contains_key("task") {
            let is_number = members.contains_key("value") && !members.contains_key("label");
            let guessed = is_number.then_some("regression");
            if let Some(task) = task.map(Task::as_str).or(guessed) {
                members.insert("task".to_owned(), task.into());
            }
        }
        self.name_class(members);
        Ok(())
    }

    /// Whether one of the words for no value stands in the place of a label.
    fn is_no_label(&self, cell: &TableCell) -> bool {
        matches!(cell, TableCell::Written(text) if self.missing.are_label(text, self.columns.labels()))
    }

    /// A number as a label is an index where the classes are declared.
    fn name_class(&self, members: &mut Map<String, Value>) {
        let labels = self.columns.labels();
        let Some(Value::String(label)) = members.get("label") else { return };
        let index = number(label).and_then(whole).and_then(|index| usize::try_from(index).ok());
        if labels.contains(label) {
            return;
        }
        if let Some((index, name)) = index.and_then(|index| Some((index, labels.get(index)?))) {
            members.entry("class").or_insert(index.into());
            members.insert("label".to_owned(), name.as_str().into());
        }
    }

    fn complete_label(&self, members: &mut Map<String, Value>) {
        let ImportOptions { model, model_version, at, .. } = self.options;
        let at = at.map(|at| at.to_string());
        for (name, value) in [("model", model), ("version", model_version), ("labelled_at", &at)] {
            if let (Some(value), None) = (value, members.get(name)) {
                members.insert(name.to_owned(), value.as_str().into());
            }
        }
        self.name_class(members);
    }

    /// The label of a record, where the row has the truth.
    fn truth(
        &self,
        file: &ImportFile,
        columns: &[String],
        row: &TableRow,
        record: &PredictionRecord,
    ) -> Result<Option<Value>, String> {
        let Some(place) = file.roles.iter().position(|role| *role == ImportRole::Truth) else { return Ok(None) };
        let cell = row.cells.get(place).unwrap_or(&TableCell::Missing);
        if cell.is_nothing() || self.is_no_label(cell) {
            return Ok(None);
        }
        let label =
            text(cell).ok_or_else(|| format!("column {} holds {}, which is no label", columns[place], cell.shown()))?;
        // The truth of the row, and of no other prediction of its request.
        let event_id = record.event_id.map(|id| id.to_string());
        let mut members = Map::new();
        members.insert("event_id".to_owned(), event_id.into());
        members.insert("label".to_owned(), label.into());
        // When the truth became known is not said; a time of its own makes it the same label in each import.
        members.insert("labelled_at".to_owned(), record.occurred_at.map(|time| time.to_string()).into());
        self.name_class(&mut members);
        members.remove("class");
        valid_label(members).map(Some).map_err(|problem| format!("the truth is refused: {problem}"))
    }

    fn id(
        &self,
        file: &mut ImportFile,
        columns: &[String],
        row: &TableRow,
        record: &PredictionRecord,
    ) -> Result<uuid::Uuid, String> {
        let mut key = RowKey::Place(row.number);
        if !self.options.key.is_empty() {
            let mut cells = Vec::new();
            for name in &self.options.key {
                let place = columns.iter().position(|column| column == name);
                let cell = place.and_then(|place| row.cells.get(place)).filter(|cell| !cell.is_nothing());
                let cell = cell.ok_or_else(|| format!("column {name} belongs to the key and holds nothing"))?;
                cells.push((name.as_str(), cell));
            }
            key = RowKey::Cells(cells);
        }
        let owner =
            [record.model.as_str(), record.version.as_deref().unwrap_or(""), record.variant.as_deref().unwrap_or("")];
        file.identity
            .id(&key, owner, record.occurred_at)
            .map_err(|problem| format!("the file cannot be read again: {problem}"))
    }
}

fn feature_json(value: FeatureValue) -> Value {
    match value {
        FeatureValue::Number(number) => number.into(),
        FeatureValue::Category(name) => name.into(),
        FeatureValue::Missing => Value::Null,
    }
}

/// A cell as it stood in NDJSON.
fn any_json(cell: &TableCell) -> Option<Value> {
    match cell {
        TableCell::Missing => None,
        TableCell::Null => Some(Value::Null),
        TableCell::Flag(flag) => Some((*flag).into()),
        TableCell::Integer(integer) => Some((*integer).into()),
        TableCell::Number(number) => Some((*number).into()),
        TableCell::Text(text) | TableCell::Written(text) => Some(text.as_str().into()),
        TableCell::Time(time) => Some(time.to_string().into()),
        TableCell::Nested(value) => Some(value.clone()),
    }
}

fn valid_label(members: Map<String, Value>) -> Result<Value, String> {
    let label: TrueLabel = read(members.clone())?;
    label.check().map_err(|problem| problem.to_string())?;
    Ok(members.into())
}

/// Reads JSON; a message names the field.
fn read<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::from(members)).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        if path == "." { problem } else { format!("{path} cannot be read: {problem}") }
    })
}
