//! Rows as an Arrow stream, or as an Arrow file, which lists the same messages in an index.
//!
//! Rule of thumb: what a message claims is compared with its body and with the limits before the library makes arrays of it,
//! and the library checks every array, so that no value is read from where there is none.

mod cells;
mod messages;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary};
use arrow_ipc::{DictionaryBatch, MetadataVersion, RecordBatch};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use monitoring::ApiError;

use self::cells::{ArrowCells, other};
use self::messages::{ArrowMessages, FoundMessage, checked_body};
use super::columnar::{PlacedColumn, push_rows};
use super::file_fault::{FileFault, guarded};
use super::reader::{FeatureRows, RowReader, RowTarget};
use super::unpack_budget::UnpackBudget;

/// What an Arrow file begins with; a stream begins with what anything may begin with.
pub(crate) const ARROW_MAGIC: &[u8] = messages::MAGIC;

/// Reads an Arrow stream or file whose columns have the names of the features. `null` and NaN are missing values.
///
/// # Errors
/// `invalid_request` for other bytes, or for what is not read here; `invalid_input` naming row and feature; `too_large` for
/// too many rows, and for buffers that unpack to more than a body may have.
pub(crate) fn read_arrow(bytes: &[u8], target: RowTarget<'_>) -> Result<FeatureRows, ApiError> {
    guarded("Arrow data", || rows_of(bytes, target))
}

fn rows_of(bytes: &[u8], target: RowTarget<'_>) -> Result<FeatureRows, FileFault> {
    let (schema, mut messages) = ArrowMessages::open(bytes)?;
    let schema = try_fb_to_schema(schema).map_err(damaged)?;
    let places = target.header(schema.fields().iter().map(|field| field.name().as_str()))?;
    let mut batches = Batches {
        columns: ArrowColumns::new(schema, places)?,
        dictionaries: HashMap::new(),
        budget: UnpackBudget::new(target.unpacked_bytes()),
        reader: target.reader(),
        rows: 0,
    };
    while let Some(FoundMessage { message, body, metadata }) = messages.next()? {
        // A file may list the same message again and again.
        batches.budget.spend(metadata)?;
        if let Some(dictionary) = message.header_as_dictionary_batch() {
            batches.add_dictionary(dictionary, body, message.version())?;
        } else if let Some(batch) = message.header_as_record_batch() {
            batches.add_rows(batch, body, target, message.version())?;
        } else {
            return Err(FileFault::unreadable("it has a message that is no batch of rows"));
        }
    }
    Ok(batches.reader.finish())
}

/// The columns of a table.
struct ArrowColumns {
    schema: SchemaRef,
    /// The places of their features.
    places: Vec<usize>,
    /// The columns that are read.
    read: Vec<usize>,
}

impl ArrowColumns {
    fn new(schema: Schema, places: Vec<usize>) -> Result<Self, FileFault> {
        for field in schema.fields() {
            if let DataType::Dictionary(_, values) = field.data_type()
                && other(field.data_type()).is_some()
            {
                return Err(FileFault::unreadable(format!("it has a dictionary of {values}, which is not read here")));
            }
        }
        let is_read = |place: &usize| other(schema.field(*place).data_type()).is_none();
        let read = (0..schema.fields().len()).filter(is_read).collect();
        Ok(Self { schema: Arc::new(schema), places, read })
    }

    /// The cells of a batch, of which the columns that are read have been decoded.
    fn cells(&self, arrays: &[ArrayRef]) -> Vec<PlacedColumn<ArrowCells>> {
        let mut arrays = arrays.iter();
        let columns = self.schema.fields().iter().zip(&self.places).map(|(field, place)| {
            let cells = match other(field.data_type()) {
                Some(what) => ArrowCells::Other(what),
                None => arrays.next().cloned().map_or(ArrowCells::Other("nothing"), ArrowCells::Read),
            };
            PlacedColumn { place: *place, cells }
        });
        columns.collect()
    }
}

/// What the batches so far have brought.
struct Batches<'e> {
    columns: ArrowColumns,
    dictionaries: HashMap<i64, ArrayRef>,
    budget: UnpackBudget,
    reader: RowReader<'e>,
    rows: usize,
}

impl Batches<'_> {
    fn add_dictionary(
        &mut self,
        dictionary: DictionaryBatch<'_>,
        body: &[u8],
        version: MetadataVersion,
    ) -> Result<(), FileFault> {
        // Each would copy all that came before it.
        if dictionary.isDelta() {
            return Err(FileFault::unreadable("it adds to a dictionary, which is not read here; write each at once"));
        }
        let values = dictionary.data().ok_or_else(|| FileFault::unreadable("a dictionary has no values"))?;
        let body = checked_body(values, body, &mut self.budget)?;
        read_dictionary(&body, dictionary, &self.columns.schema, &mut self.dictionaries, &version).map_err(damaged)
    }

    fn add_rows(
        &mut self,
        batch: RecordBatch<'_>,
        body: &[u8],
        target: RowTarget<'_>,
        version: MetadataVersion,
    ) -> Result<(), FileFault> {
        let rows =
            usize::try_from(batch.length()).map_err(|_| FileFault::unreadable("a batch has fewer rows than none"))?;
        if rows == 0 {
            return Ok(());
        }
        self.rows = self.rows.saturating_add(rows);
        target.check_rows(self.rows)?;
        let body = checked_body(batch, body, &mut self.budget)?;
        let ArrowColumns { schema, read, .. } = &self.columns;
        let decoder = RecordBatchDecoder::try_new(&body, batch, schema.clone(), &self.dictionaries, &version);
        let is_all = read.len() == schema.fields().len();
        let decoder = decoder.map_err(damaged)?.with_projection((!is_all).then_some(read));
        let decoded = decoder.read_record_batch().map_err(damaged)?;
        push_rows(&mut self.reader, &self.columns.cells(decoded.columns()), rows)?;
        Ok(())
    }
}

fn damaged(problem: ArrowError) -> FileFault {
    FileFault::unreadable(problem.to_string())
}
