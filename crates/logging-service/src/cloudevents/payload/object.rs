//! Answers that are objects: a label with its score, or scores by name.

use prediction_record::Score;
use serde_json::{Map, Value};

use super::answer::{ClassPrediction, ConfidenceSource};
use super::reading::AnswerReading;
use super::scores::{ClassScores, parse_label};

const LABELS: [&str; 5] = ["label", "predicted_label", "class_name", "class", "prediction"];
const CONFIDENCES: [&str; 3] = ["confidence", "score", "probability"];
const PROBABILITIES: [&str; 3] = ["probabilities", "probs", "predict_proba"];
const SCORES: [&str; 2] = ["scores", "logits"];
/// What says where something is: the object is one of several that were found in a picture or a text.
const PLACES: [&str; 9] = ["box", "boxes", "bbox", "bounding_box", "mask", "masks", "polygon", "start", "end"];
/// The most entries of `top`.
const TOP: usize = 5;
/// How far the sum of the scores of one of several classes may lie above 1, as they are often written with few digits.
const SUM_TOLERANCE: f64 = 1e-3;

impl AnswerReading<'_> {
    /// Reads an object that holds a label, a class, or scores by class.
    pub(super) fn object(&self, members: &Map<String, Value>) -> Option<ClassPrediction> {
        if PLACES.iter().any(|name| members.contains_key(*name)) {
            return None;
        }
        let labelled = LABELS.iter().find_map(|name| self.label(name, members.get(*name)?));
        let is_labelled = labelled.is_some();
        let scored = PROBABILITIES
            .iter()
            .chain(&SCORES)
            .find_map(|name| self.scores(name, members.get(*name)?, is_labelled))
            .or_else(|| named_in_lists(members));
        let mut all = match (labelled, scored) {
            (Some(labelled), Some(scored)) => labelled.with_scores(scored),
            (labelled, scored) => labelled.or(scored)?,
        };
        let class = members.get("class").or_else(|| members.get("class_id")).and_then(Value::as_u64);
        all.class = class.and_then(|class| class.try_into().ok()).or(all.class);
        let given = CONFIDENCES.iter().find_map(|name| members.get(*name)?.as_f64());
        Some(match given.filter(|confidence| (0.0..=1.0).contains(confidence)) {
            Some(confidence) => all.given(confidence),
            None => all,
        })
    }

    /// Whether an object names a class or has scores of classes, and is none of several that were found somewhere.
    #[allow(clippy::unused_self, reason = "it belongs to the reading of objects")]
    pub(super) fn names_classes(&self, members: &Map<String, Value>) -> bool {
        let has = |name: &&str| members.contains_key(*name);
        !PLACES.iter().any(has) && LABELS.iter().chain(&PROBABILITIES).chain(&SCORES).any(has)
    }

    /// Reads `[{"label": "cat", "score": 0.9}, …]`, the form of text classifiers. Where the model is not declared and the
    /// scores add up to more than 1, several labels may hold, and it is no classification.
    pub(super) fn best_of_objects(&self, values: &[Value]) -> Option<ClassPrediction> {
        let named = |value: &Value| {
            let prediction = self.object(value.as_object()?)?;
            let confidence = prediction.confidence.filter(|_| prediction.source == Some(ConfidenceSource::Given))?;
            Some(Score { label: prediction.label, class: prediction.class, confidence })
        };
        let mut scores: Vec<Score> = values.iter().map(named).collect::<Option<_>>()?;
        let sum: f64 = scores.iter().map(|score| score.confidence).sum();
        if !self.is_declared() && sum > 1.0 + SUM_TOLERANCE {
            return None;
        }
        // The first of several equal ones stays.
        scores.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        scores.truncate(TOP);
        let best = scores.first()?.clone();
        Some(ClassPrediction { top: scores, ..ClassPrediction::bare(best.label, best.class).given(best.confidence) })
    }

    fn label(&self, name: &str, value: &Value) -> Option<ClassPrediction> {
        match value {
            Value::String(text) => self.text(text),
            // A number or a flag under this name may be anything.
            _ if name == "prediction" && !self.is_declared() => None,
            Value::Number(number) if name == "prediction" => self.number(number),
            // What is called a label or a class is no probability.
            Value::Number(number) => self.whole(number),
            Value::Bool(flag) => Some(self.flag(*flag)),
            _ => None,
        }
    }

    /// Reads scores in a list, or by the names of their classes. Without a declaration or a label beside them, they have to
    /// be called probabilities and to be ones.
    fn scores(&self, name: &str, value: &Value, is_labelled: bool) -> Option<ClassPrediction> {
        let (names, mut scores): (Option<Vec<&str>>, ClassScores) = match value {
            Value::Array(values) => (None, ClassScores::of(values)?),
            Value::Object(named) => {
                let numbers = named.values().map(Value::as_f64).collect::<Option<_>>()?;
                (Some(named.keys().map(String::as_str).collect()), ClassScores::of_numbers(numbers)?)
            }
            _ => return None,
        };
        scores.are_logits = name == "logits";
        let is_said = scores.is_distribution() && (is_labelled || PROBABILITIES.contains(&name) || names.is_some());
        if !self.is_declared() && !is_said {
            return None;
        }
        match names {
            Some(names) => of_names(&names, &scores),
            None => self.best(&scores),
        }
    }
}

/// Reads `{"labels": ["cat", "dog"], "scores": [0.9, 0.1]}`, the form of classifiers without training.
fn named_in_lists(members: &Map<String, Value>) -> Option<ClassPrediction> {
    let names: Vec<&str> = members.get("labels")?.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?;
    let scores = ClassScores::of(members.get("scores")?.as_array()?)?;
    (scores.is_distribution() && names.len() == scores.len()).then(|| of_names(&names, &scores)).flatten()
}

fn of_names(names: &[&str], scores: &ClassScores) -> Option<ClassPrediction> {
    if !names.iter().all(|name| parse_label(name).is_some()) {
        return None;
    }
    scores.best(|index| ((*names.get(index).unwrap_or(&"")).to_owned(), None))
}
