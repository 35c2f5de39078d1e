//! What clients saw beside what is stored.

use crate::{Database, ShotOutcome};

/// Every request for one prediction that got an answer is in the log exactly once; one that got none may be there once;
/// and nothing else is there twice. Returns how many were answered.
///
/// # Panics
/// If it is not so.
pub fn assert_exactly_once(outcomes: &[ShotOutcome], database: &Database) -> usize {
    assert_eq!(database.integrity(), "ok");
    assert_eq!(database.rows(), database.distinct_events(), "an event is there twice");
    let stored = database.rows_by_request();
    let mut answered = 0;
    for outcome in outcomes {
        let id = &outcome.shot.request_id;
        let rows = stored.get(id).copied().unwrap_or_default();
        match &outcome.answer {
            Ok(answer) => {
                assert_eq!(rows, 1, "rows of {id}, which was answered with {}: {}", answer.status, answer.text());
            }
            Err(failure) => assert!(rows <= 1, "{rows} rows of {id}, which was not answered: {failure:?}"),
        }
        answered += usize::from(outcome.answer.is_ok());
    }
    answered
}
