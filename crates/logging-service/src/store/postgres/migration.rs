//! Takes a database to the newest schema.
//!
//! Rule of thumb: a step is taken as a whole or not at all, and a database of a newer program is left as it is.

use std::time::Duration;

use super::super::error::DatabaseError;
use super::super::session::{SqlSession as _, first};
use super::super::value::RowColumns;
use super::advisory_lock::AdvisoryLock;
use super::connection::{AnswerLimit, ServerConnection};
use super::schema::MIGRATIONS;

/// How long a step may take: some look at each row. A server that says nothing at all is given up much sooner.
const STEP_PATIENCE: Duration = Duration::from_secs(86_400);

/// Takes the steps that the database has not taken yet, each in its own transaction, and proves with a durable write
/// that it can be written.
///
/// # Errors
/// [`DatabaseError::NewerSchema`] where the database has taken more steps than this program knows;
/// [`DatabaseError::Failed`] where a step fails, which leaves the database at the step before.
pub(super) fn migrate(connection: &mut ServerConnection) -> Result<(), DatabaseError> {
    // Text of any language must fit, or the database would refuse records for their labels.
    let encoding = "SELECT current_setting('server_encoding')";
    let encoding = first(connection, encoding, &[], RowColumns::text)?.unwrap_or_default();
    if encoding != "UTF8" {
        return Err(DatabaseError::Failed(format!("the database's encoding is {encoding}, and UTF8 is needed")));
    }
    let usual = std::mem::replace(&mut connection.used.limit, AnswerLimit::Each(STEP_PATIENCE));
    let taken = take_steps(connection);
    connection.used.limit = usual;
    taken
}

fn take_steps(connection: &mut ServerConnection) -> Result<(), DatabaseError> {
    loop {
        let taken = connection.transaction(|connection| {
            // Programs that start at once wait for each other, and do not repeat a step.
            AdvisoryLock::Schema.take(connection)?;
            step(connection)
        })?;
        match taken {
            Some(version) => tracing::info!(schema_version = version, "database_migrated"),
            None => return Ok(()),
        }
    }
}

/// Takes the next step, if there is one, and says which.
fn step(connection: &mut ServerConnection) -> Result<Option<u32>, DatabaseError> {
    // Checked first, because `IF NOT EXISTS` needs the right to create even where there is nothing to create.
    if connection.integer("SELECT to_regclass('glasshouse_schema') IS NULL", &[])? == 1 {
        connection.batch(
            "CREATE TABLE glasshouse_schema (version BIGINT NOT NULL); INSERT INTO glasshouse_schema VALUES (0)",
        )?;
    }
    let version = connection.integer("SELECT version FROM glasshouse_schema", &[])?;
    let (found, known) = (u32::try_from(version).unwrap_or(u32::MAX), MIGRATIONS.len() as u32);
    if found > known {
        return Err(DatabaseError::NewerSchema { found, known });
    }
    let step = MIGRATIONS.get(found as usize);
    if let Some(step) = step {
        connection.batch("SET LOCAL statement_timeout = 0")?;
        connection.batch(step)?;
    }
    let next = found + u32::from(step.is_some());
    connection.execute("UPDATE glasshouse_schema SET version = $1", &[next.into()])?;
    Ok(step.map(|_| next))
}
