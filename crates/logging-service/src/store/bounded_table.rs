//! Tables that everybody may add a row to, and how they stay small.
//!
//! Whoever may ask can declare something about a model that nobody has. If a full table refused what is new, such rows would keep
//! out those of real models.
//!
//! Rule of thumb: who is new finds room. Rows of the last day give theirs up, those of models with the fewest predictions first, and
//! of equals the older one; so whoever floods a table drives out mostly rows of the flood. Older rows go only where their model has
//! had no predictions of late.

use tracing::warn;

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::session::{first, rows};
use super::time::DAY;
use super::value::RowColumns;

/// The most rows. All of them are read at once.
const MOST_ROWS: u64 = 1_000;
/// The most bytes of all rows together.
const MOST_BYTES: u64 = 16 << 20;
/// The most bytes of one row.
const LARGEST_BYTES: u64 = 8 << 20;
/// What becomes of a row for which there is no room, as a sentence for its sender.
pub(crate) const NO_ROOM: &str = "There is no room for it: it takes more than 8 MiB as JSON, or 1,000 others, or 16 MiB of them, are of models \
     that have predictions; DELETE takes one back.";
/// One of so many parts is freed at once, so that the next that comes need not look again.
const PART: u64 = 16;
/// Predictions of so many microseconds decide.
const LATELY: i64 = 7 * DAY;
/// Rows that are younger go first.
const YOUNG: i64 = DAY;

/// A table whose key are a model and one column more.
pub(super) struct BoundedTable {
    pub(super) name: &'static str,
    /// The other column of its key.
    pub(super) key: &'static str,
    /// The column whose bytes count.
    pub(super) content: &'static str,
}

/// A row that is to be written.
pub(super) struct NewContent<'a> {
    pub(super) model: &'a str,
    pub(super) key: &'a str,
    pub(super) bytes: usize,
    /// Microseconds since 1970.
    pub(super) now: i64,
}

impl BoundedTable {
    /// Sees to it that the row fits in beside those of others; says whether it does.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn make_room(
        &self,
        transaction: &mut dyn WriteTransaction,
        new: &NewContent<'_>,
    ) -> Result<bool, DatabaseError> {
        let Self { name, key, content } = self;
        let bytes = new.bytes as u64;
        if bytes > LARGEST_BYTES {
            return Ok(false);
        }
        let others = format!(
            "SELECT count(*), CAST(coalesce(sum(octet_length({content})), 0) AS BIGINT) FROM {name}
             WHERE NOT (model = $1 AND {key} = $2)"
        );
        let values = [new.model.into(), new.key.into()];
        let read = |columns: &mut RowColumns| Ok([columns.count()?, columns.count()?]);
        let [mut count, mut held] = first(transaction, &others, &values, read)?.unwrap_or_default();
        if count < MOST_ROWS && held + bytes <= MOST_BYTES {
            return Ok(true);
        }
        let least_used = format!(
            "SELECT model, {key}, octet_length({content}),
                 CASE WHEN recorded_at < $1 AND coalesce(predictions, 0) > 0 THEN 1 ELSE 0 END FROM {name}
             LEFT JOIN (SELECT model AS used, sum(predictions) AS predictions FROM window_stats
                        WHERE length = {DAY} AND begins >= $2 GROUP BY model) AS uses ON used = model
             WHERE NOT (model = $3 AND {key} = $4)
             ORDER BY CASE WHEN recorded_at < $1 THEN 1 ELSE 0 END, coalesce(predictions, 0), recorded_at"
        );
        let values = [(new.now - YOUNG).into(), (new.now - LATELY).into(), new.model.into(), new.key.into()];
        let found = rows(transaction, &least_used, &values, |columns| {
            Ok((columns.text()?, columns.text()?, columns.count()?, columns.count()? > 0))
        })?;
        for (model, key_value, freed, is_in_use) in found {
            if is_in_use || count < MOST_ROWS - MOST_ROWS / PART && held + bytes <= MOST_BYTES - MOST_BYTES / PART {
                break;
            }
            warn!(table = name, model, for_model = new.model, "row_gave_way");
            let remove = format!("DELETE FROM {name} WHERE model = $1 AND {key} = $2");
            transaction.execute(&remove, &[model.into(), key_value.into()])?;
            count -= 1;
            held -= freed;
        }
        Ok(count < MOST_ROWS && held + bytes <= MOST_BYTES)
    }
}
