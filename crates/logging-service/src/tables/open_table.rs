//! Opens a table of any format.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::csv_table::CsvTable;
use super::ndjson_table::NdjsonTable;
use super::parquet_table::ParquetTable;
use super::table_error::TableError;
use super::table_file::CountedFile;
use super::table_format::TableFormat;
use super::table_reader::TableReader;

/// The first bytes of gzip data.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The first bytes of a Parquet file.
const PARQUET: &[u8] = b"PAR1";

/// What is said of a table beside its file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TableOptions {
    /// The format, where the file's name does not say it.
    pub(crate) format: Option<TableFormat>,
    /// What stands between the cells of a CSV file, if it is no comma.
    pub(crate) delimiter: Option<u8>,
}

/// Opens a table. Its content says whether it is packed, and the option or the name of the file what it is.
///
/// # Errors
/// [`TableError::File`].
pub(crate) fn open_table(path: &Path, options: TableOptions) -> Result<Box<dyn TableReader>, TableError> {
    let mut file = File::open(path).map_err(|problem| TableError::file(format!("it cannot be opened: {problem}")))?;
    let beginning = beginning(&mut file).map_err(TableError::file)?;
    let [is_packed, is_parquet] = [GZIP, PARQUET].map(|magic| beginning.starts_with(magic));
    let known = options.format.or_else(|| TableFormat::of_name(path)).filter(|_| !is_parquet);
    let format = match known {
        _ if is_parquet => TableFormat::Parquet,
        Some(TableFormat::Parquet) => return Err(TableError::file("it is no Parquet file, or was cut off")),
        Some(format) => format,
        None => {
            return Err(TableError::file(
                "its name does not say what it is; give --format csv, tsv, ndjson or parquet",
            ));
        }
    };
    if format == TableFormat::Parquet {
        return Ok(Box::new(ParquetTable::new(file)?));
    }
    let (file, share) = CountedFile::new(file).map_err(TableError::file)?;
    let stream = file.unpacked(is_packed);
    let delimiter = options.delimiter.unwrap_or(if format == TableFormat::Tsv { b'\t' } else { b',' });
    Ok(match format {
        TableFormat::Ndjson => Box::new(NdjsonTable::new(stream, share)?),
        _ => Box::new(CsvTable::new(stream, share, delimiter)?),
    })
}

fn beginning(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    file.take(4).read_to_end(&mut beginning)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(beginning)
}
