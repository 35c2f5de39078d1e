//! A reference of a range of the log.
//!
//! Rule of thumb: the counts are those of the windows, which also have what no row keeps. Only the correlations need the
//! rows.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use prediction_record::{FeatureValue, Status};

use super::correlated::CorrelatedNumbers;
use super::feature_column::FeatureColumn;
use super::profile_options::ProfileOptions;
use super::progress::CommandProgress;
use crate::analysis::{AnswerCorrelations, Correlation, PROFILE_SCHEMA_VERSION, ReferenceProfile};
use crate::store::time::{TimeRange, floor_microseconds, from_microseconds};
use crate::store::windows::{self, BUCKET, ModelWindow};
use crate::store::{
    DatabaseUrl, MAX_PAGE, PredictionFilter, SqlSession, StoredPrediction, declarations, predictions_page,
};

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(600);

/// Makes a profile of a range of the log.
///
/// # Errors
/// The database cannot be read, or has nothing of the model in this range.
pub(super) fn profile(
    options: &ProfileOptions,
    database: &DatabaseUrl,
) -> anyhow::Result<(ReferenceProfile, Vec<FeatureColumn>)> {
    let now = Timestamp::now();
    let range = whole_buckets(options.since, options.until.unwrap_or(now));
    let place = || format!("reading {database}");
    let mut session = database.engine().open_reader(DEADLINE).with_context(place)?;
    let sums = windows::sums(session.as_mut(), Some(&options.model), range).with_context(place)?;
    let is_asked = |sum: &ModelWindow| options.sha256.as_ref().is_none_or(|digest| *digest == sum.model_sha256);
    let Some(sum) = sums.files.into_iter().filter(is_asked).max_by(|one, other| one.usage.compare(&other.usage)) else {
        bail!("{database}: there are no predictions of {} in this range", options.model);
    };
    let correlations = correlations(session.as_mut(), &sum, range).with_context(place)?;
    let profile = ReferenceProfile {
        schema_version: PROFILE_SCHEMA_VERSION,
        model: sum.model,
        model_sha256: Some(sum.model_sha256).filter(|digest| !digest.is_empty()),
        created_at: now,
        since: options.since.map(|_| from_microseconds(range.since)),
        until: Some(from_microseconds(range.until)),
        counts: sum.counts,
        correlations,
    };
    Ok((profile, Vec::new()))
}

/// The buckets that a range touches, because a bucket is counted as a whole.
fn whole_buckets(since: Option<Timestamp>, until: Timestamp) -> TimeRange {
    let begin = |time: i64| time.div_euclid(BUCKET) * BUCKET;
    let since = since.map_or(i64::MIN, |since| begin(floor_microseconds(since)));
    TimeRange { since, until: begin(floor_microseconds(until) - 1) + BUCKET }
}

/// The correlations of the rows that are still there.
fn correlations(
    session: &mut dyn SqlSession,
    sum: &ModelWindow,
    range: TimeRange,
) -> anyhow::Result<Option<AnswerCorrelations>> {
    let filter = PredictionFilter {
        model: Some(sum.model.clone()),
        status: Some(Status::Success),
        since: Some(from_microseconds(range.since)),
        until: Some(from_microseconds(range.until)),
        ..PredictionFilter::default()
    };
    let mut found = BTreeMap::<String, Correlation>::new();
    let declared = declarations::effective(session, Some(&sum.model))?;
    let positive = declared.into_values().next().and_then(|declaration| declaration.positive);
    let mut numbers = CorrelatedNumbers::new(positive);
    let mut cursor = None;
    let mut progress = CommandProgress::begin();
    loop {
        let page = predictions_page(session, &filter, MAX_PAGE, cursor.as_deref())?;
        let is_of_file =
            |row: &&StoredPrediction| row.record.model_sha256.as_deref().unwrap_or_default() == sum.model_sha256;
        for StoredPrediction { record, .. } in page.predictions.iter().filter(is_of_file) {
            let answer = numbers.of(record.value, record.label.as_deref(), record.confidence);
            let Some(answer) = answer else { continue };
            for (name, value) in record.features.iter() {
                if let FeatureValue::Number(number) = value {
                    found.entry(name.to_owned()).or_default().add(*number, answer);
                }
            }
        }
        progress.advance(page.predictions.len() as u64, || format!("the rows of {}", sum.model));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let features: BTreeMap<String, f64> =
        found.into_iter().filter_map(|(name, correlation)| Some((name, correlation.pearson()?))).collect();
    let answer = numbers.answer();
    Ok((!features.is_empty()).then_some(AnswerCorrelations { answer, features }))
}
