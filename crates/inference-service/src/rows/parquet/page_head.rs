//! What stands before each page of a column.

use parquet::basic::{Encoding, Type as PhysicalType};

use super::FileFault;
use super::footer::ColumnLeaf;
use super::thrift::{ThriftReader, ThriftStruct};

/// Most values of a page's head; those with statistics have about 30.
const MOST_VALUES: usize = 200;

/// The head of a page.
pub(super) struct PageHead {
    pub(super) kind: PageKind,
    /// The bytes of the head itself.
    pub(super) length: usize,
    pub(super) packed: usize,
    pub(super) unpacked: usize,
    /// The CRC-32 of the packed bytes, where the writer says it.
    pub(super) checksum: Option<u32>,
}

/// What a page is.
pub(super) enum PageKind {
    Dictionary {
        values: usize,
    },
    Data {
        values: usize,
        encoding: Encoding,
    },
    /// As the second version of the format has it: the levels stand before the packed values, and are not packed.
    DataV2 {
        values: usize,
        nulls: usize,
        levels: usize,
        encoding: Encoding,
        is_packed: bool,
    },
    /// Nothing that holds values.
    Index,
}

impl PageHead {
    /// Reads the head at the beginning of these bytes.
    ///
    /// # Errors
    /// For bytes that are none, for sizes that do not add up, and for encodings that are not read here.
    pub(super) fn read(bytes: &[u8], leaf: &ColumnLeaf) -> Result<Self, FileFault> {
        let mut reader = ThriftReader::new(bytes, MOST_VALUES);
        let head = reader.structure()?;
        let length = bytes.len() - reader.left();
        let size = |number| head.size(number).filter(|size| i32::try_from(*size).is_ok()).ok_or_else(damaged);
        let (unpacked, packed) = (size(2)?, size(3)?);
        let kind = match head.whole(1) {
            Some(0) => data(head.structure(5).ok_or_else(damaged)?, leaf)?,
            Some(1) => PageKind::Index,
            Some(2) => dictionary(head.structure(7).ok_or_else(damaged)?)?,
            Some(3) => data_v2(head.structure(8).ok_or_else(damaged)?, leaf)?,
            _ => return Err(damaged()),
        };
        if let PageKind::DataV2 { levels, .. } = kind
            && levels > packed.min(unpacked)
        {
            return Err(damaged());
        }
        // Its 32 bits are written as a number with a sign.
        let checksum = head.whole(4).and_then(|checksum| i32::try_from(checksum).ok()).map(i32::cast_unsigned);
        Ok(Self { kind, length, packed, unpacked, checksum })
    }
}

fn dictionary(head: &ThriftStruct<'_>) -> Result<PageKind, FileFault> {
    match head.whole(2) {
        Some(0 | 2) => Ok(PageKind::Dictionary { values: head.size(1).ok_or_else(damaged)? }),
        _ => Err(damaged()),
    }
}

fn data(head: &ThriftStruct<'_>, leaf: &ColumnLeaf) -> Result<PageKind, FileFault> {
    // The other encoding of levels was given up before most of today's writers were written.
    if leaf.descriptor.max_def_level() > 0 && head.whole(3) != Some(3) {
        return Err(FileFault::unreadable("its levels are in an encoding that is not read here"));
    }
    Ok(PageKind::Data {
        values: head.size(1).ok_or_else(damaged)?,
        encoding: encoding(head.whole(2), leaf.descriptor.physical_type())?,
    })
}

fn data_v2(head: &ThriftStruct<'_>, leaf: &ColumnLeaf) -> Result<PageKind, FileFault> {
    // No column that is read here has lists, so there are no levels of repetition.
    if head.size(6) != Some(0) {
        return Err(damaged());
    }
    Ok(PageKind::DataV2 {
        values: head.size(1).ok_or_else(damaged)?,
        nulls: head.size(2).ok_or_else(damaged)?,
        levels: head.size(5).ok_or_else(damaged)?,
        encoding: encoding(head.whole(4), leaf.descriptor.physical_type())?,
        is_packed: head.flag(7).unwrap_or(true),
    })
}

/// The encoding of this number.
///
/// # Errors
/// For one that is not read here. Those of texts by their differences claim how many there are and repeat what stands there
/// once, so a few bytes of them could become any number.
fn encoding(number: Option<i64>, physical: PhysicalType) -> Result<Encoding, FileFault> {
    let is_integer = matches!(physical, PhysicalType::INT32 | PhysicalType::INT64);
    match number.ok_or_else(damaged)? {
        0 => Ok(Encoding::PLAIN),
        2 | 8 => Ok(Encoding::RLE_DICTIONARY),
        3 if physical == PhysicalType::BOOLEAN => Ok(Encoding::RLE),
        5 if is_integer => Ok(Encoding::DELTA_BINARY_PACKED),
        9 if !matches!(physical, PhysicalType::BOOLEAN | PhysicalType::BYTE_ARRAY) => Ok(Encoding::BYTE_STREAM_SPLIT),
        6 => Err(not_read("DELTA_LENGTH_BYTE_ARRAY")),
        7 => Err(not_read("DELTA_BYTE_ARRAY")),
        _ => Err(FileFault::unreadable("its values are in an encoding that is not read here")),
    }
}

fn not_read(encoding: &str) -> FileFault {
    FileFault::unreadable(format!(
        "its texts are encoded as {encoding}, which is not read here; write them with a dictionary, or plain"
    ))
}

fn damaged() -> FileFault {
    FileFault::unreadable("the head of a page is damaged")
}
