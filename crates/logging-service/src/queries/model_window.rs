//! The counts of each model's file in a window, beside the reference that they are compared with.

use axum::http::Uri;
use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::ModelDeclaration;
use serde::Serialize;
use utoipa::ToSchema;

use super::parameters::{WindowQuery, parse_query};
use crate::analysis::WindowCounts;
use crate::app::App;
use crate::refusal::refusal;
use crate::store::exact_windows::{self, ExactWindow};
use crate::store::time::from_microseconds;
use crate::store::{SqlSession, declarations, references};

/// Which predictions of which model's file an answer is about.
#[derive(Serialize, ToSchema)]
pub(super) struct WindowFacts {
    /// Name of the model.
    model: String,
    /// SHA-256 of the model's file; absent where the senders gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_sha256: Option<String>,
    /// The beginning of the range that was counted. It is the one that was asked for, unless its rows are gone or say less than
    /// the counts of their five minutes; then the range begins with these five minutes, and ends likewise.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Its end; not part of it.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Predictions that failed.
    errors: u64,
}

/// The counts of a window, and what they are judged by.
pub(super) struct JudgedCounts<'a> {
    pub(super) counts: &'a WindowCounts,
    /// The counts of the reference, where there is one.
    pub(super) reference: Option<&'a WindowCounts>,
    /// What is declared about the model.
    pub(super) declaration: Option<&'a ModelDeclaration>,
    /// The length of the window.
    pub(super) seconds: f64,
}

/// Judges the counts of a window.
pub(super) type WindowJudge<T> = fn(WindowFacts, &JudgedCounts<'_>) -> T;

/// Reads the window that the query asks for, and judges each model's file in it.
pub(super) async fn judge_models<T: Send + 'static>(
    app: &App,
    uri: &Uri,
    judge: WindowJudge<T>,
) -> Result<Vec<T>, ApiError> {
    let query: WindowQuery = parse_query(uri)?;
    let range = query.range()?;
    let read = move |session: &mut dyn SqlSession| {
        let model = query.model.as_deref();
        let profiles = references::all(session, model)?;
        let declared = declarations::effective(session, model)?;
        let judge_one = |ExactWindow { window: sum, range }: ExactWindow| {
            let reference = references::of(&profiles, &sum.model, &sum.model_sha256).map(|profile| &profile.counts);
            let facts = WindowFacts {
                model: sum.model,
                model_sha256: Some(sum.model_sha256).filter(|digest| !digest.is_empty()),
                since: from_microseconds(range.since),
                until: from_microseconds(range.until),
                errors: sum.counts.errors,
            };
            let declaration = declared.get(&facts.model);
            judge(facts, &JudgedCounts { counts: &sum.counts, reference, declaration, seconds: range.seconds() })
        };
        Ok(exact_windows::of_range(session, model, range)?.into_iter().map(judge_one).collect())
    };
    app.store.read(read).await.map_err(refusal)
}
