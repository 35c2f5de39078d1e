//! The database's schema, as the list of steps that led to it.
//!
//! Rule of thumb: a step that was released is never edited; a change is a new step at the end.
//! `PRAGMA user_version` says how many steps a database has taken.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// The steps, oldest first; step n leads to version n (counted from 1).
pub(super) const MIGRATIONS: &[&str] = &[VERSION_1];

const VERSION_1: &str = "
CREATE TABLE predictions (
    id                INTEGER PRIMARY KEY,
    -- Unique: has this record arrived before? Asked at every insert. UUIDv7 keeps inserts at the end of the index.
    event_id          BLOB NOT NULL UNIQUE CONSTRAINT event_id_is_16_bytes CHECK (length(event_id) = 16),
    request_id        TEXT NOT NULL,
    row_index         INTEGER NOT NULL,
    occurred_at       INTEGER NOT NULL, -- microseconds since 1970, UTC
    recorded_at       INTEGER NOT NULL, -- microseconds since 1970, UTC
    model             TEXT NOT NULL,
    version           TEXT,
    model_sha256      TEXT,
    status            TEXT NOT NULL CONSTRAINT status_is_known CHECK (status IN ('success', 'error')),
    error_type        TEXT,
    label             TEXT,
    class             INTEGER,
    confidence        REAL CONSTRAINT confidence_is_a_probability CHECK (confidence BETWEEN 0 AND 1),
    defect            INTEGER NOT NULL CONSTRAINT defect_is_a_flag CHECK (defect IN (0, 1)),
    top               TEXT, -- JSON array of {label, class, confidence}, best first; NULL when empty
    latency_seconds   REAL,
    decode_seconds    REAL,
    queue_seconds     REAL,
    inference_seconds REAL,
    trace_id          TEXT,
    schema_version    INTEGER,
    extra             TEXT -- JSON object of the fields that this version does not know; NULL when empty
) STRICT;

-- Which predictions belong to this request?
CREATE INDEX predictions_by_request ON predictions (request_id);
-- Which predictions are the newest, or fall into this window?
CREATE INDEX predictions_by_time ON predictions (occurred_at);
-- The same for one model; and which models are there?
CREATE INDEX predictions_by_model_and_time ON predictions (model, occurred_at);
";

/// Takes the steps that the database has not taken yet, each in its own transaction.
///
/// # Errors
/// [`StoreError::NewerSchema`] where the database has taken more steps than this program knows;
/// [`StoreError::Unavailable`] where a step fails, which leaves the database at the step before.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    loop {
        // The version is read inside the transaction, so two programs that start at once do not repeat a step.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let known = migrations.len() as u32;
        if version > known {
            return Err(StoreError::NewerSchema { found: version, known });
        }
        let Some(step) = migrations.get(version as usize) else {
            return Ok(());
        };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
        tracing::info!(schema_version = version + 1, "database_migrated");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const TWO: &[&str] = &["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO b SELECT x FROM a"];

    fn database() -> (tempfile::TempDir, Connection) {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open(directory.path().join("m.db")).unwrap();
        (directory, connection)
    }

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn every_step_is_taken_once_from_any_version() {
        for first in 0..=TWO.len() {
            let (_directory, mut connection) = database();
            migrate(&mut connection, &TWO[..first]).unwrap();
            if first > 0 {
                connection.execute("INSERT INTO a VALUES (7)", []).unwrap();
            }
            migrate(&mut connection, TWO).unwrap();
            migrate(&mut connection, TWO).unwrap();
            assert_eq!(version(&connection), 2);
            let carried: i64 = connection.query_row("SELECT count(*) FROM b", [], |row| row.get(0)).unwrap();
            assert_eq!(carried, i64::from(first == 1), "from version {first}");
        }
    }

    #[test]
    fn a_failing_step_leaves_the_version_before() {
        let (_directory, mut connection) = database();
        let broken = ["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"];
        assert!(matches!(migrate(&mut connection, &broken), Err(StoreError::Unavailable(_))));
        assert_eq!(version(&connection), 1);
        assert!(connection.prepare("SELECT * FROM b").is_err(), "half of the failed step is there");
        migrate(&mut connection, TWO).unwrap();
        assert_eq!(version(&connection), 2);
    }

    #[test]
    fn a_newer_database_is_refused_untouched() {
        let (_directory, mut connection) = database();
        connection.pragma_update(None, "user_version", 3).unwrap();
        let error = migrate(&mut connection, TWO).unwrap_err();
        assert_eq!(error, StoreError::NewerSchema { found: 3, known: 2 });
        assert_eq!(version(&connection), 3);
        assert!(connection.prepare("SELECT * FROM a").is_err());
    }

    #[test]
    fn each_question_has_its_index() {
        let (_directory, mut connection) = database();
        migrate(&mut connection, MIGRATIONS).unwrap();
        for (question, index) in [
            ("WHERE event_id = x'00'", "sqlite_autoindex_predictions_1"),
            ("WHERE request_id = 'r'", "predictions_by_request"),
            ("ORDER BY occurred_at DESC, id DESC", "predictions_by_time"),
            ("WHERE (occurred_at, id) < (5, 5) ORDER BY occurred_at DESC, id DESC", "predictions_by_time"),
            ("WHERE model = 'm' ORDER BY occurred_at DESC, id DESC", "predictions_by_model_and_time"),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM predictions {question} LIMIT 10");
            let mut statement = connection.prepare(&sql).unwrap();
            let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(plan.iter().any(|line| line.contains(index)), "{question}: {plan:?}");
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{question}: {plan:?}");
        }
    }
}
