//! The logging service's database file, read past the service.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

/// A read-only connection to the file.
pub struct Database(Connection);

impl Database {
    /// Opens the file.
    ///
    /// # Panics
    /// If it is not there; so do all the others if a query fails.
    pub fn open(path: &Path) -> Self {
        Self(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens"))
    }

    /// SQLite's own verdict on the file: `ok`, or what is wrong.
    pub fn integrity(&self) -> String {
        self.0.pragma_query_value(None, "integrity_check", |row| row.get(0)).expect("integrity_check")
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.number("SELECT count(*) FROM predictions WHERE ?1 = ?1", "")
    }

    /// The rows of one model.
    pub fn rows_of(&self, model: &str) -> u64 {
        self.number("SELECT count(*) FROM predictions WHERE model = ?1", model)
    }

    /// How often each event id of a model is there.
    pub fn event_ids_of(&self, model: &str) -> HashMap<Uuid, u64> {
        let mut statement = self.0.prepare("SELECT event_id FROM predictions WHERE model = ?1").expect("a statement");
        let ids = statement.query_map([model], |row| row.get::<_, [u8; 16]>(0)).expect("the event ids");
        let mut counts = HashMap::new();
        for id in ids {
            *counts.entry(Uuid::from_bytes(id.expect("an event id"))).or_default() += 1;
        }
        counts
    }

    /// How many rows each request has.
    pub fn rows_by_request(&self) -> HashMap<String, u64> {
        self.by_request("SELECT request_id FROM predictions")
    }

    /// How many rows each request has that tell of a success.
    pub fn successes_by_request(&self) -> HashMap<String, u64> {
        self.by_request("SELECT request_id FROM predictions WHERE status = 'success'")
    }

    /// How many true labels there are for each request.
    pub fn labels_by_request(&self) -> HashMap<String, u64> {
        self.by_request("SELECT request_id FROM labels")
    }

    fn by_request(&self, sql: &str) -> HashMap<String, u64> {
        let mut statement = self.0.prepare(sql).expect("a statement");
        let ids = statement.query_map([], |row| row.get::<_, String>(0)).expect("the request ids");
        let mut counts = HashMap::new();
        for id in ids {
            *counts.entry(id.expect("a request id")).or_default() += 1;
        }
        counts
    }

    /// How many rows each model has of each end: `success`, or the type of an error.
    pub fn rows_by_end(&self) -> BTreeMap<(String, String), u64> {
        let ends =
            "SELECT model, CASE status WHEN 'success' THEN status ELSE error_type END AS ended, sum(coalesce(items, 1))
                    FROM predictions GROUP BY model, ended";
        let mut statement = self.0.prepare(ends).expect("a statement");
        let row = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)?.unsigned_abs()));
        let rows = statement.query_map([], row).expect("the ends");
        rows.map(|row| row.expect("an end")).collect()
    }

    /// How many different event ids there are.
    pub fn distinct_events(&self) -> u64 {
        self.number("SELECT count(DISTINCT event_id) FROM predictions WHERE ?1 = ?1", "")
    }

    fn number(&self, sql: &str, parameter: &str) -> u64 {
        self.0.query_row(sql, [parameter], |row| row.get::<_, i64>(0)).expect("a number").unsigned_abs()
    }
}
