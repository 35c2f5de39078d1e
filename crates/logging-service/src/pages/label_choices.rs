//! The labels that a prediction may have.

use monitoring::ApiError;
use prediction_record::{PredictionRecord, Task};

use crate::app::App;
use crate::refusal::refusal;
use crate::store::{SqlSession, declarations};

/// Labels that are offered; any other can be typed.
const MOST: usize = 40;

/// The labels that are offered for a prediction.
#[derive(Default)]
pub(super) struct LabelChoices {
    /// The names of the classes.
    pub(super) classes: Vec<String>,
    /// The true label is a number.
    pub(super) are_numbers: bool,
}

impl LabelChoices {
    /// The classes that the model declares, in their order; else those that the prediction names, in the order of the alphabet, so
    /// that a key keeps its meaning.
    ///
    /// # Errors
    /// Those of the question.
    pub(super) async fn of(app: &App, record: &PredictionRecord) -> Result<Self, ApiError> {
        if record.task == Task::Regression {
            return Ok(Self { classes: Vec::new(), are_numbers: true });
        }
        let model = record.model.clone();
        let read = move |session: &mut dyn SqlSession| declarations::effective(session, Some(&model));
        let declared = app.store.read(read).await.map_err(refusal)?;
        let declared = declared.into_values().next().map(|declared| declared.labels).unwrap_or_default();
        let mut classes = if declared.is_empty() { named(record) } else { declared };
        classes.truncate(MOST);
        Ok(Self { classes, are_numbers: false })
    }
}

fn named(record: &PredictionRecord) -> Vec<String> {
    let mut names: Vec<String> =
        record.top.iter().map(|score| score.label.clone()).chain(record.label.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
