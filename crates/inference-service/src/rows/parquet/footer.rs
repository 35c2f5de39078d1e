//! The index at the end of a Parquet file: its columns, and where their values stand.

use std::sync::Arc;

use axum::body::Bytes;
use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, ColumnPath, Type};

use super::FileFault;
use super::meaning::ColumnMeaning;
use super::thrift::{ThriftReader, ThriftStruct, ThriftValue};
use super::unpack::PageCodec;

/// What a file begins and ends with.
pub(super) const MAGIC: &[u8] = b"PAR1";
/// What a file ends with whose index is encrypted.
const ENCRYPTED: &[u8] = b"PARE";
/// Most values of the index. A row group takes about 70 of them for each column.
const MOST_VALUES: usize = 400_000;
/// Longest values of a fixed length, of which only decimals and numbers of 16 bits are read.
const MOST_FIXED_BYTES: usize = 64;

/// The index of a file.
pub(super) struct ParquetFooter<'a> {
    pub(super) columns: Vec<FileColumn<'a>>,
    root: ThriftStruct<'a>,
    /// The bytes before the index.
    body: usize,
}

/// A column of the table.
pub(super) struct FileColumn<'a> {
    pub(super) name: &'a str,
    /// The place of its values among the chunks of a row group.
    leaf: usize,
    pub(super) kind: FileColumnKind,
}

/// What a column holds.
pub(super) enum FileColumnKind {
    /// Values that a cell can have.
    Cells(ColumnLeaf),
    /// Anything else, by what a refusal calls it.
    Other(&'static str),
}

/// How the values of a column are read.
#[derive(Clone)]
pub(super) struct ColumnLeaf {
    pub(super) descriptor: ColumnDescPtr,
    pub(super) meaning: ColumnMeaning,
}

/// The pages of a column in one row group.
#[derive(Debug)]
pub(super) struct ColumnChunk {
    pub(super) pages: Bytes,
    pub(super) codec: PageCodec,
}

impl<'a> ParquetFooter<'a> {
    /// Reads the index.
    ///
    /// # Errors
    /// [`FileFault`] for a file that is cut, damaged or encrypted.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, FileFault> {
        if file.ends_with(ENCRYPTED) {
            return Err(FileFault::unreadable("it is encrypted"));
        }
        let cut = || FileFault::unreadable("its end is missing");
        let rest = file.strip_suffix(MAGIC).ok_or_else(cut)?;
        let (rest, length) = rest.split_last_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let body = rest.len().checked_sub(length).ok_or_else(cut)?;
        let root = ThriftReader::new(&rest[body..], MOST_VALUES).structure()?;
        let columns = columns(root.list(2).ok_or_else(damaged)?)?;
        Ok(Self { columns, root, body })
    }

    /// How many rows the file says to have.
    ///
    /// # Errors
    /// For none, or fewer than none.
    pub(super) fn rows(&self) -> Result<usize, FileFault> {
        self.root.size(3).ok_or_else(damaged)
    }

    /// The row groups.
    ///
    /// # Errors
    /// For an index that has no list of them.
    pub(super) fn groups(&self) -> Result<impl Iterator<Item = RowGroup<'_, 'a>>, FileFault> {
        let groups = self.root.list(4).ok_or_else(damaged)?;
        Ok(groups.iter().filter_map(ThriftValue::structure).map(|group| RowGroup { group, body: self.body }))
    }
}

/// Some rows of the file.
pub(super) struct RowGroup<'f, 'a> {
    group: &'f ThriftStruct<'a>,
    body: usize,
}

impl RowGroup<'_, '_> {
    pub(super) fn rows(&self) -> Result<usize, FileFault> {
        self.group.size(3).ok_or_else(damaged)
    }

    /// Where a column's pages are.
    ///
    /// # Errors
    /// For a place outside of the file, and a codec that is not unpacked here.
    pub(super) fn chunk(&self, column: &FileColumn<'_>, file: &Bytes) -> Result<ColumnChunk, FileFault> {
        let chunk = self.group.list(1).and_then(|chunks| chunks.get(column.leaf)).and_then(ThriftValue::structure);
        let Some(data) = chunk.and_then(|chunk| chunk.structure(3)) else {
            let encrypted = chunk.is_some_and(|chunk| chunk.structure(8).is_some());
            return Err(if encrypted { FileFault::unreadable("it is encrypted") } else { damaged() });
        };
        if chunk.is_some_and(|chunk| chunk.text(1).is_some()) {
            return Err(FileFault::unreadable("its values are in another file"));
        }
        let codec = PageCodec::of(data.whole(4).ok_or_else(damaged)?).map_err(|codec| {
            FileFault::unreadable(format!(
                "the column \"{}\" is packed with {codec}; write it with snappy, gzip, zstd, LZ4_RAW or without compression",
                column.shown_name()
            ))
        })?;
        let pages = data.size(9).ok_or_else(damaged)?;
        // Some writers say 0 where there is no dictionary.
        let start =
            data.size(11).filter(|dictionary| *dictionary > 0).map_or(pages, |dictionary| dictionary.min(pages));
        let end = start.checked_add(data.size(7).ok_or_else(damaged)?).filter(|end| *end <= self.body);
        let end = end.ok_or_else(damaged)?;
        Ok(ColumnChunk { pages: file.slice(start..end), codec })
    }
}

impl FileColumn<'_> {
    pub(super) fn shown_name(&self) -> String {
        crate::rows::refusal::shown(self.name)
    }
}

/// The columns: what stands right below the root.
fn columns<'a>(schema: &[ThriftValue<'a>]) -> Result<Vec<FileColumn<'a>>, FileFault> {
    let mut elements = schema.iter().map(|element| element.structure().ok_or_else(damaged));
    let root = elements.next().ok_or_else(damaged)??;
    let count = root.size(5).unwrap_or(0);
    let (mut columns, mut leaf) = (Vec::new(), 0);
    while let Some(element) = elements.next() {
        let element = element?;
        let name = element.text(4).ok_or_else(damaged)?;
        let first = leaf;
        let mut below = element.size(5).unwrap_or(0);
        let kind = if below == 0 { kind_of(name, element)? } else { FileColumnKind::Other("a list or a structure") };
        leaf += usize::from(below == 0);
        // Whatever is below belongs to this column; the elements stand in the order in which a tree is walked.
        while below > 0 {
            let inner = elements.next().ok_or_else(damaged)??;
            let more = inner.size(5).unwrap_or(0);
            leaf += usize::from(more == 0);
            below = (below - 1).checked_add(more).ok_or_else(damaged)?;
        }
        columns.push(FileColumn { name, leaf: first, kind });
    }
    if columns.len() == count { Ok(columns) } else { Err(damaged()) }
}

fn kind_of(name: &str, element: &ThriftStruct<'_>) -> Result<FileColumnKind, FileFault> {
    let physical = match element.whole(1).ok_or_else(damaged)? {
        0 => PhysicalType::BOOLEAN,
        1 => PhysicalType::INT32,
        2 => PhysicalType::INT64,
        3 => return Ok(FileColumnKind::Other("a time")),
        4 => PhysicalType::FLOAT,
        5 => PhysicalType::DOUBLE,
        6 => PhysicalType::BYTE_ARRAY,
        7 => PhysicalType::FIXED_LEN_BYTE_ARRAY,
        _ => return Err(damaged()),
    };
    let levels = match element.whole(3) {
        Some(0) | None => 0,
        Some(1) => 1,
        Some(_) => return Ok(FileColumnKind::Other("a list or a structure")),
    };
    let meaning = match ColumnMeaning::of(physical, element) {
        Ok(meaning) => meaning,
        Err(what) => return Ok(FileColumnKind::Other(what)),
    };
    let length = element.size(2).unwrap_or(0);
    if physical == PhysicalType::FIXED_LEN_BYTE_ARRAY && !(1..=MOST_FIXED_BYTES).contains(&length) {
        return Ok(FileColumnKind::Other("bytes of another length than numbers have"));
    }
    let repetition = if levels == 0 { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let built = Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_length(i32::try_from(length).map_err(|_| damaged())?)
        .build();
    let built = built.map_err(|problem| FileFault::unreadable(problem.to_string()))?;
    let descriptor = Arc::new(ColumnDescriptor::new(Arc::new(built), levels, 0, ColumnPath::from(name)));
    Ok(FileColumnKind::Cells(ColumnLeaf { descriptor, meaning }))
}

fn damaged() -> FileFault {
    FileFault::unreadable("its index is damaged")
}
