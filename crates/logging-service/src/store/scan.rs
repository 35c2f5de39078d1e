//! Looking through a list for the rows of a page, a piece at a time.
//!
//! A filter that few rows match may need more rows to be looked at than there is time for. So a list is looked through in
//! pieces of so many entries of one index; when the time is over, the page ends with what was found, and says how far it has
//! looked.
//!
//! Rule of thumb: a piece is bounded by the entries that it reads, never by the rows that it finds.

use std::time::{Duration, Instant};

use super::error::DatabaseError;
use super::filter::{ListIndex, PredictionFilter};
use super::list_range::{ListRange, PageCursor};
use super::row::{self, NumberedPrediction};
use super::session::{SqlSession, first, rows};

/// Entries of the first piece.
const FIRST_PIECE: u64 = 2_000;
/// The most entries of a piece.
const LARGEST_PIECE: u64 = 128_000;
/// How long a piece should take: so little that what is asked for meanwhile does not wait, and that the last one does not
/// end long after the patience does.
const PIECE_TIME: Duration = Duration::from_millis(150);

/// What was found, and where the looking ended.
#[derive(Default)]
pub(super) struct ListedRows {
    /// The rows, newest first.
    pub(super) found: Vec<NumberedPrediction>,
    /// Where it goes on; nothing at the end of the list, and where enough was found.
    pub(super) looked_until: Option<PageCursor>,
}

/// A look through a list.
pub(super) struct ListScan<'f> {
    pub(super) filter: &'f PredictionFilter,
    /// The most rows that are wanted.
    pub(super) limit: usize,
    /// No piece is begun that would end after this time, but for the first.
    pub(super) patience: Duration,
}

impl ListScan<'_> {
    /// Finds rows behind `cursor`.
    ///
    /// # Errors
    /// The database's; [`DatabaseError::Interrupted`] only where not even one piece was done in time.
    pub(super) fn run(
        &self,
        session: &mut dyn SqlSession,
        cursor: Option<PageCursor>,
    ) -> Result<ListedRows, DatabaseError> {
        let mut scanned = ListedRows::default();
        let index = self.filter.index();
        if index.is_enough {
            self.look(session, Piece { before: cursor, end: None }, &mut scanned.found)?;
            return Ok(scanned);
        }
        let started = Instant::now();
        let (mut before, mut entries) = (cursor, FIRST_PIECE);
        loop {
            let (began, known) = (Instant::now(), scanned.found.len());
            let piece = self.end_of_piece(session, &index, before, entries).and_then(|end| {
                self.look(session, Piece { before, end }, &mut scanned.found)?;
                Ok(end)
            });
            let end = match piece {
                // What was found until then is worth more than nothing. Rows of the piece that was ended come again.
                Err(DatabaseError::Interrupted) if scanned.looked_until.is_some() => {
                    scanned.found.truncate(known);
                    return Ok(scanned);
                }
                piece => piece?,
            };
            if scanned.found.len() >= self.limit {
                scanned.looked_until = None;
                return Ok(scanned);
            }
            scanned.looked_until = end;
            // Another piece takes about as long, however few entries it has: each asks all partitions.
            if end.is_none() || started.elapsed() + began.elapsed() > self.patience {
                return Ok(scanned);
            }
            before = end;
            let left = self.patience.saturating_sub(started.elapsed()).min(PIECE_TIME);
            entries = fitting(entries, began.elapsed(), left);
        }
    }

    /// The entry of the index with which a piece ends; nothing where the list ends before.
    fn end_of_piece(
        &self,
        session: &mut dyn SqlSession,
        index: &ListIndex,
        before: Option<PageCursor>,
        entries: u64,
    ) -> Result<Option<PageCursor>, DatabaseError> {
        for range in self.ranges(session, Piece { before, end: None })? {
            let conditions = self.filter.indexed_conditions(index, range, session)?;
            let sql = format!(
                "SELECT occurred_at, id FROM predictions{} {} ORDER BY occurred_at DESC, id DESC LIMIT 1 OFFSET {entries}",
                session.by_index(index.name),
                conditions.sql()
            );
            let end = first(session, &sql, &conditions.values, |columns| {
                Ok(PageCursor { occurred_at: columns.integer()?, id: columns.integer()? })
            })?;
            if end.is_some() {
                return Ok(end);
            }
        }
        Ok(None)
    }

    /// The ranges of a piece, each of which is one query.
    fn ranges(&self, session: &mut dyn SqlSession, piece: Piece) -> Result<Vec<ListRange>, DatabaseError> {
        let places = session.places()?;
        let ranges = self.filter.times().between(piece.before, piece.end);
        Ok(ranges.into_iter().flat_map(|range| range.apart(places.as_ref())).collect())
    }

    /// Adds the rows of a piece, as many as are wanted.
    fn look(
        &self,
        session: &mut dyn SqlSession,
        piece: Piece,
        found: &mut Vec<NumberedPrediction>,
    ) -> Result<(), DatabaseError> {
        let index = self.filter.index();
        let by_index = if index.is_enough { String::new() } else { session.by_index(index.name) };
        for range in self.ranges(session, piece)? {
            let wanted = self.limit.saturating_sub(found.len());
            if wanted == 0 {
                break;
            }
            let mut conditions = self.filter.conditions(range, session)?;
            let most = conditions.placeholder(wanted as i64);
            let sql = format!(
                "SELECT {} FROM predictions{by_index} {} ORDER BY occurred_at DESC, id DESC LIMIT {most}",
                row::COLUMNS,
                conditions.sql()
            );
            found.extend(rows(session, &sql, &conditions.values, row::read)?);
        }
        Ok(())
    }
}

/// How many entries are read in the time that is left, at the pace of a piece that `took` so long. Never more than twice as many as
/// of that piece, for its neighbours in the index may lie less well.
fn fitting(entries: u64, took: Duration, left: Duration) -> u64 {
    let at_this_pace = entries as f64 * left.as_secs_f64() / took.as_secs_f64().max(f64::MIN_POSITIVE);
    (at_this_pace as u64).min(entries * 2).clamp(FIRST_PIECE, LARGEST_PIECE)
}

/// A piece of a list.
#[derive(Clone, Copy)]
struct Piece {
    /// The row behind which it begins.
    before: Option<PageCursor>,
    /// The row with which it ends; nothing at the end of the list.
    end: Option<PageCursor>,
}
