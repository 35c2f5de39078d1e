//! The counts of five minutes and of days, and how they get into the database: what a transaction adds is a part of its own,
//! so that a commit costs what its own rows cost, however much its span holds.
//!
//! Days are counted beside five minutes in the same transaction, so a sum over hundreds of days reads hundreds of counts and
//! not hundreds of thousands.
//!
//! Rule of thumb: parts are merged when together they are several times as large as what they are merged into, and when
//! their span is over; so each count is rewritten a few times at most.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::bucket_key::BucketKey;
use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::recent_use::RecentUse;
use super::session::{first, rows};
use super::time::{BUCKET, DAY, TimeRange, begin_of_span};
use super::value::{RowColumns, SqlValue};
use crate::analysis::WindowCounts;

/// The parts of a span that are merged whatever their size, because a reader has to read all of them.
const MOST_PARTS: u64 = 256;
/// Parts smaller than this together, in bytes, are not worth merging.
const SMALL_PARTS: u64 = 64 * 1024;
/// How much larger than what is merged the parts become before they are. A reader reads all of them, and a writer that
/// merges reads and writes what is merged.
const PARTS_TO_MERGED: u64 = 3;
/// Spans of one transaction that are looked at whether their parts are worth merging.
const LOOKED_AT: usize = 8;
/// Count the transactions, so that all spans of a length have their turn.
static TURNS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// How long counts are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedSpan {
    /// Five minutes.
    Bucket,
    /// A day, UTC.
    Day,
}

/// Whole spans of one length.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedRange {
    /// Their length.
    pub(super) span: CountedSpan,
    /// From the begin of the first to the end of the last.
    pub(super) range: TimeRange,
}

/// What is counted of one span.
#[derive(Debug, Default)]
pub(super) struct SpanCounts {
    /// The counts.
    pub(super) counts: WindowCounts,
    /// How much the file was used, which a day's counts alone do not say.
    pub(super) usage: RecentUse,
}

impl SpanCounts {
    /// The counts of the bucket that begins at `begin`.
    pub(super) fn of_bucket(begin: i64, counts: WindowCounts) -> Self {
        let usage = RecentUse::of_bucket(begin.div_euclid(BUCKET), counts.predictions);
        Self { counts, usage }
    }

    /// Adds all of the other.
    pub(super) fn merge(&mut self, other: &Self) {
        self.usage.merge(other.usage);
        self.counts.merge(&other.counts);
    }
}

/// The condition that counts in this table are of the model in a placeholder. It names the model's files, because the index has them
/// before the time; each is found by one look into it.
pub(super) fn is_of_model(table: &str, place: &str) -> String {
    format!(
        "model = {place} AND model_sha256 IN (
             WITH RECURSIVE files (digest) AS (
                 SELECT min(model_sha256) FROM {table} WHERE model = {place}
                 UNION ALL
                 SELECT (SELECT min(model_sha256) FROM {table} WHERE model = {place} AND model_sha256 > files.digest)
                 FROM files WHERE files.digest IS NOT NULL
             ) SELECT digest FROM files WHERE digest IS NOT NULL
         )"
    )
}

impl CountedSpan {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Bucket, Self::Day];

    /// Microseconds of it.
    pub(super) const fn length(self) -> i64 {
        match self {
            Self::Bucket => BUCKET,
            Self::Day => DAY,
        }
    }

    /// The tables of what is merged and of parts.
    pub(super) const fn tables(self) -> [&'static str; 2] {
        match self {
            Self::Bucket => ["window_counts", "window_parts"],
            Self::Day => ["day_counts", "day_parts"],
        }
    }

    /// The columns that [`CountedSpan::read`] expects.
    pub(super) const fn columns(self) -> &'static str {
        match self {
            Self::Bucket => "bucket, counts",
            Self::Day => "bucket, counts, used_at, used",
        }
    }

    /// What is counted, and when its span begins.
    ///
    /// # Errors
    /// The columns hold something else.
    pub(super) fn read(self, columns: &mut RowColumns) -> Result<SpanCounts, DatabaseError> {
        let begin = columns.integer()?;
        let counts = readable(&columns.text()?);
        match self {
            Self::Bucket => Ok(SpanCounts::of_bucket(begin, counts)),
            Self::Day => Ok(SpanCounts { counts, usage: RecentUse::read(columns)? }),
        }
    }

    /// Adds counts to those in the database.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn save(
        self,
        transaction: &mut dyn WriteTransaction,
        added: &BTreeMap<BucketKey, SpanCounts>,
    ) -> Result<(), DatabaseError> {
        let sql = self.insertion(self.tables()[1]);
        // Where rows come in no order, a transaction adds to many buckets, and only some of them are looked at.
        let share = added.len().div_ceil(LOOKED_AT);
        let turn = TURNS[self as usize].fetch_add(1, Ordering::Relaxed);
        for (place, (key, counts)) in added.iter().enumerate() {
            transaction.execute(&sql, &self.values(key, counts))?;
            if (place + turn).is_multiple_of(share) && self.is_worth_merging(transaction, key)? {
                self.merge_parts(transaction, key)?;
            }
        }
        Ok(())
    }

    /// Merges parts of spans that are over at `now`, in microseconds since 1970; gives how many spans it has merged.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn merge_closed(self, transaction: &mut dyn WriteTransaction, now: i64) -> Result<usize, DatabaseError> {
        let [_, parts] = self.tables();
        let sql = format!(
            "SELECT DISTINCT model, model_sha256, bucket, segment FROM {parts} WHERE bucket < $1 LIMIT {}",
            self.merged_at_once()
        );
        let open = begin_of_span(now, self.length());
        let closed = rows(transaction, &sql, &[open.into()], |columns| {
            Ok(BucketKey {
                model: columns.text()?,
                sha256: columns.text()?,
                bucket: columns.integer()?,
                segment: columns.text()?,
            })
        })?;
        closed.iter().try_for_each(|key| self.merge_parts(transaction, key))?;
        Ok(closed.len())
    }

    /// Deletes the counts of spans that begin before `until`.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn delete(self, transaction: &mut dyn WriteTransaction, until: i64) -> Result<(), DatabaseError> {
        self.tables().into_iter().try_for_each(|table| {
            let sql = format!("DELETE FROM {table} WHERE bucket < $1");
            transaction.execute(&sql, &[until.into()]).map(|_| ())
        })
    }

    /// Spans that are merged in one step of the upkeep. After a migration a day has a part for each of its five minutes.
    const fn merged_at_once(self) -> usize {
        match self {
            Self::Bucket => 20,
            Self::Day => 4,
        }
    }

    /// The condition that merged counts are of a key. Earlier versions let each program merge for itself.
    const fn is_merged(self) -> &'static str {
        match self {
            Self::Bucket => " AND writer = ''",
            Self::Day => "",
        }
    }

    /// The columns of what is counted, without the one that every span has.
    const fn further_columns(self) -> &'static str {
        match self {
            Self::Bucket => "",
            Self::Day => ", used_at, used",
        }
    }

    fn insertion(self, table: &str) -> String {
        let (columns, values) = match self {
            Self::Bucket => ("", ""),
            Self::Day => (self.further_columns(), ", $6, $7"),
        };
        format!(
            "INSERT INTO {table} (model, model_sha256, bucket, segment, counts{columns}) VALUES ($1, $2, $3, $4, $5{values})"
        )
    }

    /// The statement that replaces what is merged.
    fn replacement(self) -> String {
        match self {
            Self::Bucket => "
                INSERT INTO window_counts (model, model_sha256, bucket, segment, writer, counts) VALUES ($1, $2, $3, $4, '', $5)
                ON CONFLICT (model, model_sha256, bucket, segment, writer) DO UPDATE SET counts = excluded.counts"
                .to_owned(),
            Self::Day => format!(
                "{} ON CONFLICT (model, model_sha256, bucket, segment)
                 DO UPDATE SET counts = excluded.counts, used_at = excluded.used_at, used = excluded.used",
                self.insertion(self.tables()[0])
            ),
        }
    }

    fn values(self, key: &BucketKey, counts: &SpanCounts) -> Vec<SqlValue> {
        let mut values = key.values().to_vec();
        values.push(counts.counts.to_json().into());
        if self == Self::Day {
            values.extend(counts.usage.values());
        }
        values
    }

    /// The lengths are counted in bytes, for which no part has to be read.
    fn is_worth_merging(self, transaction: &mut dyn WriteTransaction, key: &BucketKey) -> Result<bool, DatabaseError> {
        let [merged, parts] = self.tables();
        let sql = format!(
            "SELECT count(*), CAST(coalesce(sum(octet_length(counts)), 0) AS BIGINT) FROM {parts} WHERE {OF_KEY}"
        );
        let found = first(transaction, &sql, &key.values(), |columns| Ok([columns.count()?, columns.count()?]))?;
        let [number, bytes] = found.unwrap_or_default();
        if number >= MOST_PARTS {
            return Ok(true);
        }
        if bytes < SMALL_PARTS {
            return Ok(false);
        }
        let sql = format!("SELECT octet_length(counts) FROM {merged} WHERE {OF_KEY}{}", self.is_merged());
        let merged = first(transaction, &sql, &key.values(), RowColumns::count)?.unwrap_or_default();
        Ok(bytes >= PARTS_TO_MERGED * merged)
    }

    /// Merges the parts of a span into its counts.
    ///
    /// Each part is deleted by the one statement that reads it, so none is merged twice. Programs that share a database
    /// merge one after the other, because they rewrite the same row.
    fn merge_parts(self, transaction: &mut dyn WriteTransaction, key: &BucketKey) -> Result<(), DatabaseError> {
        transaction.lock(TransactionLock::Windows)?;
        let [merged, parts] = self.tables();
        let columns = self.columns();
        let sql = format!("DELETE FROM {parts} WHERE {OF_KEY} RETURNING {columns}");
        let added = rows(transaction, &sql, &key.values(), |columns| self.read(columns))?;
        let sql = format!("SELECT {columns} FROM {merged} WHERE {OF_KEY}{}", self.is_merged());
        let mut sum = first(transaction, &sql, &key.values(), |columns| self.read(columns))?.unwrap_or_default();
        added.iter().for_each(|part| sum.merge(part));
        transaction.execute(&self.replacement(), &self.values(key, &sum)).map(|_| ())
    }
}

const OF_KEY: &str = "model = $1 AND model_sha256 = $2 AND bucket = $3 AND segment = $4";

/// Reads counts. Where they cannot be read, the windows lose them and the rows stay; each reader logs it again.
fn readable(json: &str) -> WindowCounts {
    WindowCounts::from_json(json).unwrap_or_else(|problem| {
        tracing::error!(%problem, "window_counts_unreadable");
        WindowCounts::default()
    })
}
