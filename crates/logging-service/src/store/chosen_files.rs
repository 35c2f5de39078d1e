//! Which files of models are summed where there are more of them than anybody has.
//!
//! Whoever may post records chooses the names of models and the digests of their files, and each has counts of its own. Sums
//! of all of them would take as much memory as somebody likes.
//!
//! Rule of thumb: first the models that somebody vouches for with a reference or a declaration, then those with the most
//! predictions; of each model the files that were used in the most spans.

use std::collections::BTreeSet;

use super::counted_span::{CountedRange, is_of_model};
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::value::{RowColumns, SqlValue};

/// The most files that are summed at once.
const MOST_FILES: usize = 1_000;
/// The most files of one model among them, unless no other model is asked for.
const MOST_OF_A_MODEL: usize = 20;

/// What is not summed, because there is too much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOutFiles {
    /// Files of models.
    pub(crate) files: u64,
    /// Models of which no file is summed.
    pub(crate) models: u64,
}

/// The files that are summed.
#[derive(Debug, Default)]
pub(super) struct ChosenFiles {
    /// Models and digests; `None` where all are.
    chosen: Option<BTreeSet<(String, String)>>,
    pub(super) left_out: LeftOutFiles,
}

impl ChosenFiles {
    /// Chooses among the files that spans count; where `model` is given, among those of that model.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn of(
        session: &mut dyn SqlSession,
        model: Option<&str>,
        spans: &[CountedRange],
    ) -> Result<Self, DatabaseError> {
        let question = FilesQuestion::of(model, spans);
        if spans.is_empty() || !question.are_too_many(session)? {
            return Ok(Self::default());
        }
        let [files, models] = question.numbers(session)?;
        let chosen = question.ranked(session)?;
        let chosen_models: BTreeSet<&str> = chosen.iter().map(|(model, _)| model.as_str()).collect();
        let left_out = LeftOutFiles {
            files: files.saturating_sub(chosen.len() as u64),
            models: models.saturating_sub(chosen_models.len() as u64),
        };
        Ok(Self { chosen: Some(chosen), left_out })
    }

    /// Whether a file is summed.
    pub(super) fn has(&self, model: &str, sha256: &str) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&(model.to_owned(), sha256.to_owned())))
    }
}

/// The statements about the files that spans count, and their values.
struct FilesQuestion {
    /// A row of `model` and `model_sha256` for each counted span of a file.
    counted: String,
    /// A row of `model` and `predictions` for some predictions of a model.
    used: String,
    most_of_a_model: usize,
    values: Vec<SqlValue>,
}

impl FilesQuestion {
    fn of(model: Option<&str>, spans: &[CountedRange]) -> Self {
        let mut values = Vec::new();
        let mut place = |value: SqlValue| {
            values.push(value);
            format!("${}", values.len())
        };
        let mut place_of_model = None;
        let (mut counted, mut used) = (Vec::new(), Vec::new());
        for CountedRange { span, range } in spans {
            let (since, until) = (place(range.since.into()), place(range.until.into()));
            // Values are numbered in the order in which they first stand in a statement.
            let place_of_model =
                place_of_model.get_or_insert_with(|| model.map(|model| place(model.into()))).as_deref();
            counted.extend(span.tables().map(|table| {
                let of_model = place_of_model.map_or("1 = 1".to_owned(), |place| is_of_model(table, place));
                format!(
                    "SELECT model, model_sha256 FROM {table}
                     WHERE bucket >= {since} AND bucket < {until} AND segment = '' AND {of_model}"
                )
            }));
            let of_model = place_of_model.map(|place| format!(" AND model = {place}")).unwrap_or_default();
            let length = span.length();
            used.push(format!(
                "SELECT model, predictions FROM window_stats
                 WHERE length = {length} AND begins >= {since} AND begins < {until}{of_model}"
            ));
        }
        let most_of_a_model = if model.is_some() { MOST_FILES } else { MOST_OF_A_MODEL };
        Self { counted: counted.join(" UNION ALL "), used: used.join(" UNION ALL "), most_of_a_model, values }
    }

    fn are_too_many(&self, session: &mut dyn SqlSession) -> Result<bool, DatabaseError> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT DISTINCT model, model_sha256 FROM ({}) AS counted LIMIT {}) AS files",
            self.counted,
            MOST_FILES + 1
        );
        let found = first(session, &sql, &self.values, RowColumns::count)?;
        Ok(found.unwrap_or_default() > MOST_FILES as u64)
    }

    /// How many files and models there are.
    fn numbers(&self, session: &mut dyn SqlSession) -> Result<[u64; 2], DatabaseError> {
        let sql = format!(
            "SELECT count(*), count(DISTINCT model) FROM (SELECT DISTINCT model, model_sha256 FROM ({}) AS counted) AS files",
            self.counted
        );
        let found = first(session, &sql, &self.values, |columns| Ok([columns.count()?, columns.count()?]))?;
        Ok(found.unwrap_or_default())
    }

    fn ranked(&self, session: &mut dyn SqlSession) -> Result<BTreeSet<(String, String)>, DatabaseError> {
        let Self { counted, used, most_of_a_model, values } = self;
        let sql = format!(
            "SELECT model, model_sha256 FROM (
                 SELECT model, model_sha256,
                     row_number() OVER (PARTITION BY model ORDER BY number DESC, model_sha256) AS place
                 FROM (SELECT model, model_sha256, count(*) AS number FROM ({counted}) AS counted
                       GROUP BY model, model_sha256) AS files
             ) AS placed
             LEFT JOIN (SELECT model AS user_of, sum(predictions) AS predictions FROM ({used}) AS used GROUP BY model) AS uses
                 ON user_of = model
             WHERE place <= {most_of_a_model}
             ORDER BY CASE WHEN model IN (SELECT model FROM reference_profiles)
                           OR model IN (SELECT model FROM model_declarations) THEN 0 ELSE 1 END,
                 coalesce(predictions, 0) DESC, model, place
             LIMIT {MOST_FILES}"
        );
        let found = rows(session, &sql, values, |columns| Ok((columns.text()?, columns.text()?)))?;
        Ok(found.into_iter().collect())
    }
}
