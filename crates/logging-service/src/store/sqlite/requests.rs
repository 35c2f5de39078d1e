//! Which predictions belong to a request: an index that costs little whatever the order of the ids.
//!
//! Callers choose request ids, so they come in any order, and each commit would write all over an ordinary index: that
//! alone makes ingestion five times slower. Here the requests of [`SEGMENT`] rows are sorted in memory and then appended
//! at once, as one sealed segment, and segments are merged later ([`super::request_merges`]). A look-up asks each segment,
//! which takes a few microseconds, and the memory.
//!
//! Rule of thumb: segments are only ever appended and merged; what is in no segment is in memory, and is read again at a
//! start.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::super::error::DatabaseError;
use super::super::session::RequestCondition;
use super::super::value::SqlValue;
use super::error::failed;

/// Rows of a new segment. Fewer would make more segments to ask, more would make a longer pause when one is written.
const SEGMENT: usize = 32_768;

/// The condition that predictions belong to a request.
pub(super) fn condition(request_id: &str, unsealed: &Mutex<UnsealedRequests>) -> RequestCondition {
    let hash = hash(request_id);
    let mut sql = "id IN (SELECT r.id FROM request_segments s CROSS JOIN requests r
                          WHERE r.segment = s.segment AND r.hash = ?"
        .to_owned();
    for entry in lock(unsealed).entries.iter().filter(|entry| entry.hash == hash) {
        sql.push_str(&format!(" UNION ALL SELECT {}", entry.id));
    }
    // Two requests may have one hash, and entries in memory may have no row yet.
    sql.push_str(") AND request_id = ?");
    RequestCondition { sql: sql.into(), values: vec![SqlValue::Integer(hash), request_id.into()] }
}

/// Locks the requests in memory. A poisoned lock is fine: nothing panics between two changes that belong together.
pub(super) fn lock(unsealed: &Mutex<UnsealedRequests>) -> MutexGuard<'_, UnsealedRequests> {
    unsealed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the requests that are in no segment, and seals those that fill one.
///
/// # Errors
/// SQLite's.
pub(super) fn recover(connection: &mut Connection, unsealed: &Mutex<UnsealedRequests>) -> Result<(), DatabaseError> {
    let mut recovered = UnsealedRequests::default();
    loop {
        let transaction = connection.transaction().map_err(failed)?;
        let read = recovered.read(&transaction)?;
        recovered.seal_full(&transaction)?;
        transaction.commit().map_err(failed)?;
        recovered.committed();
        if read < SEGMENT {
            break;
        }
    }
    *lock(unsealed) = recovered;
    Ok(())
}

/// A row, and the hash of its request's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RequestEntry {
    hash: i64,
    id: i64,
}

/// The requests of the newest rows, which are in no segment yet.
#[derive(Default)]
pub(super) struct UnsealedRequests {
    entries: Vec<RequestEntry>,
    /// Entries at the front that the transaction under way has put into a segment.
    sealed: usize,
}

impl UnsealedRequests {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A row was inserted.
    pub(super) fn push(&mut self, request_id: &str, id: i64) {
        self.entries.push(RequestEntry { hash: hash(request_id), id });
    }

    /// The rows after the first `len` entries were rolled back.
    pub(super) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Appends a segment for each [`SEGMENT`] entries, in the transaction under way.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn seal_full(&mut self, connection: &Connection) -> Result<(), DatabaseError> {
        while self.entries.len() - self.sealed >= SEGMENT {
            let segment = &mut self.entries[self.sealed..self.sealed + SEGMENT];
            let last = segment.iter().map(|entry| entry.id).max().unwrap_or_default();
            segment.sort_unstable();
            append(connection, segment, last).map_err(failed)?;
            self.sealed += SEGMENT;
        }
        Ok(())
    }

    /// The transaction took place.
    pub(super) fn committed(&mut self) {
        self.entries.drain(..self.sealed);
        self.sealed = 0;
    }

    /// The transaction did not take place; it began with `len` entries.
    pub(super) fn rolled_back(&mut self, len: usize) {
        // A segment was sorted by hash, which mixed entries of this transaction with older ones.
        if self.sealed > 0 {
            self.entries.sort_unstable_by_key(|entry| entry.id);
            self.sealed = 0;
        }
        self.entries.truncate(len);
    }

    fn read(&mut self, connection: &Connection) -> Result<usize, DatabaseError> {
        let sealed = "SELECT coalesce(max(last_id), 0) FROM request_segments";
        let sealed: i64 = connection.query_row(sealed, [], |row| row.get(0)).map_err(failed)?;
        let after = self.entries.last().map_or(sealed, |entry| entry.id.max(sealed));
        let sql = "SELECT request_id, id FROM predictions WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query(params![after, SEGMENT as i64]).map_err(failed)?;
        let mut read = 0;
        while let Some(row) = rows.next().map_err(failed)? {
            let request_id: String = row.get(0).map_err(failed)?;
            self.push(&request_id, row.get(1).map_err(failed)?);
            read += 1;
        }
        Ok(read)
    }
}

fn append(connection: &Connection, entries: &[RequestEntry], last_id: i64) -> rusqlite::Result<()> {
    let newest = "SELECT segment FROM request_segments ORDER BY segment DESC LIMIT 1";
    let newest: Option<i64> = connection.query_row(newest, [], |row| row.get(0)).optional()?;
    let segment = newest.map_or(0, |newest| newest + 1);
    connection
        .prepare_cached("INSERT INTO request_segments (segment, last_id) VALUES (?1, ?2)")?
        .execute(params![segment, last_id])?;
    let mut insert = connection.prepare_cached("INSERT INTO requests (segment, hash, id) VALUES (?1, ?2, ?3)")?;
    for entry in entries {
        insert.execute(params![segment, entry.hash, entry.id])?;
    }
    Ok(())
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo). It is stored, so it is the same in every version of this program.
fn hash(request_id: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    request_id.bytes().fold(0xcbf2_9ce4_8422_2325, step).cast_signed()
}
