//! Counts the rows of tables as a reference.

use std::collections::HashMap;

use prediction_record::{FeatureKind, MAX_FEATURES, MAX_NAME_CHARS, ModelDeclaration, Task};

use super::cell_text::MissingWords;
use super::correlated::CorrelatedNumbers;
use super::feature_column::FeatureColumn;
use super::prediction_column::{AnswerReader, AnswerValue};
use super::profile_options::ProfileOptions;
use crate::analysis::{
    AnswerCorrelations, Correlation, LabelSign, LabelledObservation, Observation, ValueCounts, WindowCounts,
};
use crate::tables::{TableCell, TableRow};

/// What a column of a table is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ColumnRole {
    Prediction,
    Confidence,
    Label,
    /// The feature at this place of the list.
    Feature(usize),
    LeftOut,
}

/// Counts rows.
pub(super) struct ProfileCounter<'a> {
    options: &'a ProfileOptions,
    declaration: ModelDeclaration,
    missing: MissingWords,
    answers: AnswerReader,
    features: Vec<FeatureColumn>,
    /// Places in the list of features, by name.
    places: HashMap<String, usize>,
    /// The columns of the present file.
    roles: Vec<ColumnRole>,
    counts: WindowCounts,
    numbers: CorrelatedNumbers,
}

/// What was counted.
pub(super) struct CountedTables {
    pub(super) counts: WindowCounts,
    pub(super) correlations: Option<AnswerCorrelations>,
    pub(super) features: Vec<FeatureColumn>,
}

impl<'a> ProfileCounter<'a> {
    pub(super) fn new(options: &'a ProfileOptions, declaration: ModelDeclaration) -> Self {
        let missing = options.input.missing_words();
        let task = options.task.or(declaration.task);
        let task = task.or(options.confidence.as_ref().map(|_| Task::Classification));
        let answers = AnswerReader { task, labels: declaration.labels.clone(), missing: missing.clone() };
        let numbers = CorrelatedNumbers::new(options.positive.clone().or_else(|| declaration.positive.clone()));
        Self {
            options,
            declaration,
            missing,
            answers,
            features: Vec::new(),
            places: HashMap::new(),
            roles: Vec::new(),
            counts: WindowCounts::default(),
            numbers,
        }
    }

    /// Begins another file.
    pub(super) fn begin(&mut self) {
        self.roles.clear();
    }

    /// Names the columns that were asked for and are not among these.
    pub(super) fn absent<'c>(&'c self, columns: &'c [String]) -> impl Iterator<Item = &'c str> {
        let ProfileOptions { features, prediction, confidence, label, category, .. } = self.options;
        let declared = self.declaration.features.iter().filter(|feature| features.is_empty() && !feature.optional);
        let asked = features.iter().chain(category).chain(prediction).chain(confidence).chain(label);
        let names = asked.map(String::as_str).chain(declared.map(|feature| feature.name.as_str()));
        names.filter(|name| !columns.iter().any(|column| column == name))
    }

    /// Counts a row of a table with these columns.
    ///
    /// # Errors
    /// The column and what is wrong with it.
    pub(super) fn count(&mut self, columns: &[String], row: &TableRow) -> Result<(), String> {
        while self.roles.len() < columns.len() {
            let role = self.role(&columns[self.roles.len()])?;
            self.roles.push(role);
        }
        let answer = self.count_answer(columns, row)?;
        for (place, cell) in row.cells.iter().enumerate() {
            if let ColumnRole::Feature(feature) = self.roles[place] {
                let counted = self.features[feature].count(cell, answer, &self.missing);
                counted.map_err(|problem| format!("column {} {problem}", columns[place]))?;
            }
        }
        Ok(())
    }

    /// The counts of all rows.
    pub(super) fn finish(mut self) -> CountedTables {
        let rows = self.counts.predictions;
        for feature in self.features.iter_mut().filter(|feature| feature.left_out.is_none()) {
            let missing = rows.saturating_sub(feature.counts.present());
            feature.counts.merge(&ValueCounts { missing, ..ValueCounts::default() });
            let named = if feature.is_kept() { &mut self.counts.named } else { &mut self.counts.unkept };
            named.add(&feature.name, &feature.counts);
        }
        let pearson = |feature: &FeatureColumn| Some((feature.name.clone(), feature.correlation.pearson()?));
        let features = self.features.iter().filter_map(pearson).collect();
        let answer = self.numbers.answer();
        let is_measured = self.features.iter().any(|feature| feature.correlation != Correlation::default());
        let correlations = is_measured.then_some(AnswerCorrelations { answer, features });
        CountedTables { counts: self.counts, correlations, features: self.features }
    }

    /// Counts the answer and the truth of a row; gives the answer's number, which features are held against.
    fn count_answer(&mut self, columns: &[String], row: &TableRow) -> Result<Option<f64>, String> {
        let at = |role| self.roles.iter().position(|other| *other == role);
        let [prediction, confidence, label] =
            [ColumnRole::Prediction, ColumnRole::Confidence, ColumnRole::Label].map(at);
        let cell = |place: Option<usize>| place.and_then(|place| row.cells.get(place)).unwrap_or(&TableCell::Missing);
        let in_column = |place: Option<usize>, problem: String| match place {
            Some(place) => format!("column {} {problem}", columns[place]),
            None => problem,
        };
        let answer = self.answers.answer(cell(prediction)).map_err(|problem| in_column(prediction, problem))?;
        if answer.is_none()
            && let Some(name) = &self.options.prediction
        {
            return Err(format!("column {name} holds no answer"));
        }
        let probability =
            self.answers.confidence(cell(confidence)).map_err(|problem| in_column(confidence, problem))?;
        let truth = match label {
            Some(_) => self.answers.answer(cell(label)).map_err(|problem| in_column(label, problem))?,
            None => None,
        };
        let mut observation = Observation { confidence: probability, ..Observation::default() };
        match &answer {
            Some(AnswerValue::Class(class)) => observation.label = Some(class),
            Some(AnswerValue::Number(number)) => observation.value = Some(*number),
            None => {}
        }
        self.counts.observe(&observation);
        let number = self.numbers.of(observation.value, observation.label, probability);
        // A table does not say how long the truth took to become known.
        let label = match (&answer, &truth) {
            (Some(AnswerValue::Class(predicted)), Some(AnswerValue::Class(truth))) => {
                Some(LabelledObservation::class(predicted, truth, probability, f64::NAN))
            }
            (Some(AnswerValue::Number(predicted)), Some(AnswerValue::Number(truth))) => {
                Some(LabelledObservation::value(*predicted, *truth, f64::NAN))
            }
            _ => None,
        };
        if let Some(label) = label {
            self.counts.label(&label, LabelSign::Add);
        }
        Ok(number)
    }

    fn role(&mut self, name: &str) -> Result<ColumnRole, String> {
        let ProfileOptions { prediction, confidence, label, features, without, category, .. } = self.options;
        let is = |option: &Option<String>| option.as_deref() == Some(name);
        let named = |names: &[String]| names.iter().any(|other| other == name);
        if is(prediction) {
            return Ok(ColumnRole::Prediction);
        }
        if is(confidence) || is(label) {
            return Ok(if is(label) { ColumnRole::Label } else { ColumnRole::Confidence });
        }
        let declared = self.declaration.feature(name);
        let is_asked = named(features) || named(category) || (features.is_empty() && declared.is_some());
        let takes_all = features.is_empty() && self.declaration.features.is_empty() && !name.is_empty();
        if named(without) || !(is_asked || takes_all) {
            return Ok(ColumnRole::LeftOut);
        }
        if let Some(place) = self.places.get(name) {
            return Ok(ColumnRole::Feature(*place));
        }
        if self.features.len() >= MAX_FEATURES {
            return Err(format!(
                "column {name} would be a feature, and there are {MAX_FEATURES} already; say --features or --without"
            ));
        }
        if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(format!("column {name:?} has a name that no feature can have; --without leaves it out"));
        }
        self.features.push(match declared {
            Some(feature) => FeatureColumn::declared(feature),
            None => FeatureColumn::new(name, named(category).then_some(FeatureKind::Category), is_asked),
        });
        self.places.insert(name.to_owned(), self.features.len() - 1);
        Ok(ColumnRole::Feature(self.features.len() - 1))
    }
}
