//! The pages of a column, checked and unpacked.

use std::vec;

use axum::body::Bytes;
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;

use super::FileFault;
use super::footer::{ColumnChunk, ColumnLeaf};
use super::page_head::{PageHead, PageKind};
use super::unpack::PageCodec;
use crate::rows::unpack_budget::UnpackBudget;

/// Most values of a dictionary, each of which takes 40 bytes beside its own.
const MOST_IN_DICTIONARY: usize = 500_000;

/// The pages of a column in a row group of so many rows, for the library's reader of values.
pub(super) struct UnpackedPages(vec::IntoIter<Page>);

/// Unpacks the pages of a column, until it has so many rows.
///
/// # Errors
/// For pages that are damaged, that together are larger than the budget, or that claim other numbers of values than fit.
pub(super) fn unpacked(
    chunk: &ColumnChunk,
    leaf: &ColumnLeaf,
    rows: usize,
    budget: &mut UnpackBudget,
) -> Result<UnpackedPages, FileFault> {
    let (mut pages, mut at, mut left, mut has_dictionary) = (Vec::new(), 0, rows, false);
    while left > 0 && at < chunk.pages.len() {
        let head = PageHead::read(&chunk.pages[at..], leaf)?;
        // A page that is packed worse than not at all costs what it takes packed, with its head, so that columns that share
        // pages, and pages of nothing, come to an end as well.
        budget.spend(head.unpacked.max(head.packed).saturating_add(head.length))?;
        let start = at + head.length;
        let end = start.checked_add(head.packed).filter(|end| *end <= chunk.pages.len()).ok_or_else(damaged)?;
        at = end;
        let packed = chunk.pages.slice(start..end);
        if head.checksum.is_some_and(|checksum| checksum != crc32fast::hash(&packed)) {
            return Err(FileFault::unreadable("a page is not as it was written: its checksum differs"));
        }
        let page = page(&head, &packed, chunk.codec, leaf)?;
        match &page {
            Some(Page::DictionaryPage { .. }) if has_dictionary || left < rows => return Err(damaged()),
            Some(Page::DictionaryPage { .. }) => has_dictionary = true,
            Some(page) => {
                if page.encoding() == Encoding::RLE_DICTIONARY && !has_dictionary {
                    return Err(FileFault::unreadable("its dictionary is missing"));
                }
                let values = page.num_values() as usize;
                left = left.checked_sub(values).ok_or_else(|| FileFault::unreadable("it has more values than rows"))?;
            }
            None => {}
        }
        // The library takes a page without values for the end.
        pages.extend(page.filter(|page| page.is_dictionary_page() || page.num_values() > 0));
    }
    Ok(UnpackedPages(pages.into_iter()))
}

/// A page, unpacked; `None` for one without values.
fn page(head: &PageHead, packed: &Bytes, codec: PageCodec, leaf: &ColumnLeaf) -> Result<Option<Page>, FileFault> {
    let count = |values: usize| u32::try_from(values).map_err(|_| damaged());
    match head.kind {
        PageKind::Index => Ok(None),
        PageKind::Dictionary { values } => {
            // A text has its length before it; of all others each value takes as many bytes.
            let least = match leaf.descriptor.physical_type() {
                PhysicalType::BOOLEAN => return Err(damaged()),
                PhysicalType::INT32 | PhysicalType::FLOAT | PhysicalType::BYTE_ARRAY => 4,
                PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
                _ => usize::try_from(leaf.descriptor.type_length()).map_err(|_| damaged())?,
            };
            if values > MOST_IN_DICTIONARY {
                let problem = format!("its dictionary has {values} values, and {MOST_IN_DICTIONARY} are taken");
                return Err(FileFault::TooLarge(problem));
            }
            if values.saturating_mul(least) > head.unpacked {
                return Err(FileFault::unreadable("its dictionary has more values than bytes for them"));
            }
            let (buf, num_values) = (unpack(packed, head.unpacked, codec)?, count(values)?);
            Ok(Some(Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false }))
        }
        PageKind::Data { values, encoding } => Ok(Some(Page::DataPage {
            buf: unpack(packed, head.unpacked, codec)?,
            num_values: count(values)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })),
        PageKind::DataV2 { values, nulls, levels, encoding, is_packed } => {
            let codec = if is_packed { codec } else { PageCodec::Plain };
            let (before, packed) = (packed.slice(..levels), packed.slice(levels..));
            // A page of nothing but nulls may have no values, not even packed ones.
            let unpacked = head.unpacked - levels;
            let values_part = if unpacked == 0 { Bytes::new() } else { unpack(&packed, unpacked, codec)? };
            Ok(Some(Page::DataPageV2 {
                buf: [&before[..], &values_part[..]].concat().into(),
                num_values: count(values)?,
                encoding,
                num_nulls: count(nulls)?,
                num_rows: count(values)?,
                def_levels_byte_len: count(levels)?,
                rep_levels_byte_len: 0,
                is_compressed: false,
                statistics: None,
            }))
        }
    }
}

fn unpack(packed: &Bytes, length: usize, codec: PageCodec) -> Result<Bytes, FileFault> {
    match codec {
        PageCodec::Plain if packed.len() == length => Ok(packed.clone()),
        _ => codec
            .unpack(packed, length)
            .map(Bytes::from)
            .ok_or_else(|| FileFault::unreadable("a page does not unpack to what its head says")),
    }
}

fn damaged() -> FileFault {
    FileFault::unreadable("a page is damaged")
}

impl Iterator for UnpackedPages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Ok)
    }
}

impl PageReader for UnpackedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        Ok(self.0.next())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        Ok(self.0.as_slice().first().map(|page| PageMetadata {
            num_rows: page.is_data_page().then_some(page.num_values() as usize),
            num_levels: page.is_data_page().then_some(page.num_values() as usize),
            is_dict: page.is_dictionary_page(),
        }))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.0.next();
        Ok(())
    }
}
