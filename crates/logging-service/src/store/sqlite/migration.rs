//! Takes a database to the newest schema.
//!
//! Rule of thumb: a step is taken as a whole or not at all, and a database of a newer program is left as it is.

use rusqlite::{Connection, TransactionBehavior};

use super::super::error::DatabaseError;
use super::error::failed;

/// Takes the steps that the database has not taken yet, each in its own transaction.
///
/// # Errors
/// [`DatabaseError::NewerSchema`] where the database has taken more steps than this program knows;
/// [`DatabaseError::Failed`] where a step fails, which leaves the database at the step before.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), DatabaseError> {
    loop {
        // The version is read inside the transaction, so two programs that start at once do not repeat a step.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        let known = migrations.len() as u32;
        if version > known {
            return Err(DatabaseError::NewerSchema { found: version, known });
        }
        let Some(step) = migrations.get(version as usize) else {
            return Ok(());
        };
        let next = version + 1;
        transaction
            .execute_batch(step)
            .and_then(|()| transaction.pragma_update(None, "user_version", next))
            .and_then(|()| transaction.commit())
            .map_err(failed)?;
        tracing::info!(schema_version = next, "database_migrated");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::schema::MIGRATIONS;
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
        assert!(matches!(migrate(&mut connection, &broken), Err(DatabaseError::Failed(_))));
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
        assert_eq!(error, DatabaseError::NewerSchema { found: 3, known: 2 });
        assert_eq!(version(&connection), 3);
        assert!(connection.prepare("SELECT * FROM a").is_err());
    }

    #[test]
    fn each_question_has_its_index() {
        let (_directory, mut connection) = database();
        migrate(&mut connection, MIGRATIONS).unwrap();
        for (question, index) in [
            ("WHERE event_id = x'00'", "sqlite_autoindex_predictions_1"),
            ("WHERE label = 'cat' ORDER BY occurred_at DESC, id DESC", "predictions_by_label_and_time"),
            ("WHERE defect = 1 ORDER BY occurred_at DESC, id DESC", "predictions_defects"),
            ("WHERE status = 'error' ORDER BY occurred_at DESC, id DESC", "predictions_errors"),
            ("ORDER BY occurred_at DESC, id DESC", "predictions_by_time"),
            ("WHERE occurred_at = 5 AND id < 5 ORDER BY occurred_at DESC, id DESC", "(occurred_at=? AND rowid<?)"),
            ("WHERE occurred_at >= 3 AND occurred_at < 5 ORDER BY occurred_at DESC, id DESC", "predictions_by_time"),
            (
                "INDEXED BY predictions_errors WHERE model = 'm' AND status = 'error' AND occurred_at < 5 ORDER BY occurred_at DESC, id DESC",
                "predictions_errors (occurred_at<?)",
            ),
            (
                "INDEXED BY predictions_by_label_and_time WHERE model = 'm' AND label = 'cat' AND occurred_at = 5 AND id < 7 \
                 ORDER BY occurred_at DESC, id DESC",
                "(label=? AND occurred_at=? AND rowid<?)",
            ),
            ("WHERE model = 'm' ORDER BY occurred_at DESC, id DESC", "predictions_by_model_and_time"),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM predictions {question} LIMIT 10");
            let mut statement = connection.prepare(&sql).unwrap();
            let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(plan.iter().any(|line| line.contains(index)), "{question}: {plan:?}");
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{question}: {plan:?}");
        }
    }

    #[test]
    fn sums_of_rows_that_are_there_already_are_made() {
        let (_directory, mut connection) = database();
        migrate(&mut connection, &MIGRATIONS[..9]).unwrap();
        let day = 86_400_000_000_i64;
        for (number, time) in [-1, 0, 299_999_999, 300_000_000, day - 1, day].into_iter().enumerate() {
            let sql = "INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, status, defect)
                VALUES (randomblob(16), ?1, 0, ?2, 0, 'm', 'success', 1)";
            connection.execute(sql, rusqlite::params![number.to_string(), time]).unwrap();
        }
        migrate(&mut connection, MIGRATIONS).unwrap();
        let mut statement = connection
            .prepare("SELECT length, begins, predictions, first_at FROM window_stats ORDER BY length, begins")
            .unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        let sums: Vec<[i64; 4]> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
        let five = 300_000_000;
        let expected = [
            [five, -five, 1, -1],
            [five, 0, 2, 0],
            [five, five, 1, five],
            [five, day - five, 1, day - 1],
            [five, day, 1, day],
            [day, -day, 1, -1],
            [day, 0, 4, 0],
            [day, day, 1, day],
        ];
        assert_eq!(sums, expected);
    }

    #[test]
    fn a_label_is_found_without_reading_former_revisions() {
        let (_directory, mut connection) = database();
        migrate(&mut connection, MIGRATIONS).unwrap();
        let row = "event_id = 'e' AND request_id = 'r' AND row_index = 0";
        for (question, index) in [
            (format!("labels WHERE {row} AND model = 'm' AND state <> 2"), "labels_in_force"),
            (format!("labels WHERE {row} AND revision = 1 AND labelled_at = 2 AND label = 'cat'"), "labels_by_target"),
            ("counted_labels WHERE request_id = 'r' AND row_index = 0".to_owned(), "counted_labels_by_request"),
            ("counted_labels WHERE recorded_at < 5 ORDER BY recorded_at".to_owned(), "counted_labels_by_recording"),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM {question}");
            let mut statement = connection.prepare(&sql).unwrap();
            let plan: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(plan.iter().any(|line| line.contains(index)), "{question}: {plan:?}");
        }
    }
}
