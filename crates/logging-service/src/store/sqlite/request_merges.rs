//! Merges segments of the index of requests, so that a look-up asks few of them however large the log is.
//!
//! Eight segments of one level become one of the next. They are moved in steps, each in a transaction of its own and in the
//! order of the hashes: an entry is in a source or in the target, and a look-up asks both. How far a merge has come is where
//! its target ends, so one that was interrupted goes on.
//!
//! Rule of thumb: each entry is moved once for each level, of which there are few.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::super::error::DatabaseError;
use super::error::failed;

/// Segments of one level that are merged.
const SOURCES: i64 = 8;
/// The most entries of a source that one step moves.
const STEP: i64 = 512;

/// Takes a step where there is something to merge, and says whether there was.
///
/// # Errors
/// SQLite's.
pub(super) fn step(connection: &mut Connection) -> Result<bool, DatabaseError> {
    take_step(connection).map_err(failed)
}

fn take_step(connection: &mut Connection) -> rusqlite::Result<bool> {
    let begun = "SELECT target FROM request_segments WHERE target IS NOT NULL LIMIT 1";
    let under_way: Option<i64> = connection.query_row(begun, [], |row| row.get(0)).optional()?;
    let Some(full_level) = (match under_way {
        Some(_) => Some(None),
        None => full_level(connection)?.map(Some),
    }) else {
        return Ok(false);
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let target = match (under_way, full_level) {
        (Some(target), _) => target,
        (None, level) => begin(&transaction, level.unwrap_or_default())?,
    };
    move_entries(&transaction, target)?;
    transaction.commit()?;
    Ok(true)
}

/// The lowest level that has enough segments to merge.
fn full_level(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT level FROM request_segments GROUP BY level HAVING count(*) >= ?1 ORDER BY level LIMIT 1";
    connection.query_row(sql, [SOURCES], |row| row.get(0)).optional()
}

/// Chooses the oldest segments of a level, and gives the number of the one that they become.
fn begin(transaction: &Transaction<'_>, level: i64) -> rusqlite::Result<i64> {
    let oldest = "SELECT segment FROM request_segments WHERE level = ?1 ORDER BY segment LIMIT ?2";
    let target: i64 = transaction.query_row("SELECT max(segment) + 1 FROM request_segments", [], |row| row.get(0))?;
    let sql = format!("UPDATE request_segments SET target = ?3 WHERE segment IN ({oldest})");
    transaction.execute(&sql, params![level, SOURCES, target])?;
    let sql = "INSERT INTO request_segments (segment, last_id, level)
               SELECT ?1, max(last_id), ?2 FROM request_segments WHERE target = ?1";
    transaction.execute(sql, params![target, level + 1])?;
    Ok(target)
}

/// Where an entry stands: its hash, and the row.
type EntryPlace = (i64, i64);

/// Moves the next entries, in the order of their hashes. Those of rows that retention has deleted are left behind.
fn move_entries(transaction: &Transaction<'_>, target: i64) -> rusqlite::Result<()> {
    let place = |row: &Row<'_>| -> rusqlite::Result<EntryPlace> { Ok((row.get(0)?, row.get(1)?)) };
    let sql = "SELECT hash, id FROM requests WHERE segment = ?1 ORDER BY hash DESC, id DESC LIMIT 1";
    let after = transaction.query_row(sql, [target], place).optional()?.unwrap_or((i64::MIN, i64::MIN));
    let sql = "SELECT hash, id FROM requests WHERE segment = ?1 AND (hash, id) > (?2, ?3) ORDER BY hash, id LIMIT 1 OFFSET ?4";
    let mut ends = transaction.prepare_cached(sql)?;
    let mut sources = transaction.prepare_cached("SELECT segment FROM request_segments WHERE target = ?1")?;
    // None has more than its step in the range, also where all rows are of one request.
    let mut until: Option<EntryPlace> = None;
    for source in sources.query_map([target], |row| row.get::<_, i64>(0))? {
        let end = ends.query_row(params![source?, after.0, after.1, STEP - 1], place).optional()?;
        until = until.into_iter().chain(end).min();
    }
    let to = until.unwrap_or((i64::MAX, i64::MAX));
    let moved = "segment IN (SELECT segment FROM request_segments WHERE target = ?1)
        AND (hash, id) > (?2, ?3) AND (hash, id) <= (?4, ?5)";
    let values = params![target, after.0, after.1, to.0, to.1];
    let sql = format!(
        "INSERT INTO requests SELECT ?1, hash, id FROM requests
         WHERE {moved} AND id >= (SELECT coalesce(min(id), 0) FROM predictions) ORDER BY hash, id"
    );
    transaction.prepare_cached(&sql)?.execute(values)?;
    transaction.prepare_cached(&format!("DELETE FROM requests WHERE {moved}"))?.execute(values)?;
    if until.is_none() {
        transaction.execute("DELETE FROM request_segments WHERE target = ?1", [target])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::migration::migrate;
    use super::super::schema::MIGRATIONS;
    use super::*;

    const ENTRIES: i64 = 3_000;

    /// Twenty segments, of rows of which retention has deleted the first hundred.
    fn database() -> (tempfile::TempDir, Connection) {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(directory.path().join("m.db")).unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        let first_row = "INSERT INTO predictions
            (id, event_id, request_id, row_index, occurred_at, recorded_at, model, status, defect)
            VALUES (101, randomblob(16), 'r', 0, 0, 0, 'm', 'success', 0)";
        connection.execute(first_row, []).unwrap();
        let transaction = connection.transaction().unwrap();
        for segment in 0..20 {
            append(&transaction, segment);
        }
        transaction.commit().unwrap();
        (directory, connection)
    }

    fn append(connection: &Connection, segment: i64) {
        let sql = "INSERT INTO request_segments (segment, last_id) VALUES (?1, ?2)";
        connection.execute(sql, params![segment, (segment + 1) * ENTRIES]).unwrap();
        for id in segment * ENTRIES + 1..=(segment + 1) * ENTRIES {
            let sql = "INSERT INTO requests (segment, hash, id) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql).unwrap().execute(params![segment, hash(id), id]).unwrap();
        }
    }

    /// Any order, and some twice; the ends of all numbers among them.
    fn hash(id: i64) -> i64 {
        match id % 1_000 {
            0 => i64::MIN,
            1 => i64::MAX,
            // A client that writes the same id into all that it asks.
            2..400 => 7,
            _ => (id / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()),
        }
    }

    fn found(connection: &Connection, id: i64) -> bool {
        let sql = "SELECT count(*) FROM request_segments s CROSS JOIN requests r
                   WHERE r.segment = s.segment AND r.hash = ?1 AND r.id = ?2";
        let mut statement = connection.prepare_cached(sql).unwrap();
        let found: i64 = statement.query_row(params![hash(id), id], |row| row.get(0)).unwrap();
        assert!(found <= 1, "{id} is there {found} times");
        found == 1
    }

    #[test]
    fn every_entry_is_found_at_each_step_and_few_segments_are_left() {
        let (_directory, mut connection) = database();
        let mut steps = 0;
        while step(&mut connection).unwrap() {
            steps += 1;
            let moved = connection.changes();
            assert!(moved <= STEP.cast_unsigned() * SOURCES.cast_unsigned(), "{moved} at once");
            // A few in each step, all in the end; a segment may be sealed meanwhile.
            (0..40)
                .map(|at| 101 + (at * 1_493 + steps) % (20 * ENTRIES - 100))
                .for_each(|id| assert!(found(&connection, id)));
            if steps == 3 {
                let transaction = connection.transaction().unwrap();
                let next = transaction.query_row("SELECT max(segment) + 1 FROM request_segments", [], |row| row.get(0));
                append(&transaction, next.unwrap());
                transaction.commit().unwrap();
            }
        }
        assert!(steps > 10, "{steps}");
        assert!((101..=20 * ENTRIES).all(|id| found(&connection, id)));
        let levels: Vec<(i64, i64)> = connection
            .prepare("SELECT level, count(*) FROM request_segments GROUP BY level ORDER BY level")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(levels, [(0, 5), (1, 2)]);
        assert!(!(1..=100).any(|id| found(&connection, id)), "of rows that are gone nothing is kept");
        let last: i64 =
            connection.query_row("SELECT max(last_id) FROM request_segments", [], |row| row.get(0)).unwrap();
        assert!(last >= 20 * ENTRIES, "{last}");
    }
}
