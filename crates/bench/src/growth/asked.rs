//! Asks the questions and takes the time of each answer.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::fill::milliseconds;
use super::questions::{GrownQuestion, QuestionKind};
use crate::connection::BlockingConnection;
use crate::program::ServiceProgram;
use crate::table::{median, verdict};

/// The most seconds of any answer.
const MOST: f64 = 1.0;
/// The most seconds of a page whose filter is frequent, in the middle.
const MOST_FREQUENT: f64 = 0.02;
/// A question that has taken longer is not asked again.
const QUESTION_PATIENCE: Duration = Duration::from_secs(6);

/// The line of each question.
///
/// # Errors
/// Where there are no means to ask.
pub(super) fn all(questions: &[GrownQuestion], service: &ServiceProgram, times: u32) -> Result<Vec<Vec<String>>> {
    questions.iter().map(|question| ask(question, service, times)).collect()
}

fn ask(question: &GrownQuestion, service: &ServiceProgram, times: u32) -> Result<Vec<String>> {
    let mut connection = BlockingConnection::to(service.address)?;
    let (mut seconds, mut found, mut path) = (Vec::new(), String::new(), question.path.clone());
    let begun = Instant::now();
    for _ in 0..times {
        if begun.elapsed() > QUESTION_PATIENCE {
            break;
        }
        let started = Instant::now();
        let Ok(answer) = connection.get(&path) else {
            let took = milliseconds(started.elapsed().as_secs_f64());
            return Ok(vec![question.name.into(), String::new(), "no answer".into(), took, verdict(false)]);
        };
        seconds.push(started.elapsed().as_secs_f64());
        let answer: Value = serde_json::from_slice(&answer)?;
        found = told(&answer);
        if let (QuestionKind::Deep, Some(cursor)) = (question.kind, answer["next_cursor"].as_str()) {
            path = format!("{}&cursor={cursor}", question.path);
        }
    }
    let (middle, slowest) = (median(&seconds), seconds.iter().copied().fold(0.0, f64::max));
    let kept = match question.kind {
        QuestionKind::Frequent | QuestionKind::Deep => middle < MOST_FREQUENT && slowest < MOST,
        QuestionKind::Rare | QuestionKind::Sum => slowest < MOST,
    };
    Ok(vec![question.name.into(), found, milliseconds(middle), milliseconds(slowest), verdict(kept)])
}

/// How much an answer has found, and whether it goes on.
fn told(answer: &Value) -> String {
    if let Some(predictions) = answer["predictions"].as_array() {
        let goes_on = if answer["looked_until"].is_null() { "" } else { ", goes on" };
        return format!("{}{goes_on}", predictions.len());
    }
    let of_models =
        answer["models"].as_array().map(|models| models.iter().map(|model| counted(&model["quality"])).sum());
    of_models.map_or_else(|| answer["total"]["predictions"].to_string(), |sum: u64| sum.to_string())
}

fn counted(quality: &Value) -> u64 {
    quality["predictions"].as_u64().unwrap_or_default()
}
