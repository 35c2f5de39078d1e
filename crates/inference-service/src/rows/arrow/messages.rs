//! The messages of an Arrow stream: metadata in flatbuffers, and a body of buffers.
//!
//! Rule of thumb: a flatbuffer may point at the same thing as often as it likes, so its size says nothing of what it becomes.
//! How many tables and bytes are met on the way through it has a bound, and so has what the buffers unpack to.

use std::vec;

use arrow_buffer::Buffer;
use arrow_ipc::{Message, RecordBatch, Schema, root_as_footer_with_opts, root_as_message_with_opts};
use flatbuffers::VerifierOptions;

use super::{FileFault, UnpackBudget};

/// What stands before the length of a message's metadata.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// What a file begins and ends with.
pub(super) const MAGIC: &[u8] = b"ARROW1";
/// Most tables that metadata may consist of: some for each column.
const MOST_TABLES: usize = 50_000;
/// Most bytes that are met on the way through metadata.
const MOST_METADATA: usize = 16 * 1024 * 1024;
/// Deepest nesting of metadata.
const MOST_LEVELS: usize = 32;
/// What stands before a packed buffer: the length that it unpacks to, or -1 for one that is not packed.
const PREFIX: usize = 8;

/// The messages of a stream, or of a file.
pub(super) struct ArrowMessages<'a> {
    bytes: &'a [u8],
    places: MessagePlaces,
}

/// Where messages begin.
enum MessagePlaces {
    /// The next begins behind the last.
    InTurn(usize),
    /// They are listed in the index of a file.
    Listed(vec::IntoIter<usize>),
}

/// A message and its body.
pub(super) struct FoundMessage<'a> {
    pub(super) message: Message<'a>,
    pub(super) body: &'a [u8],
    /// How many bytes its metadata have.
    pub(super) metadata: usize,
}

impl<'a> ArrowMessages<'a> {
    /// The columns of a stream or of a file, and the messages behind them.
    ///
    /// # Errors
    /// [`FileFault`] for other bytes.
    pub(super) fn open(bytes: &'a [u8]) -> Result<(Schema<'a>, Self), FileFault> {
        if bytes.starts_with(MAGIC) {
            return Self::of_file(bytes);
        }
        let mut messages = Self { bytes, places: MessagePlaces::InTurn(0) };
        let schema = messages.next()?.and_then(|found| found.message.header_as_schema());
        Ok((schema.ok_or_else(|| FileFault::unreadable("it does not begin with a schema"))?, messages))
    }

    /// A file says in its index where the messages are; what stands before the first of them differs between writers.
    fn of_file(bytes: &'a [u8]) -> Result<(Schema<'a>, Self), FileFault> {
        let cut = || FileFault::unreadable("its end is missing");
        let rest = bytes.strip_suffix(MAGIC).ok_or_else(cut)?;
        let (rest, length) = rest.split_last_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
        let index = rest.len().checked_sub(length).map(|start| &rest[start..]).ok_or_else(cut)?;
        let index = root_as_footer_with_opts(&bounds(), index).map_err(|_| too_much())?;
        let blocks = index.dictionaries().into_iter().flatten().chain(index.recordBatches().into_iter().flatten());
        let places = blocks.map(|block| usize::try_from(block.offset())).collect::<Result<Vec<_>, _>>();
        let places = MessagePlaces::Listed(places.map_err(|_| damaged())?.into_iter());
        Ok((index.schema().ok_or_else(damaged)?, Self { bytes, places }))
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// [`FileFault`] for a message that is cut or damaged, and for metadata that would become too large.
    pub(super) fn next(&mut self) -> Result<Option<FoundMessage<'a>>, FileFault> {
        let start = match &mut self.places {
            MessagePlaces::InTurn(at) => Some(*at).filter(|at| *at < self.bytes.len()),
            MessagePlaces::Listed(places) => places.next(),
        };
        let Some(start) = start else { return Ok(None) };
        let mut rest = self.bytes.get(start..).ok_or_else(damaged)?;
        let mut length = word(&mut rest)?;
        // Old writers begin with the length.
        if length == CONTINUATION {
            length = word(&mut rest)?;
        }
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| damaged())?;
        if length == 0 {
            return Ok(None);
        }
        let metadata = take(&mut rest, length)?;
        let message = root_as_message_with_opts(&bounds(), metadata).map_err(|_| too_much())?;
        let body = take(&mut rest, usize::try_from(message.bodyLength()).map_err(|_| damaged())?)?;
        if let MessagePlaces::InTurn(at) = &mut self.places {
            *at = self.bytes.len() - rest.len();
        }
        Ok(Some(FoundMessage { message, body, metadata: metadata.len() }))
    }
}

fn bounds() -> VerifierOptions {
    VerifierOptions {
        max_depth: MOST_LEVELS,
        max_tables: MOST_TABLES,
        max_apparent_size: MOST_METADATA,
        ..VerifierOptions::default()
    }
}

fn word(rest: &mut &[u8]) -> Result<[u8; 4], FileFault> {
    let (word, behind) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    *rest = behind;
    Ok(*word)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], FileFault> {
    let (taken, behind) = rest.split_at_checked(length).ok_or_else(damaged)?;
    *rest = behind;
    Ok(taken)
}

/// The body of a batch, whose buffers lie within it and unpack to no more than the budget has.
///
/// # Errors
/// [`FileFault`] for buffers outside of the body, and for too large ones.
pub(super) fn checked_body(
    batch: RecordBatch<'_>,
    body: &[u8],
    budget: &mut UnpackBudget,
) -> Result<Buffer, FileFault> {
    let outside = || FileFault::unreadable("a buffer is not where a message says");
    let is_packed = batch.compression().is_some();
    for buffer in batch.buffers().ok_or_else(outside)? {
        let [start, length] = [buffer.offset(), buffer.length()].map(usize::try_from);
        let (start, length) = (start.map_err(|_| outside())?, length.map_err(|_| outside())?);
        let end = start.checked_add(length).ok_or_else(outside)?;
        let bytes = body.get(start..end).ok_or_else(outside)?;
        let unpacked = match bytes.first_chunk::<PREFIX>() {
            Some(prefix) if is_packed => match i64::from_le_bytes(*prefix) {
                -1 => length,
                unpacked => usize::try_from(unpacked).map_err(|_| outside())?,
            },
            _ => length,
        };
        budget.spend(unpacked.max(length))?;
    }
    // A copy, so that the buffers are aligned as the library's arrays want them.
    Ok(Buffer::from(body))
}

fn too_much() -> FileFault {
    FileFault::unreadable("the metadata of a message are damaged or too large")
}

fn damaged() -> FileFault {
    FileFault::unreadable("it is cut or damaged")
}
